"""A human head as smoothly blended ellipsoids: a signed distance, its normals, and how light the skin is.

Coordinates: x to the head's left (the picture's right when it faces us), y up, z out of the face; the head is about
1.4 wide and 2 high. `Identity` holds what differs from head to head; every coefficient is 0 for the mean head and
about ±1 at the ends, as a morphable model's are.
"""

from __future__ import annotations

import torch
from torch import Tensor

COEFFICIENTS = ("width", "length", "jaw", "nose", "brow", "eyes", "cheeks", "crown", "lips", "skin")


def identities(n: int, seed: int) -> Tensor:
    """Coefficients (n, 10) in [−1, 1]; head i depends on (seed, i) alone."""
    rows = [
        torch.rand(len(COEFFICIENTS), generator=torch.Generator().manual_seed(seed * 100_003 + i)) for i in range(n)
    ]
    return torch.stack(rows) * 2 - 1


def distance(p: Tensor, head: Tensor) -> Tensor:
    """Points (n, 3) -> about their distance from the surface of the head with coefficients (10,), negative inside."""
    width, length, jaw, nose, brow, eyes, cheeks, crown, lips, _ = head.tolist()
    x, y, z = p.unbind(-1)
    half = torch.stack([x.abs(), y, z], -1)  # left and right are alike
    w, h = 1 + 0.09 * width, 1 + 0.07 * length
    skull = _ellipsoid(p, (0, 0.24 * h, -0.14), (0.63 * w, (0.70 + 0.08 * crown) * h, 0.78))
    face = _ellipsoid(p, (0, -0.26 * h, 0.13), ((0.45 + 0.06 * jaw) * w, 0.66 * h, 0.53))
    out = _blend(skull, face, 0.14)
    out = _blend(out, _ellipsoid(p, (0, -0.74 * h, 0.42), (0.17 + 0.05 * jaw, 0.13, 0.15)), 0.12)
    out = _blend(out, _ellipsoid(p, (0, -1.1, -0.18), (0.36, 0.75, 0.36)), 0.08)
    out = _blend(
        out, _ellipsoid(half, ((0.31 + 0.03 * jaw) * w, -0.20, 0.44), (0.13 + 0.025 * cheeks, 0.16, 0.11)), 0.16
    )
    out = _blend(out, _ellipsoid(half, (0.17, 0.19, 0.57), (0.20, 0.06 + 0.015 * brow, 0.10 + 0.04 * brow)), 0.09)
    e = 0.215 + 0.035 * eyes
    out = -_blend(-out, _ellipsoid(half, (e, 0.05, 0.76), (0.15, 0.10, 0.17)), 0.07)  # sockets
    out = _blend(out, _ellipsoid(half, (e, 0.045, 0.53), (0.105, 0.075, 0.105)), 0.02)  # eyeballs
    tip = 0.11 + 0.045 * nose
    out = _blend(out, _ellipsoid(p, (0, -0.02, 0.64), (0.065, 0.22, 0.13)), 0.06)  # bridge
    out = _blend(out, _ellipsoid(p, (0, -0.19 - 0.03 * nose, 0.72), (tip * 0.9, tip * 0.85, 0.13 + 0.06 * nose)), 0.06)
    out = _blend(out, _ellipsoid(half, (0.09, -0.22 - 0.03 * nose, 0.66), (0.06, 0.055, 0.08)), 0.04)
    out = _blend(out, _ellipsoid(p, (0, -0.44 * h, 0.60), (0.17, 0.055 + 0.025 * lips, 0.085)), 0.05)
    ear = _ellipsoid(half, (0.63 * w, -0.02, -0.12), (0.07, 0.21, 0.13))
    return _blend(out, ear, 0.03)


def normals(p: Tensor, head: Tensor, step: float = 4e-3) -> Tensor:
    """Outward unit normals (n, 3) at points of the surface: central differences at the corners of a tetrahedron."""
    corners = torch.tensor([[1.0, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]])
    gradient = sum(c * distance(p + step * c, head)[:, None] for c in corners)
    return gradient / gradient.norm(dim=-1, keepdim=True).clamp(min=1e-9)


def albedo(p: Tensor, head: Tensor) -> Tensor:
    """How light the skin is at points of the surface, (n,) in [0, 1]: darker lips, brows and
    irises, whites of the eyes. There is no hair, as in the model that these stand for."""
    _, length, _, _, brow, eyes, _, _, lips, skin = head.tolist()
    x, y, z = p.unbind(-1)
    h, side = 1 + 0.07 * length, x.abs() - (0.215 + 0.035 * eyes)
    front = torch.sigmoid((z - 0.3) * 40)

    def spot(u: Tensor, v: Tensor, soft: float) -> Tensor:
        return torch.sigmoid((1 - (u.square() + v.square()).sqrt()) / soft) * front

    out = torch.full_like(x, 0.74 + 0.13 * skin)
    out = out * (1 - 0.40 * spot(x / 0.18, (y + 0.44 * h) / (0.055 + 0.025 * lips), 0.2))
    out = out * (1 - 0.55 * spot(x / 0.155, (y + 0.44 * h) / 0.014, 0.5))  # the line between the lips
    out = out * (1 - 0.60 * spot(side / 0.15, (y - 0.215 - 0.25 * side * side.abs()) / (0.035 + 0.012 * brow), 0.3))
    eye = spot(side / 0.10, (y - 0.045) / 0.055, 0.15)
    out = out + eye * (0.95 - out)
    return out * (1 - 0.9 * spot(side / 0.048, (y - 0.045) / 0.055, 0.15))


def _ellipsoid(p: Tensor, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Tensor:
    """About the distance from an ellipsoid: exact on it, to first order beside it."""
    r = torch.tensor(radii)
    q = (p - torch.tensor(centre)) / r
    k = q.norm(dim=-1)
    return k * (k - 1) / (q / r).norm(dim=-1).clamp(min=1e-9)


def _blend(a: Tensor, b: Tensor, width: float) -> Tensor:
    """The union of two bodies, rounded where they meet (a smooth minimum)."""
    mix = (width - (a - b).abs()).clamp(min=0) / width
    return torch.minimum(a, b) - mix.square() * (width / 4)
