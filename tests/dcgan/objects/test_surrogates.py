import numpy as np
import pytest
import torch
from dcgan_kit import STILL, random_images

from triptych.base.config import ParamsError
from triptych.dcgan.objects.parts.surrogate_transforms import Colours, Ranges, cut
from triptych.dcgan.objects.parts.surrogates import choose_seeds, gradient_energy, random_places, surrogate_set

CPU = torch.device("cpu")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def half_busy(n=30):
    """Images that are flat on the left and noise on the right."""
    images = np.full((n, 3, 32, 32), 90, dtype=np.uint8)
    images[:, :, :, 16:] = random_images(n, shape=(3, 32, 16))
    return images


def test_gradient_energy_by_hand():
    patch = torch.zeros(1, 1, 2, 3)
    patch[0, 0, 0, 0] = 6.0
    assert gradient_energy(patch).item() == pytest.approx(36 / 3 + 36 / 4)  # of 3 differences down, 4 to the right
    assert gradient_energy(torch.ones(2, 3, 8, 8)).eq(0).all()


def test_places_lie_within_the_images():
    which, centre, side = random_places(half_busy(), 2000, 16, 1.4, generator())
    assert which.min() == 0 and which.max() == 29
    assert side.min() < 12 and 22 < side.max() <= 16 * 1.4
    assert (centre - side[:, None] / 2).min() >= -1e-4 and (centre + side[:, None] / 2).max() <= 32 + 1e-4


def test_seeds_are_where_the_gradients_are():
    images = half_busy()
    anywhere = random_places(images, 500, 8, 1.0, generator())[1][:, 0]
    seeds = choose_seeds(images, 50, 8.0, 1.0, 10, 16, generator())
    assert (anywhere < 12).float().mean() > 0.25
    assert (seeds.centre[:, 0] > 12).all()  # never in the flat part alone
    half = ((seeds.centre[:, 0] > 12) & (seeds.centre[:, 0] < 16)).float().mean()
    assert half < 0.6 * ((anywhere > 12) & (anywhere < 16)).sum() / (anywhere > 12).sum()  # of a border, less often
    rows = np.stack([np.array(image) for image in seeds.images])
    assert all(any(np.array_equal(row, image) for image in images) for row in rows)
    with pytest.raises(ParamsError, match="not flat"):
        choose_seeds(0 * images, 4, 8.0, 1.0, 3, 8, generator())


def test_every_sample_has_the_label_of_its_seed_differs_and_does_not_depend_on_blocks(monkeypatch):
    seeds = choose_seeds(random_images(9), 7, 16.0, 1.2, 4, 16, generator())
    colours = Colours.of(seeds.images.float() / 255)

    def surrogates(ranges):
        return surrogate_set(seeds, 3, 16, ranges, colours, CPU, generator())

    patches, labels = surrogates(Ranges(**STILL))
    assert patches.dtype == torch.uint8 and patches.shape == (21, 3, 16, 16)
    assert labels.tolist() == [i for i in range(7) for _ in range(3)]
    still = cut(seeds.images.float(), seeds.centre, seeds.side, torch.zeros(7), 16)
    assert (patches.float() - still[labels]).abs().max() <= 1.01  # rounding
    moved, again = (surrogates(Ranges())[0] for _ in range(2))
    assert len({p.numpy().tobytes() for p in moved}) == 21 and torch.equal(moved, again)
    monkeypatch.setattr("triptych.dcgan.objects.parts.surrogates.BLOCK", 6)
    in_blocks, same = surrogates(Ranges(**STILL))
    assert torch.equal(in_blocks, patches) and torch.equal(same, labels)
