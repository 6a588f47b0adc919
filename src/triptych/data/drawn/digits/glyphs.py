"""Digits of real fonts as signed distance fields, made once: sharp at any size, and of any weight.

The fonts are those that come with matplotlib (DejaVu, STIX, Computer Modern), so no system font is needed.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSansMono-Bold",
    "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic",
    "STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta", "STIXGeneralItalic",
    "cmr10", "cmb10", "cmss10", "cmtt10",
)  # fmt: skip
CELL = 96  # samples along a side of a glyph's field
REACH = 0.8  # a field covers [-REACH, REACH]², a digit's height being 1
_FINE = 3  # the outline is taken at so many times the field's resolution


class Glyphs(NamedTuple):
    """In digit heights: `distance` (fonts, 10, CELL, CELL), negative inside; ink `width` (fonts, 10)."""

    distance: np.ndarray
    width: np.ndarray


@functools.cache
def glyphs() -> Glyphs:
    """All ten digits of all fonts, each as high as 1 and centred on its ink."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    drawn = [[_glyph(folder / f"{font}.ttf", str(digit)) for digit in range(10)] for font in FONTS]
    distance = np.array([[field for field, _ in row] for row in drawn], np.float32)
    return Glyphs(distance, np.array([[width for _, width in row] for row in drawn], np.float32))


def sample(font: np.ndarray, digit: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Distance, in digit heights, at points u (right), v (up), (n, h, w), of glyphs (font, digit), (n,) each.

    Bilinear. Points beyond the field get its border's value plus their distance from it.
    """
    fields = glyphs().distance.reshape(-1)
    base = ((font * 10 + digit) * CELL * CELL).astype(np.int32)[:, None, None]
    inside_u, inside_v = np.clip(u, -REACH, REACH), np.clip(v, -REACH, REACH)
    beyond = np.hypot(u - inside_u, v - inside_v)
    column = (inside_u + REACH) * ((CELL - 1) / (2 * REACH))
    row = (REACH - inside_v) * ((CELL - 1) / (2 * REACH))
    left, top = np.minimum(column.astype(np.int32), CELL - 2), np.minimum(row.astype(np.int32), CELL - 2)
    right_share, low_share = column - left, row - top
    at = base + top * CELL + left
    upper = fields[at] + right_share * (fields[at + 1] - fields[at])
    lower = fields[at + CELL] + right_share * (fields[at + CELL + 1] - fields[at + CELL])
    return upper + low_share * (lower - upper) + beyond


def _glyph(font: Path, digit: str) -> tuple[np.ndarray, float]:
    """(CELL, CELL) distances in digit heights, and the width of the ink in digit heights."""
    from PIL import Image
    from scipy.ndimage import distance_transform_edt

    side = CELL * _FINE
    height = side / (2 * REACH)
    trial = _ink(font, digit, side)
    inked = _ink(font, digit, round(side * height / trial.height))
    image = Image.new("L", (side, side))
    image.paste(inked, ((side - inked.width) // 2, (side - inked.height) // 2))
    ink = np.asarray(image) > 127
    distance = np.where(ink, 0.5 - distance_transform_edt(ink), distance_transform_edt(~ink) - 0.5)
    at = np.round(np.linspace(0, side - 1, CELL)).astype(int)
    return distance[np.ix_(at, at)] / height, inked.width / height


def _ink(font: Path, digit: str, points: int) -> Image.Image:
    """The digit, cropped to its ink (the box that the font tells holds the space beside it too)."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("L", (2 * points, 2 * points))
    face = ImageFont.truetype(str(font), points)
    ImageDraw.Draw(image).text((points / 2, points / 4), digit, fill=255, font=face)
    return image.crop(image.getbbox())
