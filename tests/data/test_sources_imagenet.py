"""ImageNet from a small tar of tars and from class folders, Tiny ImageNet from a small zip."""

import tarfile

import numpy as np
import pytest
from packed import encoded, md5, packed, tar_of
from PIL import Image

from triptych.data.format import DataError, write_dataset
from triptych.data.sources import imagenet, tiny_imagenet
from triptych.data.sources.pixels import photo

WNIDS = ["n01440764", "n01443537", "n15075141"]


def jpeg(label, i):
    """Class by colour channel; landscape and portrait; black beyond the central square."""
    wide = np.zeros((120, 200, 3), np.uint8)
    wide[:, 40:160, label] = 200 + 10 * i
    return encoded(np.ascontiguousarray(wide if i % 2 else wide.transpose(1, 0, 2)), "JPEG", quality=95)


def small(monkeypatch, source, path):
    """The official numbers are those of a small archive."""
    for name, value in {"MD5": md5(path), "CLASSES": 3, "IMAGES": 12}.items():
        monkeypatch.setattr(source, name, value)
    return path


@pytest.fixture
def archive(tmp_path, monkeypatch):
    classes = {f"{w}.tar": tar_of({f"{w}_{i}.JPEG": jpeg(k, i) for i in range(4)}) for k, w in enumerate(WNIDS)}
    path = packed(tmp_path / "raw/imagenet" / imagenet.ARCHIVE, dict(reversed(classes.items())))
    return small(monkeypatch, imagenet, path)


def load(archive, size=16, **options):
    return imagenet.load(imagenet.Config(root=str(archive.parents[1]), **options), size)


def unpacked(archive):
    folder = archive.parent / "train"
    with tarfile.open(archive) as outer:
        for member in outer:
            with tarfile.open(fileobj=outer.extractfile(member)) as inner:
                inner.extractall(folder / member.name.removesuffix(".tar"), filter="data")
    archive.rename(archive.with_name("away"))
    return folder


@pytest.mark.parametrize("resample", ["box", "bilinear", "bicubic"])
def test_tar_of_tars_and_folders_give_the_same(archive, tmp_path, resample):
    data = write_dataset(tmp_path / "a", *load(archive, resample=resample))
    assert data.card["splits"] == {"train": 12} and data.card["class_names"] == WNIDS
    images, labels = data["train"].images, data["train"].labels
    assert images.shape == (12, 3, 16, 16) and labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    for row, (image, label) in enumerate(zip(images, labels)):
        inside = image[label, 3:-3, 3:-3].astype(int)
        assert abs(inside - (200 + 10 * (row % 4))).max() < 12, "shorter side to 16, then the centre"
    few = write_dataset(tmp_path / "few", *load(archive, resample=resample, limit_per_class=2))
    assert few["train"].labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert np.array_equal(few["train"].images, images[[0, 1, 4, 5, 8, 9]])
    assert few.card["title"] == "ImageNet-1k, the first 2 per class"
    unpacked(archive)
    assert write_dataset(tmp_path / "b", *load(archive, resample=resample)).card == data.card


def test_shrink_on_load_changes_little():
    """A natural-looking large photo: decoding at reduced resolution changes it by less than a grey level."""
    rng = np.random.default_rng(0)
    noise = np.cumsum(np.cumsum(rng.normal(size=(375, 500)), 0), 1)
    noise = (255 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)
    file = encoded(np.stack([noise] * 3, -1), "JPEG", quality=90)
    whole = photo(file, "x", 32, resample="bilinear").astype(int)
    fast = photo(file, "x", 32, resample="bilinear", shrink_on_load=True)
    assert 0 < abs(whole - fast).mean() < 0.8


def test_cut_off(archive):
    archive.write_bytes(archive.read_bytes()[:20_000])
    with pytest.raises(DataError, match=r"n.*\.tar is cut off|is damaged or cut off"):
        load(archive, verify=False)


def test_repacked_or_incomplete(archive):
    packed(archive, {f"{WNIDS[0]}.tar": tar_of({"1.JPEG": jpeg(0, 0)})})
    with pytest.raises(DataError, match="set official.verify to false"):
        load(archive)
    with pytest.raises(DataError, match="holds 1 images of 1 classes, ImageNet-1k 12 of 3.*source: folder"):
        load(archive, verify=False)
    archive.unlink()
    (archive.parent / "train").mkdir()
    with pytest.raises(DataError, match="holds 0 images of 0 classes"):
        load(archive)


def test_a_broken_image_is_named_and_nothing_written(archive, tmp_path):
    folder = unpacked(archive)
    broken = folder / WNIDS[1] / f"{WNIDS[1]}_2.JPEG"
    broken.write_bytes(broken.read_bytes()[:300])
    with pytest.raises(DataError, match=f"{WNIDS[1]}/{WNIDS[1]}_2.JPEG cannot be read as an image"):
        write_dataset(tmp_path / "out", *load(archive))
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Loads Tiny ImageNet from an archive of some classes."""

    def level(label, n):
        pixels = np.zeros((64, 64, 3), np.uint8)
        pixels[..., label] = 100 + 30 * n
        image = Image.fromarray(pixels)
        return encoded(image.convert("L") if (label, n) == (2, 3) else image, "JPEG", quality=95)  # some are grey

    def load(classes=WNIDS, **options):
        files = {"wnids.txt": "\n".join(reversed(WNIDS))}
        files |= {f"{split}/images/{split}_0.JPEG": level(0, 0) for split in ("test", "val")}
        for label, wnid in enumerate(classes):
            files[f"train/{wnid}/{wnid}_boxes.txt"] = "not needed"
            files |= {f"train/{wnid}/images/{wnid}_{n}.JPEG": level(label, n) for n in range(4)}
        files = {f"tiny-imagenet-200/{name}": data for name, data in files.items()}
        small(monkeypatch, tiny_imagenet, packed(tmp_path / "tiny_imagenet" / tiny_imagenet.ARCHIVE, files))
        config = tiny_imagenet.Config(root=str(tmp_path), download=False, **options)
        return write_dataset(tmp_path / "out", *tiny_imagenet.load(config, 32))

    return load


def test_of_tiny_imagenet_the_training_images_and_no_others(tiny):
    data = tiny()
    assert data.card["splits"] == {"train": 12} and data.card["class_names"] == WNIDS
    images, labels = data["train"].images, data["train"].labels
    assert images.shape == (12, 3, 32, 32) and labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    for row in range(11):  # the last one is grey
        wanted = np.zeros(3)
        wanted[labels[row]] = 100 + 30 * (row % 4)
        assert abs(images[row].reshape(3, -1).mean(1) - wanted).max() < 4
    assert np.ptp(images[11], axis=0).max() == 0
    data = tiny(limit_per_class=1)
    assert data["train"].labels.tolist() == [0, 1, 2] and data.card["title"] == "Tiny ImageNet, the first 1 per class"
    with pytest.raises(DataError, match="holds 8 training images of 2 classes, Tiny ImageNet 12 of 3"):
        tiny(WNIDS[:2])
