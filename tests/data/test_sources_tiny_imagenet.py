"""Tiny ImageNet from a small zip of the official layout."""

import hashlib
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from triptych.data.format import DataError, write_dataset
from triptych.data.sources import tiny_imagenet

OFFICIAL = tiny_imagenet.MD5, tiny_imagenet.CLASSES, tiny_imagenet.IMAGES  # before a test makes them small
WNIDS = ["n01443537", "n01629819", "n12267677"]


def jpeg(label, n):
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[..., label] = 100 + 30 * n
    image = Image.fromarray(pixels)
    out = io.BytesIO()
    (image.convert("L") if (label, n) == (2, 3) else image).save(out, "JPEG", quality=95)  # some are grey
    return out.getvalue()


def pack(root, monkeypatch, classes=WNIDS, images=4):
    path = root / "tiny_imagenet" / tiny_imagenet.ARCHIVE
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("tiny-imagenet-200/wnids.txt", "\n".join(reversed(WNIDS)))
        out.writestr("tiny-imagenet-200/test/images/test_0.JPEG", jpeg(0, 0))
        out.writestr("tiny-imagenet-200/val/images/val_0.JPEG", jpeg(0, 0))
        for label, wnid in enumerate(classes):
            out.writestr(f"tiny-imagenet-200/train/{wnid}/{wnid}_boxes.txt", "not needed")
            for n in range(images):
                out.writestr(f"tiny-imagenet-200/train/{wnid}/images/{wnid}_{n}.JPEG", jpeg(label, n))
    monkeypatch.setattr(tiny_imagenet, "MD5", hashlib.md5(path.read_bytes()).hexdigest())
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(tiny_imagenet, "CLASSES", 3)
    monkeypatch.setattr(tiny_imagenet, "IMAGES", 12)


def load(root, size=32, **options):
    return tiny_imagenet.load(tiny_imagenet.Config(root=str(root), download=False, **options), size)


def test_the_training_images_and_no_others(tmp_path, monkeypatch):
    pack(tmp_path, monkeypatch)
    data = write_dataset(tmp_path / "out", *load(tmp_path))
    assert data.card["splits"] == {"train": 12} and data.card["class_names"] == WNIDS
    images, labels = data["train"].images, data["train"].labels
    assert images.shape == (12, 3, 32, 32) and labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    for row in range(11):  # the last one is grey
        wanted = np.zeros(3)
        wanted[labels[row]] = 100 + 30 * (row % 4)
        assert abs(images[row].reshape(3, -1).mean(1) - wanted).max() < 4
    assert np.ptp(images[11], axis=0).max() == 0


def test_limit_per_class(tmp_path, monkeypatch):
    pack(tmp_path, monkeypatch)
    data = write_dataset(tmp_path / "out", *load(tmp_path, limit_per_class=1))
    assert data["train"].labels.tolist() == [0, 1, 2] and data.card["title"] == "Tiny ImageNet, the first 1 per class"


def test_incomplete(tmp_path, monkeypatch):
    pack(tmp_path, monkeypatch, classes=WNIDS[:2])
    with pytest.raises(DataError, match="holds 8 training images of 2 classes, Tiny ImageNet 12 of 3"):
        load(tmp_path)


def test_damaged(tmp_path, monkeypatch):
    path = pack(tmp_path, monkeypatch)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match="damaged or not the official file: its MD5"):
        load(tmp_path)


def test_absent(tmp_path):
    with pytest.raises(DataError, match=r"downloads are off.*tiny-imagenet-200\.zip.*put it at"):
        load(tmp_path)


def test_the_official_archive():
    assert OFFICIAL == ("90528d7ca1a48142e341f4ef8d21d0de", 200, 100_000)
