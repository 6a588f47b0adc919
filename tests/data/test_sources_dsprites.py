"""dSprites from a small file of the same kind: keys, order, checks; its pickled metadata is never opened."""

import hashlib
import math

import numpy as np
import pytest
from packed import Evil

from triptych.data.drawn import shapes
from triptych.data.format import DataError, write_dataset
from triptych.data.sources import dsprites

SIZES = (3, 2, 2, 3, 2)
CLASSES = np.stack(np.unravel_index(np.arange(math.prod(SIZES)), (1, *SIZES)), axis=1)
IMAGES = np.random.default_rng(0).integers(0, 2, (len(CLASSES), 64, 64), dtype=np.uint8)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Reads a file with the official keys, in the official order, whose metadata runs code when unpickled."""
    mark = tmp_path / "executed"

    def read(size=64, **changes):
        arrays = {"metadata": np.array(Evil(mark), dtype=object), "imgs": IMAGES}
        arrays |= {"latents_classes": CLASSES, "latents_values": CLASSES.astype(float)} | changes
        path = tmp_path / "dsprites" / dsprites.FILE
        path.parent.mkdir(exist_ok=True)
        np.savez_compressed(path, **{k: v for k, v in arrays.items() if v is not None})
        data = path.read_bytes()
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        for name, value in {"SIZES": SIZES, "ROWS": 25, "GIT_BLOB": blob}.items():
            monkeypatch.setattr(dsprites, name, value)
        return write_dataset(tmp_path / "out", *dsprites.load(dsprites.Config(root=str(tmp_path)), size))

    yield read
    assert not mark.exists(), "metadata is a pickle and must stay closed"


def test_images_and_factors(written):
    data = written()
    assert data.card["title"] == "dSprites" and data.image_shape == (1, 64, 64)
    assert np.array_equal(data["train"].images[:, 0], IMAGES * 255)
    assert np.array_equal(data["train"].factors, CLASSES[:, 1:]), "the constant colour is left out"
    assert [f["name"] for f in data.card["factors"]] == ["shape", "scale", "orientation", "x", "y"]


def test_factor_values_are_those_of_the_rendered_ones():
    """So that what reads the one reads the other."""
    for published, rendered in zip(dsprites.latent_values(), shapes.factor_values()):
        assert np.allclose(published, rendered)


@pytest.mark.parametrize(("changes", "message"), [
    ({"size": 32}, "set pixels to 64, not 32"),
    ({"latents_classes": None}, "has no readable `latents_classes`"),
    ({"latents_classes": np.array([{}], dtype=object)}, "has no readable `latents_classes`"),
    ({"latents_classes": np.zeros((72, 6), np.int64)}, "not in the published order"),
    ({"imgs": None}, "has no readable `imgs`"),
    ({"imgs": np.zeros((71, 64, 64), np.uint8)}, r"`imgs` is not \(72, 64, 64\) uint8"),
    ({"imgs": np.array([Evil("/nowhere")], dtype=object)}, r"`imgs` is not \(72, 64, 64\) uint8"),
])  # fmt: skip
def test_other_contents(written, tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        written(**changes)
    assert not (tmp_path / "out").exists()
