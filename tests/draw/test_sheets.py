"""Sheets of pictures: which pixel is where, and that a file is the same on every run."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from triptych.draw import style
from triptych.draw.sheets import APART, LEADING, Panel, _size, grid, resized, save_sheet

HEAD = LEADING + 3


def tiles(*greys, side=8):
    """(1, n, 3, side, side), one grey each."""
    return np.array(greys, np.uint8)[None, :, None, None, None] * np.ones((1, 1, 3, side, side), np.uint8)


def drawn(panels, path, **options):
    save_sheet(panels, path, **options)
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


@pytest.mark.parametrize("side, height", [(8, 64), (48, 48), (64, 64), (256, 64)])
def test_small_pictures_grow_by_a_whole_factor_and_large_ones_shrink(tmp_path, side, height):
    halves = np.zeros((1, 2, 3, side, side), np.uint8)
    halves[..., : side // 2] = 200
    sheet = drawn([Panel(halves)], tmp_path / "s.png", gap=2)
    assert sheet.shape == (height, 2 * height + 2, 3)
    for left in (0, height + 2):  # whole pictures, neither cut nor squeezed
        assert (sheet[:, left : left + height // 2] == 200).all()
        assert (sheet[:, left + height // 2 : left + height] == 0).all()
    assert (sheet[:, height : height + 2] == 255).all()


def test_rows_columns_and_blocks_are_in_their_places(tmp_path):
    first, second = Panel(np.concatenate([tiles(10, 20), tiles(30, 40)])), Panel(tiles(50))
    sheet = drawn([first, second], tmp_path / "a/s.png", tile=16, gap=1)
    assert sheet.shape == (33, 33 + APART + 16, 3)
    assert [sheet[y, x, 0] for y, x in ((5, 5), (5, 25), (25, 5), (25, 25))] == [10, 20, 30, 40]
    assert sheet[5, 33 + APART + 5, 0] == 50 and (sheet[17:, 33:] == 255).all()
    below = drawn([first, second], tmp_path / "b.png", tile=16, gap=1, across=1)
    assert below.shape == (33 + APART + 16, 33, 3) and below[33 + APART + 5, 5, 0] == 50


def test_tiles_of_a_line_begin_at_one_height_under_their_words(tmp_path):
    sheet = drawn(
        [Panel(tiles(10), "two\nlines"), Panel(tiles(20)), Panel(tiles(30), "one")], tmp_path / "s.png", tile=16
    )
    top = 2 * LEADING + 3
    for grey in (10, 20, 30):
        assert np.argwhere(sheet[..., 0] == grey)[:, 0].max() == top + 15
        assert (sheet == [grey] * 3).all(2).sum() >= 16 * 16
    assert sheet[:top].min() < 100  # letters


def test_long_words_make_room_for_themselves(tmp_path):
    words = "a very long name of a column"
    sheet = drawn([Panel(tiles(10, 20), columns=[words, "b"])], tmp_path / "s.png", tile=16)
    at = [np.argwhere(sheet[HEAD + 8, :, 0] == grey).mean() for grey in (10, 20)]
    assert at[1] - at[0] > _size(words)[0]
    sheet = drawn([Panel(tiles(10), rows=[words])], tmp_path / "s.png", tile=16)
    assert sheet.shape[1] == _size(words)[0] + 6 + 16
    sheet = drawn([Panel(tiles(10), words)], tmp_path / "s.png", tile=16)
    assert sheet.shape[1] == _size(words)[0]


def test_names_of_rows_stand_beside_them_and_marked_ones_are_red(tmp_path):
    panel = Panel(np.concatenate([tiles(10), tiles(20)]), rows=["good", "bad"], marked={"bad"})
    sheet = drawn([panel], tmp_path / "s.png", tile=32)
    redness = sheet[:, : _size("good")[0], 0] - sheet[:, : _size("good")[0], 2]
    assert redness[:32].max() == 0 and redness[34:].max() > 100
    assert (sheet[:32, : _size("good")[0]] < 128).any()


def test_a_block_without_pictures_is_its_title(tmp_path):
    sheet = drawn([Panel(np.zeros((0, 3, 1, 8, 8), np.uint8), "no latent is used")], tmp_path / "s.png")
    assert sheet.shape[0] == HEAD - 2 and sheet.min() < 100


def test_grey_pictures_and_tensors_are_drawn_alike(tmp_path):
    grey = torch.arange(4, dtype=torch.uint8).reshape(1, 4, 1, 1, 1).expand(1, 4, 1, 8, 8) * 60
    a = drawn([Panel(grey)], tmp_path / "a.png")
    b = drawn([Panel(grey.expand(1, 4, 3, 8, 8).numpy())], tmp_path / "b.png")
    assert np.array_equal(a, b) and len(np.unique(a)) == 5


def test_every_pixel_keeps_its_colour(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (1, 4, 3, 32, 32), dtype=np.uint8)
    sheet = drawn([Panel(noise)], tmp_path / "s.png", tile=32, gap=0)
    assert np.array_equal(sheet, noise[0].transpose(2, 0, 3, 1).reshape(32, 128, 3))


def test_a_grid_goes_row_by_row_and_fills_up_with_white():
    images = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    assert grid(images, 2)[:, :, 0, 0, 0].tolist() == [[0, 1], [2, 255]]
    assert grid(images, 3).shape == (1, 3, 1, 2, 2)


def test_pictures_of_any_size_come_to_one_side():
    image = np.array([[0, 100], [200, 100]], np.uint8)[None, None]
    assert resized(image, 4)[0, 1].tolist() == np.kron(image[0, 0], np.ones((2, 2), int)).tolist()
    assert resized(image, 1).tolist() == [[[[100]]] * 3]


DRAW = """
import sys
from pathlib import Path

import numpy as np

from triptych.draw.sheets import Panel, save_sheet
from triptych.draw.style import chart

folder = Path(sys.argv[1])
noise = np.random.default_rng(0).integers(0, 256, (2, 3, 3, 16, 16), dtype=np.uint8)
save_sheet([Panel(noise, "β → α", ["a", "b", "c"], ["first", "second"], ["second"])], folder / "sheet.png")
with chart(folder / "chart.png", (4, 3)) as figure:
    figure.add_subplot().plot([1, 3, 2], label="β")
    figure.axes[0].legend()
"""


def test_files_are_the_same_in_every_process_and_name_no_library(tmp_path, monkeypatch):
    subprocess.run([sys.executable, "-c", DRAW, str(tmp_path / "a")], check=True)
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path / "b")])
    exec(DRAW, {})
    for name in ("sheet.png", "chart.png"):
        first, second = ((tmp_path / run / name).read_bytes() for run in ("a", "b"))
        assert first == second
        assert b"Software" not in first and b"atplotlib" not in first and b"tIME" not in first
        assert np.asarray(Image.open(tmp_path / "a" / name).convert("L")).std() > 10


def test_a_chart_has_the_style_of_the_report_inside_its_block_only(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    with style.chart(tmp_path / "a/c.png", (2, 1)) as figure:
        figure.add_subplot().plot([0, 1], color=style.BLUE)
        assert matplotlib.rcParams["font.size"] == style.RC["font.size"]
    assert dict(matplotlib.rcParams) == before
    picture = Image.open(tmp_path / "a/c.png")
    assert picture.size == (2 * style.DPI, style.DPI)
    blue = tuple(int(style.BLUE[i : i + 2], 16) for i in (1, 3, 5))
    assert (np.abs(np.asarray(picture.convert("RGB")).astype(int) - blue).max(2) < 8).any()
