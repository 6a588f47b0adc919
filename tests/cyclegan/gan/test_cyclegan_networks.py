"""Shapes, receptive fields and layers of the networks, against the papers' tables."""

import pytest
import torch
from torch import nn

from triptych.cyclegan.gan.networks import Generator, PatchCritic, Residual
from triptych.cyclegan.streets.parts.coupled import CoupledCritics, CoupledGenerators
from triptych.cyclegan.streets.parts.unet import Noise, UNet


@pytest.mark.parametrize("layers, field, size, scores", [(1, 16, 32, 14), (2, 34, 64, 14), (3, 70, 128, 14)])
def test_patch_of_the_critic_and_its_map_of_scores(layers, field, size, scores, receptive_field):
    assert receptive_field(PatchCritic(3, 2, layers)) == field
    assert PatchCritic(6, 4, layers)(torch.zeros(1, 6, size, size)).shape == (1, 1, scores, scores)


def test_receptive_field_is_what_gradients_reach():
    critic = nn.Sequential(*(m for m in PatchCritic(3, 4, 2) if not isinstance(m, nn.InstanceNorm2d)))
    x = torch.randn(1, 3, 96, 96, requires_grad=True)
    scores = critic(x)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    reached = x.grad.abs().sum((0, 1)) > 0
    assert reached.any(0).sum() == reached.any(1).sum() == 34


def described(net):
    """Layers in short: "c7/2p3:64" is a convolution of 7 x 7, stride 2, padding 3, to 64 channels; "t…" transposed."""
    words = []
    for m in net:
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d):
            kind = "c" if isinstance(m, nn.Conv2d) else "t"
            words.append(f"{kind}{m.kernel_size[0]}/{m.stride[0]}p{m.padding[0]}:{m.out_channels}")
        elif isinstance(m, nn.ReflectionPad2d | nn.LeakyReLU):
            words.append(f"{type(m).__name__}({m.padding[0] if hasattr(m, 'padding') else m.negative_slope})")
        elif isinstance(m, Residual):
            words.append(f"R[{described(m.body)}]")
        else:
            words.append(type(m).__name__)
    return " ".join(words).replace("InstanceNorm", "IN").replace("ReflectionPad2d", "pad")


def test_generator_is_the_papers_layer_by_layer():
    """c7s1-64, d128, d256, R256 x 6, u128, u64, c7s1-3 (section 7.2; the last has tanh and no norm in the code)."""
    residual = "R[pad(1) c3/1p0:256 IN ReLU pad(1) c3/1p0:256 IN]"
    assert described(Generator(64, 6)) == " ".join(
        [
            "pad(3) c7/1p0:64 IN ReLU",
            "c3/2p1:128 IN ReLU c3/2p1:256 IN ReLU",
            *[residual] * 6,
            "t3/2p1:128 IN ReLU t3/2p1:64 IN ReLU",
            "pad(3) c7/1p0:3 Tanh",
        ]
    )


def test_critic_is_the_papers_layer_by_layer():
    """C64 (no norm), C128, C256, C512 (stride 1), one map; leaky ReLU of slope 0.2, padding 1."""
    leaky = "LeakyReLU(0.2)"
    assert described(PatchCritic(3, 64, 3)) == (
        f"c4/2p1:64 {leaky} c4/2p1:128 IN {leaky} c4/2p1:256 IN {leaky} c4/1p1:512 IN {leaky} c4/1p1:1"
    )
    wide = [m.out_channels for m in PatchCritic(3, 2, 4) if isinstance(m, nn.Conv2d)]
    assert wide == [2, 4, 8, 16, 16, 1]  # never above 8 times the first


@pytest.mark.parametrize(
    "net, millions",
    [
        # what the authors' PyTorch code prints (norm without gain)
        (lambda: Generator(64, 9), 11.378),
        (lambda: Generator(64, 6), 7.838),
        (lambda: PatchCritic(3, 64, 3), 2.765),
        (lambda: UNet(256, 64), 54.414),  # unet_256: batch norm with gains counts the same
    ],
)
def test_networks_have_the_papers_size(net, millions):
    with torch.device("meta"):
        count = sum(p.numel() for p in net().parameters())
    assert count / 1e6 == pytest.approx(millions, rel=2e-4)


def test_generator_keeps_shape_and_range_and_sees_images_one_by_one():
    g, x = Generator(4, 2), torch.randn(3, 3, 48, 48)
    out = g(x)
    assert out.shape == (3, 3, 48, 48) and out.abs().max() <= 1
    assert torch.allclose(out, torch.cat([g(v) for v in x.split(1)]), atol=1e-6)
    assert torch.equal(g.train()(x), g.eval()(x))


def test_no_activation_after_a_residual_sum():
    block = Residual(4)
    nn.init.zeros_(block.body[5].weight)
    nn.init.zeros_(block.body[5].bias)
    x = torch.randn(1, 4, 8, 8)
    assert torch.equal(block(x), x)  # negative values pass: a ReLU would cut them


def test_initial_weights():
    for net in (Generator(16, 2), PatchCritic(3, 16, 3)):
        weights = torch.cat([m.weight.flatten() for m in net.modules() if hasattr(m, "stride")])
        assert weights.std().item() == pytest.approx(0.02, rel=0.05)
        assert all(m.bias.abs().max() == 0 for m in net.modules() if hasattr(m, "stride"))


def test_gains_start_around_one():
    torch.manual_seed(0)
    for net in (UNet(256, 16), CoupledGenerators(64, 10, 16), CoupledCritics(64, 16)):
        norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d | nn.InstanceNorm2d)]
        gains = torch.cat([m.weight for m in norms])
        assert gains.mean().item() == pytest.approx(1, abs=0.01) and gains.std().item() == pytest.approx(0.02, rel=0.2)
        assert all(m.bias.abs().max() == 0 for m in norms)


def test_unet_is_the_papers_layer_by_layer():
    """C64-C128-C256-C512 x 5 and CD512 x 3-C512-C256-C128-C64 of pix2pix (section 6.1.1), here 1/16 as wide."""
    net, leaky = UNet(256, 4), "LeakyReLU(0.2)"
    assert [described(layer) for layer in net.down] == [
        "c4/2p1:4",
        *(f"{leaky} c4/2p1:{w} IN" for w in (8, 16, 32, 32, 32, 32)),
        f"{leaky} c4/2p1:32",
    ]
    assert [described(layer) for layer in net.up] == [
        *["ReLU t4/2p1:32 IN Noise"] * 3,
        *(f"ReLU t4/2p1:{w} IN" for w in (32, 16, 8, 4)),
        "ReLU t4/2p1:3 Tanh",
    ]


def test_unet_reaches_one_pixel_and_connects_every_level():
    net, shapes = UNet(32, 4), []
    for layer in net.down:
        layer.register_forward_hook(lambda m, i, o: shapes.append(tuple(o.shape[1:])))
    out = net(torch.randn(2, 3, 32, 32))
    assert shapes == [(4, 16, 16), (8, 8, 8), (16, 4, 4), (32, 2, 2), (32, 1, 1)]
    assert out.shape == (2, 3, 32, 32) and out.abs().max() <= 1
    # a decoder layer takes the output below it and the encoder's output of its size
    assert [layer[1].in_channels for layer in net.up] == [32, 64, 32, 16, 8]


def test_noise_drops_half_in_use():
    torch.manual_seed(0)
    out = Noise().eval()(torch.ones(1, 1, 100, 100))
    assert out.unique().tolist() == [0, 2] and (out == 0).float().mean().item() == pytest.approx(0.5, abs=0.03)
    net, x = UNet(16, 4).eval(), torch.randn(1, 3, 16, 16)
    assert not torch.equal(net(x), net(x))


def test_unet_wants_a_power_of_two():
    with pytest.raises(ValueError, match="power of two"):
        UNet(48, 4)


def test_coupled_networks_are_dcgans_pyramid_and_share_all_but_the_ends():
    g, d = CoupledGenerators(32, 10, 4), CoupledCritics(32, 4)
    x, y = g(torch.randn(5, 10))
    assert x.shape == y.shape == (5, 3, 32, 32) and not torch.equal(x, y)
    assert all(-1 < image.min() < 0 < image.max() < 1 for image in (x, y))  # tanh
    assert [s.shape for s in d(x, y)] == [(5,), (5,)]
    assert described([g.project, *g.shared]) == (
        "t4/1p0:16 BatchNorm2d ReLU t4/2p1:8 BatchNorm2d ReLU t4/2p1:4 BatchNorm2d ReLU"
    )
    # only the last layer, or the first, once per domain
    assert described(g.heads) == "t4/2p1:3 t4/2p1:3" and described(d.stems) == "c4/2p1:4 c4/2p1:4"
    leaky = "LeakyReLU(0.2)"
    assert described(d.shared) == f"c4/2p1:8 BatchNorm2d {leaky} c4/2p1:16 BatchNorm2d {leaky} c4/1p0:1"


def test_each_domain_has_a_critics_stem_of_its_own():
    d = CoupledCritics(16, 4)
    d.shared = nn.Flatten()
    x, y = torch.randn(2, 3, 16, 16), torch.randn(2, 3, 16, 16)
    for scores, stem, images in zip(d(x, y), d.stems, (x, y)):
        assert torch.equal(scores, nn.functional.leaky_relu(stem(images), 0.2).flatten())
