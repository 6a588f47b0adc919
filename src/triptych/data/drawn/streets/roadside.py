"""The rows of things that close a street on both sides: houses, hedges, walls, fences, open land."""

from __future__ import annotations

import math

from triptych.data.drawn.streets.furniture import leaf_colour, ragged, tree
from triptych.data.drawn.streets.world import Colour, Id, Material, Scene, rect

_PLASTER = [
    (0.72, 0.68, 0.60), (0.66, 0.58, 0.44), (0.62, 0.36, 0.26), (0.55, 0.54, 0.52), (0.74, 0.64, 0.52),
    (0.78, 0.77, 0.74), (0.48, 0.42, 0.36), (0.60, 0.48, 0.40), (0.44, 0.24, 0.19), (0.54, 0.58, 0.60),
]  # fmt: skip
_ROOFS = [(0.34, 0.16, 0.11), (0.20, 0.20, 0.22), (0.28, 0.22, 0.18)]


def plaster(scene: Scene) -> Colour:
    """A wall's colour, never twice quite the same."""
    base = _PLASTER[int(scene.looks.integers(len(_PLASTER)))]
    return tuple(float(min(0.9, c * f)) for c, f in zip(base, scene.looks.uniform(0.82, 1.12, 3)))


def row(scene: Scene, x: float, gap: tuple[float, float] | None, end: float, shares: dict[str, float]) -> None:
    """One side of the street along X = x up to Z = end, without the `gap` of a cross street.

    `shares` are the chances of house, hedge, wall, fence and open. Painted far to near.
    """
    rng, spans, z = scene.rng, [], -float(scene.rng.uniform(0, 12))
    while z < end:
        length = float(rng.uniform(8, 22))
        if gap and z < gap[1] and z + length > gap[0]:
            spans.append((z, gap[0] - z))
            z = gap[1]
            continue
        spans.append((z, length))
        z += length
    kinds = rng.choice(list(shares), len(spans), p=list(shares.values()))
    for (z, length), kind in reversed(list(zip(spans, kinds))):
        if length > 1.5:
            _ROWS[str(kind)](scene, x, z, length)


def house(scene: Scene, x: float, z: float, length: float) -> None:
    """A facade along the street, the end wall towards the camera, and a roof."""
    rng, looks = scene.rng, scene.looks
    height = float(rng.choice([3.3, 6.4, 9.6, 12.8, 16.0, 19.2], p=[0.05, 0.2, 0.27, 0.25, 0.15, 0.08])) + 0.6
    out = x + math.copysign(11, x)
    colour, roof = plaster(scene), _ROOFS[int(looks.integers(len(_ROOFS)))]
    detail = (
        looks.uniform(2.0, 3.6),
        looks.uniform(2.9, 3.4),
        float(looks.uniform() < 0.45),
        looks.uniform(0, 200),
    )
    scene.cast(min(x, out), max(x, out), z, z + length, height)
    if rng.uniform() < 0.55:  # a pitched roof: its street side leans back, the gable stands in the end wall
        ridge, rise = x + math.copysign(5.5, x), float(rng.uniform(2.0, 3.5))
        slope = [(z, height), (z + length, height), (z + length, height + rise), (z, height + rise)]
        scene.side(Id.BUILDING, Material.MASONRY, roof, x * 1.08, slope)
        gable = [(x, height), (ridge, height + rise), (out, height)]
        scene.front(Id.BUILDING, Material.MASONRY, colour, z, gable)
    scene.front(Id.BUILDING, Material.FACADE, tuple(c * 0.92 for c in colour), z, rect(x, 0, out, height), detail)
    scene.side(Id.BUILDING, Material.FACADE, colour, x, rect(z, 0, z + length, height), detail)
    eaves = rect(z, height - 0.35, z + length, height)
    scene.side(Id.BUILDING, Material.MASONRY, tuple(c * 0.75 for c in colour), x, eaves)


def hedge(scene: Scene, x: float, z: float, length: float) -> None:
    """Trees behind a hedge."""
    _backdrop(scene, x, z, length)
    _leafy(scene, x, z, length, float(scene.rng.uniform(0.9, 2.2)))


def wall(scene: Scene, x: float, z: float, length: float) -> None:
    height = float(scene.rng.uniform(1.7, 3.4))
    _backdrop(scene, x, z, length)
    scene.cast(min(x, x * 1.02), max(x, x * 1.02), z, z + length, height)
    colour = plaster(scene)
    scene.side(Id.WALL, Material.MASONRY, colour, x, rect(z, 0, z + length, height), (1.0, 0, 0, 0))
    coping = rect(z, height - 0.15, z + length, height)
    scene.side(Id.WALL, Material.CLOTH, tuple(c * 0.7 for c in colour), x, coping)


def fence(scene: Scene, x: float, z: float, length: float) -> None:
    height = float(scene.rng.uniform(1.2, 2.1))
    _backdrop(scene, x, z, length)
    wood = [(0.40, 0.29, 0.19), (0.22, 0.24, 0.25), (0.62, 0.62, 0.60)][int(scene.looks.integers(3))]
    scene.cast(min(x, x * 1.02), max(x, x * 1.02), z, z + length, height)
    rails = (scene.looks.uniform(0.35, 0.6), 0, 0, 0)
    scene.side(Id.FENCE, Material.FENCE, wood, x, rect(z, 0, z + length, height), rails)


def open_land(scene: Scene, x: float, z: float, length: float) -> None:
    """Grass, with a tree now and then and a house far back."""
    if scene.rng.uniform() < 0.5:
        house(scene, x * 2.5, z, length)
    far = x * 5
    scene.flat(Id.TERRAIN, Material.GRASS, _grass(scene), rect(x, z, far, z + length))
    _leafy(scene, x * 3.2, z, length, float(scene.rng.uniform(3, 7)))
    if scene.rng.uniform() < 0.7:
        place = z + length * float(scene.rng.uniform(0.3, 0.7))
        tree(scene, x * float(scene.rng.uniform(1.15, 1.6)), max(place, 4.0))


def grass(scene: Scene, x0: float, x1: float, z0: float, z1: float) -> None:
    scene.flat(Id.TERRAIN, Material.GRASS, _grass(scene), rect(x0, z0, x1, z1))


def skyline(scene: Scene, z: float, roofs: bool) -> None:
    """What stands at the end of the street: far roofs or tree tops."""
    rng, x = scene.rng, -1.2 * z
    if roofs:
        while x < 1.2 * z:
            width, height = float(rng.uniform(8, 20)), float(rng.uniform(5, 20))
            detail = (3.0, 3.2, 0.0, scene.looks.uniform(0, 200))
            shape = rect(x, 0, x + width, height)
            scene.front(Id.BUILDING, Material.FACADE, plaster(scene), z, shape, detail)
            x += width
        return
    while x < 1.2 * z:
        radius = float(rng.uniform(4, 9))
        blob = ragged(scene, x, radius * 0.6, radius)
        scene.front(Id.VEGETATION, Material.FOLIAGE, leaf_colour(scene), z, blob)
        x += radius * 0.9


def _grass(scene: Scene) -> Colour:
    dry = scene.looks.uniform(0, 1)
    return (0.24 + 0.22 * dry, 0.38 + 0.04 * dry, 0.12 + 0.06 * dry)


def _backdrop(scene: Scene, x: float, z: float, length: float) -> None:
    """Behind a wall or fence: a house set back, or a mass of leaves."""
    if scene.rng.uniform() < 0.4:
        house(scene, x * 1.7, z, length)
    else:
        _leafy(scene, x * 1.35, z, length, float(scene.rng.uniform(3.5, 7.5)))


def _leafy(scene: Scene, x: float, z: float, length: float, height: float) -> None:
    """A wall of leaves along X = x with a ragged top."""
    tops = (height * scene.rng.uniform(0.72, 1.12, 10)).tolist()
    crest = [(z + length * k / 9, top) for k, top in enumerate(tops)]
    outline = [(z, 0.0), *crest, (z + length, 0.0)]
    scene.cast(min(x, x * 1.1), max(x, x * 1.1), z, z + length, height * 0.85)
    scene.side(Id.VEGETATION, Material.FOLIAGE, leaf_colour(scene), x, outline)


_ROWS = {"house": house, "hedge": hedge, "wall": wall, "fence": fence, "open": open_land}
