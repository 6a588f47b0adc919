"""The U-Net generator and its noise, as pix2pix uses them (Isola et al. 2017, section 6.1.1)."""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from triptych.common.init import WEIGHTED, normal_init
from triptych.cyclegan.gan.networks import InstanceNorm


class Noise(nn.Module):
    """Dropout that is on in use as in training: the only noise that pix2pix has."""

    def forward(self, x: Tensor) -> Tensor:
        return nnf.dropout(x, 0.5, training=True)


def norm(channels: int) -> nn.Module:
    """Batch norm at batch size 1, with the statistics of the test image in use: instance norm with gain and
    shift."""
    return InstanceNorm(channels, affine=True)


class UNet(nn.Module):
    """Images in [-1, 1], (n, 3, size, size) -> the same; `size` is a power of two.

    Encoder C64-C128-C256-C512-C512-… (4 x 4, stride 2, leaky ReLU 0.2) down to 1 x 1 and the mirrored
    decoder, whose first three layers have dropout; each decoder layer also sees the encoder's output of its
    size. `width` 64 as in the paper. Neither the first layer has a norm nor the 1 x 1 bottleneck, where it
    would leave nothing.
    """

    def __init__(self, size: int, width: int = 64, channels: int = 3):
        super().__init__()
        depth = size.bit_length() - 1
        if size != 2**depth or depth < 3:
            raise ValueError(f"size = {size}: the U-Net needs a power of two, at least 8")
        w = [channels, *(width * min(2**k, 8) for k in range(depth))]
        self.down = nn.ModuleList(self._down(w[k], w[k + 1], k, depth) for k in range(depth))
        inputs = [w[k + 1] * (1 if k == depth - 1 else 2) for k in range(depth)]
        self.up = nn.ModuleList(self._up(inputs[k], w[k], k, depth) for k in reversed(range(depth)))
        for kind in (WEIGHTED, InstanceNorm):  # all weights are drawn first, then all gains
            normal_init(nn.ModuleList(m for m in self.modules() if isinstance(m, kind)))

    @staticmethod
    def _down(a: int, b: int, level: int, depth: int) -> nn.Sequential:
        first, last = level == 0, level == depth - 1
        parts = [] if first else [nn.LeakyReLU(0.2)]
        parts.append(nn.Conv2d(a, b, 4, 2, 1))
        return nn.Sequential(*parts, *([] if first or last else [norm(b)]))

    @staticmethod
    def _up(a: int, b: int, level: int, depth: int) -> nn.Sequential:
        parts = [nn.ReLU(), nn.ConvTranspose2d(a, b, 4, 2, 1)]
        if level == 0:
            return nn.Sequential(*parts, nn.Tanh())
        return nn.Sequential(*parts, norm(b), *([Noise()] if level >= depth - 3 else []))

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for layer in self.down:
            x = layer(x)
            skips.append(x)
        x = self.up[0](skips.pop())
        for layer in self.up[1:]:
            x = layer(torch.cat([x, skips.pop()], dim=1))
        return x.float()
