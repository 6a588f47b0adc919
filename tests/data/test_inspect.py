"""Contact sheets of sets that are smaller than a sheet, or of more classes than one can hold."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from triptych.data.checks import objects
from triptych.data.drawn.streets import Config, render
from triptych.data.format import Split, write_dataset
from triptych.data.inspect import contact_sheet, inspect

CARD = {"title": "plain", "source": "test", "licence": "none", "made_by": "a test"}


def plain(values, channels=3):
    return np.asarray(values, np.uint8)[:, None, None, None] * np.ones((1, channels, 8, 8), np.uint8)


@pytest.fixture
def sheet(tmp_path):
    """Of splits, as an array."""

    def drawn(splits, card=CARD):
        contact_sheet(write_dataset(tmp_path / "set", splits, card), tmp_path / "sheet.png")
        return np.asarray(Image.open(tmp_path / "sheet.png"))

    return drawn


@pytest.mark.parametrize("scenes", [1, 20])
def test_a_sheet_of_few_scenes(sheet, scenes):
    splits, card = render(Config(train=scenes, val=1), 16)
    shown = sheet(splits, card)
    side = shown.shape[1] // min(8, scenes)
    assert len(shown) % side == 0 and shown.std() > 5
    palette = {tuple(c["colour"]) for c in card["classes"]}
    for top in range(0, len(shown), 2 * side):  # photos, and below them their label maps
        photos, maps = (shown[row : row + side].reshape(-1, 3) for row in (top, top + side))
        assert set(map(tuple, maps.tolist())) <= palette and not set(map(tuple, photos.tolist())) <= palette


def test_a_sheet_shows_the_label_images_where_there_are_such(sheet):
    splits, card = render(Config(train=8, val=1), 16)
    shown = sheet({"train": replace(splits["train"], label_images=np.full((8, 3, 16, 16), 77, np.uint8))}, card)
    photos, maps = np.split(shown, 2)
    assert (maps == 77).all() and photos.std() > 5


def test_a_sheet_of_many_classes_shows_some_of_them(sheet):
    labels = np.arange(1000).repeat(16)
    shown = sheet({"train": Split(plain(labels // 4), labels)}, CARD | {"class_names": [str(n) for n in range(1000)]})
    assert len(shown) == 20 * shown.shape[1] / 16  # 20 rows of 16 images
    # from the first to the last
    assert (shown == shown[:, :1]).all() and (shown[0, 0, 0], shown[-1, 0, 0]) == (0, 249)


def test_a_sheet_of_two_domains_has_one_above_the_other(sheet):
    above, below = np.split(sheet({"trainA": Split(plain([50] * 8)), "trainB": Split(plain([200] * 8))}), 2)
    assert (above == 50).all() and (below == 200).all()


def test_a_sheet_keeps_colours_and_orientation(sheet):
    image = np.zeros((1, 3, 8, 8), np.uint8)
    image[0, 0, 0] = 250  # a red line at the top
    shown = sheet({"train": Split(image)})
    top = len(shown) // 8
    assert (shown[:top] == [250, 0, 0]).all() and not shown[top:].any()


@pytest.mark.parametrize("ink, shown", [(1, 255), (255, 255), (7, 7)])
def test_binary_images_are_shown_in_black_and_white(sheet, ink, shown):
    split = Split(plain([ink] * 4, channels=1), factors=np.zeros((4, 1), np.int64))
    assert (sheet({"train": split}) == shown).all()


def test_the_numbers_of_the_standard_are_written_down(tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "measure", lambda data, seed: {"share": 1 / 3, "seed": seed, "n": len(data["train"])})
    monkeypatch.setattr(objects, "LIMITS", {"share": (0.0, 0.3), "n": (2, 2)})
    card = CARD | {"source": "rendered"}
    unlabelled = write_dataset(tmp_path / "own/objects", {"train": Split(plain([1, 2]))}, card)
    assert inspect(unlabelled, tmp_path / "own/out").measures == {}  # the standard needs labels
    labelled = {"train": Split(plain([1, 2]), labels=np.array([0, 0]))}
    dataset = write_dataset(tmp_path / "objects", labelled, card | {"notes": ["a note"], "class_names": ["a"]})
    found = inspect(dataset, tmp_path / "out", seed=4)
    assert found.measures == {"share": 1 / 3, "seed": 4, "n": 2} and found.missed == ["share"]
    assert str(found).endswith("the standard is not met: share = 0.3333 is not in [0.0, 0.3]")
    assert json.loads((tmp_path / "out/standard.json").read_text()) == {
        "title": "plain",
        "splits": {"train": 2},
        "measures": {"share": 0.33333, "seed": 4, "n": 2},
        "limits": {"share": [0.0, 0.3], "n": [2, 2]},
        "missed": ["share"],
        "notes": ["a note"],
    }
    photos = card | {"source": "folder", "class_names": ["a"]}  # only drawn data are held to a standard
    own = inspect(write_dataset(tmp_path / "photos/objects", labelled, photos), tmp_path / "photos/out")
    assert own.measures["n"] == 2 and not own.missed and "standard" not in str(own)
    monkeypatch.setattr(objects, "LIMITS", {"share": (0.3, 0.4), "n": (2, 2)})
    assert str(inspect(dataset, tmp_path / "out")).endswith("\nthe standard is met")
    other = write_dataset(tmp_path / "unheard_of", {"train": Split(plain([1, 2]))}, card)
    assert inspect(other, tmp_path / "out").measures == {}
