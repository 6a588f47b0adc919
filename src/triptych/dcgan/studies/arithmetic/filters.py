"""What the discriminator's filters respond to (paper, section 6.2 and figure 5, where some respond to beds).

The paper shows the images that excite maps of the last convolution most, by guided backpropagation (Springenberg et al.
2014), beside those of random filters. Here the data's factors are known and make it a number, too: how much of a map's
strongest response is explained by what the image shows. The random filters are the net's own before training.

Guided backpropagation is that of a response with respect to the image in which a rectifier passes on positive gradients
only, and only where its input was positive:

    forward   y = f(x)            backward   R(x) = R(y) · [R(y) > 0] · [x > 0]

The rule is for ReLU; neither paper says what becomes of a leaky one's leak on the way back. Here it is closed."""

from __future__ import annotations

import copy

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import Strict
from triptych.base.pixels import to_uint8
from triptych.dcgan.gan.features import estimate_statistics
from triptych.dcgan.gan.networks import Discriminator
from triptych.engine import inference


class Filters(Strict):
    """`shown` maps, the first ones, in the picture (paper: 6), each with the `images` that excite it most."""

    shown: int = Field(default=6, ge=1)
    images: int = Field(default=6, ge=1)


def respond(
    nets: dict[str, Discriminator],
    bank: np.ndarray,
    images: np.ndarray,
    factors: dict[str, np.ndarray],
    config: Filters,
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """`nets` are discriminators on one device, named by the ending of their numbers ("" is the trained one); uint8
    `bank` (m, C, S, S) sets the statistics of their normalisations, `images` (n, C, S, S) with their `factors` (name ->
    (n,) values) are what they look at.

    Numbers: explained_<factor>, the mean of `explained` over the maps of the last convolution. Pictures, uint8 (shown,
    images, C, S, S): `images`, those that excite a map most, the strongest first, and `guided`, their guided gradients,
    0 in the middle of the range."""
    numbers: dict[str, float] = {}
    pictures: dict[str, np.ndarray] = {}
    for ending, net in nets.items():
        net = guided(net)
        device = next(net.parameters()).device
        estimate_statistics(net, bank, device)
        net.eval()
        strongest = inference(lambda x, net=net: responses(net, net.scaled(x)), images, device)
        for name, values in factors.items():
            numbers[f"explained_{name}{ending}"] = float(explained(strongest.numpy(), values).mean())
        shown = [excited(net, k, strongest[:, k], images, config.images) for k in range(config.shown)]
        pictures[f"images{ending}"], pictures[f"guided{ending}"] = (np.stack(kind) for kind in zip(*shown))
    return numbers, pictures


def responses(net: Discriminator, x: Tensor) -> Tensor:
    """The strongest activation of each map of the last convolution: (n, C, S, S) -> (n, k)."""
    return net.activations(x)[-1].amax((2, 3))


def explained(strengths: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Share of the variance of each map's strength (n, k) that lies between the groups of one factor's `values` (n,),
    corrected for their number (adjusted R² of a one-way analysis of variance; it may fall below 0 by chance): (k,). 0
    for a map that never changes."""
    x = strengths.astype(np.float64)
    x = x - x.mean(0)
    group = np.unique(values, return_inverse=True)[1]
    sizes = np.bincount(group)
    sums = np.zeros((len(sizes), x.shape[1]))
    np.add.at(sums, group, x)
    total = np.square(x).sum(0)
    within = total - (np.square(sums) / sizes[:, None]).sum(0)
    free = max(1, len(x) - len(sizes))
    return 1 - np.divide(within / free, total / (len(x) - 1), out=np.ones_like(total), where=total > 0)


def excited(net: Discriminator, k: int, strengths: Tensor, images: np.ndarray, count: int) -> tuple[np.ndarray, ...]:
    """The `count` images with the largest `strengths` (n,) of map k, and their `guided_gradients`, both uint8."""
    chosen = images[strengths.argsort(descending=True, stable=True)[:count].numpy()]
    gradients = guided_gradients(net, k, torch.from_numpy(chosen).to(next(net.parameters()).device))
    largest = gradients.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
    return chosen, to_uint8(gradients / largest).numpy()


def guided_gradients(net: Discriminator, k: int, images: Tensor) -> Tensor:
    """Of the strongest response of map k of a `guided` net to uint8 images (n, C, S, S): float, on the CPU."""
    x = net.scaled(images).requires_grad_()
    (gradients,) = torch.autograd.grad(responses(net, x)[:, k].sum(), x)
    return gradients.float().cpu()


def guided(net: Discriminator) -> Discriminator:
    """A copy whose rectifiers pass gradients on as guided backpropagation does; other activations stay as they are."""
    net = copy.deepcopy(net)
    for parent in list(net.modules()):
        for name, module in parent.named_children():
            if isinstance(module, (nn.ReLU, nn.LeakyReLU)):
                setattr(parent, name, GuidedRectifier(getattr(module, "negative_slope", 0.0)))
    return net


class GuidedRectifier(nn.Module):
    """A leaky rectifier whose way back is that of guided backpropagation."""

    def __init__(self, slope: float):
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        return _Guided.apply(x, self.slope)


class _Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x)
        return F.leaky_relu(x, slope)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        (x,) = ctx.saved_tensors
        return gradient.clamp(min=0) * (x > 0), None
