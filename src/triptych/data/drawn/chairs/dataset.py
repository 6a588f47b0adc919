"""Rendered chairs: turned chairs of several makes on white, in place of the 3D chairs (Aubry et al. 2014).

All combinations of how a chair's back and legs are made, how wide and how high it is, and the azimuth that it is seen
from, once around. Seen from 20° above, as half of the original's views are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from pydantic import Field

from triptych.base.config import Strict
from triptych.data.drawn.chairs.parts import BACKS, LEGS, chair
from triptych.data.drawn.chairs.rays import draw
from triptych.data.drawn.views import evenly
from triptych.data.format import Chunks, Split


class Config(Strict):
    """How many values of each factor. Makes of back and legs: the first so many of the lists in `parts`."""

    backs: int = Field(4, gt=0, le=len(BACKS))
    legs: int = Field(4, gt=0, le=len(LEGS))
    widths: int = Field(4, gt=0)
    heights: int = Field(2, gt=0)
    azimuths: int = Field(31, gt=0)
    elevation: float = Field(20, ge=0, le=60)  # degrees


def render(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """One split `train`: all combinations in row-major order over (back, legs, width, height, azimuth)."""
    factors = {
        "back": list(BACKS)[: config.backs],
        "legs": list(LEGS)[: config.legs],
        "width": evenly(0.34, 0.66, config.widths),
        "height": evenly(0.62, 0.86, config.heights),
        "azimuth": [round(360 * k / config.azimuths, 4) for k in range(config.azimuths)],
    }
    sizes = [len(values) for values in factors.values()]
    count = int(np.prod(sizes))
    card = {
        "title": "rendered chairs",
        "source": "rendered",
        "licence": "drawn by this project, under its licence",
        "made_by": "triptych.data.drawn.chairs",
        "parameters": config.model_dump(),
        "factors": [{"name": name, "values": values} for name, values in factors.items()],
    }
    images = Chunks((count, 1, size, size), "uint8", _blocks(factors, config.elevation, size))
    indices = np.stack(np.unravel_index(np.arange(count), sizes), axis=1).astype(np.int64)
    return {"train": Split(images, factors=indices)}, card


def _blocks(factors: dict[str, list], elevation: float, size: int) -> Iterator[np.ndarray]:
    """A block of all azimuths for every chair."""
    makes = np.ndindex(*(len(factors[name]) for name in ("back", "legs", "width", "height")))
    for back, legs, width, height in makes:
        made = chair(factors["back"][back], factors["legs"][legs], factors["width"][width], factors["height"][height])
        yield draw(made, torch.tensor(factors["azimuth"]), elevation, size).numpy()
