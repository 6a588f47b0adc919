import numpy as np
import pytest
import torch
import torch.nn.functional as F
from dcgan_kit import random_images as images

from triptych.base.pixels import signed
from triptych.dcgan.gan.features import (
    DiscriminatorFeatures,
    FeatureConfig,
    Standardizer,
    estimate_statistics,
    features,
)
from triptych.dcgan.gan.networks import FAMILIES, Discriminator

CPU = torch.device("cpu")


@pytest.mark.parametrize("net,size", [("imagenet32", 28_672), ("svhn32", 7_168)])
def test_the_papers_number_of_features(net, size):
    d = Discriminator(FAMILIES[net]).eval()
    with torch.inference_mode():
        assert features(d, torch.from_numpy(images(1))).shape == (1, size)
    assert d.n_features == size


def test_features_are_the_rectified_layers_on_a_grid():
    d = Discriminator(FAMILIES["imagenet32"], width=2).eval()
    x = torch.from_numpy(images(2))
    first = F.leaky_relu(F.conv2d(x.float() / 127.5 - 1, d.blocks[0][0].weight, padding=1), 0.2)
    expected = torch.stack([first[:, :, 8 * i : 8 * i + 8, 8 * j : 8 * j + 8].amax((2, 3))
                            for i in range(4) for j in range(4)], dim=2).flatten(1)  # fmt: skip
    torch.testing.assert_close(features(d, x)[:, : 2 * 16], expected)


def test_statistics_are_the_mean_of_batch_statistics():
    torch.manual_seed(0)
    d = Discriminator(FAMILIES["svhn32"], width=2).eval()
    d.blocks[1][1].running_mean.fill_(99.0)  # what training left must not matter
    data = images(24)
    estimate_statistics(d, data, CPU, batch_size=8)
    shuffled = data[np.random.default_rng(0).permutation(24)]
    batches = signed(torch.from_numpy(shuffled)).split(8)
    inner = [d.blocks[1][0](d.blocks[0](b)) for b in batches]
    mean = torch.stack([h.mean((0, 2, 3)) for h in inner]).mean(0)
    var = torch.stack([h.var((0, 2, 3)) for h in inner]).mean(0)
    torch.testing.assert_close(d.blocks[1][1].running_mean, mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(d.blocks[1][1].running_var, var, rtol=1e-4, atol=1e-5)
    # the next layer's are of inputs that were normalised by their own batch
    gain, shift = d.blocks[1][1].weight, d.blocks[1][1].bias
    normed = [F.batch_norm(h, None, None, gain, shift, training=True) for h in inner]
    deep = [d.blocks[2][0](F.leaky_relu(h, 0.2)) for h in normed]
    expected = torch.stack([h.mean((0, 2, 3)) for h in deep]).mean(0)
    torch.testing.assert_close(d.blocks[2][1].running_mean, expected, rtol=1e-4, atol=1e-5)
    assert not d.training and d.blocks[1][1].momentum == 0.1


def test_the_incomplete_batch_is_left_out():
    torch.manual_seed(0)
    d = Discriminator(FAMILIES["svhn32"], width=2)
    norm = d.blocks[1][1]
    estimate_statistics(d, images(20), CPU, batch_size=8)
    assert norm.num_batches_tracked == 2
    estimate_statistics(d, images(5), CPU, batch_size=8)  # fewer than a batch: they are the batch
    assert norm.num_batches_tracked == 1 and torch.isfinite(norm.running_mean).all()


def test_the_order_in_which_a_set_is_stored_hardly_matters():
    """A set stored class by class, dark images first: a batch in its order would know only half of the variance."""
    torch.manual_seed(0)
    d = Discriminator(FAMILIES["svhn32"], width=2)
    sorted_set = images(64) // 4
    sorted_set[32:] += 190
    mixed = sorted_set[np.random.default_rng(1).permutation(64)]
    found = []
    for data in (sorted_set, mixed, torch.from_numpy(sorted_set)):
        estimate_statistics(d, data, CPU, batch_size=16)
        found.append(d.blocks[1][1].running_var.clone())
    torch.testing.assert_close(found[0], found[1], rtol=0.15, atol=0)
    assert torch.equal(found[0], found[2])


def test_running_averages_are_kept_on_request():
    d = Discriminator(FAMILIES["svhn32"], width=2)
    d.blocks[1][1].running_mean.fill_(3.0)
    DiscriminatorFeatures(d, FeatureConfig(statistics="running")).adapt(images(16), CPU)
    assert d.blocks[1][1].running_mean.eq(3).all()
    DiscriminatorFeatures(d, FeatureConfig()).adapt(images(16), CPU)
    assert not d.blocks[1][1].running_mean.eq(3).any()


def test_the_epsilon_is_the_configs():
    flat = np.full((40, 3, 32, 32), 128, np.uint8) + (np.arange(40, dtype=np.uint8) % 2)[:, None, None, None]
    scales = []
    for epsilon in (1e-2, 1e-6):
        torch.manual_seed(0)
        config = FeatureConfig(standardize=True, feature_epsilon=epsilon)
        extractor = DiscriminatorFeatures(Discriminator(FAMILIES["svhn32"], width=2), config)
        extractor.adapt(flat, CPU)
        scales.append(float(extractor.standardizer.scale[0]))  # of the first layer, which has no norm
    assert scales[0] == pytest.approx(10, rel=1e-2) and scales[1] > 100


def test_standardizer_in_blocks():
    x = torch.randn(100, 5) * torch.tensor([1, 10, 0.1, 1, 0]) + torch.tensor([0, 0, 0, 1e4, 5])
    s = Standardizer(5, epsilon=0.01)
    s.fit(x.split(7))
    expected = (x.double() - x.double().mean(0)) / (x.double().var(0, correction=0) + 0.01).sqrt()
    torch.testing.assert_close(s(x).double(), expected, atol=3e-3, rtol=1e-3)
