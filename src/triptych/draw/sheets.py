"""Sheets of pictures: blocks of tiles with words over them, over their columns and beside their rows.

The one drawer of such sheets. Tiles keep their pixels: small ones are enlarged by a whole factor, large ones are
averaged. Columns and blocks are as wide as their words, so that no label covers another. A file depends on the
pictures and the words alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from triptych.draw.style import INK, MUTED, VERMILION

SIZE, LEADING = 13, 16  # pixels: letters, and from line to line
APART = 14  # pixels between two blocks


@dataclass(frozen=True)
class Panel:
    """A block of pictures. `tiles`: uint8 (rows, columns, C, H, W), one or three channels, or a Tensor of them on the
    CPU. Words may have several lines. Row names in `marked` are red."""

    tiles: Any
    title: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[str] = ()
    marked: Collection[str] = ()


def grid(images: Any, columns: int) -> np.ndarray:
    """uint8 (n, C, H, W) -> tiles (rows, columns, C, H, W), row by row; places that are left over are white."""
    images = np.asarray(images)
    missing = -len(images) % columns
    filler = np.full((missing, *images.shape[1:]), 255, np.uint8)
    return np.concatenate([images, filler]).reshape(-1, columns, *images.shape[1:])


def resized(images: Any, side: int) -> np.ndarray:
    """uint8 (n, C, h, w) -> (n, 3, side, side): sharp pixels where they grow, means where they shrink."""
    from PIL import Image

    images = _coloured(images)
    how = Image.Resampling.NEAREST if images.shape[-1] <= side else Image.Resampling.BOX
    made = [np.asarray(_picture(image).resize((side, side), how)) for image in images]
    return np.stack(made).transpose(0, 3, 1, 2)


def save_sheet(panels: Sequence[Panel], path: Path, *, tile: int = 64, gap: int = 2, across: int | None = None) -> None:
    """Write `panels` as a PNG, `across` of them in a line (all, if None). Its text "blocks" says where their columns
    lie: a JSON list of {"columns", "x", "y", "height", "left", "step", "tile"} in pixels; `left` from `x` on.

    `tile`: height of a tile in pixels; less where the whole factor that enlarges the tallest pictures does not reach
    it. `gap`: pixels between two tiles.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    height = max(panel.tiles.shape[3] for panel in panels)
    tile = min(height * max(1, tile // height), tile)
    blocks = [_block(panel, tile, gap) for panel in panels]
    lines = [blocks[at : at + (across or len(blocks))] for at in range(0, len(blocks), across or len(blocks))]
    rows = []
    for line in lines:
        head = max(head for _, head in line)  # the tiles of a line begin at one height
        rows.append([_padded(block, head - own) for block, own in line])
    widths = [max(row[k].width for row in rows if k < len(row)) for k in range(len(rows[0]))]
    heights = [max(block.height for block in row) for row in rows]
    sheet = Image.new("RGB", (_starts(widths)[-1] - APART, _starts(heights)[-1] - APART), "white")
    lie, left_to_tell = [], iter(panels)
    for row, y in zip(rows, _starts(heights)):
        for block, x in zip(row, _starts(widths)):
            sheet.paste(block, (x, y))
            lie.append({"x": x, "y": y, "height": block.height, **_columns(next(left_to_tell), tile, gap)})
    told = PngInfo()
    told.add_text("blocks", json.dumps(lie))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "PNG", optimize=True, pnginfo=told)


def _columns(panel: Panel, tile: int, gap: int) -> dict[str, int]:
    """Pixels from a block's left edge to its first column, from column to column, and of a tile's width."""
    _, columns, _, h, w = panel.tiles.shape
    wide = round(w * tile / h)
    step = max([wide, *(_size(words)[0] + 4 for words in panel.columns)]) + gap
    left = max([0, *(_size(words)[0] + 6 for words in panel.rows)])
    return {"columns": columns, "left": left, "step": step, "tile": wide}


def _block(panel: Panel, tile: int, gap: int) -> tuple[Any, int]:
    """A panel's picture, and the height of the words over its tiles."""
    from PIL import Image, ImageDraw

    rows, columns, _, h, _ = panel.tiles.shape
    left, step_x, wide = map(_columns(panel, tile, gap).get, ("left", "step", "tile"))
    step_y = max([tile, *(_size(words)[1] for words in panel.rows)]) + gap
    over = [_size(panel.title)[1], max([0, *(_size(words)[1] for words in panel.columns)])]
    head = sum(height + 3 for height in over if height)
    width = left + max(columns * step_x - gap, _size(panel.title)[0])
    block = Image.new("RGB", (width, head + rows * step_y - gap), "white")
    draw = ImageDraw.Draw(block)
    _write(draw, (left, 0), panel.title, INK, "left")
    for k, words in enumerate(panel.columns):
        _write(draw, (left + k * step_x + (step_x - gap) / 2, head - 3 - _size(words)[1]), words, MUTED, "center")
    for k, words in enumerate(panel.rows):
        colour = VERMILION if words in panel.marked else INK
        _write(draw, (left - 6, head + k * step_y + (step_y - gap - _size(words)[1]) / 2), words, colour, "right")
    how = Image.Resampling.NEAREST if tile >= h else Image.Resampling.BOX
    for row, images in enumerate(panel.tiles):
        for column, image in enumerate(_coloured(images)):
            x = left + column * step_x + (step_x - gap - wide) // 2
            y = head + row * step_y + (step_y - gap - tile) // 2
            block.paste(_picture(image).resize((wide, tile), how), (x, y))
    return block, head


def _starts(sides: Sequence[int]) -> list[int]:
    """Where blocks of these sides begin, `APART` from each other, and where one more would."""
    return list(accumulate((side + APART for side in sides), initial=0))


def _padded(block: Any, more: int) -> Any:
    """With `more` white pixels on top."""
    from PIL import ImageOps

    return ImageOps.expand(block, (0, more, 0, 0), "white") if more else block


def _coloured(images: Any) -> np.ndarray:
    """uint8 (n, C, h, w), one or three channels -> (n, 3, h, w)."""
    images = np.asarray(images)
    return np.broadcast_to(images, (len(images), 3, *images.shape[2:]))


def _picture(image: np.ndarray) -> Any:
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))


@cache
def _font() -> Any:
    """The letters of the charts: they have Greek, arrows and signs, which Pillow's own lack."""
    import matplotlib
    from PIL import ImageFont

    file = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
    return ImageFont.truetype(str(file), SIZE, layout_engine=ImageFont.Layout.BASIC)


def _size(words: str) -> tuple[int, int]:
    """Width and height in pixels."""
    if not words:
        return 0, 0
    lines = words.split("\n")
    return max(int(np.ceil(_font().getlength(line))) for line in lines), LEADING * len(lines)


def _write(draw: Any, at: tuple[float, float], words: str, colour: str, align: str) -> None:
    """Words at `at`: (left edge, middle or right edge; top)."""
    anchor = {"left": "la", "center": "ma", "right": "ra"}[align]
    for k, line in enumerate(words.split("\n") if words else []):
        draw.text((round(at[0]), round(at[1]) + k * LEADING), line, fill=colour, font=_font(), anchor=anchor)
