"""Sheets to step through: which parts of a sheet a slider of the page shows, one beside the other, at each step."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence

from PIL import Image, ImageOps

Place = tuple[float, float, float, float]  # left, top, width, height, in parts of the sheet's
Frames = Sequence[
    Sequence[Sequence[Sequence[Place]]]
]  # blocks, their lines, in these pieces, their places at each step

STEPS = {  # sheets to step through: what a step is
    **dict.fromkeys(("traversals", "interpolation", "turn", "translations", "to_photo", "to_labels"), "column"),
    **dict.fromkeys(("texture", "texture_identity", "geometry", "geometry_identity"), "row"),
    "forgetting": "block",
}
NAMED = {"translations": 19, "to_photo": 35, "to_labels": 35}  # pixels of the words over each column, where it has some
GAP = 2  # pixels between two tiles of a sheet


def frames_of(sheet: str, png: bytes) -> Frames:
    """Of a sheet of this name; () of one that nobody steps through, and where `draw.sheets` did not write into the file
    where its blocks lie. A piece with one place stands still: words, and blocks of one or two columns."""
    with Image.open(io.BytesIO(png)) as image:
        blocks = json.loads(getattr(image, "text", {}).get("blocks", "[]"))
        ink, side = ImageOps.invert(image.convert("L")), image.size * 2
    if sheet not in STEPS or not blocks:
        return ()
    if STEPS[sheet] == "block":
        ends = [b["x"] for b in blocks[1:]] + [side[0]]
        found = [[[[(b["x"], b["y"], end - b["x"], b["height"]) for b, end in zip(blocks, ends)]]]]
    else:
        found = [_lines(b, ink, STEPS[sheet], NAMED.get(sheet, 0)) for b in blocks]
    return [
        [[[tuple(round(n / of, 6) for n, of in zip(at, side)) for at in piece] for piece in line] for line in lines]
        for lines in found
    ]


def _lines(block: Mapping[str, int], ink: Image.Image, step: str, over: int) -> list[list[list[Place]]]:
    """Of one block of square tiles, in pixels: its title, and below it the tiles with their words."""
    x, y, beside, columns, across = (block[name] for name in ("x", "y", "left", "columns", "step"))
    down = block["tile"] + GAP
    rows, head = divmod(block["height"] + GAP, down)
    over = min(over, head)
    left, top, high, wide = x + beside, y + head - over, over + rows * down, columns * across
    written = ink.crop((left, y, left + wide, top)).getbbox() if top > y else None
    title = [(left, y, written[2] + 1, top - y)] if written else []
    words = [(x, top, beside, high)] if beside else []
    if step == "row":
        words, tiles = [], [(x, top + k * down, beside + wide, down) for k in range(rows)]
    elif columns > 2:
        tiles = [(left + k * across, top, across, high) for k in range(columns)]
    else:
        tiles = [(left, top, wide, high)]
    lines = [[piece for piece in line if piece] for line in ([title], [words, tiles])]
    return [line for line in lines if line]
