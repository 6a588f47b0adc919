"""Cityscapes from small copies of the official layout, as archives and unpacked."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triptych.data.format import DataError, write_dataset
from triptych.data.label_classes import CITYSCAPES
from triptych.data.sources import cityscapes

NAMES = {
    "train": ["aachen_000000_000019", "aachen_000001_000019", "bochum_000000_000313"],
    "val": ["frankfurt_000000_000294", "munster_000173_000029"],
}
OFFICIAL = dict(cityscapes.COUNTS)  # before a test makes them small
SCORED = [c["id"] for c in CITYSCAPES if c["train_id"] != 255]


def label_image(ids=SCORED):
    """2048 x 1024: vertical stripes of the ids, at the top a row of 255 (license plate: -1 in eight bits)."""
    columns = np.array(ids, np.uint8)[np.arange(2048) * len(ids) // 2048]
    pixels = np.tile(columns, (1024, 1))
    pixels[0] = 255
    return Image.fromarray(pixels)


def photo_image(grey):
    return Image.new("RGB", (2048, 1024), (grey, 0, 255 - grey))


def put(folder, files):
    for name, image in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(folder / name, compress_level=1)


def official(names=NAMES):
    """Path -> image, with the files that come with the official archives and are not needed."""
    photos, labels = {}, {}
    for split, stems in {**names, "test": ["berlin_000000_000019"]}.items():
        for i, stem in enumerate(stems):
            city = stem.split("_")[0]
            photos[f"leftImg8bit/{split}/{city}/{stem}_leftImg8bit.png"] = photo_image(50 * i)
            labels[f"gtFine/{split}/{city}/{stem}_gtFine_labelIds.png"] = label_image()
            labels[f"gtFine/{split}/{city}/{stem}_gtFine_color.png"] = Image.new("RGBA", (8, 4))
    return photos, labels


@pytest.fixture(autouse=True)
def counts(monkeypatch):
    monkeypatch.setattr(cityscapes, "COUNTS", {split: len(stems) for split, stems in NAMES.items()})


@pytest.fixture
def root(tmp_path):
    for files in official():
        put(tmp_path / "raw/cityscapes", files)
    return tmp_path / "raw"


def load(root, size=16, **options):
    return cityscapes.load(cityscapes.Config(root=str(root), **options), size)


def zipped(root):
    """The two archives in the place of the folders, as csDownload leaves them."""
    folder = root / "cityscapes"
    for kind, name in cityscapes.PACKAGES.items():
        with zipfile.ZipFile(folder / name, "w") as out:
            out.writestr("README", "read me")
            for file in sorted((folder / kind).rglob("*.png")):
                out.write(file, file.relative_to(folder).as_posix())
                file.unlink()
        for place in sorted((folder / kind).rglob("*"), reverse=True):
            place.rmdir()
        (folder / kind).rmdir()
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


def test_load_size_is_for_train_alone(root, tmp_path):
    data = write_dataset(tmp_path / "out", *load(root, load_size=18))
    assert data["train"].images.shape == (3, 3, 18, 18) and data["train"].label_maps.shape == (3, 18, 18)
    assert data["val"].images.shape == (2, 3, 16, 16) and data.image_shape == (3, 16, 16)


def through_pillow(image, size):
    """What the authors' script stores, read back: (3, size, size)."""
    file = io.BytesIO()
    image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC).save(file, "JPEG", quality=100, subsampling=0)
    return np.array(Image.open(file)).transpose(2, 0, 1)


def test_as_the_authors_stored_it(root, tmp_path):
    plain = write_dataset(tmp_path / "plain", *load(root))
    data = write_dataset(tmp_path / "out", *load(root, prepared_as="jpeg_bicubic", load_size=24))
    colours = np.zeros((256, 3), np.uint8)
    for c in CITYSCAPES:
        colours[c["id"]] = c["colour"]  # -1 is the last
    drawn = Image.fromarray(colours[np.array(label_image())])
    for split, size in (("train", 24), ("val", 16)):
        assert data[split].label_images.shape == data[split].images.shape == (len(NAMES[split]), 3, size, size)
        assert all(np.array_equal(i, through_pillow(drawn, size)) for i in data[split].label_images)
        assert np.array_equal(data[split].images[1], through_pillow(photo_image(50), size))
    for array in ("label_maps", "truth"):
        assert np.array_equal(getattr(data["val"], array), getattr(plain["val"], array)), "scored by the same ids"
    assert "labels nearest, label images bicubic, photos and label images through JPEG" in data.card["made_by"]


def test_prepared_as_png_is_the_default(root, tmp_path):
    plain, png = (write_dataset(tmp_path / "out", *load(root, **o)) for o in ({}, {"prepared_as": "png"}))
    assert png.card == plain.card and plain["val"].label_images is None
    assert plain.card["made_by"] == "photos bicubic, labels nearest; train 16 px, val 16 px"
    assert set(plain.card["sha256"]) == {
        *(f"{split}/{array}.npy" for split in NAMES for array in ("images", "label_maps")),
        "val/truth.npy",
    }


def test_without_an_account(tmp_path):
    command = r"csDownload -d .*cityscapes gtFine_trainvaltest\.zip leftImg8bit_trainvaltest\.zip"
    with pytest.raises(DataError, match=f"Register at.*pip install cityscapesscripts.*{command}"):
        load(tmp_path)


def test_one_package_alone_is_not_enough(root):
    zipped(root)
    (root / "cityscapes/leftImg8bit_trainvaltest.zip").unlink()
    with pytest.raises(DataError, match=r"neither .*leftImg8bit/ nor .*leftImg8bit_trainvaltest\.zip"):
        load(root)


def test_a_cut_off_archive(root):
    archive = zipped(root) / "gtFine_trainvaltest.zip"
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"gtFine_trainvaltest\.zip is damaged or cut off"):
        load(root)


FRANKFURT = "val/frankfurt/frankfurt_000000_000294"


def photo_gone(folder):
    (folder / f"leftImg8bit/{FRANKFURT}_leftImg8bit.png").unlink()


def unpaired(folder):
    photo_gone(folder)
    put(folder, {"leftImg8bit/val/munster/munster_000000_000019_leftImg8bit.png": photo_image(1)})


def wrong_city(folder):
    file = folder / f"gtFine/{FRANKFURT}_gtFine_labelIds.png"
    file.rename(folder / "gtFine/val/munster" / file.name)


def small(folder):
    Image.new("L", (1024, 512)).save(folder / f"gtFine/{FRANKFURT}_gtFine_labelIds.png")


def unknown_id(folder):
    label_image([*SCORED, 77]).save(folder / f"gtFine/{FRANKFURT}_gtFine_labelIds.png")


def class_absent(folder):
    for file in (folder / "gtFine/val").rglob("*labelIds.png"):
        label_image(SCORED[:-1]).save(file)


def train_ids(folder):
    """A common mistake: labels converted to train ids in place."""
    for file in (folder / "gtFine/val").rglob("*labelIds.png"):
        label_image(range(19)).save(file)


def cut_photo(folder):
    out = io.BytesIO()
    photo_image(3).save(out, "PNG")
    (folder / f"leftImg8bit/{FRANKFURT}_leftImg8bit.png").write_bytes(out.getvalue()[:-500])


@pytest.mark.parametrize(("spoil", "message"), [
    (photo_gone, r"holds 1 files leftImg8bit/val/<city>/\*_leftImg8bit\.png, not 2"),
    (unpaired, "(val) has only one of photo and label map"),
    (wrong_city, "is not in its city's folder"),
    (small, "frankfurt_000000_000294_gtFine_labelIds.png is not 2048 x 1024"),
    (unknown_id, r"_gtFine_labelIds\.png holds the class ids \[77\]"),
    (class_absent, "no pixel of val is 'bicycle'"),
    (train_ids, "no pixel of val is '"),
    (cut_photo, r"000294_leftImg8bit\.png cannot be read as an image"),
])  # fmt: skip
def test_one_clear_error_and_nothing_written(root, tmp_path, spoil, message):
    spoil(root / "cityscapes")
    with pytest.raises(DataError, match=message.replace("(val)", r"\(val\)")):
        write_dataset(tmp_path / "out", *load(root))
    assert [p.name for p in Path(tmp_path).iterdir()] == ["raw"]


def test_the_official_counts():
    assert OFFICIAL == {"train": 2975, "val": 500} and cityscapes.WIDTH_HEIGHT == (2048, 1024)
