"""The 2D shapes of the β-VAE paper (dSprites, Matthey et al. 2017), re-rendered.

Five factors, all combinations: 3 shapes, 6 scales, 40 orientations, 32 x and 32 y positions: 737,280 binary
images. The geometry was measured on the 64×64 animation of the official repository; the published file was
drawn by other software, and 0.1 to 0.5 % of the sprite pixels differ from it. Tables say "dSprites
(re-rendered)".

Lengths are in pixels of the 64×64 canvas (other sizes scale them), y runs down, pixel (i, j) has its centre
at (i + 0.5, j + 0.5). Nothing is smoothed: a pixel is on where its centre lies inside the sprite. On is 255,
as white is in every other dataset here (the published file stores 1).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from pydantic import Field

from triptych.base.config import Strict
from triptych.data.format import Chunks, Split

NAMES = ("shape", "scale", "orientation", "x", "y")
SIZES = (3, 6, 40, 32, 32)
SHAPES = ("square", "ellipse", "heart")

SQUARE_HALF_SIDE = 9.6
ELLIPSE_AXES = (12.8, 7.2)
# Radii of the heart at scale 1, every 5° from straight up to straight down; straight edges between
HEART_RADII = (
    6.05, 6.57, 7.98, 8.90, 9.70, 10.28, 10.75, 11.03, 11.18, 11.30, 11.23, 11.13, 10.90, 10.57, 10.23, 9.70,
    9.20, 8.68, 8.05, 7.68, 7.18, 6.95, 6.55, 6.38, 6.15, 6.03, 5.97, 5.90, 5.93, 5.97, 6.10, 6.25, 6.45,
    6.85, 7.37, 8.02, 9.55,
)  # fmt: skip
_REACH = (SQUARE_HALF_SIDE * math.sqrt(2), max(ELLIPSE_AXES), max(HEART_RADII))

_BLOCK = 256  # images drawn at a time: their working arrays stay in a CPU's second-level cache


class Config(Strict):
    """Which part of the full grid is stored: of each factor's values every n-th, from the first on."""

    # so that two different values are left of each: a metric cannot ask for a factor that never changes
    scale_every: int = Field(1, gt=0, le=5)
    orientation_every: int = Field(1, gt=0, le=38)
    x_every: int = Field(1, gt=0, le=31)
    y_every: int = Field(1, gt=0, le=31)


def render(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """The stored grid in row-major order over (shape, scale, orientation, x, y), as one split `train`.

    `factors.npy` holds indices into the stored grid; the card's `factors` hold the values behind them. Images
    are made while they are written, so the full grid at 64×64 (3 GB) needs little memory.
    """
    grid = stored_grid(config)
    sizes = tuple(len(indices) for indices in grid)
    count = math.prod(sizes)
    images = Chunks((count, 1, size, size), "uint8", _blocks(grid, size))
    factors = factors_of(torch.arange(count), sizes).numpy()
    values = factor_values()
    card = {
        "title": "dSprites (re-rendered)",
        "source": "rendered",
        "licence": "drawn by this project, under its licence",
        "made_by": "triptych.data.drawn.shapes",
        "factors": [
            {"name": name, "values": [all_values[i] for i in indices]}
            for name, all_values, indices in zip(NAMES, values, grid)
        ],
    }
    return {"train": Split(images=images, factors=factors)}, card


def stored_grid(config: Config) -> tuple[list[int], ...]:
    """Indices into the full grid that are stored, per factor."""
    every = (1, config.scale_every, config.orientation_every, config.x_every, config.y_every)
    return tuple(list(range(0, size, step)) for size, step in zip(SIZES, every))


def factor_values() -> tuple[list[float], ...]:
    """Values of the full grid: shape 1, 2, 3; scale; angle in radians (0 and 2π); x and y in [0, 1]."""
    position = [i / 31 for i in range(32)]
    scales = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    return [1, 2, 3], scales, [2 * math.pi * i / 39 for i in range(40)], position, position


def factors_of(index: torch.Tensor, sizes: Sequence[int] = SIZES) -> torch.Tensor:
    """Row-major index, int64 (…) -> factor indices, int64 (…, 5). Inverse of `index_of`."""
    return torch.stack(torch.unravel_index(index, tuple(sizes)), dim=-1)


def index_of(factors: torch.Tensor, sizes: Sequence[int] = SIZES) -> torch.Tensor:
    """Factor indices, int64 (…, 5) -> row-major index, int64 (…), in a grid of these sizes."""
    bases = [math.prod(sizes[k + 1 :]) for k in range(len(sizes))]
    return (factors * torch.tensor(bases, device=factors.device)).sum(-1)


def draw(factors: torch.Tensor, size: int = 64, device: torch.device | str | None = None) -> torch.Tensor:
    """Factor indices of the full grid, int64 (N, 5) -> images of 0 and 255, uint8 (N, 1, size, size).

    Drawn on `device`, by default where `factors` are. Raises ValueError where an index is out of range.
    """
    factors = factors.to(device) if device is not None else factors
    limits = torch.tensor(SIZES, device=factors.device)
    if factors.ndim != 2 or factors.shape[1] != 5 or bool(((factors < 0) | (factors >= limits)).any()):
        raise ValueError(f"factors must be (N, 5) indices below {SIZES}; got shape {tuple(factors.shape)}")
    out = torch.zeros((len(factors), size * size), dtype=torch.uint8, device=factors.device)
    step = _BLOCK if factors.device.type == "cpu" else 64 * _BLOCK
    for shape, reach in enumerate(_REACH):
        for rows in (factors[:, 0] == shape).nonzero()[:, 0].split(step):
            _draw_shape(out, rows, factors[rows], shape, reach, size)
    return out.view(-1, 1, size, size)


def _draw_shape(
    out: torch.Tensor, rows: torch.Tensor, factors: torch.Tensor, shape: int, reach: float, size: int
) -> None:
    """Draw images of one shape into `out[rows]`; only the window of pixels that it can reach is looked at."""
    unit = size / 64
    window = min(size, math.ceil(2 * reach * unit) + 1)
    _, scale, orientation, x, y = factors.unbind(1)
    scale = (0.5 + 0.1 * scale.float()) * unit
    angle = (orientation % 39).float() * (2 * math.pi / 39)  # index 39 is 2π: the same pose as 0, bit by bit
    cos, sin = angle.cos() / scale, angle.sin() / scale
    centre = (16 + torch.stack([x, y]) * (32 / 31)) * unit
    corner = (centre - reach * unit).floor().long().clamp(0, size - window)
    steps = torch.arange(window, device=out.device)
    dx, dy = (corner - centre + 0.5)[..., None] + steps  # (n, window) each: pixel centre less sprite centre
    u = (cos[:, None] * dx)[:, None, :] - (sin[:, None] * dy)[:, :, None]
    v = (sin[:, None] * dx)[:, None, :] + (cos[:, None] * dy)[:, :, None]
    inside = _INSIDE[shape](u, v).flatten(1)
    first = rows * (size * size) + corner[1] * size + corner[0]
    within = (steps[:, None] * size + steps).flatten()
    out.view(-1)[first[:, None] + within] = inside.to(torch.uint8).mul_(255)


def _in_square(u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return torch.maximum(u.abs(), v.abs()) <= SQUARE_HALF_SIDE


def _in_ellipse(u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    a, b = ELLIPSE_AXES
    return (u / a).square() + (v / b).square() <= 1


def _in_heart(u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Inside the star-shaped polygon: on the inner side of the edge that spans the pixel's direction."""
    u = u.abs()
    edge = (torch.atan2(u, -v) * (36 / math.pi)).long().clamp_(0, 35)
    a, b = _heart_edges(u.device)
    return a[edge] * u + b[edge] * v <= 1


@functools.cache
def _heart_edges(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The 36 edges of the heart's right half as lines a·u + b·v = 1."""
    radius = torch.tensor(HEART_RADII, dtype=torch.float64)
    angle = torch.arange(37, dtype=torch.float64) * (math.pi / 36)
    corners = torch.stack([radius * angle.sin(), -radius * angle.cos()], dim=1)
    pairs = torch.stack([corners[:-1], corners[1:]], dim=1)  # (36, 2 ends, 2 coordinates)
    a, b = torch.linalg.solve(pairs, torch.ones(36, 2, dtype=torch.float64)).float().to(device).T
    return a.contiguous(), b.contiguous()


_INSIDE = (_in_square, _in_ellipse, _in_heart)


def _blocks(grid: tuple[list[int], ...], size: int) -> Iterator[np.ndarray]:
    """All images of `grid`, in row-major order, a few thousand at a time."""
    sizes = [len(indices) for indices in grid]
    for index in torch.arange(math.prod(sizes)).split(4096):
        within = factors_of(index, sizes)
        full = torch.stack([torch.tensor(indices)[within[:, k]] for k, indices in enumerate(grid)], dim=1)
        yield draw(full, size).numpy()
