import colorsys
import math

import pytest
import torch
from dcgan_kit import STILL

from triptych.dcgan.objects.parts.surrogate_transforms import (
    Colours,
    Ranges,
    contrast,
    cut,
    saturation_and_value,
    to_hsv,
    to_rgb,
    transformed,
    turn_hue,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=2, side=16):
    return torch.rand(n, 3, side, side, generator=generator())


def place(image, x, y, side, angle=0.0, out=8):
    return cut(image, torch.tensor([[x, y]]), torch.tensor([side]), torch.tensor([angle]), out)


def test_a_cut_is_a_crop_a_block_mean_a_turn_and_beyond_the_border_a_reflection():
    image = images(1)
    torch.testing.assert_close(place(image, 7.0, 8.0, 8.0), image[:, :, 4:12, 3:11], atol=1e-5, rtol=0)
    half_size = torch.nn.functional.avg_pool2d(image, 2)
    torch.testing.assert_close(place(image, 8.0, 8.0, 16.0), half_size, atol=1e-5, rtol=0)
    turned = place(image, 8.0, 8.0, 16.0, angle=math.pi / 2, out=16)
    torch.testing.assert_close(turned, torch.rot90(image, 1, (2, 3)), atol=1e-4, rtol=0)
    outside = place(image, 0.0, 8.0, 8.0)
    torch.testing.assert_close(outside[..., :4], outside[..., 4:].flip(3), atol=1e-5, rtol=0)


def test_contrast_stretches_the_principal_axes():
    axis = torch.tensor([0.6, 0.0, 0.8])
    pixels = 0.5 + 0.3 * torch.randn(1, 1, 40, 40, generator=generator()) * axis[:, None, None]
    pixels = pixels + 0.01 * torch.randn(1, 3, 40, 40, generator=generator(1))
    colours = Colours.of(pixels)
    last = colours.axes[-1]
    assert abs(float(last @ axis)) == pytest.approx(1, abs=1e-3)
    added = (contrast(pixels, torch.tensor([[1.0, 1.0, 2.0]]), colours) - pixels).flatten(2).transpose(1, 2)
    projection = (pixels - colours.mean[:, None, None]).flatten(2).transpose(1, 2) @ last
    torch.testing.assert_close(added, projection[..., None] * last, atol=1e-5, rtol=1e-3)  # once more
    torch.testing.assert_close(contrast(pixels, torch.ones(1, 3), colours), pixels, atol=1e-5, rtol=0)


def test_hsv_is_that_of_the_standard_library_and_changes_as_by_hand():
    rgb = torch.cat([images(1, 6), torch.tensor([[0.0, 1, 0.5, 1, 0, 0]]).expand(3, 6, 6)[None]])
    rgb[1, 1] = rgb[1, 1].flip(1)
    hsv = to_hsv(rgb)
    for pixel, got in zip(rgb.movedim(1, 3).reshape(-1, 3), hsv.movedim(1, 3).reshape(-1, 3)):
        assert got.tolist() == pytest.approx(colorsys.rgb_to_hsv(*pixel.tolist()), abs=1e-5)
    torch.testing.assert_close(to_rgb(hsv), rgb, atol=1e-5, rtol=0)
    power, times, plus = torch.tensor([[[2.0, 0.5]], [[1.2, 1.4]], [[-0.1, 0.1]]])
    got = saturation_and_value(torch.tensor([0.3, 0.5, 0.9]).view(1, 3, 1, 1), power, times, plus)
    assert got.flatten().tolist() == pytest.approx([0.3, 1.2 * 0.25 - 0.1, 1.0])  # 1.4 · √0.9 + 0.1 is over 1
    red = torch.tensor([1.0, 0.2, 0.2]).view(1, 3, 1, 1)
    green = to_rgb(turn_hue(to_hsv(red), torch.tensor([1 / 3])))  # a third of a turn
    assert green.flatten().tolist() == pytest.approx([0.2, 1.0, 0.2], abs=1e-6)


def drawn(image, n, draw=0, colours=None, **changes):
    """The middle half of an image, n times transformed by these ranges."""
    side = image.shape[-1]
    centre, half = torch.full((n, 2), side / 2), torch.full((n,), side / 2)
    colours, ranges = colours or Colours.of(images()), Ranges(**STILL | changes)
    return transformed(image.expand(n, *image.shape[-3:]), centre, half, side // 2, colours, ranges, generator(draw))


@pytest.mark.parametrize("name", STILL)
def test_every_range_changes_the_patches_and_each_differently(name):
    crop = images(1)[:, :, 4:12, 4:12].expand(64, 3, 8, 8)
    still, moved = drawn(images(1), 64), {name: getattr(Ranges(), name)}
    torch.testing.assert_close(still, crop, atol=1e-4, rtol=0)
    patches = drawn(images(1), 64, **moved)
    assert patches.min() >= 0 and patches.max() <= 1
    assert (patches - still).abs().mean((1, 2, 3)).min() > 0
    assert patches.flatten(1).var(0).mean() > 1e-5
    assert torch.equal(patches, drawn(images(1), 64, **moved))
    assert not torch.equal(patches, drawn(images(1), 64, draw=1, **moved))


def test_shifts_zooms_and_turns_stay_within_their_ranges():
    """A ramp tells where its pixels come from, and its slope how far it was turned."""
    ramp = (torch.arange(64.0) / 64).expand(3, 64, 64)
    still, shifted, zoomed = (
        drawn(ramp, 500, **ranges)[:, 0, 16] * 64 for ranges in ({}, {"shift": 0.2}, {"scale": 1.4})
    )
    middle = shifted.mean(1) - still.mean(1)
    assert 6.0 < middle.abs().max() <= 6.4 + 1e-3 and abs(middle.mean()) < 0.6
    zoom = (still[:, -1] - still[:, 0]) / (zoomed[:, -1] - zoomed[:, 0])
    assert 1 / 1.4 - 1e-3 <= zoom.min() < 0.75 and 1.35 < zoom.max() <= 1.4 + 1e-3
    assert zoom.log().mean().abs() < 0.03
    turned = drawn(ramp, 300, rotation=20.0)
    across, down = turned[:, 0].diff(dim=2).mean((1, 2)), turned[:, 0].diff(dim=1).mean((1, 2))
    angles = torch.atan2(-down, across).rad2deg()
    assert 19 < angles.max() < 20.1 and -20.1 < angles.min() < -19


def test_each_principal_axis_has_a_contrast_of_its_own():
    pale = 0.5 + 0.1 * (images(1) - 0.5)
    colours = Colours.of(pale)
    before, after = (
        torch.einsum("ac,nchw->nahw", colours.axes, made - colours.mean[:, None, None]).flatten(2)
        for made in (drawn(pale, 300, colours=colours), drawn(pale, 300, colours=colours, contrast=2.0))
    )
    factors = (after * before).sum(2) / before.square().sum(2)
    assert 0.5 - 1e-3 < factors.min() < 0.52 and 1.95 < factors.max() < 2 + 1e-3
    assert torch.corrcoef(factors.log().T).fill_diagonal_(0).abs().max() < 0.2


def test_a_power_leaves_white_as_it_is_and_a_factor_does_not():
    power, times = (drawn(torch.ones(3, 8, 8), 200, **change) for change in ({"power": 4.0}, {"times": 1.4}))
    assert power.amax(1).min().item() == pytest.approx(1, abs=1e-4)
    assert times.amax(1).min().item() == pytest.approx(1 / 1.4, rel=0.02) and times.max() == 1
