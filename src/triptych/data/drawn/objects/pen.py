"""A pen that draws parts of things as signed distances, for many images at once.

A distance field (negative inside) says everything a part needs: an anti-aliased edge at any image size,
a rounded surface to light, an outline. Formulas: I. Quilez, "2D distance functions".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from triptych.data.drawn.noise import Draws

Number = float | np.ndarray  # one value, or (n, 1, 1): one value for each image
BODY, SECOND, LIGHT, DARK = range(4)  # the inks of a thing; their colours are free of its class


class Part(NamedTuple):
    """A piece of a thing: where it is, its ink, and how far inwards its surface curves (in its units)."""

    distance: np.ndarray  # (n, h, w), in units of the thing
    ink: int = BODY
    bevel: float = 0.25


class Pen:
    """Draws in a thing's own frame: x to the right, y up, the thing fills about [-1, 1]²."""

    def __init__(self, x: np.ndarray, y: np.ndarray, draws: Draws):
        self.x, self.y = x, y
        self._draws = draws
        self.vary = draws.uniform
        self.chance = draws.chance

    def disc(self, cx: Number, cy: Number, radius: Number) -> np.ndarray:
        return np.hypot(self.x - cx, self.y - cy) - radius

    def ellipse(self, cx: Number, cy: Number, rx: Number, ry: Number, angle: Number = 0.0) -> np.ndarray:
        """First-order distance: exact on the edge, off by little near it."""
        u, v = self._turned(cx, cy, angle)
        u, v = u / rx, v / ry
        level = np.hypot(u, v)
        return level * (level - 1) / np.maximum(np.hypot(u / rx, v / ry), 1e-6)

    def line(self, ax: Number, ay: Number, bx: Number, by: Number, width: Number, end: Number | None = None):
        """From a to b with round ends; `width` is the half width at a, `end` at b (as at a by default)."""
        dx, dy = bx - ax, by - ay
        px, py = self.x - ax, self.y - ay
        t = np.clip((px * dx + py * dy) / (dx * dx + dy * dy), 0, 1)
        return np.hypot(px - t * dx, py - t * dy) - (width if end is None else width + t * (end - width))

    def box(self, cx: Number, cy: Number, rx: Number, ry: Number, corner: Number = 0.0, angle: Number = 0.0):
        """Half widths rx, ry; `corner` is the radius of the corners."""
        u, v = self._turned(cx, cy, angle)
        u, v = np.abs(u) - (rx - corner), np.abs(v) - (ry - corner)
        outside = np.hypot(np.maximum(u, 0), np.maximum(v, 0))
        return outside + np.minimum(np.maximum(u, v), 0) - corner

    def polygon(self, *points: tuple[Number, Number]) -> np.ndarray:
        """Simple polygon, corners in order (either way round)."""
        nearest, inside = np.float32(np.inf), np.float32(1)
        for (ax, ay), (bx, by) in zip(points, points[-1:] + points[:-1]):
            ex, ey = bx - ax, by - ay
            px, py = self.x - ax, self.y - ay
            t = np.clip((px * ex + py * ey) / (ex * ex + ey * ey), 0, 1)
            nearest = np.minimum(nearest, (px - ex * t) ** 2 + (py - ey * t) ** 2)
            above, below, left = py >= 0, self.y < by, ex * py > ey * px
            crossed = (above & below & left) | ~(above | below | left)
            inside = np.where(crossed, -inside, inside)
        return inside * np.sqrt(nearest)

    def star(self, cx: Number, cy: Number, outer: Number, inner: Number, points: int, turn: Number = 0.0):
        """`points` tips at radius `outer`, notches at radius `inner`."""
        sector = np.pi / points
        u, v = self.x - cx, self.y - cy
        angle = np.arctan2(u, v) + turn
        angle = np.abs((angle + sector) % (2 * sector) - sector)  # fold to one half tip
        radius = np.hypot(u, v)
        u, v = radius * np.sin(angle), radius * np.cos(angle)
        ex, ey = inner * np.sin(sector), inner * np.cos(sector) - outer
        t = np.clip((u * ex + (v - outer) * ey) / (ex * ex + ey * ey), 0, 1)
        outside = np.where(u * -ey + (v - outer) * ex > 0, np.float32(1), np.float32(-1))
        return outside * np.hypot(u - t * ex, v - outer - t * ey)

    def above(self, level: Number, slope: Number = 0.0) -> np.ndarray:
        """The half plane over a line through (0, level)."""
        return level + slope * self.x - self.y

    def pick(self, probability: float, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """`first` in a share `probability` of the images, `second` in the rest."""
        return np.where(self.chance(probability), first, second)

    def absent(self, probability: float, distance: np.ndarray) -> np.ndarray:
        """The part is left out of a share `probability` of the images."""
        return np.where(self.chance(probability), np.float32(9), distance)

    def _turned(self, cx: Number, cy: Number, angle: Number) -> tuple[np.ndarray, np.ndarray]:
        u, v = self.x - cx, self.y - cy
        if isinstance(angle, float) and angle == 0.0:
            return u, v
        cos, sin = np.cos(angle), np.sin(angle)
        return u * cos + v * sin, v * cos - u * sin


def union(*distances: np.ndarray) -> np.ndarray:
    out = distances[0]
    for distance in distances[1:]:
        out = np.minimum(out, distance)
    return out


def both(*distances: np.ndarray) -> np.ndarray:
    """Where all of them are."""
    out = distances[0]
    for distance in distances[1:]:
        out = np.maximum(out, distance)
    return out


def ring(distance: np.ndarray, width: Number) -> np.ndarray:
    """The edge of a part, drawn with half width `width`."""
    return np.abs(distance) - width
