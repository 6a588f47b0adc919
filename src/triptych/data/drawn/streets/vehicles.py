"""Vehicles of a street scene: cars, vans, trucks, buses and trams, seen from behind or from the front."""

from __future__ import annotations

from triptych.data.drawn.streets.world import Colour, Id, Material, Scene, disc, rect

RUBBER = (0.05, 0.05, 0.055)
GLASS = (0.10, 0.12, 0.15)
RED, WHITE, AMBER = (0.75, 0.06, 0.05), (1.0, 0.97, 0.88), (1.0, 0.55, 0.1)

_CAR_PAINTS = [
    (0.88, 0.88, 0.87), (0.62, 0.63, 0.65), (0.36, 0.37, 0.39), (0.10, 0.10, 0.11), (0.13, 0.20, 0.42),
    (0.58, 0.07, 0.07), (0.12, 0.30, 0.20), (0.66, 0.58, 0.44), (0.80, 0.66, 0.12), (0.28, 0.45, 0.62),
]  # fmt: skip
_CAR_SHARES = [0.20, 0.20, 0.16, 0.18, 0.09, 0.07, 0.02, 0.03, 0.02, 0.03]
_LIVERIES = [
    (0.85, 0.70, 0.10),
    (0.75, 0.10, 0.08),
    (0.88, 0.88, 0.86),
    (0.12, 0.28, 0.62),
    (0.15, 0.48, 0.32),
]
_CARGO = [(0.85, 0.85, 0.83), (0.55, 0.58, 0.62), (0.20, 0.32, 0.55), (0.72, 0.30, 0.12), (0.30, 0.42, 0.30)]


def paint(scene: Scene) -> Colour:
    """A car's colour, as often as it is seen on the street."""
    return _CAR_PAINTS[int(scene.looks.choice(len(_CAR_PAINTS), p=_CAR_SHARES))]


def seen_side(x: float, width: float) -> float | None:
    """X of the flank that the camera sees of a body centred on x, or None if it sees only the end."""
    edge = x - width / 2 if x > 0 else x + width / 2
    return edge if edge * x > 0 else None


def box(scene: Scene, class_id: int, colour: Colour, x: float, z: float, size, bottom: float = 0.3) -> None:
    """A painted box: width, height, length; nearest face at z. Roof and flank only where they can be seen."""
    width, height, length = size
    edge = seen_side(x, width)
    if edge is not None:
        scene.side(class_id, Material.PAINT, colour, edge, rect(z, bottom, z + length, height))
    left, right = x - width / 2, x + width / 2
    scene.flat(class_id, Material.PAINT, colour, rect(left, z, right, z + length), height)
    scene.front(class_id, Material.PAINT, colour, z, rect(left, bottom, right, height))


def wheels(scene: Scene, class_id: int, x: float, z: float, width: float, places, radius: float) -> None:
    """Wheels on the flank at z + places, and the two that show under the near end."""
    edge = seen_side(x, width)
    if edge is not None:
        for place in places:
            tyre = disc(z + place, radius, radius, radius, 10)
            scene.side(class_id, Material.CLOTH, RUBBER, edge, tyre)
            hub = disc(z + place, radius, radius * 0.5, radius * 0.5, 8)
            scene.side(class_id, Material.PAINT, (0.5, 0.5, 0.52), edge, hub)
    for sign in (-1, 1):
        outer = x + sign * width / 2
        tyre = rect(outer - sign * 0.26, 0, outer, radius * 1.6)
        scene.front(class_id, Material.CLOTH, RUBBER, z + 0.02, tyre)


def lamps(scene: Scene, class_id: int, x: float, z: float, width: float, y: float, rear: bool) -> None:
    colour, material = (RED, Material.PAINT) if rear else (WHITE, Material.LAMP)
    if rear and scene.looks.uniform() < 0.3:  # braking
        colour, material = (1.0, 0.12, 0.08), Material.LAMP
    for sign in (-1, 1):
        outer = x + sign * width * 0.47
        scene.front(class_id, material, colour, z, rect(outer - sign * 0.33, y, outer, y + 0.17))


def car(scene: Scene, x: float, z: float, rear: bool, tall: float = 1.0) -> None:
    """A car whose near end, rear or front, is at z; `tall` stretches it from saloon (1) to van (1.35)."""
    colour, id_ = paint(scene), Id.CAR
    width, length, belt, roof = 1.8, 4.3, 0.88 * tall**0.5, 1.45 * tall
    scene.cast(x - width / 2, x + width / 2, z, z + length, roof * 0.85, contact=True)
    # Cabin, from the near end: a boot or a bonnet, then the sloping window, the roof and the far window.
    near, far = (0.25, 1.0) if rear else (1.15, 0.3)
    near, far = (near, far) if tall < 1.2 else (near * 0.4, 0.2)
    top0, top1 = z + near + 0.55, z + length - far - 0.6
    edge = seen_side(x, width)
    if edge is not None:
        cabin = [(z + near, belt), (top0, roof), (top1, roof), (z + length - far, belt)]
        scene.side(id_, Material.PAINT, colour, edge * 0.985, cabin)
        pane = [(z + near + 0.3, belt + 0.06), (top0 + 0.1, roof - 0.12), (top1 - 0.1, roof - 0.12),
                (z + length - far - 0.35, belt + 0.06)]  # fmt: skip
        scene.side(id_, Material.GLASS, GLASS, edge * 0.985, pane)
        pillar = (top0 + top1) / 2
        scene.side(id_, Material.PAINT, colour, edge * 0.985, rect(pillar, belt, pillar + 0.14, roof))
        scene.side(id_, Material.PAINT, colour, edge, rect(z, 0.28, z + length, belt))
        scene.side(id_, Material.CLOTH, RUBBER, edge, rect(z + 0.2, 0.22, z + length - 0.2, 0.32))
    half = width / 2
    scene.flat(id_, Material.PAINT, colour, rect(x - half * 0.8, top0, x + half * 0.8, top1), roof)
    window_z = z + near + 0.25
    trapezium = [(x - half * 0.95, belt - 0.05), (x + half * 0.95, belt - 0.05), (x + half * 0.74, roof),
                 (x - half * 0.74, roof)]  # fmt: skip
    scene.front(id_, Material.PAINT, colour, window_z, trapezium)
    pane = [(x - half * 0.85, belt + 0.02), (x + half * 0.85, belt + 0.02), (x + half * 0.68, roof - 0.1),
            (x - half * 0.68, roof - 0.1)]  # fmt: skip
    scene.front(id_, Material.GLASS, GLASS, window_z, pane)
    scene.flat(id_, Material.PAINT, colour, rect(x - half, z, x + half, z + near + 0.25), belt)
    wheels(scene, id_, x, z, width, (0.75, length - 0.8), 0.33)
    scene.front(id_, Material.PAINT, colour, z, rect(x - half, 0.3, x + half, belt))
    scene.front(id_, Material.CLOTH, RUBBER, z, rect(x - half * 0.96, 0.26, x + half * 0.96, 0.4))
    scene.front(id_, Material.PAINT, (0.85, 0.85, 0.8), z, rect(x - 0.26, 0.46, x + 0.26, 0.58))
    lamps(scene, id_, x, z, width, belt - 0.26, rear)


def truck(scene: Scene, x: float, z: float, rear: bool) -> None:
    """A lorry: a cargo box with doors from behind, a cab before the box from the front."""
    cargo = _CARGO[int(scene.looks.integers(len(_CARGO)))]
    id_, width, length, height = (
        Id.TRUCK,
        2.5,
        float(scene.rng.uniform(6.5, 10)),
        float(scene.rng.uniform(2.9, 3.7)),
    )
    scene.cast(x - width / 2, x + width / 2, z, z + length, height, contact=True)
    cab = 0.0 if rear else 2.0
    box(scene, id_, cargo, x, z + cab, (width, height, length - cab), 0.9)
    scene.front(id_, Material.CLOTH, RUBBER, z + cab, rect(x - width / 2, 0.45, x + width / 2, 0.95))
    if rear:
        wheels(scene, id_, x, z, width, (1.2, 2.3, length - 1.2), 0.5)
        seam = tuple(c * 0.55 for c in cargo)
        scene.front(id_, Material.PAINT, seam, z, rect(x - 0.04, 0.95, x + 0.04, height - 0.1))
        lamps(scene, id_, x, z, width, 0.75, rear)
        return
    colour = paint(scene)
    box(scene, id_, colour, x, z, (width * 0.96, 2.75, cab), 0.5)
    wheels(scene, id_, x, z, width, (1.0, length - 2.4, length - 1.2), 0.5)
    scene.front(id_, Material.GLASS, GLASS, z, rect(x - 1.1, 1.6, x + 1.1, 2.45))
    scene.front(id_, Material.CLOTH, RUBBER, z, rect(x - 0.8, 0.75, x + 0.8, 1.3))
    lamps(scene, id_, x, z, width, 0.65, rear)


def bus(scene: Scene, x: float, z: float, rear: bool) -> None:
    """A city bus: one bright colour, a band of windows, a lit destination sign in front."""
    colour = _LIVERIES[int(scene.looks.integers(len(_LIVERIES)))]
    id_, width, height, length = Id.BUS, 2.55, 3.1, float(scene.rng.uniform(9, 13))
    scene.cast(x - width / 2, x + width / 2, z, z + length, height, contact=True)
    box(scene, id_, colour, x, z, (width, height, length))
    _window_band(scene, id_, x, z, width, length, (1.25, 2.45), 1.5)
    wheels(scene, id_, x, z, width, (2.0, length - 2.6), 0.48)
    low = 1.7 if rear else 0.95
    scene.front(id_, Material.GLASS, GLASS, z, rect(x - 1.12, low, x + 1.12, 2.5))
    scene.front(id_, Material.LAMP, AMBER, z, rect(x - 0.8, 2.68, x + 0.8, 2.9))
    lamps(scene, id_, x, z, width, 0.6, rear)


def tram(scene: Scene, x: float, z: float, rear: bool) -> None:
    """A tram (class train): long, two colours, tapered ends, no wheels to see, a pantograph."""
    colour = _LIVERIES[int(scene.looks.integers(len(_LIVERIES)))]
    id_, width, height, length = Id.TRAIN, 2.4, 3.4, float(scene.rng.uniform(18, 30))
    scene.cast(x - width / 2, x + width / 2, z, z + length, height, contact=True)
    arm = rect(x - 0.6, height, x + 0.6, height + 0.7)
    scene.front(id_, Material.CLOTH, RUBBER, z + 6, arm)
    box(scene, id_, (0.82, 0.82, 0.80), x, z, (width, height, length), 0.2)
    edge = seen_side(x, width)
    if edge is not None:
        scene.side(id_, Material.PAINT, colour, edge, rect(z, 0.2, z + length, 1.15))
    _window_band(scene, id_, x, z, width, length, (1.35, 2.55), 2.0)
    scene.front(id_, Material.PAINT, colour, z, rect(x - 1.2, 0.2, x + 1.2, 1.2))
    pane = [(x - 1.0, 1.3), (x + 1.0, 1.3), (x + 0.85, 2.7), (x - 0.85, 2.7)]
    scene.front(id_, Material.GLASS, GLASS, z, pane)
    scene.front(id_, Material.LAMP, AMBER, z, rect(x - 0.5, 2.85, x + 0.5, 3.1))
    lamps(scene, id_, x, z, width, 0.7, rear)


def _window_band(scene: Scene, id_: int, x: float, z: float, width: float, length: float, band, bay: float) -> None:
    edge = seen_side(x, width)
    if edge is None:
        return
    at = z + 0.4
    while at + bay < z + length:
        scene.side(id_, Material.GLASS, GLASS, edge, rect(at, band[0], at + bay - 0.18, band[1]))
        at += bay
