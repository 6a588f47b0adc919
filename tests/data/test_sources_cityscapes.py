"""Cityscapes from small copies of the official layout, as archives and unpacked."""

import shutil

import numpy as np
import pytest
from packed import cut, encoded, packed, through_pillow
from PIL import Image

from triptych.data.format import DataError, write_dataset
from triptych.data.label_classes import CITYSCAPES
from triptych.data.sources import cityscapes

NAMES = {
    "train": ["aachen_000000_000019", "aachen_000001_000019", "bochum_000000_000313"],
    "val": ["frankfurt_000000_000294", "munster_000173_000029"],
}
SCORED = [c["id"] for c in CITYSCAPES if c["train_id"] != 255]


def label_image(ids=SCORED):
    """2048 x 1024: vertical stripes of the ids, at the top a row of 255 (license plate: -1 in eight bits)."""
    columns = np.array(ids, np.uint8)[np.arange(2048) * len(ids) // 2048]
    pixels = np.tile(columns, (1024, 1))
    pixels[0] = 255
    return Image.fromarray(pixels)


def photo_image(grey):
    return Image.new("RGB", (2048, 1024), (grey, 0, 255 - grey))


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """The folders, with the files that come with the official archives and are not needed."""
    folder = tmp_path_factory.mktemp("official")
    label = encoded(label_image(), compress_level=1)
    for split, stems in {**NAMES, "test": ["berlin_000000_000019"]}.items():
        for i, stem in enumerate(stems):
            photos, labels = (folder / kind / split / stem.split("_")[0] for kind in ("leftImg8bit", "gtFine"))
            photos.mkdir(parents=True, exist_ok=True), labels.mkdir(parents=True, exist_ok=True)
            photo_image(50 * i).save(photos / f"{stem}_leftImg8bit.png", compress_level=1)
            (labels / f"{stem}_gtFine_labelIds.png").write_bytes(label)
            Image.new("RGBA", (8, 4)).save(labels / f"{stem}_gtFine_color.png")
    return folder


@pytest.fixture
def root(official, tmp_path, monkeypatch):
    monkeypatch.setattr(cityscapes, "COUNTS", {split: len(stems) for split, stems in NAMES.items()})
    shutil.copytree(official, tmp_path / "raw/cityscapes")
    return tmp_path / "raw"


def load(root, size=16, **options):
    return cityscapes.load(cityscapes.Config(root=str(root), **options), size)


def zipped(root):
    """The two archives in the place of the folders, as csDownload leaves them."""
    folder = root / "cityscapes"
    for kind, name in cityscapes.PACKAGES.items():
        files = {file.relative_to(folder).as_posix(): file.read_bytes() for file in (folder / kind).rglob("*.png")}
        packed(folder / name, {"README": "read me", **files})
        shutil.rmtree(folder / kind)
    return folder


def test_unpacked_and_archives_give_the_same(root, tmp_path):
    data = write_dataset(tmp_path / "out", *load(root))
    assert data.card["splits"] == {"val": 2, "train": 3} and data.card["files"] == NAMES
    assert data.card["classes"] == CITYSCAPES and data.image_shape == (3, 16, 16)
    assert data["train"].images[2].reshape(3, -1).mean(1).tolist() == [100, 0, 155]
    assert set(np.unique(data["val"].label_maps)) <= {255, *SCORED}, "nearest, never blended"
    truth = data["val"].truth
    assert truth.shape == (2, 1024, 2048) and data["train"].truth is None
    assert (truth[:, 0] == 255).all() and np.array_equal(truth[0, 1:], np.array(label_image())[1:])
    zipped(root)
    assert write_dataset(tmp_path / "zipped", *load(root)).card == data.card


def test_as_the_authors_stored_it(root, tmp_path):
    plain = write_dataset(tmp_path / "plain", *load(root))
    assert plain["val"].label_images is None
    assert plain.card["made_by"] == "photos bicubic, labels nearest; train 16 px, val 16 px"
    assert set(plain.card["sha256"]) == {
        *(f"{split}/{array}.npy" for split in NAMES for array in ("images", "label_maps")),
        "val/truth.npy",
    }
    assert write_dataset(tmp_path / "png", *load(root, prepared_as="png")).card == plain.card, "the default"
    data = write_dataset(tmp_path / "out", *load(root, prepared_as="jpeg_bicubic", load_size=24))
    assert data.image_shape == (3, 16, 16)
    colours = np.zeros((256, 3), np.uint8)
    for c in CITYSCAPES:
        colours[c["id"]] = c["colour"]  # -1 is the last
    drawn = Image.fromarray(colours[np.array(label_image())])
    for split, size in (("train", 24), ("val", 16)):  # a larger size is for train alone
        assert data[split].label_images.shape == data[split].images.shape == (len(NAMES[split]), 3, size, size)
        assert data[split].label_maps.shape == (len(NAMES[split]), size, size)
        picture = through_pillow(drawn, size)
        assert all(np.array_equal(i, picture) for i in data[split].label_images)
        assert np.array_equal(data[split].images[1], through_pillow(photo_image(50), size))
    for array in ("label_maps", "truth"):
        assert np.array_equal(getattr(data["val"], array), getattr(plain["val"], array)), "scored by the same ids"
    assert "labels nearest, label images bicubic, photos and label images through JPEG" in data.card["made_by"]


def test_archives_that_are_cut_off_or_alone_are_named(root):
    cut(zipped(root) / "gtFine_trainvaltest.zip", 100)
    with pytest.raises(DataError, match=r"gtFine_trainvaltest\.zip is damaged or cut off"):
        load(root)
    (root / "cityscapes/leftImg8bit_trainvaltest.zip").unlink()
    with pytest.raises(DataError, match=r"neither .*leftImg8bit/ nor .*leftImg8bit_trainvaltest\.zip"):
        load(root)


PHOTO = "leftImg8bit/val/frankfurt/frankfurt_000000_000294_leftImg8bit.png"
LABEL = "gtFine/val/frankfurt/frankfurt_000000_000294_gtFine_labelIds.png"


def unpaired(folder):
    (folder / PHOTO).rename(folder / "leftImg8bit/val/munster/munster_000000_000019_leftImg8bit.png")


def wrong_city(folder):
    (folder / LABEL).rename(folder / "gtFine/val/munster" / (folder / LABEL).name)


def labels(ids):
    """All label maps of val have these ids."""

    def spoil(folder):
        for file in (folder / "gtFine/val").rglob("*labelIds.png"):
            label_image(ids).save(file, compress_level=1)

    return spoil


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda folder: (folder / PHOTO).unlink(), r"holds 1 files leftImg8bit/val/<city>/\*_leftImg8bit\.png, not 2"),
    (unpaired, r"\(val\) has only one of photo and label map"),
    (wrong_city, "is not in its city's folder"),
    (lambda folder: Image.new("L", (1024, 512)).save(folder / LABEL),
     "frankfurt_000000_000294_gtFine_labelIds.png is not 2048 x 1024"),
    (labels([*SCORED, 77]), r"_gtFine_labelIds\.png holds the class ids \[77\]"),
    (labels(SCORED[:-1]), "no pixel of val is 'bicycle'"),
    (labels(range(19)), "no pixel of val is '"),  # a common mistake: converted to train ids in place
    (lambda folder: cut(folder / PHOTO, 500), r"000294_leftImg8bit\.png cannot be read as an image"),
])  # fmt: skip
def test_one_clear_error_and_nothing_written(root, tmp_path, spoil, message):
    spoil(root / "cityscapes")
    with pytest.raises(DataError, match=message):
        write_dataset(tmp_path / "out", *load(root))
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]
