"""Rendered chairs: solids against their defining inequality, turning, outlines."""

import numpy as np
import torch

from triptych.data.drawn.chairs.parts import BACKS, DEPTH, LEGS, SEAT, box, chair, column
from triptych.data.drawn.chairs.rays import draw, meet
from triptych.data.drawn.views import view_rotations


def picture(azimuth=0.0, back="panel", legs="four", width=0.5, height=0.7, elevation=20.0, size=48):
    return draw(chair(back, legs, width, height), torch.tensor([float(azimuth)]), elevation, size)[0, 0].float()


def outline(image):
    columns = (image < 250).any(0).nonzero()[:, 0]
    rows = (image < 250).any(1).nonzero()[:, 0]
    return int(columns.max() - columns.min()), int(rows.max() - rows.min())


def test_rays_enter_solids_where_the_inequality_begins_to_hold():
    """Points on the ray just before and behind the depth: outside and inside, for boxes, leaning boxes, columns."""
    rotation = view_rotations(torch.tensor([37.0]), torch.tensor([25.0]))
    x, y = (torch.rand(2, 4000, generator=torch.Generator().manual_seed(0)) * 2 - 1).unbind(0)
    leaning = box((0, 0.2, -DEPTH), (0.5, 0.4, 0.05), lean=12)
    solids = [box((0.1, 0.2, -0.1), (0.5, 0.3, 0.4)), leaning, column((0, 0, 0.2), 0.3, 0.4)]
    for solid in solids:
        depth, _ = meet(solid, rotation, x, y)

        def inside(depth, solid=solid):
            at = torch.stack([x, y, -depth], 1) @ rotation[0]
            return (((at - solid.centre) @ solid.normals.T).abs() <= solid.half).all(1)

        met = depth[0].isfinite()
        assert 0.05 < met.float().mean() < 0.6
        shifted = torch.where(met, depth[0], 0.0)
        assert (inside(shifted + 1e-3)[met]).float().mean() > 0.98  # less where a ray grazes an edge
        assert not inside(shifted - 1e-3)[met].any()
        assert not any(inside(torch.full_like(x, at))[~met].any() for at in np.linspace(-2, 2, 81))


def test_a_box_seen_from_the_front_is_a_rectangle():
    thing = [box((0, 0, 0), (0.56, 0.28, 0.3))]
    image = draw(thing, torch.tensor([0.0]), 0.0, 64)[0, 0]
    assert outline(image) == (31, 15)  # 2·0.56 of 2·1.12, of 64 pixels: 32 columns, 16 rows
    assert len(image[image < 255].unique()) == 1


def test_azimuth_is_once_around_and_mirrored_about_zero():
    assert (picture(0) - picture(360)).abs().mean() < 0.01
    assert (picture(0) - picture(180)).abs().mean() > 3
    shape = (picture(50, "bars", "sled") < 250).float(), (picture(-50, "bars", "sled") < 250).float()
    assert (shape[0].flip(1) - shape[1]).abs().mean() < 0.01  # the outlines; the light comes from the left


def test_width_and_height_extend_the_outline():
    widths = [outline(picture(width=w))[0] for w in (0.34, 0.45, 0.56, 0.66)]
    heights = [outline(picture(height=h))[1] for h in (0.5, 0.7, 0.9)]
    assert widths == sorted(set(widths)) and heights == sorted(set(heights))


def test_backs_and_legs_differ_in_their_own_half_of_the_picture():
    """From the front, the seat divides what the back's make can change from what the legs' can."""
    seat = round((1.12 - SEAT) / 2.24 * 48)
    backs = [picture(back=b, elevation=0) for b in BACKS]
    legs = [picture(legs=name, elevation=0) for name in LEGS]
    for images, same in ((backs, slice(seat + 1, 48)), (legs, slice(0, seat))):
        for i, one in enumerate(images):
            for other in images[:i]:
                assert (one - other).abs().max() > 30
                assert torch.equal(one[same], other[same])


def test_every_chair_stands_within_the_picture_on_white():
    for back in BACKS:
        for legs in LEGS:
            made = chair(back, legs, 0.66, 0.86)
            images = draw(made, torch.tensor([0.0, 45.0, 120.0, 260.0]), 20.0, 32)
            frame = torch.ones(32, 32, dtype=torch.bool)
            frame[1:-1, 1:-1] = False
            assert bool((images[:, 0, frame] == 255).all()), (back, legs)
            assert bool(((images < 200).flatten(1).float().mean(1) > 0.05).all())
