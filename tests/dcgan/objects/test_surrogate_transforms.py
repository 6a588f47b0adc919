import colorsys
import math

import pytest
import torch

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


def test_a_cut_is_a_crop():
    image = images(1)
    torch.testing.assert_close(place(image, 7.0, 8.0, 8.0), image[:, :, 4:12, 3:11], atol=1e-5, rtol=0)


def test_a_cut_at_half_size_is_a_block_mean():
    image = images(1)
    expected = torch.nn.functional.avg_pool2d(image, 2)
    torch.testing.assert_close(place(image, 8.0, 8.0, 16.0), expected, atol=1e-5, rtol=0)


def test_a_quarter_turn():
    image = images(1)
    got = place(image, 8.0, 8.0, 16.0, angle=math.pi / 2, out=16)
    torch.testing.assert_close(got, torch.rot90(image, 1, (2, 3)), atol=1e-4, rtol=0)


def test_beyond_the_border_is_the_reflection():
    image = images(1)
    got = place(image, 0.0, 8.0, 8.0)
    torch.testing.assert_close(got[..., :4], got[..., 4:].flip(3), atol=1e-5, rtol=0)


def test_contrast_stretches_the_principal_axes():
    axis = torch.tensor([0.6, 0.0, 0.8])
    pixels = 0.5 + 0.3 * torch.randn(1, 1, 40, 40, generator=generator()) * axis[:, None, None]
    pixels = pixels + 0.01 * torch.randn(1, 3, 40, 40, generator=generator(1))
    colours = Colours.of(pixels)
    last = colours.axes[-1]
    assert abs(float(last @ axis)) == pytest.approx(1, abs=1e-3)
    twice = contrast(pixels, torch.tensor([[1.0, 1.0, 2.0]]), colours) - pixels
    projection = (pixels - colours.mean[:, None, None]).flatten(2).transpose(1, 2) @ last  # what is added, once more
    torch.testing.assert_close(
        twice.flatten(2).transpose(1, 2), projection[..., None] * last, atol=1e-5, rtol=1e-3
    )  # fmt: skip
    torch.testing.assert_close(contrast(pixels, torch.ones(1, 3), colours), pixels, atol=1e-5, rtol=0)


def test_hsv_is_that_of_the_standard_library():
    rgb = torch.cat([images(1, 6), torch.tensor([[0.0, 1, 0.5, 1, 0, 0]]).expand(3, 6, 6)[None]])
    rgb[1, 1] = rgb[1, 1].flip(1)
    hsv = to_hsv(rgb)
    for pixel, got in zip(rgb.movedim(1, 3).reshape(-1, 3), hsv.movedim(1, 3).reshape(-1, 3)):
        assert got.tolist() == pytest.approx(colorsys.rgb_to_hsv(*pixel.tolist()), abs=1e-5)
    torch.testing.assert_close(to_rgb(hsv), rgb, atol=1e-5, rtol=0)


def test_saturation_and_value_by_hand():
    hsv = torch.tensor([0.3, 0.5, 0.9]).view(1, 3, 1, 1)
    got = saturation_and_value(
        hsv, torch.tensor([[2.0, 0.5]]), torch.tensor([[1.2, 1.4]]), torch.tensor([[-0.1, 0.1]])
    )  # fmt: skip
    assert got.flatten().tolist() == pytest.approx([0.3, 1.2 * 0.25 - 0.1, 1.0])  # 1.4 · √0.9 + 0.1 is over 1


def test_a_third_of_a_turn_makes_red_green():
    red = torch.tensor([1.0, 0.2, 0.2]).view(1, 3, 1, 1)
    got = to_rgb(turn_hue(to_hsv(red), torch.tensor([1 / 3])))
    assert got.flatten().tolist() == pytest.approx([0.2, 1.0, 0.2], abs=1e-6)


OFF = {
    "shift": 0.0,
    "scale": 1.0,
    "rotation": 0.0,
    "contrast": 1.0,
    "power": 1.0,
    "times": 1.0,
    "plus": 0.0,
    "hue": 0.0,
}


def drawn(ranges, draw=0, n=64):
    image = images(1).expand(n, 3, 16, 16)
    centre, side = torch.full((n, 2), 8.0), torch.full((n,), 8.0)
    return transformed(image, centre, side, 8, Colours.of(images()), Ranges(**ranges), generator(draw))


def test_without_ranges_nothing_changes():
    crop = images(1)[:, :, 4:12, 4:12].expand(64, 3, 8, 8)
    torch.testing.assert_close(drawn(OFF), crop, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", OFF)
def test_every_range_changes_the_patches_and_each_differently(name):
    patches = drawn(OFF | {name: getattr(Ranges(), name)})
    assert patches.min() >= 0 and patches.max() <= 1
    assert (patches - drawn(OFF)).abs().mean((1, 2, 3)).min() > 0
    assert patches.flatten(1).var(0).mean() > 1e-5
    assert torch.equal(patches, drawn(OFF | {name: getattr(Ranges(), name)}))
    assert not torch.equal(patches, drawn(OFF | {name: getattr(Ranges(), name)}, draw=1))


def test_shifts_and_zooms_stay_within_their_ranges():
    """A ramp tells where its pixels come from."""
    n = 500
    ramp = (torch.arange(64.0) / 64).expand(n, 3, 64, 64)
    centre, side = torch.full((n, 2), 32.0), torch.full((n,), 16.0)
    colours = Colours.of(images())

    def columns(**ranges):
        made = transformed(ramp, centre, side, 16, colours, Ranges(**OFF | ranges), generator())
        return made[:, 0, 8] * 64

    middle = columns(shift=0.2).mean(1) - columns().mean(1)
    assert 3.0 < middle.abs().max() <= 3.2 + 1e-3 and abs(middle.mean()) < 0.3
    across = columns(scale=1.4)
    zoom = (columns()[:, -1] - columns()[:, 0]) / (across[:, -1] - across[:, 0])
    assert 1 / 1.4 - 1e-3 <= zoom.min() < 0.75 and 1.35 < zoom.max() <= 1.4 + 1e-3
    assert zoom.log().mean().abs() < 0.03


def test_the_papers_ranges_are_the_defaults():
    assert Ranges().model_dump() == {
        "shift": 0.2, "scale": 1.4, "rotation": 20.0, "contrast": 2.0,
        "power": 4.0, "times": 1.4, "plus": 0.1, "hue": 0.1,
    }  # fmt: skip


def test_turns_are_in_degrees():
    """The slope of a ramp tells how far it was turned."""
    n = 300
    ramp = (torch.arange(64.0) / 64).expand(n, 3, 64, 64)
    centre, side = torch.full((n, 2), 32.0), torch.full((n,), 16.0)
    made = transformed(ramp, centre, side, 16, Colours.of(images()), Ranges(**OFF | {"rotation": 20.0}), generator())
    across, down = made[:, 0].diff(dim=2).mean((1, 2)), made[:, 0].diff(dim=1).mean((1, 2))
    angles = torch.atan2(-down, across).rad2deg()
    assert 19 < angles.max() < 20.1 and -20.1 < angles.min() < -19


def test_each_principal_axis_has_a_contrast_of_its_own():
    n = 300
    pale = (0.5 + 0.1 * (images(1) - 0.5)).expand(n, 3, 16, 16)
    colours = Colours.of(pale[:1])
    centre, side = torch.full((n, 2), 8.0), torch.full((n,), 8.0)

    def along_the_axes(ranges):
        made = transformed(pale, centre, side, 8, colours, Ranges(**ranges), generator())
        return torch.einsum("ac,nchw->nahw", colours.axes, made - colours.mean[:, None, None]).flatten(2)

    before = along_the_axes(OFF)
    factors = (along_the_axes(OFF | {"contrast": 2.0}) * before).sum(2) / before.square().sum(2)
    assert 0.5 - 1e-3 < factors.min() < 0.52 and 1.95 < factors.max() < 2 + 1e-3
    assert torch.corrcoef(factors.log().T).fill_diagonal_(0).abs().max() < 0.2


def test_a_power_leaves_white_as_it_is_and_a_factor_does_not():
    white = torch.ones(200, 3, 8, 8)
    centre, side = torch.full((200, 2), 4.0), torch.full((200,), 4.0)
    power, times = (
        transformed(white, centre, side, 4, Colours.of(images()), Ranges(**OFF | change), generator())
        for change in ({"power": 4.0}, {"times": 1.4})
    )
    assert power.amax(1).min().item() == pytest.approx(1, abs=1e-4)
    assert times.amax(1).min().item() == pytest.approx(1 / 1.4, rel=0.02) and times.max() == 1
