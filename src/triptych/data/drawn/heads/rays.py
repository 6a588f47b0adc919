"""Heads as a camera at infinity sees them: parallel rays that go on until they meet the head, and its light there."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from triptych.data.drawn.heads.shape import albedo, distance, normals
from triptych.data.drawn.views import pixel_rays, to_pixels, view_rotations

EXTENT, REACH = 1.16, 1.6  # the picture's half width; rays begin this far before the centre and end this far behind
SAMPLES = 2  # rays a pixel, in each direction
AMBIENT = 0.16
BOX = ((-0.84, 0.84), (-1.92, 1.2), (-1.0, 1.0))  # holds the head
CELL = 0.04


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
