"""Chairs as convex solids: boxes, and upright columns of twelve sides.

Coordinates: x to the chair's left, y up, z to its front; the chair stands on y = FLOOR.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

FLOOR, SEAT = -0.82, -0.08  # heights; SEAT is the seat's upper side
THICK, DEPTH = 0.05, 0.44  # half a seat's thickness and depth
LEAN = 9.0  # degrees that a back leans backwards
WOOD, CUSHION, METAL = 0.72, 0.52, 0.42

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Solid:
    """The points that lie between K pairs of parallel planes: |normals · (p − centre)| ≤ half."""

    normals: Tensor  # (K, 3), of unit length
    half: Tensor  # (K,)
    centre: Tensor  # (3,)
    albedo: float


def box(centre: Point, half: Point, albedo: float = WOOD, lean: float = 0.0) -> Solid:
    """A box that, with its back's foot at the rear of the seat, leans back by `lean` degrees."""
    a = math.radians(lean)
    turn = torch.tensor([[1, 0, 0], [0, math.cos(a), math.sin(a)], [0, -math.sin(a), math.cos(a)]])
    foot = torch.tensor([0.0, SEAT, -DEPTH])
    return Solid(turn.T.contiguous(), torch.tensor(half), (torch.tensor(centre) - foot) @ turn.T + foot, albedo)


def column(centre: Point, radius: float, half: float, albedo: float = METAL, sides: int = 12) -> Solid:
    """An upright column: a regular prism."""
    angle = torch.arange(sides // 2) * (2 * math.pi / sides)
    around = torch.stack([angle.cos(), torch.zeros_like(angle), angle.sin()], 1)
    normals = torch.cat([torch.tensor([[0.0, 1, 0]]), around])
    return Solid(normals, torch.tensor([half] + [radius] * len(angle)), torch.tensor(centre), albedo)


def chair(back: str, legs: str, width: float, height: float) -> list[Solid]:
    """The parts of a chair: `width` is half the seat's, `height` the back's above the seat."""
    seat = box((0, SEAT - THICK, 0), (width, THICK, DEPTH), CUSHION)
    return [seat, *BACKS[back](width, height), *LEGS[legs](width)]


def _panel(width: float, height: float) -> list[Solid]:
    return [box((0, SEAT + height / 2, -DEPTH), (width, height / 2, 0.045), CUSHION, LEAN)]


def _posts(width: float, height: float, thick: float = 0.05) -> list[Solid]:
    return [
        box((side * (width - thick), SEAT + height / 2, -DEPTH), (thick, height / 2, thick), WOOD, LEAN)
        for side in (-1, 1)
    ]


def _ladder(width: float, height: float) -> list[Solid]:
    rungs = [
        box((0, SEAT + height * at, -DEPTH), (width, 0.06, 0.03), WOOD, LEAN) for at in (0.35, 0.65, 1 - 0.06 / height)
    ]
    return _posts(width, height) + rungs


def _bars(width: float, height: float) -> list[Solid]:
    top = box((0, SEAT + height - 0.06, -DEPTH), (width, 0.06, 0.05), WOOD, LEAN)
    inner = [
        box((at * width, SEAT + height / 2, -DEPTH), (0.028, height / 2, 0.028), WOOD, LEAN) for at in (-0.4, 0, 0.4)
    ]
    return [*_posts(width, height), top, *inner]


def _armchair(width: float, height: float) -> list[Solid]:
    arms = [
        part
        for side in (-1, 1)
        for part in (
            box((side * (width - 0.05), SEAT + 0.30, -0.02), (0.065, 0.035, DEPTH), WOOD),
            box((side * (width - 0.05), SEAT + 0.14, DEPTH - 0.10), (0.045, 0.14, 0.045), WOOD),
        )
    ]
    return _panel(width, height) + arms


def _four(width: float) -> list[Solid]:
    half = (SEAT - 2 * THICK - FLOOR) / 2
    corners = [(x * (width - 0.05), z * (DEPTH - 0.05)) for x in (-1, 1) for z in (-1, 1)]
    return [box((x, FLOOR + half, z), (0.05, half, 0.05)) for x, z in corners]


def _pedestal(width: float) -> list[Solid]:
    """A column on a round plate."""
    half = (SEAT - 2 * THICK - FLOOR) / 2
    return [column((0, FLOOR + half, 0), 0.075, half), column((0, FLOOR + 0.035, 0), 0.40, 0.035)]


def _sled(width: float) -> list[Solid]:
    """Two frames, each two legs on a runner."""
    half = (SEAT - 2 * THICK - FLOOR) / 2
    runners = [box((x * (width - 0.04), FLOOR + 0.04, 0), (0.04, 0.04, DEPTH), METAL) for x in (-1, 1)]
    back = [box((x * (width - 0.04), FLOOR + half, -DEPTH + 0.05), (0.04, half, 0.04), METAL) for x in (-1, 1)]
    return runners + back


def _panels(width: float) -> list[Solid]:
    """A closed side on the left and on the right."""
    half = (SEAT - 2 * THICK - FLOOR) / 2
    return [box((x * (width - 0.04), FLOOR + half, 0), (0.04, half, DEPTH)) for x in (-1, 1)]


def _swivel(width: float) -> list[Solid]:
    """A column on a cross of four feet."""
    half = (SEAT - 2 * THICK - FLOOR) / 2
    low = FLOOR + 0.05
    feet = [box((0, low, 0), (0.42, 0.05, 0.05), METAL), box((0, low, 0), (0.05, 0.05, 0.42), METAL)]
    return [column((0, FLOOR + half, 0), 0.07, half), *feet]


BACKS: dict[str, Callable[[float, float], list[Solid]]] = {
    "panel": _panel,
    "ladder": _ladder,
    "bars": _bars,
    "armchair": _armchair,
}
LEGS: dict[str, Callable[[float], list[Solid]]] = {
    "four": _four,
    "pedestal": _pedestal,
    "sled": _sled,
    "panels": _panels,
    "swivel": _swivel,
}
