"""3D chairs from a small archive of the official layout."""

import numpy as np
import pytest
from packed import cut, encoded, packed
from PIL import Image

from triptych.data.format import DataError, write_dataset
from triptych.data.sources import chairs3d

VIEWS = [(p, t) for p in (0, 1) for t in (0, 1, 2)]


def grey(model, elevation, azimuth):
    return 100 * model + 40 * elevation + 10 * azimuth


def view(*factors, side):
    """600 x 600, white; a square whose grey tells the view."""
    pixels = np.full((600, 600, 3), 255, np.uint8)
    pixels[200:400, 200:400] = grey(*factors)
    return encoded(Image.fromarray(pixels).resize((side, side)), compress_level=1)


def pack(root, skip=(), side=600):
    files = {"rendered_chairs/all_chair_names.mat": b"not needed"}
    for model in (1, 0):
        for number, (p, t) in enumerate(VIEWS):
            name = f"image_{number:03d}_p{20 + 10 * p:03d}_t{11 + 12 * t:03d}_r096.png"
            if (model, p, t) not in skip:
                files[f"rendered_chairs/chair{model}/renders/{name}"] = view(model, p, t, side=side)
    return packed(root / "chairs3d/rendered_chairs.tar", files)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(chairs3d, "MODELS", 2)
    monkeypatch.setattr(chairs3d, "AZIMUTHS", 3)


def written(root, **options):
    return write_dataset(root / "out", *chairs3d.load(chairs3d.Config(root=str(root), download=False, **options), 16))


def test_views_by_their_factors(tmp_path):
    pack(tmp_path)
    data = written(tmp_path)
    images, factors = data["train"].images, data["train"].factors
    assert images.shape == (12, 1, 16, 16) and factors.tolist() == sorted(factors.tolist())
    told = [(f["name"], len(f["values"])) for f in data.card["factors"]]
    assert told == [("model", 2), ("elevation", 2), ("azimuth", 3)]
    assert data.card["factors"][2]["values"] == [11, 23, 35]
    assert images[:, 0, 8, 8].tolist() == [grey(*f) for f in factors]
    assert (images[:, 0, 0, 0] == 255).all()
    data = written(tmp_path, crop=200, grey=False, invert=True)
    assert data["train"].images.shape == (12, 3, 16, 16)
    assert (data["train"].images[-1] == 255 - grey(1, 1, 2)).all(), "the crop leaves no background"


def test_what_is_not_the_set_is_refused_and_nothing_written(tmp_path):
    path = pack(tmp_path, skip=[(1, 0, 2)])
    with pytest.raises(DataError, match="holds 11 views of 2 models.*should be 2 x 2 x 3"):
        written(tmp_path)
    cut(path, 11_000)
    with pytest.raises(DataError, match=r"rendered_chairs\.tar is damaged"):
        written(tmp_path)
    pack(tmp_path, side=300)
    with pytest.raises(DataError, match=r"image_000_p020_t011_r096\.png is not 600 x 600"):
        written(tmp_path)
    assert not (tmp_path / "out").exists()
