"""Contact sheets of sets that are smaller than a sheet, or of more classes than one can hold."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from triptych.data.drawn.streets import Config, render
from triptych.data.format import Split, write_dataset
from triptych.data.inspect import contact_sheet, inspect


@pytest.mark.parametrize("scenes", [1, 20])
def test_a_sheet_of_few_scenes(tmp_path, scenes):
    dataset = write_dataset(tmp_path / "streets", *render(Config(train=scenes, val=1), 16))
    contact_sheet(dataset, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape[0] * min(8, scenes) % sheet.shape[1] == 0 and sheet.std() > 5
    side = sheet.shape[1] // min(8, scenes)
    palette = {tuple(c["colour"]) for c in dataset.card["classes"]}
    for top in range(0, len(sheet), 2 * side):  # photos, and below them their label maps
        photos, maps = (sheet[row : row + side].reshape(-1, 3) for row in (top, top + side))
        assert set(map(tuple, maps.tolist())) <= palette and not set(map(tuple, photos.tolist())) <= palette


def test_a_sheet_shows_the_label_images_where_there_are_such(tmp_path):
    splits, card = render(Config(train=8, val=1), 16)
    train = replace(splits["train"], label_images=np.full((8, 3, 16, 16), 77, np.uint8))
    dataset = write_dataset(tmp_path / "streets", {"train": train}, card)
    contact_sheet(dataset, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    half = len(sheet) // 2
    assert (sheet[half:] == 77).all() and sheet[:half].std() > 5


def test_a_sheet_of_many_classes_shows_some_of_them(tmp_path):
    labels = np.arange(1000).repeat(16)
    images = (labels // 4).astype(np.uint8)[:, None, None, None] * np.ones((1, 3, 8, 8), np.uint8)
    card = {"title": "many", "source": "test", "licence": "none", "made_by": "a test"}
    card["class_names"] = [str(n) for n in range(1000)]
    dataset = write_dataset(tmp_path / "many", {"train": Split(images, labels)}, card)
    contact_sheet(dataset, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))[:, :, 0]
    assert len(sheet) == 20 * sheet.shape[1] / 16  # 20 rows of 16 images
    assert (sheet == sheet[:, :1]).all() and (sheet[0, 0], sheet[-1, 0]) == (0, 249)  # from the first to the last


CARD = {"title": "plain", "source": "test", "licence": "none", "made_by": "a test"}


def plain(values, channels=3):
    return np.asarray(values, np.uint8)[:, None, None, None] * np.ones((1, channels, 8, 8), np.uint8)


def test_a_sheet_of_two_domains_has_one_above_the_other(tmp_path):
    splits = {"trainA": Split(plain([50] * 8)), "trainB": Split(plain([200] * 8))}
    contact_sheet(write_dataset(tmp_path / "two", splits, CARD), tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    half = len(sheet) // 2
    assert (sheet[:half] == 50).all() and (sheet[half:] == 200).all()


def test_a_sheet_keeps_colours_and_orientation(tmp_path):
    image = np.zeros((1, 3, 8, 8), np.uint8)
    image[0, 0, 0] = 250  # a red line at the top
    contact_sheet(write_dataset(tmp_path / "one", {"train": Split(image)}, CARD), tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    top = len(sheet) // 8
    assert (sheet[:top] == [250, 0, 0]).all() and not sheet[top:].any()


@pytest.mark.parametrize("ink, shown", [(1, 255), (255, 255), (7, 7)])
def test_binary_images_are_shown_in_black_and_white(tmp_path, ink, shown):
    split = Split(plain([ink] * 4, channels=1), factors=np.zeros((4, 1), np.int64))
    contact_sheet(write_dataset(tmp_path / "shapes", {"train": split}, CARD), tmp_path / "sheet.png")
    assert (np.asarray(Image.open(tmp_path / "sheet.png")) == shown).all()


def test_the_numbers_of_the_standard_are_written_down(tmp_path, monkeypatch):
    from triptych.data.checks import objects

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
    monkeypatch.setattr(objects, "LIMITS", {"share": (0.3, 0.4), "n": (2, 2)})
    assert str(inspect(dataset, tmp_path / "out")).endswith("\nthe standard is met")
    other = write_dataset(tmp_path / "unheard_of", {"train": Split(plain([1, 2]))}, card)
    assert inspect(other, tmp_path / "out").measures == {}


def test_only_drawn_data_are_held_to_a_standard(tmp_path, monkeypatch):
    from triptych.data.checks import objects

    monkeypatch.setattr(objects, "measure", lambda data, seed: {"share": 0.9})
    monkeypatch.setattr(objects, "LIMITS", {"share": (0.0, 0.3)})
    labelled = {"train": Split(plain([1, 2]), labels=np.array([0, 0]))}
    found = inspect(write_dataset(tmp_path / "objects", labelled, CARD | {"class_names": ["a"]}), tmp_path / "out")
    assert found.measures == {"share": 0.9} and not found.missed and "standard" not in str(found)
