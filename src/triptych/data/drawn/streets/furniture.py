"""What stands along a street: trees, lamp posts, traffic lights, signs, bins."""

from __future__ import annotations

import math

from triptych.data.drawn.streets.world import Colour, Id, Material, Points, Scene, disc, rect

METAL = (0.36, 0.37, 0.38)
BARK = (0.20, 0.16, 0.12)
_SIGN_FACES = [(0.10, 0.25, 0.62), (0.75, 0.08, 0.08), (0.88, 0.88, 0.86), (0.85, 0.72, 0.10)]
_LAMPS = [(1.0, 0.13, 0.08), (1.0, 0.65, 0.1), (0.12, 0.95, 0.45)]


def leaf_colour(scene: Scene) -> Colour:
    """Mostly green, now and then autumn."""
    looks = scene.looks
    if looks.uniform() < 0.1:
        return (looks.uniform(0.45, 0.6), looks.uniform(0.28, 0.4), 0.08)
    green = looks.uniform(0.32, 0.52)
    return (green * looks.uniform(0.55, 0.95), green, green * looks.uniform(0.25, 0.6))


def ragged(scene: Scene, x: float, y: float, radius: float, n: int = 16) -> Points:
    """A leafy blob."""
    radii = scene.rng.uniform(0.72, 1.15, n) * radius
    return [
        (x + r * math.cos(2 * math.pi * k / n), y + r * math.sin(2 * math.pi * k / n))
        for k, r in enumerate(radii.tolist())
    ]


def tree(scene: Scene, x: float, z: float) -> None:
    """A street tree: a trunk and a crown of several blobs, the lower ones darker."""
    rng, colour = scene.rng, leaf_colour(scene)
    trunk, crown = float(rng.uniform(1.9, 2.9)), float(rng.uniform(1.3, 2.5))
    scene.cast(x - 0.15, x + 0.15, z, z + 0.3, trunk + crown)
    scene.cast_disc(x, z, trunk + crown, crown)
    stem = [(x - 0.17, 0), (x + 0.17, 0), (x + 0.12, trunk + crown * 0.6), (x - 0.12, trunk + crown * 0.6)]
    scene.front(Id.VEGETATION, Material.CLOTH, BARK, z, stem)
    tall = float(rng.uniform(0.9, 1.5))
    for k in range(8):
        dx, dy = rng.uniform(-0.8, 0.8) * crown, (k / 7 - 0.4) * crown * tall
        shade = 0.70 + 0.07 * k
        blob = ragged(scene, x + float(dx), trunk + crown * 1.1 + float(dy), crown * 0.62)
        scene.front(Id.VEGETATION, Material.FOLIAGE, tuple(c * shade for c in colour), z, blob)


def bush(scene: Scene, x: float, z: float, radius: float) -> None:
    colour = leaf_colour(scene)
    scene.cast(x - radius, x + radius, z, z + radius, radius * 1.2, contact=True)
    for k in range(3):
        blob = ragged(scene, x + (k - 1) * radius * 0.7, radius * 0.7, radius * 0.85)
        scene.front(Id.VEGETATION, Material.FOLIAGE, tuple(c * (0.8 + 0.12 * k) for c in colour), z, blob)


def post(scene: Scene, x: float, z: float, height: float, width: float = 0.17) -> None:
    scene.cast(x - width / 2, x + width / 2, z, z + width, height)
    scene.front(Id.POLE, Material.CLOTH, METAL, z, rect(x - width / 2, 0, x + width / 2, height))


def lamp_post(scene: Scene, x: float, z: float) -> None:
    """A tall post whose arm reaches over the road."""
    height, towards = float(scene.rng.uniform(6.0, 8.0)), -1 if x > 0 else 1
    post(scene, x, z, height, 0.2)
    arm = [
        (x, height - 0.1),
        (x + towards * 1.6, height + 0.25),
        (x + towards * 1.6, height + 0.42),
        (x, height + 0.1),
    ]
    scene.front(Id.POLE, Material.CLOTH, METAL, z, arm)


def traffic_light(scene: Scene, x: float, z: float, arm: bool) -> None:
    """Three lamps in a dark box on a post, and with `arm` a second set over the road."""
    post(scene, x, z, 3.9 if not arm else 5.6)
    lit = int(scene.looks.integers(3))
    _lights(scene, x, z, 2.75, lit)
    if arm:
        over = x + (-1 if x > 0 else 1) * 3.2
        scene.front(Id.POLE, Material.CLOTH, METAL, z, rect(min(x, over), 5.4, max(x, over), 5.6))
        _lights(scene, over, z, 4.6, lit)


def _lights(scene: Scene, x: float, z: float, y: float, lit: int) -> None:
    scene.front(Id.TRAFFIC_LIGHT, Material.CLOTH, (0.05, 0.05, 0.05), z, rect(x - 0.24, y, x + 0.24, y + 1.2))
    for k, colour in enumerate(_LAMPS):
        material = Material.LAMP if k == lit else Material.CLOTH
        face = colour if k == lit else tuple(c * 0.25 for c in colour)
        scene.front(Id.TRAFFIC_LIGHT, material, face, z, disc(x, y + 1.0 - 0.4 * k, 0.16, 0.17, 10))


def traffic_sign(scene: Scene, x: float, z: float) -> None:
    """A round, triangular or square face on a post; sometimes two faces."""
    post(scene, x, z, 2.9, 0.13)
    for y in (2.55, 1.8)[: 1 + int(scene.rng.uniform() < 0.35)]:
        kind, r = int(scene.rng.integers(4)), 0.42
        face = _SIGN_FACES[int(scene.looks.integers(len(_SIGN_FACES)))]
        shapes = (
            disc(x, y, r, r),
            [(x - r, y - r * 0.8), (x + r, y - r * 0.8), (x, y + r)],
            rect(x - r, y - r, x + r, y + r),
            [(x - r, y), (x, y - r), (x + r, y), (x, y + r)],
        )
        outline = shapes[kind]
        inner = [((px - x) * 0.6 + x, (py - y) * 0.6 + y) for px, py in outline]
        rim, middle = ((0.75, 0.08, 0.08), (0.9, 0.9, 0.88)) if kind < 2 else (face, tuple(c * 0.7 for c in face))
        scene.front(Id.TRAFFIC_SIGN, Material.PAINT, rim, z, outline)
        scene.front(Id.TRAFFIC_SIGN, Material.PAINT, middle, z, inner)


def direction_sign(scene: Scene, x: float, z: float) -> None:
    """A large board on two posts."""
    board = [(0.10, 0.25, 0.62), (0.85, 0.72, 0.10), (0.12, 0.42, 0.25)][int(scene.looks.integers(3))]
    for dx in (-0.7, 0.7):
        post(scene, x + dx, z, 3.9, 0.14)
    scene.front(Id.TRAFFIC_SIGN, Material.PAINT, board, z, rect(x - 1.1, 2.4, x + 1.1, 3.9))
    for y in (2.75, 3.25):
        scene.front(Id.TRAFFIC_SIGN, Material.PAINT, (0.9, 0.9, 0.88), z, rect(x - 0.8, y, x + 0.5, y + 0.2))


def bin_(scene: Scene, x: float, z: float) -> None:
    """A litter bin or a wheeled container: static or dynamic, both ignored in scoring."""
    wheeled = scene.rng.uniform() < 0.4
    width, height = (0.6, 1.1) if wheeled else (0.45, 0.9)
    colour = tuple(scene.looks.uniform(0.08, 0.5, 3).tolist())
    scene.cast(x - width / 2, x + width / 2, z, z + width, height, contact=True)
    body = rect(x - width / 2, 0, x + width / 2, height)
    scene.front(Id.DYNAMIC if wheeled else Id.STATIC, Material.PAINT, colour, z, body)
