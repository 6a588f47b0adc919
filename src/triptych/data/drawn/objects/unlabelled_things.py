"""Ten further classes, which only the unlabelled set holds (see `_draw_objects_things`)."""

from __future__ import annotations

from triptych.data.drawn.objects.pen import BODY, DARK, LIGHT, SECOND, Part, Pen, both, ring, union


def house(pen: Pen) -> list[Part]:
    wide, eaves, ridge = pen.vary(0.6, 0.8), pen.vary(-0.05, 0.2), pen.vary(0.65, 0.95)
    door, pane = pen.vary(-0.3, 0.3), pen.vary(0.1, 0.16)
    return [
        Part(pen.absent(0.4, pen.box(pen.vary(0.25, 0.45), 0.55, 0.1, 0.4)), SECOND, 0.1),
        Part(pen.box(0.0, (eaves - 0.9) / 2, wide, (eaves + 0.9) / 2), BODY, 0.15),
        Part(pen.polygon((-wide - 0.15, eaves), (0.0, ridge), (wide + 0.15, eaves)), SECOND, 0.2),
        Part(pen.box(door, -0.65, 0.12, 0.25), DARK, 0.04),
        Part(union(*(pen.box(s * wide * 0.72, -0.3, pane, pane) for s in (-1, 1))), LIGHT, 0.04),
    ]


def umbrella(pen: Pen) -> list[Part]:
    wide, low, hook = pen.vary(0.8, 0.95), pen.vary(-0.05, 0.1), pen.vary(0.1, 0.17)
    at = (-0.75, -0.25, 0.25, 0.75)
    scallops = union(*(pen.ellipse(wide * a, low - 0.02, wide * 0.26, 0.13) for a in at))
    dome = both(pen.ellipse(0.0, low, wide, 0.85 - low), pen.above(low), -scallops)
    handle = both(ring(pen.disc(hook, -0.75, hook), 0.045), -pen.above(-0.73))
    ribs = both(ring(pen.ellipse(0.0, low, wide * 0.4, 0.85 - low), 0.025), dome)
    return [
        Part(union(pen.line(0.0, 0.9, 0.0, -0.75, 0.04), handle), DARK, 0.04),
        Part(dome, BODY, 0.4),
        Part(ribs, SECOND, 0.03),
    ]


def flower(pen: Pen) -> list[Part]:
    outer, inner, heart = pen.vary(0.5, 0.62), pen.vary(0.2, 0.34), pen.vary(0.15, 0.22)
    lean, turn = pen.vary(-0.2, 0.2), pen.vary(0, 1)
    few, many = (pen.star(lean, 0.35, outer, inner, petals, turn) for petals in (6, 9))
    leaves = union(pen.ellipse(0.28, -0.55, 0.3, 0.1, 0.5), pen.ellipse(-0.26, -0.7, 0.28, 0.1, -0.6))
    return [
        Part(pen.line(lean, 0.3, 0.0, -0.98, 0.055), SECOND, 0.05),
        Part(leaves, SECOND, 0.08),
        Part(pen.pick(0.5, few, many) - 0.06, BODY, 0.15),
        Part(pen.disc(lean, 0.35, heart), LIGHT, 0.15),
    ]


def butterfly(pen: Pen) -> list[Part]:
    tall, wide, low = pen.vary(0.4, 0.52), pen.vary(0.38, 0.46), pen.vary(0.26, 0.36)
    tilt, spot = pen.vary(0.5, 0.9), pen.vary(0.1, 0.18)
    parts = []
    for s in (1, -1):
        parts += [
            Part(pen.ellipse(s * 0.45, -0.42, low, 0.36, s * -0.6), SECOND, 0.12),
            Part(pen.ellipse(s * 0.5, 0.32, wide, tall, s * -tilt), BODY, 0.15),
            Part(pen.disc(s * 0.58, 0.38, spot), LIGHT, 0.05),
        ]
    feelers = union(*(pen.line(0.0, 0.3, s * 0.22, 0.9, 0.025) for s in (1, -1)))
    return [*parts, Part(feelers, DARK, 0.02), Part(pen.line(0.0, -0.6, 0.0, 0.4, 0.05, 0.09), DARK, 0.08)]


def hammer(pen: Pen) -> list[Part]:
    reach, thick, claw = pen.vary(0.35, 0.5), pen.vary(0.14, 0.2), pen.vary(0.4, 0.62)
    head = union(
        pen.box(0.0, 0.62, reach * 0.8, thick),
        pen.box(-reach, 0.62, 0.12, thick + 0.07, 0.04),
        pen.polygon((reach * 0.6, 0.62 + thick), (reach * 0.6 + claw, 0.5), (reach * 0.6, 0.62 - thick)),
    )
    return [
        Part(pen.line(0.0, 0.6, 0.0, -0.88, 0.075, pen.vary(0.08, 0.13)), SECOND, 0.1),
        Part(head, BODY, 0.15),
    ]


def mushroom(pen: Pen) -> list[Part]:
    wide, rim, stem = pen.vary(0.7, 0.9), pen.vary(-0.1, 0.15), pen.vary(0.18, 0.28)
    cap = both(pen.ellipse(0.0, rim, wide, 0.85 - rim), pen.above(rim)) - 0.05
    spots = union(
        pen.ellipse(-0.35 * wide, 0.36, 0.13, 0.1),
        pen.ellipse(0.1, 0.58, 0.16, 0.12),
        pen.ellipse(0.55 * wide, 0.3, 0.12, 0.1),
        pen.ellipse(0.1, 0.25, 0.1, 0.07),
    )
    return [
        Part(pen.line(0.0, rim, 0.0, -0.75, stem, stem * 1.3), LIGHT, 0.25),
        Part(cap, BODY, 0.4),
        Part(pen.absent(0.3, both(spots, cap)), SECOND, 0.06),
    ]


def bottle(pen: Pen) -> list[Part]:
    wide, shoulder, neck = pen.vary(0.28, 0.42), pen.vary(0.0, 0.3), pen.vary(0.1, 0.14)
    body = union(
        pen.box(0.0, (shoulder - 0.95) / 2, wide, (shoulder + 0.95) / 2, 0.08),
        pen.polygon((-wide, shoulder - 0.1), (-neck, shoulder + 0.25), (neck, shoulder + 0.25), (wide, shoulder - 0.1)),
        pen.box(0.0, 0.5, neck, 0.4),
    )
    label = both(body, pen.box(0.0, -0.4, 1.0, pen.vary(0.18, 0.3)))
    return [
        Part(body, BODY, 0.3),
        Part(label, LIGHT, 0.25),
        Part(both(label, pen.box(0.0, -0.4, 1.0, 0.06)), SECOND, 0.05),
        Part(pen.box(0.0, 0.88, neck + 0.05, 0.09), DARK, 0.06),
    ]


def lamp(pen: Pen) -> list[Part]:
    top, low, rim = pen.vary(0.22, 0.4), pen.vary(0.6, 0.82), pen.vary(0.0, 0.15)
    shade = pen.polygon((-top, 0.92), (top, 0.92), (low, rim), (-low, rim))
    stand = union(pen.line(0.0, 0.1, 0.0, -0.85, 0.06), pen.ellipse(0.0, -0.45, pen.vary(0.1, 0.24), 0.3))
    return [
        Part(stand, SECOND, 0.15),
        Part(pen.ellipse(0.0, -0.88, pen.vary(0.3, 0.45), 0.1), DARK, 0.1),
        Part(shade, BODY, 0.4),
        Part(both(pen.box(0.0, rim + 0.06, 0.8, 0.05), shade), LIGHT, 0.04),
    ]


def spectacles(pen: Pen) -> list[Part]:
    radius, rim = pen.vary(0.3, 0.38), pen.vary(0.05, 0.09)
    high = radius * pen.vary(0.75, 1.05)
    round_ones = union(*(pen.ellipse(s * 0.48, -0.05, radius, high) for s in (1, -1)))
    square_ones = union(*(pen.box(s * 0.48, -0.05, radius, high, 0.08) for s in (1, -1)))
    glasses = pen.pick(0.6, round_ones, square_ones)
    frame = union(ring(glasses, rim), pen.line(-0.18, 0.05, 0.18, 0.05, rim * 0.9))
    arms = union(*(pen.line(s * (0.48 + radius), 0.1, s * 0.98, 0.4, rim * 0.8) for s in (1, -1)))
    return [Part(glasses, LIGHT, 0.1), Part(arms, BODY, 0.06), Part(frame, BODY, 0.06)]


def snowman(pen: Pen) -> list[Part]:
    base, chest, head = pen.vary(0.42, 0.5), pen.vary(0.3, 0.37), pen.vary(0.22, 0.27)
    neck = -0.45 + base * 0.6 + chest * 0.75
    top = neck + chest * 0.6 + head * 0.7
    arms = union(*(pen.line(s * 0.2, neck, s * 0.72, neck + pen.vary(-0.1, 0.3), 0.03) for s in (1, -1)))
    buttons = union(*(pen.disc(0.0, neck + at, 0.05) for at in (-0.12, 0.08)))
    eyes = union(*(pen.disc(s * 0.09, top + 0.05, 0.04) for s in (1, -1)))
    brim = pen.box(0.0, top + head * 0.85, head * 1.15, 0.05)
    hat = union(brim, pen.box(0.0, top + head + 0.12, head * 0.7, 0.16))
    return [
        Part(arms, DARK, 0.03),
        Part(pen.disc(0.0, -0.5, base), BODY, 0.35),
        Part(pen.disc(0.0, neck, chest), BODY, 0.3),
        Part(pen.disc(0.0, top, head), BODY, 0.2),
        Part(pen.box(0.0, top - head * 0.95, head * 0.9, 0.06, 0.05), SECOND, 0.06),
        Part(union(buttons, eyes), DARK, 0.03),
        Part(hat, DARK, 0.08),
    ]


FURTHER_THINGS = (house, umbrella, flower, butterfly, hammer, mushroom, bottle, lamp, spectacles, snowman)
