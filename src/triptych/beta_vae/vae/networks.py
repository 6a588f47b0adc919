"""Encoders and decoders of the paper's Table 1 (appendix).

`dense` is the row of the 2D shapes: 1200-1200 ReLU, and back over 1200 × 3 tanh. `conv` is the row of chairs,
faces and CelebA: four 4×4 convolutions of stride 2 and a dense layer of 256. `conv_2x2` is the same row as
disentanglement_lib reads it, with 2×2 kernels in the last two convolutions. The conv nets take 64×64 images,
or any size that can be halved four times.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field
from torch import nn

from triptych.base.config import ParamsError, Strict

ImageShape = tuple[int, int, int]  # (C, H, W)


class NetworkConfig(Strict):
    """Architecture. The initialisation is not in the paper: PyTorch's default, or Glorot uniform as in TF
    layers."""

    network: Literal["dense", "conv", "conv_2x2"] = "dense"
    hidden: int = Field(1200, gt=0)  # units of each hidden layer of `dense`
    width: int = Field(32, gt=0)  # channels of the first two convolutions; the last two have twice as many
    latents: int = Field(10, ge=2)  # the metrics compare the best one with the next
    init: Literal["torch", "glorot"] = "torch"


def encoder(config: NetworkConfig, image_shape: ImageShape) -> nn.Module:
    """Images (n, C, H, W) in [0, 1] -> (n, 2M): posterior means, then log variances."""
    if config.network == "dense":
        sizes = [math.prod(image_shape), config.hidden, config.hidden]
        net = nn.Sequential(nn.Flatten(), *_dense(sizes, nn.ReLU), nn.Linear(config.hidden, 2 * config.latents))
    else:
        w, (channels, height, width) = config.width, _halved(config, image_shape)
        late = {"kernel_size": 4, "padding": 1} if config.network == "conv" else {"kernel_size": 2, "padding": 0}
        net = nn.Sequential(
            *(nn.Conv2d(image_shape[0], w, 4, 2, 1), nn.ReLU(), nn.Conv2d(w, w, 4, 2, 1), nn.ReLU()),
            *(nn.Conv2d(w, 2 * w, stride=2, **late), nn.ReLU(), nn.Conv2d(2 * w, 2 * w, stride=2, **late), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(channels * height * width, 256), nn.ReLU()),
            nn.Linear(256, 2 * config.latents),
        )
    return initialise(net, config.init)


def decoder(config: NetworkConfig, image_shape: ImageShape) -> nn.Module:
    """Latents (n, M) -> (n, C, H, W): logits of a Bernoulli decoder, means of a Gaussian one."""
    if config.network == "dense":
        sizes = [config.latents, config.hidden, config.hidden, config.hidden]
        out = nn.Linear(config.hidden, math.prod(image_shape))
        net = nn.Sequential(*_dense(sizes, nn.Tanh), out, nn.Unflatten(1, image_shape))
    else:
        w, (channels, height, width) = config.width, _halved(config, image_shape)
        net = nn.Sequential(
            *(nn.Linear(config.latents, 256), nn.ReLU(), nn.Linear(256, channels * height * width), nn.ReLU()),
            *(nn.Unflatten(1, (channels, height, width)), nn.ConvTranspose2d(2 * w, 2 * w, 4, 2, 1), nn.ReLU()),
            *(nn.ConvTranspose2d(2 * w, w, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(w, w, 4, 2, 1), nn.ReLU()),
            nn.ConvTranspose2d(w, image_shape[0], 4, 2, 1),
        )
    return initialise(net, config.init)


def initialise(net: nn.Module, init: str) -> nn.Module:
    """Leave PyTorch's default, or redraw all weights Glorot uniform with zero biases."""
    if init == "glorot":
        for layer in net.modules():
            if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
    return net


def _dense(sizes: list[int], activation: type[nn.Module]) -> list[nn.Module]:
    return [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), activation())]


def _halved(config: NetworkConfig, image_shape: ImageShape) -> ImageShape:
    """Shape of the last convolution's output."""
    _, height, width = image_shape
    if height % 16 or width % 16:
        raise ParamsError(f"the convolutional networks halve images four times; {height}×{width} does not allow that")
    return 2 * config.width, height // 16, width // 16
