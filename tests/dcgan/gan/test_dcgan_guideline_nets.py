"""The nets with each guideline of the DCGAN paper broken: what changes, and that nothing else does."""

import hashlib

import numpy as np
import pytest
import torch
from dcgan_kit import random_images
from torch import nn

from triptych.common.init import normal_init
from triptych.dcgan.gan.features import DiscriminatorFeatures, FeatureConfig
from triptych.dcgan.gan.networks import FAMILIES, Discriminator, Generator
from triptych.dcgan.gan.training import Gan, GanConfig, train_gan
from triptych.engine import Replica

SHAPE = (3, 32, 32)
CHANGES = [
    {"sampling": "pooling"},
    {"norm": "none"},
    {"norm": "batch_everywhere"},
    {"hidden_dense": 8},
    {"activation_g": "tanh"},
    {"output_g": "sigmoid"},
    {"activation_d": "relu"},
    {"activation_d": "maxout"},
    {"sampling": "pooling", "norm": "none", "hidden_dense": 8, "activation_d": "maxout", "output_g": "sigmoid"},
]


def config(**changes):
    return GanConfig(**({"net": "svhn32", "width": 4, "z_dim": 8, "steps": 2, "batch_size": 16} | changes))


def made(**changes):
    torch.manual_seed(0)
    return Gan(config(**changes), SHAPE)


def kinds(net, *types):
    return [m for m in net.modules() if isinstance(m, types)]


def size(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_every_variant_trains_and_gives_features_and_samples(changes):
    gan = made(**changes)
    data = random_images(32)
    replica = Replica(0, torch.device("cpu"))
    train_gan(gan, data, config(**changes), replica)
    assert all(np.isfinite(v) for _, _, v in replica.history)
    assert gan.sample(4).shape == (4, *SHAPE) and gan.sample(4).dtype == torch.uint8
    sides = [a.shape[-1] for a in gan.discriminator.activations(gan.discriminator.scaled(torch.from_numpy(data)))]
    assert sides == [16, 8, 4]
    extractor = DiscriminatorFeatures(gan.discriminator, FeatureConfig())
    extractor.adapt(data, torch.device("cpu"))
    assert extractor.features(torch.from_numpy(data)).shape == (32, gan.discriminator.n_features) == (32, 4 * 7 * 16)


def faithful_weights(family, width, z_dim):
    """The paper's nets built layer by layer, independently of the module under test."""
    k, m = family.kernel, [3] + [width * x for x in family.multiples]
    layers = [nn.Linear(z_dim, m[-1] * 16, bias=False), nn.BatchNorm1d(m[-1] * 16)]
    for i in reversed(range(len(family.strides))):
        layers.append(nn.ConvTranspose2d(m[i + 1], m[i], k, bias=False))
        layers += [nn.BatchNorm2d(m[i])] if i else []
    g = normal_init(nn.Sequential(*layers))
    layers = []
    for i in range(len(family.strides)):
        layers.append(nn.Conv2d(m[i], m[i + 1], k, bias=False))
        layers += [nn.BatchNorm2d(m[i + 1])] if i else []
    d = normal_init(nn.Sequential(*layers, nn.Linear(m[-1] * 16, 1, bias=False)))
    return [*g.parameters(), *d.parameters()]


@pytest.mark.parametrize("net", list(FAMILIES))
def test_the_faithful_nets_have_the_bytes_they_had_without_the_variants(net):
    torch.manual_seed(5)
    expected = [*faithful_weights(FAMILIES[net], 4, 8), torch.rand(3)]
    torch.manual_seed(5)
    g, d = Generator(FAMILIES[net], 3, 4, 8), Discriminator(FAMILIES[net], 3, 4)
    found = [*g.parameters(), *d.parameters(), torch.rand(3)]  # the random state afterwards is the same too

    def digest(tensors):
        return hashlib.sha256(b"".join(t.detach().numpy().tobytes() for t in tensors)).hexdigest()

    assert digest(found) == digest(expected)
    assert list(g.state_dict())[:1] == ["project.0.weight"] and list(d.state_dict())[-1] == "head.weight"


def test_pooling_has_no_strides_and_the_same_number_of_weights():
    gan, faithful = made(sampling="pooling"), made()
    assert {c.stride for c in kinds(gan, nn.Conv2d)} == {(1, 1)} and not kinds(gan, nn.ConvTranspose2d)
    assert len(kinds(gan.discriminator, nn.MaxPool2d)) == len(kinds(gan.generator, nn.Upsample)) == 3
    assert size(gan) == size(faithful)
    assert not kinds(faithful, nn.MaxPool2d, nn.Upsample)
    x, (enlarge, conv) = torch.randn(1, 16, 4, 4), gan.generator.blocks[0][0]
    assert torch.equal(enlarge(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))  # before the convolution
    assert conv.kernel_size == (5, 5) and conv(enlarge(x)).shape == (1, 8, 8, 8)
    d = Discriminator(FAMILIES["imagenet32"], width=2, sampling="pooling")
    assert [len(kinds(b, nn.MaxPool2d)) for b in d.blocks] == [0, 1, 0, 1, 0, 1]  # a stride of one is not pooled
    g = Generator(FAMILIES["imagenet32"], width=2, sampling="pooling")
    assert g(torch.randn(2, 100)).shape == (2, *SHAPE)


def test_where_normalisation_is_and_the_sizes_of_hidden_layers():
    counts = {n: [len(kinds(net, nn.BatchNorm1d, nn.BatchNorm2d)) for net in (g.generator, g.discriminator)]
              for n in ("batch", "none", "batch_everywhere") for g in [made(norm=n, hidden_dense=8)]}  # fmt: skip
    assert counts == {"batch": [1 + 1 + 2, 2], "none": [0, 0], "batch_everywhere": [1 + 1 + 3, 3]}
    gan, faithful, top = made(hidden_dense=9), made(), 4 * 4 * 16
    assert size(gan.generator) - size(faithful.generator) == 8 * 9 + 2 * 9 + (9 - 8) * top
    assert size(gan.discriminator) - size(faithful.discriminator) == top * 9 + 9 + (9 - top)


@pytest.mark.parametrize("norm", ["batch", "batch_everywhere"])
def test_no_norm_levels_the_logits_of_different_batches(norm):
    """Normalised one layer below, the logit would have nearly the same mean for every batch, real or not."""
    torch.manual_seed(0)
    d = made(hidden_dense=64, norm=norm).discriminator.train()
    noise, grey = torch.rand(16, *SHAPE) * 2 - 1, torch.zeros(16, *SHAPE) + 0.1 * torch.randn(16, 1, 1, 1)
    logits = torch.stack([d(noise), d(grey)])
    assert (logits[0].mean() - logits[1].mean()).abs() > 0.2 * logits.std(1).mean()


def test_activations():
    assert not kinds(made(activation_g="tanh").generator, nn.ReLU)
    assert len(kinds(made(activation_g="tanh").generator, nn.Tanh)) == 4
    assert len(kinds(made().generator, nn.ReLU)) == 3
    relu = made(activation_d="relu").discriminator
    assert not kinds(relu, nn.LeakyReLU) and relu.activations(torch.randn(2, *SHAPE))[0].min() == 0


def test_maxout_is_the_larger_of_two_convolutions():
    d = made(activation_d="maxout", norm="none").discriminator
    x = torch.randn(2, *SHAPE)
    conv = d.blocks[0][0]
    assert conv.weight.shape == (8, 3, 5, 5)
    both = conv(x)
    torch.testing.assert_close(d.blocks[0](x), torch.maximum(both[:, 0::2], both[:, 1::2]))


def test_sigmoid_means_data_between_zero_and_one():
    gan, pixels = made(output_g="sigmoid"), torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    torch.testing.assert_close(gan.discriminator.scaled(pixels).flatten(), torch.tensor([0.0, 0.2, 1.0]))
    torch.testing.assert_close(made().discriminator.scaled(pixels).flatten(), torch.tensor([-1.0, -0.6, 1.0]))
    out = gan.generator(torch.randn(4, 8))
    assert out.min() > 0 and out.max() < 1
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    for g in (gan, made()):
        assert torch.equal(g.generator.pixels(g.discriminator.scaled(every)), every)
