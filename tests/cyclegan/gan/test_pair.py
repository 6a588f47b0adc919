"""Two networks as one: the outputs and gradients of each alone."""

import copy

import pytest
import torch
from torch import nn

from triptych.cyclegan.gan.networks import Generator, PatchCritic
from triptych.cyclegan.gan.pair import both

NETS = {"generator": lambda: Generator(4, 2), "critic": lambda: PatchCritic(3, 4, 2)}


def drawn(net):
    """With weights so large that every layer and bias counts."""
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0.0, 0.3)
    return net.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("make", NETS.values(), ids=NETS)
def test_outputs_and_gradients_are_those_of_each_alone(make, images):
    torch.manual_seed(0)
    first, second = drawn(make()), drawn(make())
    alone = copy.deepcopy((first, second))
    a, b = (torch.rand(images, 3, 32, 32) * 2 - 1 for _ in range(2))
    weights = [torch.rand_like(net(x)) for net, x in ((first, a), (second, b))]
    outputs, expected = both(first, second)(a, b), (alone[0](a), alone[1](b))
    for pair in (outputs, expected):
        sum((weight * out).sum() for weight, out in zip(weights, pair)).backward()
    for out, right in zip(outputs, expected):
        torch.testing.assert_close(out, right, rtol=1e-4, atol=1e-5)
    for net, right in zip((first, second), alone):
        largest = max(p.grad.norm() for p in right.parameters())
        for (name, p), q in zip(net.named_parameters(), right.parameters()):
            assert (p.grad - q.grad).norm() <= 1e-5 * largest, name  # a bias before a norm has none but rounding


def test_a_frozen_network_gets_no_gradient():
    first, second = Generator(2, 1), Generator(2, 1).requires_grad_(False)
    out, _ = both(first, second)(*torch.rand(2, 1, 3, 16, 16))
    out.sum().backward()
    assert all(p.grad is not None for p in first.parameters()) and all(p.grad is None for p in second.parameters())


def test_layers_that_mix_channels_are_refused():
    nets = [nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)) for _ in range(2)]
    with pytest.raises(TypeError, match="BatchNorm2d"):
        both(*nets)
