"""The class table, and the ways between raw ids, colours and train ids."""

import numpy as np
import pytest
import torch

from triptych.data.label_classes import CITYSCAPES, IGNORE, colourise, evaluated, nearest_class, train_ids

# A list without the Cityscapes pattern: ids from 0, one void class in the middle of the ids.
SMALL = [
    {"id": 0, "name": "sky", "train_id": 1, "colour": [128, 128, 128]},
    {"id": 1, "name": "void", "train_id": IGNORE, "colour": [0, 0, 0]},
    {"id": 2, "name": "road", "train_id": 0, "colour": [128, 64, 128]},
]


def test_cityscapes_table():
    assert [c["id"] for c in CITYSCAPES] == list(range(-1, 34))
    scored = evaluated(CITYSCAPES)
    assert bytes(c["id"] for c in scored).hex(" ") == "07 08 0b 0c 0d 11 13 14 15 16 17 18 19 1a 1b 1c 1f 20 21"
    assert [c["train_id"] for c in scored] == list(range(19))
    assert len({tuple(c["colour"]) for c in scored}) == 19
    colours = "804080 f423e8 464646 66669c be9999 999999 faaa1e dcdc00 6b8e23 98fb98 4682b4 dc143c ff0000 00008e 000046"
    assert [bytes(c["colour"]).hex() for c in scored] == [*colours.split(), "003c64", "005064", "0000e6", "770b20"]
    by_name = {c["name"]: c["colour"] for c in CITYSCAPES}
    assert by_name["license plate"] == by_name["car"] and by_name["polegroup"] == by_name["pole"]


def test_agrees_with_the_official_table():
    labels = pytest.importorskip("cityscapesscripts.helpers.labels").labels
    official = {(x.id, x.name, x.category, x.trainId % 256, x.color) for x in labels}
    assert {(c["id"], c["name"], c["category"], c["train_id"], tuple(c["colour"])) for c in CITYSCAPES} == official


@pytest.mark.parametrize("classes", [CITYSCAPES, SMALL])
def test_colours_and_back(classes):
    ids = np.array([c["id"] % 256 for c in classes], np.uint8)
    maps = np.random.default_rng(0).choice(ids, (3, 5, 7))
    colours, truth = colourise(maps, classes), train_ids(maps, classes)
    assert colours.shape == (3, 3, 5, 7) and colours.dtype == truth.dtype == np.uint8
    by_id = {c["id"] % 256: c for c in classes}
    for n, i, j in np.ndindex(maps.shape):
        assert colours[n, :, i, j].tolist() == list(by_id[maps[n, i, j]]["colour"])
        assert truth[n, i, j] == by_id[maps[n, i, j]]["train_id"]
    scored = truth != IGNORE
    assert np.array_equal(nearest_class(colours, classes)[scored], truth[scored])


@pytest.mark.parametrize("block", [1, 50, 1 << 20])
def test_nearest_class_is_the_smallest_distance(block):
    colours = np.random.default_rng(1).integers(0, 256, (4, 3, 6, 5), dtype=np.uint8)
    palette = np.array([c["colour"] for c in evaluated(CITYSCAPES)])
    distance = ((colours[:, None].astype(int) - palette[:, :, None, None]) ** 2).sum(2)
    expected = distance.argmin(1)
    assert np.array_equal(nearest_class(colours, CITYSCAPES, block), expected)
    tensor = nearest_class(torch.from_numpy(colours), CITYSCAPES, block)
    assert tensor.dtype == torch.uint8 and np.array_equal(tensor.numpy(), expected)


def test_void_is_no_candidate_and_what_cannot_be_read_is_named():
    assert nearest_class(np.zeros((1, 3, 1, 1), np.uint8), SMALL).item() == 0
    assert train_ids(np.full((1, 1, 1), 255, np.uint8), CITYSCAPES).item() == IGNORE  # -1 in eight bits
    with pytest.raises(ValueError, match=r"\[7, 9\]"):
        train_ids(np.array([[[0, 7, 9]]], np.uint8), SMALL)
    with pytest.raises(ValueError, match=r"\[7\]"):
        colourise(np.array([[[7]]], np.uint8), SMALL)
    for wrong in ([2], [0, 0], [0, 2], [IGNORE]):
        with pytest.raises(ValueError, match="train ids"):
            evaluated([{"id": i, "name": "a", "train_id": t, "colour": [0, 0, 0]} for i, t in enumerate(wrong)])
