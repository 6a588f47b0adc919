"""Pairs of photo and label map: ids, palettes, turned photos, truth at full size, and the authors' JPEG form."""

import numpy as np
import pytest
from own_images import BLUE, RED, load, pairs, picture, written
from packed import png, through_pillow
from PIL import Image

from triptych.base.config import ParamsError, validate
from triptych.data.format import DataError, write_dataset
from triptych.data.sources import folder
from triptych.data.sources.camvid_classes import CAMVID


def test_pairs_with_the_camvid_classes(tmp_path):
    data = written(tmp_path, pairs(tmp_path / "camvid"), crop="none", classes="camvid")
    assert data.card["classes"] == CAMVID and data.card["files"]["val"] == ["0", "1", "2"]
    assert data["train"].label_maps.shape == (3, 8, 8) and data["train"].truth is None
    assert data["val"].truth.shape == (3, 12, 24)
    assert data["val"].truth[0, 0, [0, 12, 23]].tolist() == [0, 3, 11]
    assert set(np.unique(data["val"].label_maps)) == {0, 3, 11}, "labels are never blended"
    cropped = write_dataset(tmp_path / "o2", *load(tmp_path / "camvid", classes="camvid"))
    assert cropped["val"].truth.shape == (3, 12, 12)


def test_camvid_classes():
    assert [c["train_id"] for c in CAMVID] == [*range(11), 255]
    assert [c["id"] for c in CAMVID] == list(range(12)) and CAMVID[3]["name"] == "road"
    assert (CAMVID[0]["colour"], CAMVID[11]["colour"]) == ([128, 128, 128], [0, 0, 0])
    assert len({tuple(c["colour"]) for c in CAMVID}) == 12


def test_pairs_with_own_classes_and_cityscapes(tmp_path):
    own = [{"id": i, "name": str(i), "train_id": k, "colour": [i, 0, 0]} for k, i in enumerate((0, 3, 11))]
    config = folder.Config(path=str(pairs(tmp_path / "set")), classes=[folder.LabelClass(**c) for c in own])
    assert folder.load(config, 8)[1]["classes"] == own
    pairs(tmp_path / "raw", ids=(7, 11, 26))
    assert len(load(tmp_path / "raw", classes="cityscapes")[1]["classes"]) == 35


def test_cityscapes_train_ids_are_not_taken_for_raw_ids(tmp_path):
    """As raw ids 0, 2 and 10 would be void or rails; as train ids they are road, building and sky."""
    pairs(tmp_path / "set", ids=(0, 2, 10, 255))
    with pytest.raises(DataError, match=r"\[0, 2, 10, 255\]: these are Cityscapes' train ids.*cityscapes_train_ids"):
        load(tmp_path / "set", classes="cityscapes")
    data = written(tmp_path, tmp_path / "set", classes="cityscapes_train_ids", crop="none")
    names = {c["id"]: c["name"] for c in data.card["classes"]}
    assert [names[i] for i in data["val"].truth[0, 0, ::6]] == ["road", "building", "sky", "void"]
    assert len(names) == 20


def test_the_card_says_what_the_label_maps_hold_and_what_is_compared(tmp_path):
    pairs(tmp_path / "set", wh=(24, 24), ids=(0, 3, 11, 11, 11, 11))
    _, card = load(tmp_path / "set", classes="camvid")
    share, warning, train, val = card["notes"]
    assert share.startswith("66.7% of the label maps' pixels are void. Scored classes that occur: sky, road; that do")
    assert warning.startswith("Warning: more than half")
    assert train == "train: the true label maps are kept at 8 x 8"
    assert val == "val: the true label maps are kept at 24 x 24, as the files have them"
    pairs(tmp_path / "few", ids=(0, 3, 11))
    assert not any("Warning" in note for note in load(tmp_path / "few", classes="camvid")[1]["notes"])


def indexed(path, ids, palette):
    """A palette image of one row of pixels; `palette`: value -> colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.tile(np.array(ids, np.uint8), (4, 4)))
    image.putpalette([channel for colour in palette for channel in colour])
    image.save(path)


COLOURS = [tuple(c["colour"]) for c in CAMVID]


@pytest.mark.parametrize(
    "values, palette, ids",
    [
        ([3, 0, 11, 8], COLOURS, [3, 0, 11, 8]),
        ([3, 0, 11, 8], [(i, i, i) for i in range(12)], [3, 0, 11, 8]),
        ([0, 1, 2, 0], [COLOURS[8], COLOURS[3], COLOURS[11]], [8, 3, 11, 8]),  # in another order: read by its colours
        ([0, 1, 0, 1], [COLOURS[8], (1, 2, 3)], None),
    ],
)
def test_a_palette_says_what_its_values_say_or_what_its_colours_do(tmp_path, values, palette, ids):
    picture(tmp_path / "set/val/photo/0.png", wh=(16, 4))
    indexed(tmp_path / "set/val/label/0.png", values, palette)
    if ids is None:
        with pytest.raises(DataError, match=r"0\.png has a palette.*value 1 has the colour \[1, 2, 3\]"):
            load(tmp_path / "set", classes="camvid")
    else:
        data = written(tmp_path, tmp_path / "set", classes="camvid", crop="none")
        assert data["val"].truth[0, 0, :4].tolist() == ids


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_label_maps_of_few_bits_hold_ids(tmp_path, bits):
    """Pillow spreads them over 0 … 255: 3 of 4 bits comes as 51."""
    top = 2**bits - 1
    picture(tmp_path / "set/val/photo/0.png", wh=(8, 2))
    rows = np.tile(np.array([0, top], np.uint8), (2, 4))
    lines = [np.packbits(np.unpackbits(row[:, None], axis=1)[:, -bits:]).tobytes() for row in rows]
    file = tmp_path / "set/val/label/0.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(png(lines, 8, bits, colour=0))
    own = [{"id": i, "name": str(i), "train_id": i, "colour": [i, 0, 0]} for i in range(16)]
    truth = written(tmp_path, tmp_path / "set", classes=own, crop="none")["val"].truth
    assert truth[0, 0].tolist() == [0, top] * 4


def turned(path, orientation, wh):
    """A photo whose left half is red, with an EXIF tag."""
    pixels = np.zeros((wh[1], wh[0], 3), np.uint8)
    pixels[:, : wh[0] // 2, 0] = 250
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, exif=exif)


def test_a_turned_photo_takes_the_way_of_its_label_map(tmp_path):
    for i, label_wh in enumerate(((16, 12), (12, 16))):  # drawn on the photo as stored; as shown
        turned(tmp_path / f"set/train/photo/{i}.png", 6, (16, 12))
        picture(tmp_path / f"set/train/label/{i}.png", 3, label_wh)
    images = written(tmp_path, tmp_path / "set", classes="camvid", crop="none")["train"].images
    assert images[0, 0, :, 0].min() > 200 and images[0, 0, :, -1].max() < 50  # red is on the left
    assert images[1, 0, 0].min() > 200 and images[1, 0, -1].max() < 50  # 6: the left side is shown on top


@pytest.mark.parametrize(("orientation", "wh"), [(3, (16, 12)), (2, (16, 12)), (6, (16, 16))])
def test_a_turn_that_the_sizes_do_not_tell_is_refused(tmp_path, orientation, wh):
    turned(tmp_path / "set/train/photo/0.png", orientation, wh)
    picture(tmp_path / "set/train/label/0.png", 3, wh)
    with pytest.raises(DataError, match=rf"0\.png has an EXIF orientation \({orientation}\).*save the photo upright"):
        load(tmp_path / "set", classes="camvid")


def test_an_odd_size_does_not_take_the_truth_away(tmp_path):
    pairs(tmp_path / "set", n=3)
    picture(tmp_path / "set/val/photo/1.jpg", wh=(30, 30))
    picture(tmp_path / "set/val/label/1.png", 3, wh=(30, 30))
    with pytest.raises(DataError, match="'val' differ in size.*2 of 3 are 24 x 12, val/label/1.png is not.*`truth`"):
        load(tmp_path / "set", classes="camvid")
    splits, card = load(tmp_path / "set", classes="camvid", truth=[])
    assert splits["val"].truth is None and len(splits["val"]) == 3
    assert card["notes"][-1] == "val: the true label maps are kept at 8 x 8"


@pytest.mark.parametrize(("crop", "box"), [("none", (0, 0, 48, 24)), ("centre", (12, 0, 36, 24))])
def test_pairs_as_cyclegans_authors_stored_them(tmp_path, crop, box):
    options = {"classes": "camvid", "crop": crop}
    data = written(tmp_path, pairs(tmp_path / "set", n=2, wh=(48, 24)), 24, **options, prepared_as="jpeg_bicubic")
    plain = write_dataset(tmp_path / "plain", *load(tmp_path / "set", 24, **options))
    colours = {c["id"]: c["colour"] for c in CAMVID}
    ids = np.array(Image.open(tmp_path / "set/train/label/0.png"))
    drawn = Image.fromarray(np.array([[colours[i] for i in row] for row in ids.tolist()], np.uint8))
    for split in ("train", "val"):
        assert data[split].label_images.shape == (2, 3, 24, 24)
        assert np.array_equal(data[split].label_images[1], through_pillow(drawn, 24, box))
        photo = Image.open(tmp_path / f"set/{split}/photo/1.jpg")
        assert np.array_equal(data[split].images[1], through_pillow(photo, 24, box))
        assert np.array_equal(data[split].label_maps, plain[split].label_maps)
    assert np.array_equal(data["val"].truth, plain["val"].truth)
    assert plain["val"].label_images is None and not any("label_images" in file for file in plain.card["sha256"])
    png = write_dataset(tmp_path / "png", *load(tmp_path / "set", 24, **options, prepared_as="png"))
    assert png.card == plain.card, "the default"
    what = {"none": "whole image, aspect ignored", "centre": "central square"}[crop]
    assert plain.card["made_by"] == f"read from set; {what}, 24 px, photos bicubic, label maps nearest"
    assert data.card["made_by"].startswith(plain.card["made_by"] + ", label images bicubic, photos and")


def test_label_images_are_blended_at_borders_and_near_the_palette_elsewhere(tmp_path):
    """Two classes side by side, shrunk to half: each colour but for the columns along the border."""
    pairs(tmp_path / "set", n=1, splits=["train"], wh=(66, 66), ids=(0, 3))
    splits, _ = load(tmp_path / "set", 33, classes="camvid", prepared_as="jpeg_bicubic")
    (block,) = splits["train"].label_images.blocks
    left, right = (np.array(CAMVID[i]["colour"])[:, None, None] for i in (0, 3))
    image = block[0].astype(int)
    assert np.abs(image[:, :, :12] - left).max() <= 3 and np.abs(image[:, :, -12:] - right).max() <= 3
    border = np.abs(image[:, :, 16:17] - (left + right) / 2).max()
    assert border <= 3, "the pixel on the border is of both colours alike"


def scored(*classes):
    return [{"id": i, "name": str(i), "train_id": t, "colour": list(c)} for i, t, c in classes]


@pytest.mark.parametrize(
    "classes, message",
    [
        (scored((0, 0, RED), (1, 1, (300, 0, 0))), "less than or equal to 255"),
        (scored((0, 0, RED), (1, 5, BLUE)), "train ids must be 0"),
        (scored((0, 255, RED)), "train ids must be 0"),
        (scored((0, 0, RED), (0, 1, BLUE)), "two classes have the id 0"),
        (scored((0, 0, RED), (1, 1, RED)), "two classes have the colour"),
    ],
)
def test_classes_that_cannot_be_told_apart_are_refused(classes, message):
    with pytest.raises(ValueError, match=message):
        folder.Config(path="x", classes=classes)


def test_an_unscored_class_may_share_a_colour_and_a_class_list_is_checked():
    assert folder.Config(path="x", classes=scored((0, 0, RED), (1, 255, RED))).classes[1].train_id == 255
    with pytest.raises(ParamsError, match="id = 300"):
        validate(folder.Config, {"path": "x", "classes": scored((300, 0, RED))}, "data.streets.folder")
