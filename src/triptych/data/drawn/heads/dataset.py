"""Rendered heads: lit heads of several people, turned and tipped, in place of the β-VAE paper's 3D faces.

The paper drew its faces from the Basel Face Model (Paysan et al. 2009), which needs a licence. These have the same
four factors, all combinations: identity, azimuth, elevation, and the azimuth of the light.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from pydantic import Field

from triptych.base.config import Strict
from triptych.data.drawn.heads.rays import draw
from triptych.data.drawn.heads.shape import identities
from triptych.data.drawn.views import evenly
from triptych.data.format import Chunks, Split


class Config(Strict):
    """How many values of each factor, and the ranges of the angles in degrees (the angle grows to the right, and
    upwards)."""

    identities: int = Field(10, gt=0)
    azimuths: int = Field(15, gt=0)
    elevations: int = Field(5, gt=0)
    lights: int = Field(7, gt=0)
    azimuth: float = Field(75, gt=0, le=180)  # from −azimuth to azimuth
    elevation: float = Field(25, gt=0, le=60)
    light: float = Field(80, gt=0, le=90)
    seed: int = Field(0, ge=0)  # of the identities


def render(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """One split `train`: all combinations in row-major order over (identity, azimuth, elevation, light)."""
    angles = [
        evenly(-reach, reach, n)
        for reach, n in (
            (config.azimuth, config.azimuths),
            (config.elevation, config.elevations),
            (config.light, config.lights),
        )
    ]
    sizes = (config.identities, *map(len, angles))
    count = int(np.prod(sizes))
    factors = np.stack(np.unravel_index(np.arange(count), sizes), axis=1).astype(np.int64)
    images = Chunks((count, 1, size, size), "uint8", _blocks(config, angles, size))
    names = [f"head {i + 1}" for i in range(config.identities)]
    card = {
        "title": "rendered heads",
        "source": "rendered",
        "licence": "drawn by this project, under its licence",
        "made_by": "triptych.data.drawn.heads",
        "parameters": config.model_dump(),
        "factors": [
            {"name": name, "values": values}
            for name, values in zip(("identity", "azimuth", "elevation", "light"), (names, *angles))
        ],
    }
    return {"train": Split(images, factors=factors)}, card


def _blocks(config: Config, angles: list[list[float]], size: int) -> Iterator[np.ndarray]:
    poses = torch.cartesian_prod(torch.tensor(angles[0]), torch.tensor(angles[1]))
    for head in identities(config.identities, config.seed):
        for part in poses.split(64):
            yield draw(head, *part.T, torch.tensor(angles[2]), size).flatten(0, 1).numpy()
