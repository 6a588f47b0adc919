"""What rendered 3-D things share: a turned camera at infinity, several rays a pixel, and a grid of poses.

View coordinates: x to the right, y up, z towards the camera. A thing is turned by its azimuth (about y; its front,
+z, goes to the right) and then tipped by the elevation from which it is seen (from above, where positive).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from triptych.base.pixels import unit_to_uint8_half_up


def view_rotations(azimuth: Tensor, elevation: Tensor) -> Tensor:
    """Angles in degrees (...) -> matrices (..., 3, 3) that take a thing's coordinates to the view's."""
    a, e = torch.deg2rad(azimuth), torch.deg2rad(elevation)
    one, zero = torch.ones_like(a), torch.zeros_like(a)
    turn = torch.stack([a.cos(), zero, a.sin(), zero, one, zero, -a.sin(), zero, a.cos()], -1)
    tip = torch.stack([one, zero, zero, zero, e.cos(), -e.sin(), zero, e.sin(), e.cos()], -1)
    return tip.unflatten(-1, (3, 3)) @ turn.unflatten(-1, (3, 3))


def pixel_rays(size: int, samples: int, extent: float, distance: float) -> Tensor:
    """Origins, in view coordinates, of `samples`² parallel rays (0, 0, −1) a pixel: ((size·samples)², 3), row by row
    from the upper left. The picture spans −extent … extent."""
    n = size * samples
    at = ((torch.arange(n, dtype=torch.float32) + 0.5) / n * 2 - 1) * extent
    y, x = torch.meshgrid(-at, at, indexing="ij")
    return torch.stack([x, y, torch.full_like(x, distance)], -1).flatten(0, 1)


def to_pixels(light: Tensor, size: int) -> Tensor:
    """Light of each ray in [0, 1], (..., (size·samples)²) -> uint8 (..., 1, size, size): means over each pixel."""
    samples = math.isqrt(light.shape[-1]) // size
    fine = light.reshape(*light.shape[:-1], 1, size, samples, size, samples)
    return unit_to_uint8_half_up(fine.mean((-3, -1)))


def evenly(low: float, high: float, n: int) -> list[float]:
    """`n` values from `low` to `high`; their middle if n = 1."""
    return [round(low + (high - low) * i / (n - 1), 6) for i in range(n)] if n > 1 else [(low + high) / 2]
