"""The picture of the failure study: inputs over their translations and the way back, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from triptych.cyclegan.studies.failure_case.protocol import Ways

ROWS = ("input", "output", "way back")
HEAD, SIDE, GAP = 18, 58, 2
TILE = 96  # pixels: small pictures are enlarged by the whole factor that fits, large ones shrunk


def draw_ways(ways: Ways, names: Sequence[str], path: Path, how_trained: str, n: int = 7) -> dict[str, Any]:
    """`names`: what the domains x and y are. Left x -> y, right y -> x; the first `n` test images of each."""
    from PIL import Image, ImageDraw

    halves = [(ways.x, ways.x_to_y, ways.x_back), (ways.y, ways.y_to_x, ways.y_back)]
    size = ways.x.shape[-1]
    tile = min(size * max(1, TILE // size), TILE)
    how = Image.Resampling.NEAREST if tile >= size else Image.Resampling.BOX
    width, step = n * (tile + GAP), tile + GAP
    picture = Image.new("RGB", (SIDE + 2 * width + 6 * GAP, HEAD + len(ROWS) * step), "white")
    draw = ImageDraw.Draw(picture)
    for row, name in enumerate(ROWS):
        draw.text((2, HEAD + row * step + tile // 2 - 6), name, fill="black")
    for half, rows in enumerate(halves):
        left = SIDE + half * (width + 6 * GAP)
        a, b = names if half == 0 else reversed(names)
        draw.text((left, 2), f"{a} -> {b}", fill="black")
        for row, images in enumerate(rows):
            for k, image in enumerate(images[:n]):
                enlarged = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).resize((tile, tile), how)
                picture.paste(enlarged, (left + k * step, HEAD + row * step))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    return {
        "caption": f"CycleGAN between {names[0]} (left) and {names[1]} (right), {how_trained}: the first {n} test "
        "images of each; nothing is picked.",
        "numbers": {},
    }
