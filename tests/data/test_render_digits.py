"""Rendered digits: glyphs against the fonts' own raster, the label in the middle."""

from pathlib import Path

import numpy as np
import pytest

from triptych.data.checks import digits as standard
from triptych.data.drawn.digits import Config, house_numbers, render
from triptych.data.drawn.digits.glyphs import FONTS, glyphs, sample
from triptych.data.drawn.noise import Draws, pixel_grid
from triptych.data.format import write_dataset
from triptych.data.inspect import inspect


@pytest.fixture(scope="module")
def rendered():
    return render(Config(train=1100, test=300, seed=0), 32)


def draws(n, seed=0, size=32):
    return Draws.of("test", seed, range(n), numbers=64, fields=9, size=size)


@pytest.mark.parametrize("font", ["DejaVuSans", "DejaVuSerif-Italic", "STIXGeneralBol", "cmr10"])
def test_glyph_fields_are_the_fonts_digits(font):
    """Inked area, turned to the font's own raster of that height: the same pixels, but for the edge."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    x, y = pixel_grid(320)
    for digit in range(10):
        image = Image.new("L", (640, 640))
        face = ImageFont.truetype(str(path), 240)
        ImageDraw.Draw(image).text((250, 170), str(digit), fill=255, font=face)
        left, top, right, bottom = image.getbbox()
        (column, odd_x), (row, odd_y) = divmod(left + right, 2), divmod(top + bottom, 2)
        ink = np.asarray(image)[row - 160 : row + 160, column - 160 : column + 160] > 127
        height = bottom - top
        u, v = (x * 160 - 0.5 * odd_x) / height, (y * 160 + 0.5 * odd_y) / height
        ours = sample(np.array([FONTS.index(font)]), np.array([digit]), u, v)[0] < 0
        assert (ours & ink).sum() / (ours | ink).sum() > 0.85


def test_glyphs_hold_true_distances():
    distance = glyphs().distance
    step = 1.6 / (distance.shape[-1] - 1)
    for axis in (2, 3):
        assert np.abs(np.diff(distance, axis=axis)).max() < 1.4 * step  # 1-Lipschitz, but for rounding


def test_the_label_is_the_digit_in_the_middle():
    """Alone, upright and unbent, the number is the labelled glyph; another label gives another picture."""
    alone = Config(train=1, test=1, seed=0, neighbours=0.0, warp=0.0)
    x, y = pixel_grid(32)
    u, v = np.repeat(x, 10, 0) * 0.8, np.repeat(y, 10, 0) * 0.8
    labels = np.arange(10)
    number = house_numbers.number(alone, labels, u, v, draws(10))
    font = draws(10).integer(len(FONTS))
    offset = number - sample(font, labels, u, v)
    assert np.ptp(offset, axis=(1, 2)).max() < 1e-5 and np.abs(offset).max() < 0.04  # the weight alone
    config = Config(train=1, test=1, seed=0)
    one, other = (house_numbers.house_numbers(config, l, draws(10)).astype(int) for l in (labels, (labels + 1) % 10))
    assert (np.abs(one - other).max((1, 2, 3)) > 20).all()


def test_neighbours_stand_on_both_sides():
    x, y = pixel_grid(64)
    u, v = np.repeat(x, 50, 0) * 1.6, np.repeat(y, 50, 0) * 1.6
    beside = Config(train=1, test=1, seed=0, neighbours=1.0, warp=0.0)
    ink = house_numbers.number(beside, np.full(50, 1), u, v, draws(50)) < 0
    assert (ink & (u < -0.75)).any((1, 2)).mean() > 0.4 and (ink & (u > 0.75)).any((1, 2)).mean() > 0.4
    alone = Config(train=1, test=1, seed=0, neighbours=0.0, warp=0.0)
    ink = house_numbers.number(alone, np.full(50, 1), u, v, draws(50)) < 0
    assert not (ink & (np.abs(u) > 0.75)).any()


def test_paint_is_lighter_or_darker_than_its_plate_equally_often():
    config = Config(train=1, test=1, seed=0)
    _, plate, paint = house_numbers.colours(config, draws(2000))
    lighter = paint.mean((1, 2, 3)) > plate.mean((1, 2, 3))
    assert lighter.mean() == pytest.approx(0.5, abs=0.05)


def test_nearest_neighbours_do_badly(rendered):
    train = rendered[0]["train"]
    rows = standard.draw_labelled(train.labels, seed=0)
    assert len(rows) == 1000 and set(np.bincount(train.labels[rows])) == {100}
    test = rendered[0]["test"]
    low, high = standard.LIMITS["raw_pixel_knn_error"]
    assert low < standard.knn_error((train.images[rows], train.labels[rows]), (test.images, test.labels)) < high


@pytest.mark.slow
def test_the_standard_holds(tmp_path, rendered):
    found = inspect(write_dataset(tmp_path / "digits", *rendered), tmp_path / "out")
    assert set(standard.LIMITS) <= set(found.measures) and not found.missed, found
