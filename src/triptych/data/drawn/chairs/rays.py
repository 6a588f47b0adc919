"""Chairs as a camera at infinity sees them: parallel rays, and the solid that each meets first."""

from __future__ import annotations

import torch
from torch import Tensor

from triptych.data.drawn.chairs.parts import Solid
from triptych.data.drawn.views import pixel_rays, to_pixels, view_rotations

EXTENT = 1.12  # the picture's half width
SAMPLES = 3  # rays a pixel, in each direction: legs are thin
LIGHT = (-0.45, 0.75, 0.49)  # towards it, seen from the camera
AMBIENT = 0.30


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
        depth, shade = meet(solid, rotations, x, y)
        first = depth < nearest
        nearest, light = torch.where(first, depth, nearest), torch.where(first, shade, light)
    return light


def meet(solid: Solid, rotations: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
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
