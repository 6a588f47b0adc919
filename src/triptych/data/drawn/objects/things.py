"""The ten classes of the labelled set, each a function from a pen to the parts of a thing, back to front.

What varies inside a class (proportions, extra parts) is drawn here; pose, scale, place, colour, texture and
light are drawn elsewhere, for all classes alike.
"""

from __future__ import annotations

import numpy as np

from triptych.data.drawn.objects.pen import BODY, DARK, LIGHT, SECOND, Part, Pen, both, ring, union


def airplane(pen: Pen) -> list[Part]:
    sweep, span, chord = pen.vary(0.15, 0.6), pen.vary(0.7, 0.95), pen.vary(0.3, 0.45)
    girth, tail = pen.vary(0.11, 0.17), pen.vary(0.3, 0.45)
    root = pen.vary(0.15, 0.35)
    parts = []
    for side in (1, -1):
        parts += [
            Part(
                pen.polygon(
                    (root, 0.0),
                    (root - sweep, side * span),
                    (root - sweep - 0.17, side * span),
                    (root - chord, 0.0),
                ),
                BODY,
                0.1,
            ),
            Part(
                pen.polygon((-0.62, 0.0), (-0.86, side * tail), (-0.98, side * tail), (-0.88, 0.0)),
                SECOND,
                0.08,
            ),
            Part(
                pen.line(
                    root - sweep * 0.5 - 0.08,
                    side * span * 0.5,
                    root - sweep * 0.5 + 0.12,
                    side * span * 0.5,
                    0.055,
                ),
                SECOND,
                0.06,
            ),
        ]
    fuselage = pen.line(-0.92, 0.0, 0.8, 0.0, girth * 0.55, girth)
    cockpit = pen.ellipse(0.68, 0.0, 0.12, girth * 0.7)
    return [*parts, Part(fuselage, BODY, 0.16), Part(cockpit, DARK, 0.05)]


def car(pen: Pen) -> list[Part]:
    wheel, low = pen.vary(0.19, 0.25), pen.vary(-0.12, 0.02)
    front, back, top = pen.vary(0.25, 0.5), pen.vary(-0.8, -0.5), pen.vary(0.42, 0.58)
    rear_slope, front_slope = pen.vary(0.05, 0.3), pen.vary(0.2, 0.4)
    cabin = pen.polygon((back, low), (back + rear_slope, top), (front - front_slope, top), (front, low))
    glass = both(cabin + 0.08, pen.above(low + 0.05))
    pillar = pen.box((front + back) / 2 - 0.02, 0.2, 0.04, 0.4)
    body = union(pen.box(0.0, low - 0.2, 0.95, 0.23, 0.12), cabin - 0.02)
    parts = [Part(body, BODY, 0.2), Part(both(glass, -pillar), DARK, 0.05)]
    for at in (-0.54, 0.56):
        parts += [
            Part(pen.disc(at, low - 0.42, wheel), DARK, 0.12),
            Part(pen.disc(at, low - 0.42, wheel * 0.5), LIGHT, 0.05),
        ]
    return [*parts, Part(pen.disc(0.87, low - 0.14, 0.07), LIGHT, 0.05)]


def bird(pen: Pen) -> list[Part]:
    tilt, plump, head = pen.vary(0.1, 0.5), pen.vary(0.3, 0.4), pen.vary(0.2, 0.26)
    hx, hy = pen.vary(0.42, 0.56), pen.vary(0.42, 0.58)
    beak = pen.vary(0.22, 0.36)
    legs = union(
        *(pen.line(x, -0.25, x + 0.06, -0.85, 0.035) for x in (-0.02, 0.2)),
        *(pen.line(x + 0.02, -0.85, x + 0.2, -0.87, 0.03) for x in (-0.02, 0.2)),
    )
    tail_drop = pen.vary(-0.45, 0.05)
    tail = pen.polygon((-0.35, 0.02), (-0.98, tail_drop + 0.1), (-0.93, tail_drop - 0.14), (-0.3, -0.3))
    wing = pen.ellipse(-0.16, -0.04, 0.4, 0.19, pen.vary(0.1, 0.7))
    body = union(pen.ellipse(0.0, -0.05, 0.58, plump, tilt), pen.line(0.2, 0.1, hx, hy, 0.24, 0.16))
    return [
        Part(legs, DARK, 0.03),
        Part(tail, SECOND, 0.1),
        Part(
            pen.polygon((hx + 0.12, hy + 0.11), (hx + 0.16 + beak, hy - 0.02), (hx + 0.12, hy - 0.11)),
            LIGHT,
            0.06,
        ),
        Part(body, BODY, 0.3),
        Part(pen.disc(hx, hy, head), BODY, 0.2),
        Part(wing, SECOND, 0.12),
        Part(pen.disc(hx + 0.07, hy + 0.06, 0.055), DARK, 0.03),
    ]


def cat(pen: Pen) -> list[Part]:
    wide, ear, apart = pen.vary(0.7, 0.82), pen.vary(0.72, 0.95), pen.vary(0.3, 0.38)
    eye_size, lid = pen.vary(0.13, 0.18), pen.vary(0.6, 1.0)
    parts = []
    for side in (1, -1):
        parts += [
            Part(pen.polygon((side * wide * 0.98, 0.05), (side * 0.66, ear), (side * 0.12, 0.45)), BODY, 0.12),
            Part(
                pen.polygon((side * wide * 0.8, 0.25), (side * 0.61, ear - 0.18), (side * 0.32, 0.45)),
                SECOND,
                0.05,
            ),
        ]
    parts += [Part(pen.ellipse(0.0, -0.1, wide, 0.62), BODY, 0.4)]
    parts += [Part(pen.ellipse(0.0, -0.4, 0.3, 0.22), LIGHT, 0.15)]
    for side in (1, -1):
        eye = pen.ellipse(side * apart, 0.02, eye_size, eye_size * lid)
        parts += [
            Part(eye, LIGHT, 0.05),
            Part(pen.ellipse(side * apart, 0.02, 0.055, eye_size * lid), DARK, 0.03),
        ]
    whiskers = union(
        *(pen.line(s * 0.25, -0.36, s * 0.88, -0.36 + rise, 0.02) for s in (1, -1) for rise in (0.12, -0.1))
    )
    nose = pen.polygon((-0.11, -0.25), (0.11, -0.25), (0.0, -0.4))
    return [*parts, Part(whiskers, DARK, 0.02), Part(nose, DARK, 0.05)]


def fish(pen: Pen) -> list[Part]:
    deep, fork, spread = pen.vary(0.32, 0.5), pen.vary(0.05, 0.25), pen.vary(0.3, 0.5)
    fin, lean = pen.vary(0.2, 0.42), pen.vary(-0.25, 0.1)
    tail = pen.polygon((-0.45, 0.0), (-0.95, spread), (-0.95 + fork, 0.0), (-0.95, -spread))
    dorsal = pen.polygon((0.3, deep * 0.7), (lean - 0.1, deep + fin), (-0.38, deep * 0.6))
    belly = pen.polygon((0.2, -deep * 0.7), (lean - 0.1, -deep - fin * 0.6), (-0.2, -deep * 0.7))
    body = both(pen.ellipse(0.15, 0.0, 0.75, deep), -pen.polygon((0.98, -0.02), (0.74, -0.07), (0.95, -0.16)))
    gill = both(ring(pen.disc(0.9, 0.0, 0.5), 0.03), pen.ellipse(0.15, 0.0, 0.7, deep * 0.75))
    return [
        Part(union(tail, dorsal, belly), SECOND, 0.1),
        Part(body, BODY, 0.35),
        Part(gill, DARK, 0.02),
        Part(pen.ellipse(0.1, -0.06, 0.16, 0.09, 0.4), SECOND, 0.06),
        Part(pen.disc(0.62, 0.1, 0.1), LIGHT, 0.04),
        Part(pen.disc(0.64, 0.1, 0.055), DARK, 0.03),
    ]


def ship(pen: Pen) -> list[Part]:
    bow, deck, mast = pen.vary(0.75, 0.98), pen.vary(-0.48, -0.36), pen.vary(-0.15, 0.1)
    tall, main, jib = pen.vary(0.75, 0.95), pen.vary(0.55, 0.75), pen.vary(0.5, 0.75)
    hull = pen.polygon((-0.85, deck), (bow, deck + 0.07), (bow * 0.6, -0.85), (-0.62, -0.85))
    stripe = both(hull + 0.02, ring(pen.above(deck - 0.14), 0.045))
    return [
        Part(pen.line(mast, deck, mast, tall + 0.05, 0.04), DARK, 0.04),
        Part(
            pen.polygon((mast - 0.06, tall), (mast - 0.06, deck + 0.12), (mast - main, deck + 0.12)),
            LIGHT,
            0.15,
        ),
        Part(
            pen.polygon((mast + 0.06, tall - 0.08), (mast + 0.06 + jib, deck + 0.15), (mast + 0.06, deck + 0.12)),
            SECOND,
            0.15,
        ),
        Part(hull, BODY, 0.2),
        Part(stripe, LIGHT, 0.03),
    ]


def mug(pen: Pen) -> list[Part]:
    wide, taper, tall = pen.vary(0.42, 0.54), pen.vary(-0.08, 0.06), pen.vary(0.6, 0.78)
    loop, mouth = pen.vary(0.24, 0.34), pen.vary(0.1, 0.16)
    low = wide + taper
    side = pen.polygon((-wide - 0.15, tall), (wide - 0.15, tall), (low - 0.15, -tall), (-low - 0.15, -tall))
    body = union(side - 0.05, pen.ellipse(-0.15, tall, wide + 0.05, mouth))
    band = both(body + 0.01, ring(pen.above(pen.vary(-0.35, 0.2)), pen.vary(0.08, 0.2)))
    return [
        Part(ring(pen.ellipse(wide - 0.12, 0.02, loop + 0.12, loop + 0.1), 0.08), BODY, 0.1),
        Part(body, BODY, 0.45),
        Part(pen.absent(0.4, band), SECOND, 0.3),
        Part(pen.ellipse(-0.15, tall, wide + 0.05, mouth), LIGHT, 0.04),
        Part(pen.ellipse(-0.15, tall - 0.01, wide - 0.04, mouth - 0.05), DARK, 0.04),
    ]


def tree(pen: Pen) -> list[Part]:
    wide, lean = pen.vary(0.42, 0.58), pen.vary(-0.12, 0.12)
    trunk = pen.line(0.0, -0.95, lean, 0.1, pen.vary(0.1, 0.16), 0.07)
    branches = union(*(pen.line(lean * 0.5, -0.35, s * 0.34, 0.08, 0.045) for s in (1, -1)))

    def leaves(x: float, y: float) -> np.ndarray:
        return pen.disc(lean + wide * x + pen.vary(-0.06, 0.06), y + pen.vary(-0.06, 0.06), pen.vary(0.3, 0.42))

    middles = ((-0.85, 0.1), (0.85, 0.12), (-0.45, 0.5), (0.5, 0.48), (0.0, 0.25))
    crown = union(*(leaves(x, y) for x, y in middles))
    fir = union(
        *(
            pen.polygon((lean, top), (lean + wide * w, base), (lean - wide * w, base))
            for top, base, w in ((0.98, 0.4, 0.7), (0.7, 0.0, 1.0), (0.35, -0.5, 1.3))
        )
    )
    return [
        Part(trunk, SECOND, 0.12),
        Part(branches, SECOND, 0.04),
        Part(pen.pick(0.65, crown, fir), BODY, 0.3),
    ]


def key(pen: Pen) -> list[Part]:
    bow, hole, thick = pen.vary(0.32, 0.42), pen.vary(0.12, 0.2), pen.vary(0.07, 0.1)
    head = pen.pick(0.6, pen.disc(-0.55, 0.0, bow), pen.box(-0.55, 0.0, bow, bow * 0.9, 0.12))
    eye = pen.disc(-0.62, 0.0, hole)
    first, gap, deep = pen.vary(0.42, 0.55), pen.vary(0.17, 0.24), pen.vary(0.2, 0.32)
    teeth = union(
        *(
            pen.box(first + k * gap, -depth / 2, 0.06, depth / 2 + 0.05)
            for k, depth in enumerate((deep, deep * 0.7, deep))
        )
    )
    blade = union(pen.line(-0.3, 0.0, 0.97, 0.0, thick), teeth)
    return [
        Part(both(blade, -eye), BODY, 0.08),
        Part(both(head, -eye), BODY, 0.12),
        Part(pen.absent(0.5, ring(eye - 0.05, 0.03)), SECOND, 0.03),
    ]


def star(pen: Pen) -> list[Part]:
    inner = pen.vary(0.36, 0.5)
    shape = pen.star(0.0, -0.03, 0.98, inner, 5) - pen.vary(0.0, 0.05)
    middle = pen.pick(0.5, pen.star(0.0, -0.03, 0.55, inner * 0.55, 5), pen.disc(0.0, -0.03, 0.22))
    return [Part(shape, BODY, 0.4), Part(pen.absent(0.4, middle), SECOND, 0.15)]


THINGS = (airplane, car, bird, cat, fish, ship, mug, tree, key, star)
