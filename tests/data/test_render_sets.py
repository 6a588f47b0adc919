"""What holds of all that is drawn here, whatever it shows: an image depends on seed, split and index only, labels are
balanced, a grid comes in its order."""

import numpy as np
import pytest
import torch

from triptych.data.drawn import chairs, digits, faces, fruit, heads, objects, streets
from triptych.data.drawn.chairs.parts import chair
from triptych.data.drawn.chairs.rays import draw as draw_chair
from triptych.data.drawn.heads.rays import draw as draw_head
from triptych.data.drawn.heads.shape import identities
from triptych.data.drawn.noise import BLOCK
from triptych.data.format import write_dataset

SETS = {  # renderer, pixels, images of the larger and of the smaller training set, the other split
    "objects": (objects, 32, BLOCK + 30, BLOCK + 7, "test"),
    "digits": (digits, 32, BLOCK + 30, BLOCK + 7, "test"),
    "faces": (faces, 32, 40, 5, "test"),
    "fruit": (fruit, 16, 9, 5, "test"),
    "streets": (streets, 48, 18, 3, "val"),
}


@pytest.mark.parametrize(("module", "size", "many", "few", "other"), SETS.values(), ids=SETS)
def test_an_image_depends_on_seed_split_and_index_only(module, size, many, few, other):
    def drawn(n, seed):
        task = {"task": "texture"} if module is fruit else {}
        return module.render(module.Config(**{"train": n, other: 3, "seed": seed}, **task), size)[0]

    large, small, another = drawn(many, 4), drawn(few, 4), drawn(3, 5)
    for name, split in small.items():
        for array in ("images", "labels", "factors", "label_maps"):
            if (told := getattr(split, array)) is not None:
                assert np.array_equal(told, getattr(large[name], array)[: len(split)]), (name, array)
        assert not np.array_equal(split.images[:3], another[name].images[:3])
    (first, *_), (last, *_) = list(large.values())[0].images, list(large.values())[-1].images
    assert not np.array_equal(first, last)
    images = next(iter(large.values())).images
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == many


@pytest.mark.parametrize("module", [objects, digits])
def test_labelled_splits_are_balanced(module):
    splits, card = module.render(module.Config(train=40, test=20, seed=0), 16)
    assert {name: len(split) for name, split in splits.items()} == {"train": 40, "test": 20}
    for split in splits.values():
        assert split.images.shape[1:] == (3, 16, 16) and split.images.dtype == np.uint8
        assert split.labels.dtype == np.int64 and set(np.bincount(split.labels)) == {len(split) // 10}
    assert len(set(card["class_names"])) == 10 and {"title", "source", "licence", "made_by"} <= set(card)


GRIDS = {  # renderer, configuration, some factors' values, place of a picture in the grid, and that picture drawn alone
    "chairs": (
        chairs, {"backs": 2, "legs": 3, "widths": 2, "heights": 1, "azimuths": 4},
        {"back": ["panel", "ladder"], "azimuth": [0, 90, 180, 270]}, (1, 2, 0, 0, 2),
        lambda: draw_chair(chair("ladder", "sled", 0.34, 0.74), torch.tensor([180.0]), 20.0, 16),
    ),
    "heads": (
        heads, {"identities": 2, "azimuths": 3, "elevations": 2, "lights": 2},
        {"azimuth": [-75.0, 0.0, 75.0]}, (1, 2, 0, 1),
        lambda: draw_head(identities(2, 0)[1], *torch.tensor([[75.0], [-25.0], [80.0]]), 16)[0],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("module", "counts", "values", "place", "alone"), GRIDS.values(), ids=GRIDS)
def test_a_grid_comes_in_order_and_its_bytes_are_the_same_again(tmp_path, module, counts, values, place, alone):
    config, sizes = module.Config(**counts), tuple(counts.values())
    dataset = write_dataset(tmp_path / "grid", *module.render(config, 16))
    train = dataset["train"]
    assert train.images.shape == (np.prod(sizes), 1, 16, 16)
    assert np.array_equal(train.factors, np.indices(sizes).reshape(len(sizes), -1).T)
    told = {factor["name"]: factor["values"] for factor in dataset.card["factors"]}
    assert list(map(len, told.values())) == list(sizes) and values.items() <= told.items()
    row = np.ravel_multi_index(place, sizes)
    assert np.abs(train.images[row].astype(int) - alone()[0].numpy().astype(int)).max() <= 1
    again = np.concatenate(list(module.render(config, 16)[0]["train"].images.blocks))
    assert np.array_equal(train.images, again)
