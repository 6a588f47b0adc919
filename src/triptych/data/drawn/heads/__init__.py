"""Rendered heads: lit heads of several people, turned and tipped, in place of the β-VAE paper's 3D faces.

The paper drew its faces from the Basel Face Model (Paysan et al. 2009), which needs a licence. These have the same
four factors, all combinations: identity, azimuth, elevation, and the azimuth of the light.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from triptych.base.config import Strict
from triptych.data.drawn._views import evenly, pixel_rays, to_pixels, view_rotations
from triptych.data.drawn.heads.shape import albedo, distance, identities, normals
from triptych.data.format import Chunks, Split

EXTENT, REACH = 1.16, 1.6  # the picture's half width; rays begin this far before the centre and end this far behind
SAMPLES = 2  # rays a pixel, in each direction
AMBIENT = 0.16
BOX = ((-0.84, 0.84), (-1.92, 1.2), (-1.0, 1.0))  # holds the head
CELL = 0.04


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


def draw(head: Tensor, azimuth: Tensor, elevation: Tensor, lights: Tensor, size: int) -> Tensor:
    """The head with coefficients (10,) in each of P poses (P,), angles in degrees, under each of L lights (L,), azimuth
    in degrees seen from the camera: uint8 (P, L, 1, size, size), on black."""
    rays, field = pixel_rays(size, SAMPLES, EXTENT, REACH), _baked(head)
    some = max(1, 2**15 // len(rays))  # poses at a time: their working arrays stay in a CPU's second-level cache
    parts = view_rotations(azimuth, elevation).split(some)
    return torch.cat([to_pixels(_light(head, field, rays, part, lights), size) for part in parts])


def _light(head: Tensor, field: Tensor, rays: Tensor, rotations: Tensor, lights: Tensor) -> Tensor:
    """Light of each ray, (P, L, rays) in [0, 1]."""
    n = len(rays)
    seen, points = _cast((rays @ rotations).flatten(0, 1), -rotations[:, 2].repeat_interleave(n, 0), head, field)
    turned = (rotations[seen // n] @ normals(points, head)[..., None])[..., 0]
    a = torch.deg2rad(lights)
    towards = torch.stack([a.sin(), torch.full_like(a, 0.35), a.cos()], -1)  # from a little above
    lit = (turned @ F.normalize(towards, dim=-1).T).clamp(min=0)
    light = torch.zeros(len(rotations) * n, len(lights))
    light[seen] = (albedo(points, head)[:, None] * (AMBIENT + (1 - AMBIENT) * lit)).pow(1 / 1.5)  # as a screen shows it
    return light.view(len(rotations), n, -1).transpose(1, 2)


def _cast(points: Tensor, back: Tensor, head: Tensor, field: Tensor, steps: int = 30) -> tuple[Tensor, Tensor]:
    """Rays from `points` along `back`, (n, 3) each in the head's coordinates. Returns which of them meet the head,
    int64 (m,), and where, (m, 3): each goes on by the distance that is free until it is there or past it."""
    left, gone = torch.arange(len(points)), torch.zeros(len(points))
    there: list[tuple[Tensor, Tensor]] = []
    for _ in range(steps):
        gap = _looked_up(field, points)
        done = gap < 4e-3
        hit = done.nonzero()[:, 0]
        there.append((left[hit], points[hit] + distance(points[hit], head)[:, None] * back[hit]))
        gone = gone + gap
        on = (~done & (gone < 2 * REACH)).nonzero()[:, 0]
        left, gone, back, points = left[on], gone[on], back[on], points[on] + gap[on, None] * back[on]
    return tuple(torch.cat(parts) for parts in zip(*there))


def _baked(head: Tensor) -> Tensor:
    """Distances on a lattice over BOX, (1, 1, z, y, x): looking them up is many times faster than working them out."""
    axes = [torch.linspace(low, high, round((high - low) / CELL) + 1) for low, high in BOX]
    z, y, x = torch.meshgrid(*reversed(axes), indexing="ij")
    return distance(torch.stack([x, y, z], -1).flatten(0, 2), head).view(1, 1, *z.shape)


def _looked_up(field: Tensor, points: Tensor) -> Tensor:
    low, high = torch.tensor(BOX).T
    at = (points - low) / (high - low) * 2 - 1
    found = F.grid_sample(field, at.view(1, 1, 1, -1, 3), align_corners=True, padding_mode="border")
    return found.flatten()


def _blocks(config: Config, angles: list[list[float]], size: int) -> Iterator[np.ndarray]:
    poses = torch.cartesian_prod(torch.tensor(angles[0]), torch.tensor(angles[1]))
    for head in identities(config.identities, config.seed):
        for part in poses.split(64):
            yield draw(head, *part.T, torch.tensor(angles[2]), size).flatten(0, 1).numpy()
