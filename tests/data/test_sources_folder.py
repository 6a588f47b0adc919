"""A user's own images: every layout, from folders and archives, and what is said about wrong ones."""

import io
import shutil
import tarfile

import numpy as np
import pytest
from PIL import Image

from triptych.data.format import DataError, write_dataset
from triptych.data.sources import folder, layout
from triptych.data.sources.camvid_classes import CAMVID

RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)


def picture(path, colour=RED, wh=(20, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", wh, colour).save(path)


def load(path, size=8, **options):
    return folder.load(folder.Config(path=str(path), **options), size)


def written(tmp_path, path, size=8, **options):
    return write_dataset(tmp_path / "out", *load(path, size, **options))


@pytest.fixture
def classes(tmp_path):
    """Two splits of two classes, 6 and 2 images; sides differ."""
    for i in range(3):
        picture(tmp_path / f"set/train/cat/{i}.png", RED, (20, 10 + i))
        picture(tmp_path / f"set/train/dog/{i}.jpg", GREEN)
    picture(tmp_path / "set/test/cat/9.png", RED)
    picture(tmp_path / "set/test/dog/9.JPEG", GREEN)
    return tmp_path / "set"


def pairs(root, n=3, splits=("train", "val"), wh=(24, 12), ids=(0, 3, 11)):
    for split in splits:
        for i in range(n):
            picture(root / split / f"photo/{i}.jpg", RED, wh)
            labels = np.array(ids, np.uint8)[np.arange(wh[0]) * len(ids) // wh[0]]
            (root / split / "label").mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.tile(labels, (wh[1], 1))).save(root / split / f"label/{i}.png")
    return root


def test_classes_become_labels(classes, tmp_path):
    data = written(tmp_path, classes, title="pets", licence="mine")
    assert data.card["class_names"] == ["cat", "dog"] and data.card["splits"] == {"train": 6, "test": 2}
    assert [data.card[key] for key in ("title", "source", "licence")] == ["pets", "folder", "mine"]
    for split in ("train", "test"):
        assert data[split].images.shape[1:] == (3, 8, 8)
        reddest = data[split].images.mean((2, 3)).argmax(1)
        assert np.array_equal(reddest, data[split].labels), "red cats, green dogs"
    assert not np.array_equal(data["train"].labels, np.sort(data["train"].labels)), "classes are mixed"


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar", "xztar"])
def test_archives_hold_the_same(classes, tmp_path, kind):
    plain = written(tmp_path, classes)
    archive = shutil.make_archive(str(tmp_path / "packed"), kind, tmp_path, "set")
    packed = write_dataset(tmp_path / "packed_out", *load(archive))
    assert packed.card["sha256"] == plain.card["sha256"]
    assert packed.card["title"] == packed.card["archive"]["name"]
    assert packed.card["title"].startswith("packed.") and len(packed.card["archive"]["sha256"]) == 64


def test_an_archive_below_the_home_folder_is_in_the_card_too(classes, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "set")
    assert load("~/packed.zip")[1] == load(tmp_path / "packed.zip")[1]


def test_the_same_bytes_twice_and_no_place_in_the_card(classes, tmp_path):
    first = written(tmp_path, classes)
    shutil.move(classes, tmp_path / "elsewhere" / "set")
    again = write_dataset(tmp_path / "again", *load(tmp_path / "elsewhere/set"))
    assert again.card == first.card


def test_without_splits_all_is_train(classes, tmp_path):
    data = written(tmp_path, classes / "train")
    assert data.card["splits"] == {"train": 6} and data.card["class_names"] == ["cat", "dog"]


def test_flat_and_unlabelled(tmp_path, classes):
    for i in range(4):
        picture(tmp_path / f"flat/{i}.png", BLUE)
    data = written(tmp_path, tmp_path / "flat")
    assert data.card["splits"] == {"train": 4} and "class_names" not in data.card
    assert data["train"].labels is None
    unlabelled, card = load(classes, labels=False)
    assert unlabelled["train"].labels is None and "class_names" not in card and len(unlabelled["train"]) == 6


def test_unpaired_domains_are_splits(tmp_path):
    for domain, n in {"trainA": 3, "trainB": 2, "testA": 1, "testB": 1}.items():
        for i in range(n):
            picture(tmp_path / f"apple2orange/{domain}/{i}.jpg", RED if domain[-1] == "A" else GREEN)
    data = written(tmp_path, tmp_path / "apple2orange")
    assert data.card["splits"] == {"trainA": 3, "trainB": 2, "testA": 1, "testB": 1}
    assert data["trainB"].images[:, 1].min() > 200 and data["trainA"].images[:, 0].min() > 200


def test_splits_by_other_names(tmp_path, classes):
    (classes / "train").rename(classes / "first")
    (classes / "test").rename(classes / "second")
    data = written(tmp_path, classes, splits={"train": "first", "test": "second"})
    assert data.card["splits"] == {"train": 6, "test": 2}
    everything, _ = load(classes, splits={"unlabelled": "."})
    assert len(everything["unlabelled"]) == 8 and everything["unlabelled"].labels is None
    with pytest.raises(DataError, match="no images in a folder 'third' for the split 'val'"):
        load(classes, splits={"val": "third"})


def test_limit_per_class_keeps_a_part_of_the_same(classes, tmp_path):
    full, _ = load(classes)
    few, _ = load(classes, limit_per_class=2)
    assert np.bincount(few["train"].labels).tolist() == [2, 2] and len(few["test"]) == 2
    assert len(load(classes, limit_per_class=5, labels=False)[0]["train"]) == 5
    assert len(full["train"]) == 6


def test_crop_and_squeeze(tmp_path):
    strip = np.zeros((10, 30, 3), np.uint8)
    strip[:, 10:20] = 255  # the middle third is white
    (tmp_path / "set").mkdir()
    Image.fromarray(strip).save(tmp_path / "set/0.png")
    assert written(tmp_path, tmp_path / "set")["train"].images.min() > 240
    squeezed = written(tmp_path, tmp_path / "set", size=9, crop="none")["train"].images[0, 0]
    assert squeezed[:, 0].max() < 10 and squeezed[:, 4].min() > 245
    assert written(tmp_path, tmp_path / "set", grey=True)["train"].images.shape == (1, 1, 8, 8)


def test_photos_are_antialiased(tmp_path):
    """One-pixel stripes shrink to their mean; sampling without a wider filter would give black or white."""
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
    (tmp_path / "set").mkdir()
    Image.fromarray(stripes).save(tmp_path / "set/0.png")
    inner = written(tmp_path, tmp_path / "set")["train"].images[0, :, 1:-1, 1:-1]
    assert abs(inner.astype(int) - 127).max() <= 3


def test_exif_turns_a_photo(tmp_path):
    image = Image.fromarray(np.repeat(np.array([[RED], [BLUE]], np.uint8), 8, 0).repeat(16, 1))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    (tmp_path / "set").mkdir()
    image.save(tmp_path / "set/0.jpg", exif=exif, quality=95)
    pixels = written(tmp_path, tmp_path / "set")["train"].images[0]
    assert pixels[2, 0].min() > 200 and pixels[0, -1].min() > 200


def test_a_photo_that_has_a_label_map_is_not_turned(tmp_path):
    """The label map has no tag by which to turn it too."""
    pairs(tmp_path / "set", n=1, splits=["train"], wh=(16, 16))
    image = Image.fromarray(np.repeat(np.array([[RED], [BLUE]], np.uint8), 8, 0).repeat(16, 1))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    image.save(tmp_path / "set/train/photo/0.jpg", exif=exif, quality=95)
    pixels = written(tmp_path, tmp_path / "set", classes="camvid")["train"].images[0]
    assert pixels[0, 0].min() > 200 and pixels[2, -1].min() > 200


def test_other_names_of_the_splits():
    names = {"training": "train", "valid": "val", "validation": "val", "testing": "test", "unlabeled": "unlabelled"}
    for name, split in names.items():
        assert list(layout.parts("set", [f"{name}/a/1.png", f"{name}/b/2.png"])) == [split]


def test_photos_and_label_maps_are_paired_by_their_names(tmp_path):
    files = [f"train/{kind}/{i}.{suffix}" for i in "bca" for kind, suffix in (("label", "png"), ("photo", "jpg"))]
    part = layout.parts("set", files)["train"]
    assert part.photos == [f"train/photo/{i}.jpg" for i in "abc"]
    assert part.label_maps == [f"train/label/{i}.png" for i in "abc"]


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
    assert len(load(tmp_path / "set", classes="cityscapes")[1]["classes"]) == 35


def test_pairs_of_different_sizes_have_no_truth(tmp_path):
    pairs(tmp_path / "set", n=1, splits=["test"])
    pairs(tmp_path / "other", n=2, splits=["test"], wh=(30, 30))
    for kind in ("photo/1.jpg", "label/1.png"):
        shutil.copy(tmp_path / "other/test" / kind, tmp_path / "set/test" / kind)
    splits, _ = load(tmp_path / "set", classes="camvid")
    assert len(splits["test"]) == 2 and splits["test"].truth is None


def through_pillow(image, size, crop=None):
    """Bicubic, then a JPEG file of quality 100 without chroma subsampling, read back: (3, size, size)."""
    file = io.BytesIO()
    small = image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC, box=crop)
    small.save(file, "JPEG", quality=100, subsampling=0)
    return np.array(Image.open(file)).transpose(2, 0, 1)


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
    assert np.array_equal(data["val"].truth, plain["val"].truth) and plain["val"].label_images is None
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


def test_prepared_as_png_is_the_default(tmp_path):
    pairs(tmp_path / "set")
    plain, png = (
        write_dataset(tmp_path / "out", *load(tmp_path / "set", classes="camvid", **o))
        for o in ({}, {"prepared_as": "png"})
    )
    assert png.card == plain.card and not any("label_images" in file for file in plain.card["sha256"])
    assert plain.card["made_by"] == "read from set; central square, 8 px, photos bicubic, label maps nearest"


def no_label(p):
    pairs(p)
    (p / "val/label/1.png").unlink()


def one_label(colour, wh):
    def make(p):
        pairs(p)
        picture(p / "train/label/1.png", colour, wh)

    return make


def pictures(*files):
    return lambda p: [picture(p / file, wh=(99, 99)) for file in files]


def half_an_image(p):
    picture(p / "1.png", wh=(99, 99))
    (p / "1.png").write_bytes((p / "1.png").read_bytes()[:-60])


def not_an_image(p):
    p.mkdir()
    (p / "1.png").write_text("<html>")


def sixteen_bits(p):
    p.mkdir()
    Image.new("I;16", (9, 9)).save(p / "1.png")


WRONG = {  # what is wrong: (how it is made, options, what the message says)
    "empty": (lambda p: p.mkdir(), {}, "holds no images.*Expected is <split>/<class>"),
    "stray folder": (pictures("train/a/1.png", "notes/a/1.png"), {},
                     "beside the splits train there is the folder 'notes'"),
    "stray image": (pictures("train/a/1.png", "train/1.png"), {},
                    "train holds both single images and class folders"),
    "a split twice": (pictures("val/a/1.png", "validation/a/2.png"), {},
                      "'val' and 'validation' are both the split 'val': put them together"),
    "no label": (no_label, {"classes": "camvid"}, "val: 1 photos or labels have no partner or two, e.g. '1'"),
    "no classes": (pairs, {}, "say what their ids mean with `classes`"),
    "unknown id": (lambda p: pairs(p, ids=(0, 77)), {"classes": "camvid"}, r"0\.png holds the class ids"),
    "colour label": (one_label(RED, (24, 12)), {"classes": "camvid"}, r"1\.png is a PNG with RGB pixels"),
    "label of another size": (one_label(3, (12, 12)), {"classes": "camvid"},
                              r"1\.jpg is \(24, 12\), its label map \(12, 12\)"),
    "half an image": (half_an_image, {}, r"1\.png cannot be read as an image.*Replace it or take it away"),
    "not an image": (not_an_image, {}, r"1\.png cannot be read as an image"),
    "JPEG without pairs": (pictures("train/a/1.png"), {"prepared_as": "jpeg_bicubic"},
                           "is for pairs.*the split 'train' has no photo/ with label/: set prepared_as: png"),
    "16 bits": (sixteen_bits, {}, "save it with 8 bits"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "options", "message"), WRONG.values(), ids=WRONG)
def test_one_clear_error_and_nothing_written(make, options, message, tmp_path):
    make(tmp_path / "set")
    with pytest.raises(DataError, match=message):
        written(tmp_path, tmp_path / "set", **options)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_a_class_list_is_checked():
    from triptych.base.config import ParamsError, validate

    wrong = {"path": "x", "classes": [{"id": 300, "name": "a", "train_id": 0, "colour": [0, 0, 0]}]}
    with pytest.raises(ParamsError, match="id = 300"):
        validate(folder.Config, wrong, "data.streets.folder")


def test_many_images_keep_their_order(tmp_path):
    """More than one block and more than one task: image i must carry grey level i."""
    with tarfile.open(tmp_path / "many.tar", "w") as tar:
        for i in range(250):
            data = io.BytesIO()
            Image.new("L", (8, 8), i).save(data, "PNG")
            info = tarfile.TarInfo(f"many/{i:03d}.png")
            info.size = data.tell()
            data.seek(0)
            tar.addfile(info, data)
    from triptych.data.sources import pixels

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pixels, "BLOCK", 100 * 64)
        patch.setattr(pixels, "TASK", 7)
        images = written(tmp_path, tmp_path / "many.tar", grey=True)["train"].images
    assert np.array_equal(images[:, 0, 0, 0], np.arange(250))


@pytest.mark.parametrize("suffix", ["tif", "tiff", "gif", "ppm", "jfif"])
def test_a_class_in_another_format_does_not_vanish(tmp_path, suffix):
    picture(tmp_path / "set/train/cat/0.png")
    picture(tmp_path / f"set/train/dog/0.{suffix}", GREEN)
    data = written(tmp_path, tmp_path / "set")
    assert data.card["class_names"] == ["cat", "dog"] and len(data["train"]) == 2


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


def test_an_unscored_class_may_share_a_colour():
    assert folder.Config(path="x", classes=scored((0, 0, RED), (1, 255, RED))).classes[1].train_id == 255


def test_a_split_of_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="no split '../../evil'; there are .*train"):
        folder.Config(path="x", splits={"../../evil": "a"})
