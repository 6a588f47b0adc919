"""What batches are made of: cuts, mirror images, sizes."""

import numpy as np
import pytest
import torch

from triptych.cyclegan.gan.streams import augment, domains, enlarge


def test_domains_of_either_kind_of_batch():
    x, y = torch.zeros(1), torch.ones(1)
    assert domains({"pair": (x, y)}) == domains({"x": x, "y": y}) == (x, y)


def test_augment_cuts_anywhere_and_mirrors_half():
    torch.manual_seed(0)
    grid = torch.arange(36.0).view(1, 1, 6, 6)
    plain = {tuple(grid[0, 0, r : r + 4, c : c + 4].flatten().tolist()) for r in range(3) for c in range(3)}
    mirrored = {tuple(grid[0, 0, r : r + 4, c : c + 4].flip(1).flatten().tolist()) for r in range(3) for c in range(3)}
    out = [tuple(v.flatten().tolist()) for v in augment(grid.expand(600, -1, -1, -1), 4)]
    assert set(out) == plain | mirrored
    assert 0.43 < np.mean([v in mirrored for v in out]) < 0.57


def test_augment_treats_channels_alike():
    images = torch.rand(5, 1, 9, 9).expand(-1, 6, -1, -1)
    out = augment(images, 5)
    assert torch.equal(out[:, :3], out[:, 3:])


def test_nearest_makes_no_new_colours():
    mixed = np.random.default_rng(0).choice(np.array([0, 60, 255], np.uint8), (2, 3, 16, 16))
    before = {tuple(v) for v in mixed.transpose(0, 2, 3, 1).reshape(-1, 3).tolist()}
    after = enlarge(mixed, 23, "nearest").permute(0, 2, 3, 1).reshape(-1, 3).tolist()
    assert {tuple(v) for v in after} == before


@pytest.mark.parametrize("size", [8, 32])  # no pixel's centre falls between two of 20
def test_nearest_is_pillows(size):
    from PIL import Image

    images = np.random.default_rng(0).integers(0, 256, (1, 3, 20, 20), dtype=np.uint8)
    theirs = Image.fromarray(images[0].transpose(1, 2, 0)).resize((size, size), Image.Resampling.NEAREST)
    assert np.array_equal(enlarge(images, size, "nearest")[0].permute(1, 2, 0), np.asarray(theirs))


def test_bicubic_is_pillows():
    """To one grey level, on a smooth image (Pillow rounds and clips between its two passes, which shows on
    noise)."""
    from PIL import Image

    walk = np.random.default_rng(0).normal(0, 4, (1, 3, 16, 16)).cumsum(-1).cumsum(-2)
    photo = (128 + 60 * walk / np.abs(walk).max()).astype(np.uint8)
    for size in (18, 8):
        ours = enlarge(photo, size, "bicubic")[0].permute(1, 2, 0).numpy().astype(int)
        theirs = Image.fromarray(photo[0].transpose(1, 2, 0)).resize((size, size), Image.Resampling.BICUBIC)
        assert np.abs(ours - np.asarray(theirs)).max() <= 1
