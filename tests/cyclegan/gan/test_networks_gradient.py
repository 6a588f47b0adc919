"""The gradients of the nets in the memory order in which they are trained."""

import copy

import pytest
import torch

from triptych.cyclegan.gan.networks import Generator, InstanceNorm, PatchCritic
from triptych.cyclegan.streets.parts.unet import Noise, UNet


@pytest.fixture(autouse=True)
def no_dropout(monkeypatch):
    """The U-Net's is on in use, and draws other numbers for every type and order of memory."""
    monkeypatch.setattr(Noise, "forward", lambda self, x: x)


NETS = {"generator": lambda: Generator(4, 2), "critic": lambda: PatchCritic(3, 4, 2), "unet": lambda: UNet(32, 4)}


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("make", NETS.values(), ids=NETS)
def test_gradients_in_channels_last_order_are_those_in_double_precision(make, images):
    torch.manual_seed(0)
    net, x = make(), torch.rand(images, 3, 32, 32) * 2 - 1
    exact = copy.deepcopy(net).double()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "float", lambda tensor: tensor)  # the nets' last step, which would lose digits
        exact(x.double()).square().sum().backward()
    net = net.to(memory_format=torch.channels_last)
    net(x.contiguous(memory_format=torch.channels_last)).square().sum().backward()
    for (name, ours), right in zip(net.named_parameters(), exact.parameters()):
        if ours.dim() > 1:  # a bias before a norm has no gradient but rounding
            assert torch.nn.functional.cosine_similarity(
                ours.grad.double().flatten(), right.grad.flatten(), dim=0
            ) == pytest.approx(1, abs=1e-4), name


def test_instance_norm_is_that_of_torch():
    x = torch.randn(3, 5, 7, 6) * 3 + 2
    each = torch.cat([InstanceNorm(5)(one) for one in x.split(1)])
    torch.testing.assert_close(each, torch.nn.InstanceNorm2d(5)(x))
    torch.testing.assert_close(InstanceNorm(5)(x), torch.nn.InstanceNorm2d(5)(x))
    gain, shift = torch.rand(2, 5)
    ours, torchs = InstanceNorm(5, affine=True), torch.nn.InstanceNorm2d(5, affine=True)
    for norm in (ours, torchs):
        norm.load_state_dict({"weight": gain, "bias": shift})
    torch.testing.assert_close(torch.cat([ours(one) for one in x.split(1)]), torchs(x))
