"""The world of a street scene: a pinhole camera over a ground plane, and flat parts painted far to near.

World axes in metres: X to the right, Y up from the road, Z ahead; the camera stands at (0, height, 0) and
looks along Z. Screen coordinates are fractions of the image side, x to the right and y down, so one scene
serves every image size. Every part lies in a plane X = c, Y = c or Z = c, which lets a pixel's world position
be computed back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

Points = Sequence[tuple[float, float]]
Colour = tuple[float, float, float]

NEAR = 1.5  # parts are cut off at this distance in front of the camera


class Id(IntEnum):
    """Raw Cityscapes ids of what is drawn."""

    EGO, STATIC, DYNAMIC = 1, 4, 5
    ROAD, SIDEWALK, PARKING, RAIL_TRACK = 7, 8, 9, 10
    BUILDING, WALL, FENCE = 11, 12, 13
    POLE, TRAFFIC_LIGHT, TRAFFIC_SIGN = 17, 19, 20
    VEGETATION, TERRAIN, SKY = 21, 22, 23
    PERSON, RIDER = 24, 25
    CAR, TRUCK, BUS, TRAIN, MOTORCYCLE, BICYCLE = 26, 27, 28, 31, 32, 33


class Material(IntEnum):
    """How a part answers to light; see `materials.py`."""

    SKY, ASPHALT, PAVING, GRASS, FACADE, FOLIAGE = range(6)
    PAINT, GLASS, CLOTH, FENCE, MASONRY, LAMP, LINE = range(6, 13)


class Camera(NamedTuple):
    """Focal lengths and horizon in image sides, height in metres. x0 is where the street vanishes."""

    fx: float
    fy: float
    x0: float
    y0: float
    height: float

    def project(self, x: float, y: float, z: float) -> tuple[float, float]:
        return self.x0 + self.fx * x / z, self.y0 + self.fy * (self.height - y) / z


class Part(NamedTuple):
    """A polygon on the screen and what it shows. `detail`: four numbers that the material reads."""

    screen: list[tuple[float, float]]
    class_id: int
    material: int
    axis: int
    at: float
    facing: float
    colour: Colour
    detail: tuple[float, float, float, float]


class Scene:
    """Collects parts in painting order. `rng` decides what is where (the labels), `looks` how it looks."""

    def __init__(self, camera: Camera, shift: tuple[float, float] | None, rng, looks):
        self.camera = camera
        self.shift = shift  # of a shadow on the ground in X and Z, per metre of height; None without sun
        self.rng = rng
        self.looks = looks
        self.parts: list[Part] = []
        self.shadows: list[list[tuple[float, float]]] = []
        self.contacts: list[list[tuple[float, float]]] = []
        self._things: list[tuple[float, Callable[[], None]]] = []

    def front(self, class_id: int, material: int, colour: Colour, z: float, points: Points, detail=()) -> None:
        """A part in the plane Z = z, facing the camera; points are (X, Y)."""
        if z > NEAR:
            screen = [self.camera.project(x, y, z) for x, y in points]
            self._add(screen, class_id, material, 2, z, -1.0, colour, detail)

    def side(self, class_id: int, material: int, colour: Colour, x: float, points: Points, detail=()) -> None:
        """A part in the plane X = x, facing the street's middle; points are (Z, Y)."""
        screen = [self.camera.project(x, y, z) for z, y in _cut(points, 0)]
        self._add(screen, class_id, material, 0, x, -1.0 if x > 0 else 1.0, colour, detail)

    def flat(self, class_id: int, material: int, colour: Colour, points: Points, y: float = 0.0) -> None:
        """A horizontal part at height y; points are (X, Z)."""
        if y < self.camera.height:
            screen = [self.camera.project(x, y, z) for x, z in _cut(points, 1)]
            self._add(screen, class_id, material, 1, y, 1.0, colour, ())

    def cast(self, x0: float, x1: float, z0: float, z1: float, height: float, contact: bool = False) -> None:
        """The shadow of a box on the ground, and the darkness under it where it stands in `contact`."""
        base = [(x0, z0), (x1, z0), (x1, z1), (x0, z1)]
        if self.shift:
            sx, sz = self.shift[0] * height, self.shift[1] * height
            self._shade(self.shadows, _hull(base + [(x + sx, z + sz) for x, z in base]))
        if contact:
            self._shade(self.contacts, base)

    def cast_disc(self, x: float, z: float, height: float, radius: float) -> None:
        """The shadow of a ball at a height on the ground."""
        if self.shift:
            sx, sz = self.shift
            points = disc(x + sx * height, z + sz * height, radius * 1.1, radius * (1.1 + abs(sz) * 0.5), 10)
            self._shade(self.shadows, points)

    def later(self, z: float, draw: Callable[[], None]) -> None:
        """Draw a thing at distance z when its turn comes, far to near."""
        self._things.append((z, draw))

    def draw_things(self) -> None:
        for _, draw in sorted(self._things, key=lambda thing: -thing[0]):
            draw()
        self._things.clear()

    def _shade(self, into: list, points: Points) -> None:
        screen = [self.camera.project(x, 0.0, z) for x, z in _cut(points, 1)]
        if len(screen) > 2:
            into.append(screen)

    def _add(self, screen, class_id, material, axis, at, facing, colour, detail) -> None:
        if len(screen) > 2:
            detail = tuple(detail) + (0.0,) * (4 - len(detail))
            self.parts.append(Part(screen, int(class_id), int(material), axis, at, facing, colour, detail))


def disc(x: float, y: float, rx: float, ry: float, n: int = 12) -> list[tuple[float, float]]:
    """A polygon of n corners for an ellipse."""
    steps = [2 * math.pi * k / n for k in range(n)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in steps]


def rect(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _cut(points: Points, z_at: int) -> list[tuple[float, float]]:
    """Clip a polygon to Z >= NEAR, where Z is coordinate `z_at` of its points."""
    out: list[tuple[float, float]] = []
    for a, b in zip(points, [*points[1:], points[0]]):
        inside_a, inside_b = a[z_at] >= NEAR, b[z_at] >= NEAR
        if inside_a:
            out.append(a)
        if inside_a != inside_b:
            t = (NEAR - a[z_at]) / (b[z_at] - a[z_at])
            out.append((a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])))
    return out


def _hull(points: Points) -> list[tuple[float, float]]:
    """Convex hull (Andrew's monotone chain)."""

    def chain(ordered):
        kept: list[tuple[float, float]] = []
        for p in ordered:
            while len(kept) > 1 and _turn(kept[-2], kept[-1], p) <= 0:
                kept.pop()
            kept.append(p)
        return kept[:-1]

    ordered = sorted(points)
    return chain(ordered) + chain(ordered[::-1])


def _turn(a, b, c) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
