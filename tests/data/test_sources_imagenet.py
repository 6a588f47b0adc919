"""ImageNet from a small tar of tars and from class folders."""

import hashlib
import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from triptych.data.format import DataError, write_dataset
from triptych.data.sources import imagenet

OFFICIAL = imagenet.MD5, imagenet.CLASSES, imagenet.IMAGES  # before a test makes them small
WNIDS = ["n01440764", "n01443537", "n15075141"]


def jpeg(label, i):
    """Class by colour channel; landscape and portrait; black beyond the central square."""
    wide = np.zeros((120, 200, 3), np.uint8)
    wide[:, 40:160, label] = 200 + 10 * i
    out = io.BytesIO()
    Image.fromarray(wide if i % 2 else wide.transpose(1, 0, 2)).save(out, "JPEG", quality=95)
    return out.getvalue()


def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture
def archive(tmp_path, monkeypatch):
    classes = {w: {f"{w}_{i}.JPEG": jpeg(k, i) for i in range(4)} for k, w in enumerate(WNIDS)}
    path = tmp_path / "raw/imagenet" / imagenet.ARCHIVE
    path.parent.mkdir(parents=True)
    path.write_bytes(tar_of({f"{w}.tar": tar_of(files) for w, files in reversed(classes.items())}))
    monkeypatch.setattr(imagenet, "MD5", hashlib.md5(path.read_bytes()).hexdigest())
    monkeypatch.setattr(imagenet, "CLASSES", 3)
    monkeypatch.setattr(imagenet, "IMAGES", 12)
    return path


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
    unpacked(archive)
    assert write_dataset(tmp_path / "b", *load(archive, resample=resample)).card == data.card


def test_limit_per_class(archive, tmp_path):
    data = write_dataset(tmp_path / "out", *load(archive, limit_per_class=2))
    assert data["train"].labels.tolist() == [0, 0, 1, 1, 2, 2]
    whole = write_dataset(tmp_path / "whole", *load(archive))
    assert np.array_equal(data["train"].images, whole["train"].images[[0, 1, 4, 5, 8, 9]])
    assert data.card["title"] == "ImageNet-1k, the first 2 per class"


def test_shrink_on_load_changes_little(tmp_path):
    """A natural-looking large photo: decoding at reduced resolution changes it by less than a grey level."""
    from triptych.data.sources.pixels import photo

    rng = np.random.default_rng(0)
    noise = np.cumsum(np.cumsum(rng.normal(size=(375, 500)), 0), 1)
    noise = (255 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(np.stack([noise] * 3, -1)).save(out, "JPEG", quality=90)
    whole = photo(out.getvalue(), "x", 32, resample="bilinear").astype(int)
    fast = photo(out.getvalue(), "x", 32, resample="bilinear", shrink_on_load=True)
    assert 0 < abs(whole - fast).mean() < 0.8


def test_without_an_account(tmp_path):
    with pytest.raises(DataError, match=r"Register at image-net\.org.*ILSVRC2012_img_train\.tar .138 GB"):
        imagenet.load(imagenet.Config(root=str(tmp_path)), 16)


def test_cut_off(archive):
    archive.write_bytes(archive.read_bytes()[:20_000])
    with pytest.raises(DataError, match="is damaged or not the official file: its MD5"):
        load(archive)
    with pytest.raises(DataError, match=r"n.*\.tar is cut off|is damaged or cut off"):
        load(archive, verify=False)


def test_repacked_or_incomplete(archive):
    data = tar_of({f"{WNIDS[0]}.tar": tar_of({"1.JPEG": jpeg(0, 0)})})
    archive.write_bytes(data)
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


def test_the_official_archive():
    assert OFFICIAL == ("1d675b47d978889d74fa0da5fadfb00e", 1000, 1_281_167)
