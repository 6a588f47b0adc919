"""Rendered faces: each factor does what its name says and nothing else, and factors are independent."""

import numpy as np
import pytest

from triptych.data.checks.faces import LIMITS
from triptych.data.drawn.faces import dataset as faces
from triptych.data.drawn.faces.dataset import NAMES, OWN, VALUES, Config, draw, draw_factors, render
from triptych.data.format import write_dataset
from triptych.data.inspect import inspect

SIZE = 32


def face(**values) -> np.ndarray:
    """Factor indices (1, 10) of a plain frontal face, some factors set to a value."""
    plain = {"azimuth": 0.0, "lighting": 0.0, "skin": VALUES["skin"][-2], "hair_colour": 0.0, "hair_length": 1.0}
    plain |= {"background": 1.0, "Male": 0, "Smiling": 0, "Eyeglasses": 0, "Bangs": 0} | values
    return np.array([[VALUES[name].index(plain[name]) for name in NAMES]])


def picture(own=0.5, size=SIZE, **values) -> np.ndarray:
    """(3, size, size), as float."""
    return draw(face(**values), np.full((1, OWN), own, np.float32), size)[0].astype(float)


def changed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(rows, columns) of pixels that differ visibly."""
    return np.argwhere(np.abs(a - b).max(0) > 4)


def test_blocks_do_not_matter(monkeypatch):
    factors, own = draw_factors("train", 0, 9)
    whole = draw(factors, own, SIZE)
    monkeypatch.setattr(faces, "_BLOCK", 1)
    assert np.array_equal(draw(factors, own, SIZE), whole)


def test_glasses_change_only_pixels_near_the_eyes():
    where = changed(picture(Eyeglasses=0), picture(Eyeglasses=1))
    assert len(where) > 40
    assert where[:, 0].min() >= 0.28 * SIZE and where[:, 0].max() <= 0.55 * SIZE


def test_a_smile_changes_eyes_and_mouth_and_shows_teeth():
    plain, smiling = picture(Smiling=0, size=64), picture(Smiling=1, size=64)
    where = changed(plain, smiling)
    mouth = slice(42, 54), slice(24, 40)
    assert smiling[:, *mouth].min(0).max() > 215 > plain[:, *mouth].min(0).max()
    rows = where[:, 0]
    assert (((rows > 22) & (rows < 34)) | ((rows > 40) & (rows < 54))).all()  # the eyes narrow, the mouth opens
    assert np.abs(where[:, 1] - 31.5).max() < 20


def test_azimuth_moves_the_nose_and_mirrors():
    """The mouth's middle follows the nose; with light from the front, -a is the mirror image of a."""
    columns = []
    for a in (-45.0, -24.0, 0.0, 24.0, 45.0):
        lips = np.abs(picture(azimuth=a, Smiling=1, size=64) - picture(azimuth=a, Smiling=0, size=64)).sum(0)[40:]
        columns.append((lips.sum(0) * np.arange(64)).sum() / lips.sum())
    assert all(after - before > 3 for before, after in zip(columns, columns[1:]))
    assert columns[2] == pytest.approx(31.5, abs=0.5)
    left, right = picture(azimuth=-30.0, Male=1), picture(azimuth=30.0, Male=1)
    assert np.abs(left[..., ::-1] - right).mean() < 3
    assert np.abs(left - right).mean() > 10


def test_light_comes_from_its_side():
    def right_less_left(angle):
        cheeks = picture(lighting=angle).mean(0)[14:20]
        return cheeks[:, 18:23].mean() - cheeks[:, 9:14].mean()

    assert right_less_left(60.0) > 25 and right_less_left(-60.0) < -25
    assert abs(right_less_left(0.0)) < 3


def test_skin_hair_and_wall_have_their_colours():
    forehead, crown, wall = (slice(9, 11), slice(14, 18)), (slice(2, 4), slice(14, 18)), (slice(0, 3), slice(0, 2))

    def tones(where, name):
        return [picture(**{name: v})[:, *where].mean() for v in VALUES[name]]

    for where, name in ((forehead, "skin"), (crown, "hair_colour"), (wall, "background")):
        assert (np.diff(tones(where, name)) > 0).all(), name
        assert np.ptp(tones(where, name)) > 60, name


def test_hair_falls_beside_a_womans_face_and_not_beside_a_mans():
    def dark(male, length):
        beside = picture(Male=male, hair_length=length)[:, 12:26, 3:7]
        return (beside.mean(0) < 60).mean()

    assert dark(0, 1.0) > dark(0, 0.0) + 0.1 > 0.1
    assert dark(1, 1.0) < 0.05


def test_a_man_has_a_beard_and_bangs_cover_the_forehead():
    chin, forehead = (slice(25, 27), slice(13, 19)), (slice(8, 10), slice(13, 19))
    assert picture(Male=1)[:, *chin].mean() < picture(Male=0)[:, *chin].mean() - 30
    assert picture(Bangs=1)[:, *forehead].mean() < picture(Bangs=0)[:, *forehead].mean() - 60


def test_edges_are_smooth():
    """A head that moves by a fraction of a pixel changes pixels by fractions of their range."""
    own = np.full((2, OWN), 0.5, np.float32)
    own[1, 0] += 0.1  # 0.007 of a half width: an eighth of a pixel
    a, b = draw(np.repeat(face(Male=1), 2, 0), own, SIZE).astype(float)
    assert 0 < np.abs(a - b).max() < 60


def test_larger_pictures_show_the_same():
    small, large = picture(azimuth=15.0), picture(azimuth=15.0, size=64)
    shrunk = large.reshape(3, 32, 2, 32, 2).mean((2, 4))
    assert np.abs(shrunk - small).mean() < 2.5


def test_factors_are_uniform_and_independent():
    factors, own = draw_factors("train", 0, 6000)
    for k, values in enumerate(VALUES.values()):
        counts = np.bincount(factors[:, k], minlength=len(values))
        assert len(counts) == len(values)
        assert np.abs(counts - 6000 / len(values)).max() < 5 * np.sqrt(6000 / len(values))
    both = np.corrcoef(np.hstack([factors, own]), rowvar=False) - np.eye(len(NAMES) + OWN)
    assert np.abs(both).max() < 0.06


def test_wrong_factors_are_refused():
    with pytest.raises(ValueError, match="indices below"):
        draw(face() + 99, np.zeros((1, OWN), np.float32))


def test_on_disk_and_to_the_standard(tmp_path):
    splits, card = render(Config(train=500, test=100, seed=0), SIZE)
    dataset = write_dataset(tmp_path / "faces", splits, card)
    assert dataset.image_shape == (3, SIZE, SIZE)
    assert [f["name"] for f in dataset.card["factors"]] == list(NAMES)
    found = inspect(dataset, tmp_path / "out")
    assert set(LIMITS) <= set(found.measures) and not found.missed, found
