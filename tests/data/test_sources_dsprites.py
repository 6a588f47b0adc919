"""dSprites from a small file of the same kind: keys, order, checks; its pickled metadata is never opened."""

import hashlib
import math
import os

import numpy as np
import pytest

from triptych.data.format import DataError, write_dataset
from triptych.data.sources import dsprites

SIZES = (3, 2, 2, 3, 2)
OFFICIAL = dsprites.FILE, dsprites.GIT_BLOB, dsprites.SIZES  # before a test makes them small


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def blob_id(path):
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def publish(folder, monkeypatch, mark, **changes):
    """A file with the official keys, in the official order, whose metadata runs code when unpickled."""
    classes = np.stack(np.unravel_index(np.arange(math.prod(SIZES)), (1, *SIZES)), axis=1)
    images = np.random.default_rng(0).integers(0, 2, (len(classes), 64, 64), dtype=np.uint8)
    arrays = {
        "metadata": np.array(Evil(mark), dtype=object),
        "imgs": images,
        "latents_classes": classes,
        "latents_values": classes.astype(float),
    } | changes
    path = folder / "dsprites" / dsprites.FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{k: v for k, v in arrays.items() if v is not None})
    monkeypatch.setattr(dsprites, "GIT_BLOB", blob_id(path))
    return path, images, classes


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(dsprites, "SIZES", SIZES)
    monkeypatch.setattr(dsprites, "ROWS", 25)


def load(root, size=64, **options):
    return dsprites.load(dsprites.Config(root=str(root), **options), size)


def test_images_and_factors(tmp_path, monkeypatch):
    _, images, classes = publish(tmp_path, monkeypatch, tmp_path / "executed")
    data = write_dataset(tmp_path / "out", *load(tmp_path))
    assert data.card["title"] == "dSprites" and data.image_shape == (1, 64, 64)
    assert np.array_equal(data["train"].images[:, 0], images * 255)
    assert np.array_equal(data["train"].factors, classes[:, 1:]), "the constant colour is left out"
    assert [f["name"] for f in data.card["factors"]] == ["shape", "scale", "orientation", "x", "y"]
    assert not (tmp_path / "executed").exists(), "metadata is a pickle and must stay closed"


def test_factor_values_are_those_of_the_rendered_ones():
    """So that what reads the one reads the other."""
    from triptych.data.drawn import shapes

    for published, rendered in zip(dsprites.latent_values(), shapes.factor_values()):
        assert np.allclose(published, rendered)


def test_another_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path, *_ = publish(tmp_path, monkeypatch, tmp_path / "executed")
    with open(path, "ab") as stream:
        stream.write(b"x")
    with pytest.raises(DataError, match="damaged or not the official file: its git blob id is"):
        load(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"downloads are off.*dsprites-dataset.*put it at .*64x64\.npz"):
        load(tmp_path, download=False)


def test_only_its_own_size(tmp_path):
    with pytest.raises(DataError, match="set pixels to 64, not 32"):
        load(tmp_path, size=32)


@pytest.mark.parametrize(("changes", "message"), [
    ({"latents_classes": None}, "has no readable `latents_classes`"),
    ({"latents_classes": np.array([{}], dtype=object)}, "has no readable `latents_classes`"),
    ({"latents_classes": np.zeros((72, 6), np.int64)}, "not in the published order"),
    ({"imgs": None}, "has no readable `imgs`"),
    ({"imgs": np.zeros((71, 64, 64), np.uint8)}, r"`imgs` is not \(72, 64, 64\) uint8"),
    ({"imgs": np.array([Evil("/nowhere")], dtype=object)}, r"`imgs` is not \(72, 64, 64\) uint8"),
])  # fmt: skip
def test_other_contents(tmp_path, monkeypatch, changes, message):
    publish(tmp_path, monkeypatch, tmp_path / "executed", **changes)
    with pytest.raises(DataError, match=message):
        write_dataset(tmp_path / "out", *load(tmp_path))
    assert not (tmp_path / "out").exists() and not (tmp_path / "executed").exists()


def test_the_official_file():
    file, blob, sizes = OFFICIAL
    assert file == "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"  # whose name tells its sizes
    assert blob == "d98996d3f8ee1550e06b9d4ed78d0beb478910d5"
    assert sizes == (3, 6, 40, 32, 32) == tuple(map(len, dsprites.latent_values())) and math.prod(sizes) == 737_280
