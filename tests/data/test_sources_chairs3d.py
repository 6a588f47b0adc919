"""3D chairs from a small archive of the official layout."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from triptych.data.format import DataError, write_dataset
from triptych.data.sources import chairs3d

OFFICIAL = chairs3d.MODELS, chairs3d.ELEVATIONS, chairs3d.AZIMUTHS  # before a test makes them small


def view(model, elevation, azimuth):
    """600 x 600, white; a square whose grey tells the view."""
    pixels = np.full((600, 600, 3), 255, np.uint8)
    pixels[200:400, 200:400] = grey(model, elevation, azimuth)
    return Image.fromarray(pixels)


def grey(model, elevation, azimuth):
    return 100 * model + 40 * elevation + 10 * azimuth


def pack(root, skip=(), wh=None, angles=(20, 30)):
    path = root / "chairs3d/rendered_chairs.tar"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        add(tar, "rendered_chairs/all_chair_names.mat", b"not needed")
        for model in (1, 0):
            for number, (p, t) in enumerate((p, t) for p in (0, 1) for t in (0, 1, 2)):
                if (model, p, t) in skip:
                    continue
                out = io.BytesIO()
                image = view(model, p, t)
                (image.resize(wh) if wh else image).save(out, "PNG", compress_level=1)
                name = f"image_{number:03d}_p{angles[p]:03d}_t{11 + 12 * t:03d}_r096.png"
                add(tar, f"rendered_chairs/chair{model}/renders/{name}", out.getvalue())
    return path


def add(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(chairs3d, "MODELS", 2)
    monkeypatch.setattr(chairs3d, "AZIMUTHS", 3)


def load(root, size=16, **options):
    return chairs3d.load(chairs3d.Config(root=str(root), download=False, **options), size)


def test_views_by_their_factors(tmp_path):
    pack(tmp_path)
    data = write_dataset(tmp_path / "out", *load(tmp_path))
    images, factors = data["train"].images, data["train"].factors
    assert images.shape == (12, 1, 16, 16) and factors.tolist() == sorted(factors.tolist())
    assert [(f["name"], len(f["values"])) for f in data.card["factors"]] == [
        ("model", 2), ("elevation", 2), ("azimuth", 3)]  # fmt: skip
    assert data.card["factors"][2]["values"] == [11, 23, 35]
    assert images[:, 0, 8, 8].tolist() == [grey(*f) for f in factors]
    assert (images[:, 0, 0, 0] == 255).all()


def test_options(tmp_path):
    pack(tmp_path)
    data = write_dataset(tmp_path / "out", *load(tmp_path, crop=200, grey=False, invert=True))
    assert data["train"].images.shape == (12, 3, 16, 16)
    assert (data["train"].images[-1] == 255 - grey(1, 1, 2)).all(), "the crop leaves no background"


def test_incomplete(tmp_path):
    pack(tmp_path, skip=[(1, 0, 2)])
    with pytest.raises(DataError, match="holds 11 views of 2 models.*should be 2 x 2 x 3"):
        load(tmp_path)


def test_cut_off(tmp_path):
    path = pack(tmp_path)
    path.write_bytes(path.read_bytes()[:-11_000])
    with pytest.raises(DataError, match=r"rendered_chairs\.tar is damaged"):
        load(tmp_path)


def test_other_image_size(tmp_path):
    pack(tmp_path, wh=(300, 300))
    with pytest.raises(DataError, match=r"image_000_p020_t011_r096\.png is not 600 x 600"):
        write_dataset(tmp_path / "out", *load(tmp_path))
    assert not (tmp_path / "out").exists()


def test_absent(tmp_path):
    with pytest.raises(DataError, match=r"downloads are off.*rendered_chairs\.tar.*put it at"):
        load(tmp_path)


def test_the_official_archive():
    models, elevations, azimuths = OFFICIAL
    assert (models, elevations * azimuths, models * elevations * azimuths) == (1393, 62, 86_366)
