"""Sheets to step through: that the page's windows lie where `draw.sheets` put the tiles."""

import numpy as np
import pytest
from PIL import Image

from triptych.draw.sheets import Panel, save_sheet
from triptych.report.frames import frames_of

SHADES = 20 * np.arange(1, 9, dtype=np.uint8).reshape(2, 4, 1, 1, 1)  # two rows, four columns
TILES = np.broadcast_to(SHADES, (2, 4, 3, 16, 16))


def frames(tmp_path, name, *panels, **options):
    """Of a sheet, with its pixels (grey) and a function: place -> its pixels."""
    save_sheet(panels, tmp_path / "sheet.png", tile=64, **options)
    grey = np.asarray(Image.open(tmp_path / "sheet.png").convert("L"))

    def shown(place):
        left, top, wide, high = np.round(np.array(place) * (grey.shape[::-1] * 2)).astype(int)
        return grey[top : top + high, left : left + wide]

    return frames_of(name, (tmp_path / "sheet.png").read_bytes()), shown


def shades(pixels):
    """The greys of tiles in a piece, as one reads; letters are in colours of their own or thinner than a tile."""
    wide = [value for value in np.unique(pixels) if (pixels == value).sum() >= 64 * 64]
    return [int(value) for value in wide if value != 255]


def test_columns_are_the_steps_of_a_path_under_their_title_and_beside_their_words(tmp_path):
    panels = [Panel(TILES, "a title", rows=["first", "second\nin two lines"]), Panel(TILES[:1, :2], "short")]
    blocks, shown = frames(tmp_path, "traversals", *panels, across=2)
    (title,), (words, moving) = blocks[0]
    assert [shades(shown(place)) for place in moving] == [[20, 100], [40, 120], [60, 140], [80, 160]]
    assert len(words) == len(title) == 1
    assert not shades(shown(words[0])) and (shown(words[0]) < 128).any()
    assert not shades(shown(title[0])) and (shown(title[0]) < 128).any()
    assert shown(title[0]).shape[1] < 100  # as wide as its words
    (_,), (still,) = blocks[1]  # two columns are no path
    assert [shades(shown(place)) for place in still] == [[20, 40]]


def test_words_over_a_column_move_with_it_and_the_title_stays(tmp_path):
    panels = [Panel(TILES, "a → b", ("input", "output", "way back", "truth"))] * 2
    blocks, shown = frames(tmp_path, "translations", *panels)
    for (title,), (moving,) in blocks:
        assert len(title) == 1 and [shades(shown(place)) for place in moving] == [
            [20, 100], [40, 120], [60, 140], [80, 160]
        ]  # fmt: skip
        assert all((shown(place)[:16] < 200).any() for place in moving)


def test_rows_are_the_steps_there_and_back(tmp_path):
    blocks, shown = frames(tmp_path, "geometry", Panel(TILES, "a → b", rows=("input", "output")), Panel(TILES, "b → a"))
    for (_,), (moving,) in blocks:
        assert [shades(shown(place)) for place in moving] == [[20, 40, 60, 80], [100, 120, 140, 160]]


def test_whole_blocks_are_the_steps_of_what_is_drawn_with_and_without(tmp_path):
    panels = [Panel(TILES[:, k : k + 1], text) for k, text in enumerate(("boxes:\nglasses", "samples", "without"))]
    (((moving,),),), shown = frames(tmp_path, "forgetting", *panels)
    assert [shades(shown(place)) for place in moving] == [[20, 100], [40, 120], [60, 140]]


@pytest.mark.parametrize("name", ["samples", "traversals"])
def test_a_sheet_without_steps_or_without_places_has_no_slider(tmp_path, name):
    Image.new("RGB", (64, 64)).save(tmp_path / "plain.png")
    assert frames_of(name, (tmp_path / "plain.png").read_bytes()) == ()
