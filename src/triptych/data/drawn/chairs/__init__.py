"""Rendered chairs: turned chairs of several makes on white, in place of the 3D chairs (Aubry et al. 2014).

All combinations of how a chair's back and legs are made, how wide and how high it is, and the azimuth that it is seen
from, once around. Seen from 20° above, as half of the original's views are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.base.config import Strict
from triptych.data.drawn._views import evenly, pixel_rays, to_pixels, view_rotations
from triptych.data.drawn.chairs.parts import BACKS, LEGS, Solid, chair
from triptych.data.format import Chunks, Split

EXTENT = 1.12  # the picture's half width
SAMPLES = 3  # rays a pixel, in each direction: legs are thin
LIGHT = (-0.45, 0.75, 0.49)  # towards it, seen from the camera
AMBIENT = 0.30


class Config(Strict):
    """How many values of each factor. Makes of back and legs: the first so many of the lists in `_chairs_parts`."""

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


def draw(parts: list[Solid], azimuth: Tensor, elevation: float, size: int) -> Tensor:
    """The thing made of `parts` from each azimuth (n,), in degrees: uint8 (n, 1, size, size)."""
    rotations = view_rotations(azimuth, torch.full_like(azimuth, elevation))
    some = max(1, 2**16 // (size * SAMPLES) ** 2)  # poses at a time: their working arrays stay in the cache
    return torch.cat([to_pixels(_light(parts, part, size), size) for part in rotations.split(some)])


def _light(parts: list[Solid], rotations: Tensor, size: int) -> Tensor:
    """Light of each ray, (n, rays): of the part that it meets first, white where there is none."""
    x, y, _ = pixel_rays(size, SAMPLES, EXTENT, 0.0).T
    nearest = torch.full((len(rotations), len(x)), torch.inf)
    light = torch.ones_like(nearest)
    for solid in parts:
        depth, shade = _meet(solid, rotations, x, y)
        first = depth < nearest
        nearest, light = torch.where(first, depth, nearest), torch.where(first, shade, light)
    return light


def _meet(solid: Solid, rotations: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Depths (n, rays) where rays through (x, y) enter the solid, infinite where they miss, and its shade there.

    The rays are parallel, so the depth of a pair of planes is linear in x and y. A ray enters the solid with the last
    pair that it enters, unless it has left another one by then.
    """
    normals = solid.normals @ rotations.mT  # (n, K, 3), in view coordinates
    normals = torch.where(normals[..., 2:] < 0, -normals, normals)  # of the planes that look at the camera
    slope = normals[..., :2] / normals[..., 2:].clamp(min=1e-3)
    spread = solid.half / normals[..., 2].clamp(min=1e-3)
    centre = rotations @ solid.centre
    shift = -(slope * centre[:, None, :2]).sum(-1) - centre[:, None, 2]
    lit = (normals @ torch.nn.functional.normalize(torch.tensor(LIGHT), dim=0)).clamp(min=0)
    shades = solid.albedo * (AMBIENT + (1 - AMBIENT) * lit)
    enter = torch.full((len(rotations), len(x)), -torch.inf)
    leave, shade = -enter, torch.zeros_like(enter)
    for k in range(len(solid.half)):
        middle = slope[:, k, :1] * x + torch.addcmul(shift[:, k, None], slope[:, k, 1:], y)
        here = middle - spread[:, k, None]
        shade = torch.where(here > enter, shades[:, k, None], shade)
        enter, leave = torch.maximum(enter, here), torch.minimum(leave, middle.add_(spread[:, k, None]))
    return enter.masked_fill_(enter > leave, torch.inf), shade


def _blocks(factors: dict[str, list], elevation: float, size: int) -> Iterator[np.ndarray]:
    """A block of all azimuths for every chair."""
    makes = np.ndindex(*(len(factors[name]) for name in ("back", "legs", "width", "height")))
    for back, legs, width, height in makes:
        made = chair(factors["back"][back], factors["legs"][legs], factors["width"][width], factors["height"][height])
        yield draw(made, torch.tensor(factors["azimuth"]), elevation, size).numpy()
