"""The picture of the failure study: inputs over their translations and the way back, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from triptych.cyclegan.studies.failure_case.protocol import Ways
from triptych.draw.sheets import Panel, save_sheet

ROWS = ("input", "output", "way back")


def draw_ways(ways: Ways, names: Sequence[str], path: Path, how_trained: str, n: int = 7) -> dict[str, Any]:
    """`names`: what the domains x and y are. Left x -> y, right y -> x; the first `n` test images of each."""
    halves = [(ways.x, ways.x_to_y, ways.x_back), (ways.y, ways.y_to_x, ways.y_back)]
    titles = [f"{a} → {b}" for a, b in (names, reversed(names))]
    panels = [Panel(np.stack([images[:n] for images in rows]), title) for rows, title in zip(halves, titles)]
    save_sheet([replace(panels[0], rows=ROWS), panels[1]], path, tile=96)
    return {
        "caption": f"CycleGAN between {names[0]} (left) and {names[1]} (right), {how_trained}: the first {n} test "
        "images of each; nothing is picked.",
        "numbers": {},
    }
