"""People of a street scene, on foot and on two wheels, and bicycles that stand about."""

from __future__ import annotations

from triptych.data.drawn.streets.world import Colour, Id, Material, Scene, disc, rect

RUBBER = (0.06, 0.06, 0.065)
_SKIN = [(0.80, 0.60, 0.48), (0.70, 0.48, 0.36), (0.48, 0.31, 0.22), (0.30, 0.19, 0.13)]
_HAIR = [(0.08, 0.06, 0.05), (0.22, 0.14, 0.08), (0.55, 0.42, 0.22), (0.45, 0.44, 0.43)]
_TROUSERS = [
    (0.10, 0.12, 0.20),
    (0.08, 0.08, 0.09),
    (0.30, 0.28, 0.24),
    (0.22, 0.26, 0.36),
    (0.45, 0.40, 0.32),
]
_FRAMES = [(0.08, 0.08, 0.09), (0.60, 0.10, 0.08), (0.12, 0.25, 0.55), (0.55, 0.56, 0.58), (0.10, 0.42, 0.24)]


def pick(scene: Scene, colours: list[Colour]) -> Colour:
    return colours[int(scene.looks.integers(len(colours)))]


def cloth(scene: Scene) -> Colour:
    """A jacket: often dark or grey, sometimes bright."""
    if scene.looks.uniform() < 0.5:
        grey = scene.looks.uniform(0.06, 0.5)
        return (grey, grey * 0.98, grey * 1.05)
    return tuple(scene.looks.uniform(0.08, 0.85, 3).tolist())


def person(scene: Scene, x: float, z: float) -> None:
    """Somebody on foot, in mid-step, at a distance z."""
    rng = scene.rng
    h = float(rng.uniform(1.55, 1.88))
    step, wide = float(rng.uniform(0.05, 0.24)), float(rng.uniform(0.21, 0.28))
    jacket, trousers, skin = cloth(scene), pick(scene, _TROUSERS), pick(scene, _SKIN)
    hair, coat = pick(scene, _HAIR), float(rng.uniform(0.40, 0.52)) * h
    scene.cast(x - 0.22, x + 0.22, z, z + 0.3, h)
    scene.cast(x - 0.25, x + 0.25, z - 0.1, z + 0.25, 0.0, contact=True)
    for sign in (-1, 1):
        foot = x + sign * step
        leg = [
            (x + sign * 0.03 - 0.1, 0.5 * h),
            (x + sign * 0.03 + 0.1, 0.5 * h),
            (foot + 0.09, 0),
            (foot - 0.09, 0),
        ]
        scene.front(Id.PERSON, Material.CLOTH, trousers, z, leg)
    body = [(x - wide, 0.80 * h), (x + wide, 0.80 * h), (x + wide * 0.8, coat), (x - wide * 0.8, coat)]
    scene.front(Id.PERSON, Material.CLOTH, jacket, z, body)
    for sign in (-1, 1):
        arm = [(x + sign * wide * 0.8, 0.81 * h), (x + sign * (wide + 0.05), 0.79 * h),
               (x + sign * (wide + 0.09), 0.47 * h), (x + sign * wide * 0.85, 0.47 * h)]  # fmt: skip
        scene.front(Id.PERSON, Material.CLOTH, tuple(c * 0.8 for c in jacket), z, arm)
    scene.front(Id.PERSON, Material.CLOTH, hair, z, disc(x, 0.925 * h, 0.115, 0.135, 10))
    if rng.uniform() < 0.6:  # the face is towards us
        scene.front(Id.PERSON, Material.CLOTH, skin, z, disc(x, 0.905 * h, 0.095, 0.11, 10))


def bicycle(scene: Scene, x: float, z: float, sideways: bool) -> None:
    """A bicycle from the side, or from its end: one wheel and a handlebar."""
    frame = pick(scene, _FRAMES)
    id_ = Id.BICYCLE
    if not sideways:
        scene.cast(x - 0.12, x + 0.12, z, z + 1.6, 0.8, contact=True)
        scene.front(id_, Material.CLOTH, RUBBER, z, disc(x, 0.34, 0.09, 0.34, 10))
        scene.front(id_, Material.PAINT, frame, z, rect(x - 0.07, 0.4, x + 0.07, 0.95))
        scene.front(id_, Material.PAINT, frame, z, rect(x - 0.3, 0.95, x + 0.3, 1.06))
        return
    scene.cast(x - 0.8, x + 0.8, z, z + 0.15, 0.7, contact=True)
    for place in (-0.52, 0.52):
        scene.front(id_, Material.CLOTH, RUBBER, z, disc(x + place, 0.35, 0.35, 0.35, 14))
        scene.front(id_, Material.CLOTH, (0.42, 0.42, 0.42), z, disc(x + place, 0.35, 0.24, 0.24, 12))
    bars = [(-0.55, 0.35, -0.1, 0.4), (-0.1, 0.4, 0.4, 0.85), (-0.2, 0.85, 0.4, 0.85),
            (-0.1, 0.4, -0.2, 0.95), (0.52, 0.35, 0.38, 1.05)]  # fmt: skip
    for x0, y0, x1, y1 in bars:
        bar = [(x + x0 - 0.04, y0 - 0.04), (x + x1 - 0.04, y1 - 0.04), (x + x1 + 0.04, y1 + 0.04),
               (x + x0 + 0.04, y0 + 0.04)]  # fmt: skip
        scene.front(id_, Material.PAINT, frame, z, bar)
    scene.front(id_, Material.CLOTH, RUBBER, z, rect(x - 0.33, 0.93, x - 0.08, 1.0))


def cyclist(scene: Scene, x: float, z: float, sideways: bool) -> None:
    """A bicycle and its rider, from behind or crossing."""
    bicycle(scene, x, z, sideways)
    _rider(scene, x, z, sideways, seat=0.95, helmet=scene.rng.uniform() < 0.5)


def motorcyclist(scene: Scene, x: float, z: float, ridden: bool) -> None:
    """A motorcycle from behind, with or without its rider."""
    id_, colour = Id.MOTORCYCLE, pick(scene, _FRAMES)
    scene.cast(x - 0.35, x + 0.35, z, z + 2.0, 1.0, contact=True)
    body = [
        (x - 0.2, 0.35),
        (x + 0.2, 0.35),
        (x + 0.36, 0.8),
        (x + 0.24, 1.1),
        (x - 0.24, 1.1),
        (x - 0.36, 0.8),
    ]
    scene.front(id_, Material.PAINT, colour, z, body)
    for sign in (-1, 1):
        scene.front(id_, Material.PAINT, (0.3, 0.3, 0.32), z, disc(x + sign * 0.5, 1.2, 0.12, 0.09, 8))
    scene.front(id_, Material.CLOTH, RUBBER, z, rect(x - 0.1, 0, x + 0.1, 0.68))
    scene.front(id_, Material.LAMP, (0.9, 0.1, 0.07), z, rect(x - 0.12, 0.85, x + 0.12, 0.96))
    if ridden:
        _rider(scene, x, z, False, seat=0.85, helmet=True)


def _rider(scene: Scene, x: float, z: float, sideways: bool, seat: float, helmet: bool) -> None:
    jacket, trousers = cloth(scene), pick(scene, _TROUSERS)
    scene.cast(x - 0.22, x + 0.22, z, z + 0.3, 1.75)
    id_ = Id.RIDER
    if sideways:
        leg = [(x - 0.22, seat + 0.1), (x - 0.02, seat + 0.1), (x + 0.2, 0.62), (x + 0.05, 0.25),
               (x - 0.06, 0.3), (x + 0.04, 0.62)]  # fmt: skip
        back = [(x - 0.25, seat), (x - 0.02, seat), (x + 0.3, seat + 0.55), (x + 0.08, seat + 0.66)]
        arm = [(x + 0.16, seat + 0.55), (x + 0.28, seat + 0.5), (x + 0.44, 1.08), (x + 0.36, 1.05)]
        scene.front(id_, Material.CLOTH, trousers, z, leg)
        scene.front(id_, Material.CLOTH, jacket, z, back)
        scene.front(id_, Material.CLOTH, tuple(c * 0.8 for c in jacket), z, arm)
        x += 0.28
    else:
        for sign in (-1, 1):
            leg = [(x + sign * 0.08, seat + 0.1), (x + sign * 0.25, seat + 0.1), (x + sign * 0.24, 0.35),
                   (x + sign * 0.13, 0.35)]  # fmt: skip
            scene.front(id_, Material.CLOTH, trousers, z, leg)
        back = [(x - 0.2, seat), (x + 0.2, seat), (x + 0.3, seat + 0.6), (x - 0.3, seat + 0.6)]
        scene.front(id_, Material.CLOTH, jacket, z, back)
    colour = pick(scene, _FRAMES) if helmet else pick(scene, _HAIR)
    scene.front(id_, Material.PAINT, colour, z, disc(x, seat + 0.77, 0.14, 0.16, 10))
