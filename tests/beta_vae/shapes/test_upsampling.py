"""The layers that double an image's sides compute what PyTorch's own do, and so do their gradients."""

import pytest
import torch
import torch.nn.functional as F

from triptych.beta_vae.shapes.parts.upsampling import Deconvolution, UpsampledConvolution


def of_torch(layer, x):
    if isinstance(layer, Deconvolution):
        return F.conv_transpose2d(x, layer.weight, layer.bias, stride=2, padding=1)
    return F.conv2d(F.interpolate(x, scale_factor=2), layer.weight, layer.bias, padding=1)


@pytest.mark.parametrize("kind", [Deconvolution, UpsampledConvolution])
@pytest.mark.parametrize("outputs", [1, 3, 6])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_outputs_and_gradients_are_the_librarys(kind, outputs, memory_format):
    torch.manual_seed(0)
    layer = kind(5, outputs).double().to(memory_format=memory_format)
    x = torch.randn(2, 5, 4, 6, dtype=torch.float64).contiguous(memory_format=memory_format).requires_grad_()
    found, expected = layer(x), of_torch(layer, x)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(expected)
    inputs = [x, *layer.parameters()]
    for own, known in zip(torch.autograd.grad(found, inputs, weights), torch.autograd.grad(expected, inputs, weights)):
        torch.testing.assert_close(own, known)
