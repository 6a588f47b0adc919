"""One street scene: where the road runs, what lines it, who is on it."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from triptych.data.drawn.streets import furniture as furniture
from triptych.data.drawn.streets import people as people
from triptych.data.drawn.streets import roadside as roadside
from triptych.data.drawn.streets import vehicles as vehicles
from triptych.data.drawn.streets.world import Camera, Id, Material, Scene, disc, rect

FAR = 130.0
_LANE = 3.3
_STYLES = {  # chances of what lines the street, and of grass between pavement and houses
    "city": ({"house": 0.86, "hedge": 0.05, "wall": 0.04, "fence": 0.03, "open": 0.02}, 0.05),
    "suburb": ({"house": 0.40, "hedge": 0.20, "wall": 0.13, "fence": 0.17, "open": 0.10}, 0.55),
    "green": ({"house": 0.10, "hedge": 0.35, "wall": 0.10, "fence": 0.15, "open": 0.30}, 0.65),
}
_TRAFFIC = {"car": 0.55, "van": 0.10, "truck": 0.08, "bus": 0.08, "motorcycle": 0.08, "cyclist": 0.11}


class Street(NamedTuple):
    """Cross-section and length of a street, in metres: walk, parking, lanes, parking, walk."""

    left: float  # edges of the carriageway, parking strips included
    right: float
    lanes: tuple[tuple[float, bool], ...]  # (centre, our direction)
    parking: tuple[bool, bool]
    walk: tuple[float, float]  # widths of the pavements
    verge: tuple[float, float]  # grass between pavement and houses
    crossing: tuple[float, float] | None  # from Z to Z
    end: float
    tracks: bool  # the left lane carries trams

    @property
    def house_line(self) -> tuple[float, float]:
        return (
            self.left - self.walk[0] - self.verge[0],
            self.right + self.walk[1] + self.verge[1],
        )


def lay_out(rng: np.random.Generator, looks: np.random.Generator, shift: tuple[float, float] | None) -> Scene:
    """A whole scene, ready to be rastered. `rng` decides the labels, `looks` the colours.

    `shift`: shadow displacement in X and Z per metre of height, None without sun.
    """
    height = float(rng.uniform(1.45, 1.95))
    camera = Camera(0.85, 1.15, float(rng.normal(0.5, 0.06)), float(rng.normal(0.44, 0.035)), height)
    scene = Scene(camera, shift, rng, looks)
    style = str(rng.choice(list(_STYLES), p=[0.42, 0.33, 0.25]))
    street = _draw_street(rng, style)
    _sky_and_ground(scene, street, style)
    _road(scene, street)
    for side in (0, 1):
        roadside.row(scene, street.house_line[side], street.crossing, street.end, _STYLES[style][0])
    _plant(scene, street, style)
    _furnish(scene, street)
    _traffic(scene, street)
    _parked(scene, street)
    _walkers(scene, street)
    scene.draw_things()
    _bonnet(scene)
    return scene


def _draw_street(rng: np.random.Generator, style: str) -> Street:
    ahead, against = int(rng.integers(1, 3)), int(rng.integers(0, 3)) if style == "city" else 1
    parking = (bool(rng.uniform() < 0.6), bool(rng.uniform() < 0.6))
    off = float(rng.normal(0, 0.25))  # where in its lane the camera drives
    ours = [off - k * _LANE for k in range(ahead)]
    theirs = [off - (ahead + k) * _LANE for k in range(against)]
    left = off - (ahead + against - 0.5) * _LANE - 2.2 * parking[0]
    right = off + 0.5 * _LANE + 2.2 * parking[1]
    walk = tuple(rng.uniform(1.8, 4.2, 2).tolist())
    verge = tuple(float(rng.uniform(1.5, 5)) if rng.uniform() < _STYLES[style][1] else 0.0 for _ in range(2))
    start = float(rng.uniform(14, 55))
    crossing = (start, start + float(rng.uniform(7, 12))) if rng.uniform() < 0.4 else None
    blocked = rng.uniform() < 0.22  # the street ends at a cross street
    end = float(rng.uniform(45, 85)) if blocked else FAR
    if crossing and crossing[1] > end - 10:
        crossing = None
    lanes = tuple((x, True) for x in ours) + tuple((x, False) for x in theirs)
    tracks = against > 0 and rng.uniform() < 0.3
    return Street(left, right, lanes, parking, walk, verge, crossing, end, bool(tracks))


def _sky_and_ground(scene: Scene, street: Street, style: str) -> None:
    wide = 3000.0
    scene.front(Id.SKY, Material.SKY, (0, 0, 0), 1000.0, rect(-wide, -wide, wide, wide))
    paved = style == "city"
    if paved:
        scene.flat(Id.SIDEWALK, Material.PAVING, (0.42, 0.41, 0.39), rect(-300, 1, 300, 900))
    else:
        roadside.grass(scene, -300, 300, 1, 900)
    roadside.skyline(scene, street.end + 14, roofs=scene.rng.uniform() < (0.75 if paved else 0.3))


def _road(scene: Scene, street: Street) -> None:
    rng, looks = scene.rng, scene.looks
    grey = looks.uniform(0.28, 0.46)
    asphalt = (grey, grey * looks.uniform(0.97, 1.0), grey * looks.uniform(0.95, 1.04))
    slab = looks.uniform(0.34, 0.52)
    slabs = (slab, slab * looks.uniform(0.92, 0.99), slab * looks.uniform(0.84, 0.98))
    left, right, end = street.left, street.right, street.end + 14
    pave = partial(scene.flat, Id.SIDEWALK, Material.PAVING, slabs)
    pave(rect(left - street.walk[0], 1, left, end))
    pave(rect(right, 1, right + street.walk[1], end))
    drive = partial(scene.flat, Id.ROAD, Material.ASPHALT, asphalt)
    drive(rect(left, 1, right, end))
    if street.end < FAR:
        drive(rect(-150, street.end, 150, street.end + 9))
    if street.crossing:
        drive(rect(-150, street.crossing[0], 150, street.crossing[1]))
    bays = Id.PARKING if rng.uniform() < 0.25 else Id.ROAD
    cobbles = tuple(c * 1.15 for c in asphalt)
    for edge, inner, used in ((left, left + 2.2, street.parking[0]), (right - 2.2, right, street.parking[1])):
        if used:
            scene.flat(bays, Material.PAVING, cobbles, rect(edge, 1, inner, (street.crossing or (end,))[0]))
    for edge in (left, right):  # kerb stones, part of the pavement
        out = -0.22 if edge == left else 0.22
        kerb = tuple(c * 1.25 for c in slabs)
        scene.flat(Id.SIDEWALK, Material.PAVING, kerb, rect(edge, 1, edge + out, (street.crossing or (end,))[0]))
    _markings(scene, street)


def _markings(scene: Scene, street: Street) -> None:
    line = partial(scene.flat, Id.ROAD, Material.LINE, (0.80, 0.80, 0.76))
    stop = min((street.crossing or (street.end,))[0], street.end)
    centres = [x for x, _ in street.lanes]
    for a, b in zip(centres, centres[1:]):
        x, z = (a + b) / 2, float(scene.rng.uniform(0, 6))
        while z < min(stop - 2, 55):
            line(rect(x - 0.09, z, x + 0.09, z + 3))
            z += 7
    if scene.rng.uniform() < 0.5:
        x = centres[0] + _LANE / 2 - 0.1
        line(rect(x - 0.08, 1, x + 0.08, min(stop, 55)))
    if stop < 60 and scene.rng.uniform() < 0.75:  # a zebra crossing
        x = street.left + 0.4
        while x < street.right - 0.6:
            line(rect(x, stop - 4.5, x + 0.55, stop - 1.5))
            x += 1.1
    if street.tracks:
        _rails(scene, street)


def _rails(scene: Scene, street: Street) -> None:
    centre = street.lanes[-1][0]
    if scene.rng.uniform() < 0.5:  # a bed of its own
        bed = rect(centre - 1.4, 1, centre + 1.4, street.end)
        scene.flat(Id.RAIL_TRACK, Material.GRASS, (0.34, 0.31, 0.28), bed)
    for x in (centre - 0.72, centre + 0.72):
        rail = rect(x - 0.07, 1, x + 0.07, min(60, street.end))
        scene.flat(Id.RAIL_TRACK, Material.CLOTH, (0.16, 0.16, 0.17), rail)


def _plant(scene: Scene, street: Street, style: str) -> None:
    """Rows of street trees, and bushes on the verges."""
    rng = scene.rng
    for side, sign in ((0, -1), (1, 1)):
        edge = (street.left, street.right)[side]
        if rng.uniform() < {"city": 0.4, "suburb": 0.6, "green": 0.75}[style]:
            z, gap = float(rng.uniform(7, 16)), float(rng.uniform(8, 15))
            while z < street.end:
                if not _in_crossing(street, z):
                    scene.later(z, partial(furniture.tree, scene, edge + sign * 0.8, z))
                z += gap * float(rng.uniform(0.8, 1.3))
        if street.verge[side]:
            x0, x1 = sorted((edge + sign * street.walk[side], street.house_line[side]))
            roadside.grass(scene, x0, x1, 1, street.crossing[0] if street.crossing else street.end)
            for _ in range(int(rng.integers(0, 4))):
                z = float(rng.uniform(7, 40))
                if not _in_crossing(street, z):
                    scene.later(z, partial(furniture.bush, scene, (x0 + x1) / 2, z, float(rng.uniform(0.4, 0.9))))


def _furnish(scene: Scene, street: Street) -> None:
    """Posts, lights, signs and bins near the kerb."""
    rng = scene.rng
    for edge, sign in ((street.left, -1), (street.right, 1)):
        z = float(rng.uniform(8, 22))
        while z < 80:
            scene.later(z, partial(furniture.lamp_post, scene, edge + sign * 0.5, z))
            z += float(rng.uniform(16, 28))
        for _ in range(int(rng.poisson(1.1))):
            z = float(rng.uniform(6.5, 30))
            scene.later(z, partial(furniture.traffic_sign, scene, edge + sign * float(rng.uniform(0.4, 1.0)), z))
        if rng.uniform() < 0.10:
            z = float(rng.uniform(10, 22))
            scene.later(z, partial(furniture.direction_sign, scene, edge + sign * 1.6, z))
        if rng.uniform() < 0.3:
            z = float(rng.uniform(6.5, 18))
            scene.later(z, partial(furniture.bin_, scene, edge + sign * 1.2, z))
        stop = (street.crossing or (street.end,))[0]
        if stop < 60 or rng.uniform() < 0.25:
            z = stop - 1.0 if stop < 60 else float(rng.uniform(10, 30))
            arm = bool(rng.uniform() < 0.5)
            scene.later(z, partial(furniture.traffic_light, scene, edge + sign * 0.45, z, arm))


def _traffic(scene: Scene, street: Street) -> None:
    """Vehicles in the lanes, each at a distance from the one before."""
    rng = scene.rng
    for k, (x, ours) in enumerate(street.lanes):
        rails = street.tracks and k == len(street.lanes) - 1
        z = float(rng.uniform(7, 24))
        while z < min(90.0, street.end):
            kind = str(rng.choice(list(_TRAFFIC), p=list(_TRAFFIC.values())))
            kind = "tram" if rails and rng.uniform() < 0.5 else kind
            length = {"truck": 10, "bus": 13, "tram": 30}.get(kind, 5)
            scene.later(z, partial(_vehicle, scene, kind, x + float(rng.normal(0, 0.15)), z, ours))
            z += length + float(rng.exponential(14)) + 2.5
    if street.crossing and rng.uniform() < 0.35:
        z = float(rng.uniform(street.crossing[0] + 1, street.crossing[1] - 1))
        place = float(rng.uniform(-4, 4))
        scene.later(z, partial(people.cyclist, scene, place, z, True))


def _vehicle(scene: Scene, kind: str, x: float, z: float, ours: bool) -> None:
    big = {"truck": vehicles.truck, "bus": vehicles.bus, "tram": vehicles.tram}
    if kind in big:
        big[kind](scene, x, z, ours)
    elif kind == "motorcycle":
        people.motorcyclist(scene, x + 0.8, z, True)
    elif kind == "cyclist":
        people.cyclist(scene, x + 1.0, z, False)
    else:
        vehicles.car(scene, x, z, ours, 1.0 if kind == "car" else 1.35)


def _parked(scene: Scene, street: Street) -> None:
    """Cars in the parking strips, two-wheelers on the pavement."""
    rng = scene.rng
    for side, x in ((0, street.left + 1.1), (1, street.right - 1.1)):
        full, z = float(rng.uniform(0.35, 1)), float(rng.uniform(4.5, 10))
        while street.parking[side] and z < 70:
            if rng.uniform() < full and not _in_crossing(street, z, 6) and z < street.end - 6:
                tall = 1.0 if rng.uniform() < 0.8 else 1.3
                scene.later(z, partial(vehicles.car, scene, x, z, side == 1, tall))
            z += float(rng.uniform(5.2, 6.5))
        kerb = x + (-2.4 if side == 0 else 2.4)
        if rng.uniform() < 0.4:
            z = float(rng.uniform(6.5, 20))
            for k in range(int(rng.integers(1, 5))):
                scene.later(z + k * 0.7, partial(people.bicycle, scene, kerb, z + k * 0.7, bool(rng.uniform() < 0.8)))
        if rng.uniform() < 0.16:
            z = float(rng.uniform(5.5, 12))
            scene.later(z, partial(people.motorcyclist, scene, kerb, z, False))


def _walkers(scene: Scene, street: Street) -> None:
    """People on the pavements, alone or together, and sometimes in the road."""
    rng = scene.rng
    for edge, width, sign in ((street.left, street.walk[0], -1), (street.right, street.walk[1], 1)):
        for _ in range(int(rng.poisson(2.2))):
            z, x = 6.0 + 38 * float(rng.uniform()) ** 2, edge + sign * float(rng.uniform(0.3, 1)) * width
            for k in range(int(rng.choice([1, 2, 3], p=[0.65, 0.27, 0.08]))):
                scene.later(z + 0.1 * k, partial(people.person, scene, x + 0.6 * k, z + 0.1 * k))
    stop = (street.crossing or (street.end,))[0]
    if rng.uniform() < (0.6 if stop < 60 else 0.12):
        for _ in range(int(rng.integers(1, 4))):
            z = stop - float(rng.uniform(1.5, 4.5)) if stop < 60 else float(rng.uniform(9, 25))
            scene.later(z, partial(people.person, scene, float(rng.uniform(street.left, street.right)), z))


def _bonnet(scene: Scene) -> None:
    """The bonnet of the camera's own car (ego vehicle, ignored in scoring), now and then."""
    if scene.rng.uniform() < 0.15:
        z, rise = 2.0, float(scene.rng.uniform(0.02, 0.07))
        low = scene.camera.height - z * (1 - scene.camera.y0) / scene.camera.fy
        colour = vehicles.paint(scene)
        scene.front(Id.EGO, Material.PAINT, colour, z, disc(0, low, 1.4, rise * 2 * z / scene.camera.fy, 24))


def _in_crossing(street: Street, z: float, margin: float = 1.0) -> bool:
    return street.crossing is not None and street.crossing[0] - margin < z < street.crossing[1]
