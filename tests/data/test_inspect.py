"""Contact sheets of sets that are smaller than a sheet, or of more classes than one can hold."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from triptych.data.format import Split, write_dataset
from triptych.data.inspect import contact_sheet
from triptych.data.render.streets import Config, render


@pytest.mark.parametrize("scenes", [1, 5, 20])
def test_a_sheet_of_few_scenes(tmp_path, scenes):
    dataset = write_dataset(tmp_path / "streets", *render(Config(train=scenes, val=1), 32))
    contact_sheet(dataset, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape[0] * min(8, scenes) % sheet.shape[1] == 0 and sheet.std() > 5


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
