"""A prepared dataset that is not what its card says is refused before a number comes of it."""

import json

import numpy as np
import pytest

from triptych.data.format import DataError, Dataset, Split, write_dataset
from triptych.pipeline.intact import check_intact

CARD = {"title": "t", "source": "rendered", "licence": "-", "made_by": "-", "class_names": ["a", "b"]}
CARD |= {"factors": [{"name": "x", "values": [0, 1, 2]}, {"name": "y", "values": [0, 1]}]}


@pytest.fixture
def written(tmp_path):
    arrays = {"labels": np.array([0, 1, 1]), "factors": np.array([[0, 1], [2, 0], [1, 1]])}
    maps = np.zeros((3, 8, 8), np.uint8)
    write_dataset(tmp_path / "set", {"train": Split(np.zeros((3, 1, 8, 8), np.uint8), **arrays, label_maps=maps)}, CARD)
    return tmp_path / "set"


def test_what_was_written_is_intact(written):
    dataset = Dataset(written)
    assert check_intact(dataset) is dataset


@pytest.mark.parametrize(
    ("name", "array"),
    [("images", np.zeros((3, 1, 8, 8))), ("images", np.zeros((2, 1, 8, 8), np.uint8)),
     ("images", np.zeros((3, 8, 8), np.uint8)), ("images", np.zeros((3, 1, 9, 9), np.uint8)),
     ("labels", np.array([0, 1])), ("labels", np.array([0, 1, 2])), ("labels", np.array([0, -1, 1])),
     ("labels", np.array([0.0, 1, 1])), ("labels", np.array(["a", "b", "b"])), ("factors", np.array([[0], [1], [2]])),
     ("factors", np.array([[0, 1], [3, 0], [1, 1]])), ("label_maps", np.zeros((3, 8, 8), np.int64))],
)  # fmt: skip
def test_another_array_is_named(written, name, array):
    np.save(written / "train" / f"{name}.npy", array)
    with pytest.raises(DataError, match=rf"damaged \(train/{name}\.npy.*dvc repro -f prepare@set"):
        check_intact(Dataset(written))


@pytest.mark.parametrize("name", ["images", "labels"])
def test_an_archive_of_arrays_under_the_name_of_one_is_named(written, name):
    with open(written / "train" / f"{name}.npy", "wb") as file:
        np.savez(file, np.zeros(3))
    with pytest.raises(DataError, match=rf"damaged \(train/{name}\.npy is no array\)"):
        check_intact(Dataset(written))


@pytest.mark.parametrize("key", ["title", "splits", "image_shape"])
def test_a_card_that_lacks_a_key_is_named(written, key):
    card = json.loads((written / "card.json").read_text())
    del card[key]
    (written / "card.json").write_text(json.dumps(card))
    with pytest.raises(DataError, match=rf"card\.json has no '{key}'"):
        check_intact(Dataset(written))
