"""A user's own images: every layout, from folders and archives, and what is said about wrong ones."""

import shutil

import numpy as np
import pytest
from own_images import BLUE, GREEN, RED, load, picture, written
from packed import encoded, packed
from PIL import Image

from triptych.data.format import DataError, write_dataset
from triptych.data.sources import folder, layout, pixels


@pytest.fixture
def classes(tmp_path):
    """Two splits of two classes, 6 and 2 images; sides differ."""
    for i in range(3):
        picture(tmp_path / f"set/train/cat/{i}.png", RED, (20, 10 + i))
        picture(tmp_path / f"set/train/dog/{i}.jpg", GREEN)
    picture(tmp_path / "set/test/cat/9.png", RED)
    picture(tmp_path / "set/test/dog/9.JPEG", GREEN)
    return tmp_path / "set"


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


def test_no_place_is_in_the_card(classes, tmp_path, monkeypatch):
    first = written(tmp_path, classes)
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "set")
    assert load("~/packed.zip")[1] == load(tmp_path / "packed.zip")[1]
    shutil.move(classes, tmp_path / "elsewhere" / "set")
    assert write_dataset(tmp_path / "again", *load(tmp_path / "elsewhere/set")).card == first.card


def test_without_splits_all_is_train_and_labels_are_of_folders(classes, tmp_path):
    data = written(tmp_path, classes / "train")
    assert data.card["splits"] == {"train": 6} and data.card["class_names"] == ["cat", "dog"]
    for i in range(4):
        picture(tmp_path / f"flat/{i}.png", BLUE)
    for path, n in ((tmp_path / "flat", 4), (classes, 6)):
        splits, card = load(path, labels=False if n == 6 else None)
        assert splits["train"].labels is None and len(splits["train"]) == n and "class_names" not in card


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


def test_other_names_of_the_splits():
    names = {"training": "train", "valid": "val", "validation": "val", "testing": "test", "unlabeled": "unlabelled"}
    for name, split in names.items():
        assert list(layout.parts("set", [f"{name}/a/1.png", f"{name}/b/2.png"])) == [split]


def test_photos_and_label_maps_are_paired_by_their_names(tmp_path):
    files = [f"train/{kind}/{i}.{suffix}" for i in "bca" for kind, suffix in (("label", "png"), ("photo", "jpg"))]
    part = layout.parts("set", files)["train"]
    assert part.photos == [f"train/photo/{i}.jpg" for i in "abc"]
    assert part.label_maps == [f"train/label/{i}.png" for i in "abc"]


@pytest.mark.parametrize("suffix", ["tif", "tiff", "gif", "ppm", "jfif"])
def test_a_class_in_another_format_does_not_vanish(tmp_path, suffix):
    picture(tmp_path / "set/train/cat/0.png")
    picture(tmp_path / f"set/train/dog/0.{suffix}", GREEN)
    data = written(tmp_path, tmp_path / "set")
    assert data.card["class_names"] == ["cat", "dog"] and len(data["train"]) == 2


def test_a_split_of_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="no split '../../evil'; there are .*train"):
        folder.Config(path="x", splits={"../../evil": "a"})
    with pytest.raises(ValueError, match="no split 'vla'; there are .*val"):
        folder.Config(path="x", truth=["vla"])


def test_many_images_keep_their_order(tmp_path, monkeypatch):
    """More than one block and more than one task: image i must carry grey level i."""
    files = {f"many/{i:03d}.png": encoded(Image.new("L", (8, 8), i)) for i in range(250)}
    monkeypatch.setattr(pixels, "BLOCK", 100 * 64)
    monkeypatch.setattr(pixels, "TASK", 7)
    images = written(tmp_path, packed(tmp_path / "many.tar", files), grey=True)["train"].images
    assert np.array_equal(images[:, 0, 0, 0], np.arange(250))
