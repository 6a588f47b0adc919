"""Shapes, receptive fields and layers of the networks, against the papers' tables."""

import pytest
import torch
from torch import nn

from triptych.cyclegan.gan.networks import Generator, PatchCritic, Residual, receptive_field
from triptych.cyclegan.rivals.coupled import CoupledCritics, CoupledGenerators
from triptych.cyclegan.rivals.unet import UNet


@pytest.mark.parametrize("layers, field", [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_patch_of_the_critic(layers, field):
    assert receptive_field(PatchCritic(3, 2, layers)) == field


def test_receptive_field_is_what_gradients_reach():
    critic = nn.Sequential(*(m for m in PatchCritic(3, 4, 2) if not isinstance(m, nn.InstanceNorm2d)))
    x = torch.randn(1, 3, 96, 96, requires_grad=True)
    scores = critic(x)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    reached = x.grad.abs().sum((0, 1)) > 0
    assert reached.any(0).sum() == reached.any(1).sum() == 34


@pytest.mark.parametrize("size, layers, scores", [(128, 3, 14), (256, 3, 30), (64, 2, 14), (32, 1, 14)])
def test_score_map_size(size, layers, scores):
    assert PatchCritic(6, 4, layers)(torch.zeros(1, 6, size, size)).shape == (1, 1, scores, scores)


def test_first_critic_layer_has_no_norm_and_scores_are_unbounded():
    critic = list(PatchCritic(3, 8, 3))
    assert isinstance(critic[1], nn.LeakyReLU) and isinstance(critic[-1], nn.Conv2d)
    assert [m.out_channels for m in critic if isinstance(m, nn.Conv2d)] == [8, 16, 32, 64, 1]
    assert [m.stride[0] for m in critic if isinstance(m, nn.Conv2d)] == [2, 2, 2, 1, 1]


def test_generator_has_the_papers_size():
    """11.4 M parameters with 9 blocks and 7.8 M with 6: what the authors' PyTorch code prints (norm without
    gain)."""
    for blocks, millions in ((9, 11.378), (6, 7.838)):
        count = sum(p.numel() for p in Generator(64, blocks).parameters())
        assert count / 1e6 == pytest.approx(millions, abs=1e-3)


def test_critic_has_the_papers_size():
    assert sum(p.numel() for p in PatchCritic(3, 64, 3).parameters()) / 1e6 == pytest.approx(2.765, abs=1e-3)


@pytest.mark.parametrize("size", [32, 48, 64])
def test_generator_keeps_shape_and_range(size):
    out = Generator(4, 1)(torch.randn(2, 3, size, size))
    assert out.shape == (2, 3, size, size) and out.abs().max() <= 1


def test_generator_sees_images_one_by_one():
    g, x = Generator(4, 2), torch.randn(3, 3, 32, 32)
    assert torch.allclose(g(x), torch.cat([g(v) for v in x.split(1)]), atol=1e-6)
    assert torch.equal(g.train()(x), g.eval()(x))


def test_reflected_ends():
    pads = [m for m in Generator(4, 2).modules() if isinstance(m, nn.ReflectionPad2d)]
    assert [p.padding[0] for p in pads] == [3, 1, 1, 1, 1, 3]


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


def test_unet_reaches_one_pixel_and_connects_every_level():
    net, shapes = UNet(32, 4), []
    for layer in net.down:
        layer.register_forward_hook(lambda m, i, o: shapes.append(tuple(o.shape[1:])))
    out = net(torch.randn(2, 3, 32, 32))
    assert shapes == [(4, 16, 16), (8, 8, 8), (16, 4, 4), (32, 2, 2), (32, 1, 1)]
    assert out.shape == (2, 3, 32, 32) and out.abs().max() <= 1
    # a decoder layer takes the output below it and the encoder's output of its size
    assert [layer[1].in_channels for layer in net.up] == [32, 64, 32, 16, 8]


def test_unet_has_the_papers_size_at_256():
    """54.414 M: what the authors' PyTorch code prints for unet_256 (batch norm with gains counts the same)."""
    count = sum(p.numel() for p in UNet(256, 64).parameters())
    assert count / 1e6 == pytest.approx(54.414, abs=0.02)


def test_unet_noise_is_on_in_use():
    net, x = UNet(16, 4).eval(), torch.randn(1, 3, 16, 16)
    torch.manual_seed(0)
    first = net(x)
    assert not torch.equal(first, net(x))


def test_unet_wants_a_power_of_two():
    with pytest.raises(ValueError, match="power of two"):
        UNet(48, 4)


def test_coupled_networks_share_all_but_the_ends():
    g, d = CoupledGenerators(32, 10, 4), CoupledCritics(32, 4)
    x, y = g(torch.randn(5, 10))
    assert x.shape == y.shape == (5, 3, 32, 32) and not torch.equal(x, y)
    assert [s.shape for s in d(x, y)] == [(5,), (5,)]
    own = sum(p.numel() for p in g.heads.parameters())
    assert own == 2 * (4 * 3 * 16 + 3)  # only the last layer, once per domain
    assert sum(p.numel() for p in d.stems.parameters()) == 2 * (3 * 4 * 16 + 4)
