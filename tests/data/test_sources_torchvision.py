"""CIFAR-10, SVHN and CelebA from small files laid out as the official ones, under patched checksums."""

import errno
import os
import pickle
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from packed import Evil, encoded, md5, packed
from torch.nn import functional

from triptych.data.format import DataError, write_dataset
from triptych.data.sources import celeba, torchvision_sets

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def load(root, dataset, size=32, **options):
    return torchvision_sets.load(torchvision_sets.Config(dataset=dataset, root=str(root), **options), size)


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """Six batches of ten images as an archive, and torchvision's checksums set to theirs. Gives the root."""
    from torchvision.datasets import CIFAR10

    rng, files = np.random.default_rng(0), {}
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        batch = {"data": rng.integers(0, 256, (10, 3072), dtype=np.uint8), "labels": list(range(10))}
        files[name] = pickle.dumps(batch)
    files["batches.meta"] = pickle.dumps({"label_names": NAMES})
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    md5s = {name: md5(tmp_path / name) for name in files}
    archive = packed(
        tmp_path / "raw" / CIFAR10.filename, {f"cifar-10-batches-py/{name}": data for name, data in files.items()}
    )
    monkeypatch.setattr(CIFAR10, "train_list", [[b, md5s[b]] for b in sorted(md5s) if b.startswith("data")])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5s["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5s["batches.meta"]})
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5(archive))
    return archive.parent


def test_cifar_from_the_archive(cifar, tmp_path):
    data = write_dataset(tmp_path / "out", *load(cifar, "CIFAR10"))
    assert data.card["splits"] == {"train": 50, "test": 10} and data.card["class_names"] == NAMES
    assert data.card["title"] == "CIFAR-10" and data.image_shape == (3, 32, 32)
    batch = pickle.loads((tmp_path / "data_batch_2").read_bytes())  # made above
    assert np.array_equal(data["train"].images[10:20].reshape(10, -1), batch["data"]), "rows are planes"
    assert data["test"].labels.tolist() == list(range(10))
    assert sorted(os.listdir(cifar)) == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]


def test_cifar_at_another_size(cifar, tmp_path):
    data = write_dataset(tmp_path / "out", *load(cifar, "CIFAR10", size=16))
    whole, _ = load(cifar, "CIFAR10")
    assert data.image_shape == (3, 16, 16)
    pixels = torch.from_numpy(whole["train"].images).float()
    expected = functional.interpolate(pixels, size=16, mode="bicubic", antialias=True, align_corners=False)
    assert abs(expected.clamp(0, 255).numpy() - data["train"].images).max() < 6  # PIL rounds and cuts off in between


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch", "batches.meta"])
def test_a_changed_pickle_is_never_opened(cifar, tmp_path, name):
    load(cifar, "CIFAR10")
    evil = Evil(tmp_path / "executed")
    (cifar / "cifar-10-batches-py" / name).write_bytes(pickle.dumps({"data": evil, "labels": evil}))
    with pytest.raises(DataError, match=rf"{name} is damaged or not the official file.*Delete it and the"):
        load(cifar, "CIFAR10")
    assert not evil.mark.exists()


def test_cifar_incomplete_cut_off_or_absent(cifar):
    load(cifar, "CIFAR10")
    (cifar / "cifar-10-batches-py/data_batch_4").unlink()
    with pytest.raises(DataError, match="data_batch_4 is missing: delete .*cifar-10-batches-py and run"):
        load(cifar, "CIFAR10")
    shutil.rmtree(cifar / "cifar-10-batches-py")
    archive = cifar / "cifar-10-python.tar.gz"
    archive.write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"cifar-10-python\.tar\.gz is damaged or not the official file"):
        load(cifar, "CIFAR10")
    archive.unlink()
    with pytest.raises(DataError, match=r"downloads are off.*toronto\.edu.*put it at .*cifar"):
        load(cifar, "CIFAR10", download=False)
    assert os.listdir(cifar) == []


def test_cifar_disk_full_while_unpacking(cifar, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tarfile, "copyfileobj", full)
    with pytest.raises(DataError, match="disk full while unpacking"):
        load(cifar, "CIFAR10")
    assert os.listdir(cifar) == ["cifar-10-python.tar.gz"]


@pytest.fixture
def svhn(tmp_path, monkeypatch):
    from scipy.io import savemat
    from torchvision.datasets import SVHN

    rng, table = np.random.default_rng(1), {}
    for split, n in {"train": 20, "test": 12, "extra": 8}.items():
        images = rng.integers(0, 256, (32, 32, 3, n), dtype=np.uint8)
        labels = (np.arange(n, dtype=np.uint8)[:, None] % 10) + 1  # 1 … 10, where 10 means the digit 0
        savemat(tmp_path / f"{split}_32x32.mat", {"X": images, "y": labels})
        url, name, _ = SVHN.split_list[split]
        table[split] = [url, name, md5(tmp_path / name)]
    monkeypatch.setattr(SVHN, "split_list", table)
    return tmp_path


def test_svhn(svhn, tmp_path):
    from scipy.io import loadmat

    data = write_dataset(tmp_path / "out", *load(svhn, "SVHN"))
    assert data.card["splits"] == {"train": 20, "test": 12} and data.card["class_names"][0] == "0"
    assert data["train"].labels.tolist() == [*range(1, 10), 0] * 2, "10 means 0"
    x = loadmat(svhn / "train_32x32.mat")["X"]
    assert np.array_equal(data["train"].images[7, 2], x[:, :, 2, 7])
    (svhn / "extra_32x32.mat").rename(svhn / "away")
    with pytest.raises(DataError, match=r"extra_32x32\.mat is missing and downloads are off"):
        load(svhn, "SVHN", extra=True, download=False)
    (svhn / "away").rename(svhn / "extra_32x32.mat")
    assert len(load(svhn, "SVHN", extra=True)[0]["extra"]) == 8


def test_svhn_damaged(svhn):
    (svhn / "test_32x32.mat").write_bytes(b"<html>quota</html>")
    with pytest.raises(DataError, match=r"test_32x32\.mat is damaged or not the official file: its MD5"):
        load(svhn, "SVHN")


ATTRIBUTES = [f"Attribute_{i}" for i in range(40)]
PARTITION = [0, 0, 0, 1, 2, 2]


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """Six faces, dark outside the central 148 square, placed by hand as a zip."""
    from torchvision.datasets import CelebA

    folder = tmp_path / "raw/celeba"
    folder.mkdir(parents=True)
    rows = [" ".join([f"{i + 1:06d}.jpg", *("1" if (i + k) % 3 else "-1" for k in range(40))]) for i in range(6)]
    text = "\n".join(["6", " ".join(ATTRIBUTES), *rows]) + "\n"
    (folder / celeba.ATTRIBUTES).write_text(text)
    lines = [f"{i + 1:06d}.jpg {split}" for i, split in enumerate(PARTITION)]
    (folder / celeba.PARTITION).write_text("\n".join(lines) + "\n")
    files = {}
    for i in range(6):
        pixels = np.zeros((218, 178, 3), np.uint8)
        pixels[35:183, 15:163] = 40 * i + 30
        files[f"img_align_celeba/{i + 1:06d}.jpg"] = encoded(pixels, "JPEG", quality=98)
    packed(folder / celeba.ARCHIVE, files)
    files = [celeba.ATTRIBUTES, celeba.PARTITION, celeba.ARCHIVE]
    monkeypatch.setattr(CelebA, "file_list", [(f"id of {f}", md5(folder / f), f) for f in files])
    return tmp_path / "raw"


@pytest.mark.parametrize("unpacked", [False, True])
def test_celeba(faces, tmp_path, unpacked):
    if unpacked:
        with zipfile.ZipFile(faces / "celeba" / celeba.ARCHIVE) as archive:
            archive.extractall(faces / "celeba")
        (faces / "celeba" / celeba.ARCHIVE).unlink()
    data = write_dataset(tmp_path / "out", *load(faces, "CelebA", size=64))
    assert data.card["splits"] == {"train": 3, "val": 1, "test": 2} and data.image_shape == (3, 64, 64)
    assert [f["name"] for f in data.card["factors"]] == ATTRIBUTES
    expected = [[int((i + k) % 3 > 0) for k in range(40)] for i in range(3)]
    assert data["train"].factors.tolist() == expected
    for i, image in enumerate(data["train"].images):
        assert abs(image.astype(int) - (40 * i + 30)).max() <= 12, "nothing of the dark margin is left"


@pytest.mark.parametrize("file", [celeba.ATTRIBUTES, celeba.PARTITION, celeba.ARCHIVE])
def test_celeba_missing_or_damaged(faces, file, monkeypatch):
    def quota(drive_id, root, name, md5):
        assert drive_id == f"id of {file}"
        (Path(root) / name).write_text("half")
        raise RuntimeError("Too many users have viewed or downloaded this file recently")

    path = faces / "celeba" / file
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DataError, match=f"{file} is damaged or not the official file.*with a browser"):
        load(faces, "CelebA")
    path.unlink()
    with pytest.raises(DataError, match=f"{file} is missing and downloads are off.*at {path}"):
        load(faces, "CelebA", download=False)
    monkeypatch.setattr("torchvision.datasets.utils.download_file_from_google_drive", quota)
    with pytest.raises(DataError, match=f"cannot get {file} from Google .*Too many users.*put it at {path}"):
        load(faces, "CelebA")
    assert len(os.listdir(faces / "celeba")) == 2, "nothing half-written"


def test_celeba_download(faces, tmp_path, monkeypatch):
    archive = faces / "celeba" / celeba.ARCHIVE
    archive.rename(tmp_path / "on_drive")

    def drive(drive_id, root, name, md5):
        shutil.copy(tmp_path / "on_drive", f"{root}/{name}")

    monkeypatch.setattr("torchvision.datasets.utils.download_file_from_google_drive", drive)
    assert len(load(faces, "CelebA")[0]["train"]) == 3
    assert len(os.listdir(faces / "celeba")) == 3


def test_celeba_folder_lacks_a_face(faces):
    with zipfile.ZipFile(faces / "celeba" / celeba.ARCHIVE) as archive:
        archive.extractall(faces / "celeba")
    (faces / "celeba/img_align_celeba/000005.jpg").unlink()
    with pytest.raises(DataError, match=r"lacks 1 faces, e\.g\. 000005\.jpg: unpack img_align_celeba.zip"):
        load(faces, "CelebA")
