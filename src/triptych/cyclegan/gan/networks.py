"""CycleGAN's networks (Zhu et al. 2017, section 7.2): a residual generator and a patch critic.

Both take widths and depths as parameters; the defaults are the paper's for 128 x 128 images.
"""

from __future__ import annotations

import torch.nn.functional as nnf
from torch import Tensor, nn

from triptych.common.init import normal_init


class InstanceNorm(nn.InstanceNorm2d):
    """Each image and channel to mean 0 and variance 1 over its pixels; with `affine` then a learned gain and shift.

    The same in training and in use, and blind to the rest of the batch. Of one image this is batch norm by the batch's
    own statistics, and is computed so: `F.instance_norm` of one image has a wrong gradient, without a word, where the
    gradient comes in channels-last order (torch 2.8 to 2.14, CPU), as it does from a channels-last convolution.
    """

    def forward(self, x: Tensor) -> Tensor:
        if len(x) == 1:
            return nnf.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)
        return nnf.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)


def norm(channels: int) -> nn.Module:
    """The norm after a convolution with so many `channels`: no gain, no shift."""
    return InstanceNorm(channels)


class Residual(nn.Module):
    """R-k: x + h(x), with no activation after the sum; reflected borders, so that no zeros bleed in."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(
            *(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), norm(channels), nn.ReLU()),
            *(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), norm(channels)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Generator(nn.Sequential):
    """Images in [-1, 1], (n, 3, H, W) -> the same shape and range; H and W are multiples of 4.

    c7s1-w, d2w, d4w, `blocks` x R4w, u2w, uw, c7s1-3 with tanh; w = `width` (64 in the paper), 6 blocks for
    128 px, 9 for 256 px.
    """

    def __init__(self, width: int = 64, blocks: int = 6, channels: int = 3):
        w = width

        def down(a: int, b: int) -> list[nn.Module]:
            return [nn.Conv2d(a, b, 3, stride=2, padding=1), norm(b), nn.ReLU()]

        def up(a: int, b: int) -> list[nn.Module]:
            return [nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1), norm(b), nn.ReLU()]

        super().__init__(
            *(nn.ReflectionPad2d(3), nn.Conv2d(channels, w, 7), norm(w), nn.ReLU()),
            *down(w, 2 * w),
            *down(2 * w, 4 * w),
            *(Residual(4 * w) for _ in range(blocks)),
            *up(4 * w, 2 * w),
            *up(2 * w, w),
            *(nn.ReflectionPad2d(3), nn.Conv2d(w, channels, 7), nn.Tanh()),
        )
        normal_init(self)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).float()


class PatchCritic(nn.Sequential):
    """Images (n, channels, H, W) -> one unbounded score per overlapping patch, (n, 1, h, w).

    `layers` convolutions of stride 2 and two of stride 1; padding 1 as in pix2pix. The patch is 16, 34, 70 or
    142 pixels wide for 1, 2, 3 or 4 layers. 128 px and 3 layers give 14 x 14 scores.
    """

    def __init__(self, channels: int = 3, width: int = 64, layers: int = 3):
        widths = [width * min(2**k, 8) for k in range(layers + 1)]
        # No norm in the first layer: it would hide brightness and contrast from the critic.
        parts: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for k in range(1, layers + 1):
            stride = 2 if k < layers else 1
            parts += [nn.Conv2d(widths[k - 1], widths[k], 4, stride, 1), norm(widths[k]), nn.LeakyReLU(0.2)]
        super().__init__(*parts, nn.Conv2d(widths[-1], 1, 4, 1, 1))
        normal_init(self)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).float()
