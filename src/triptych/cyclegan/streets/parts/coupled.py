"""CoGAN's networks (Liu and Tuzel 2016): two GANs that share what is high-level, stretched to larger images.

The authors published 28 x 28 networks; these are DCGAN's pyramid with all shared but the generators' last and
the critics' first layer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from triptych.common.init import normal_init


class CoupledGenerators(nn.Module):
    """z (n, z_dim) -> one latent scene as label map and as photo, each (n, 3, size, size) in [-1, 1].

    `size` is 4 times a power of two; `width` channels before the last layer, twice as many at every halving
    (64 at 128 px gives the 1024 … 64 of DCGAN).
    """

    def __init__(self, size: int, z_dim: int, width: int):
        super().__init__()
        layers = _doublings(size)
        w = [width * 2**k for k in reversed(range(layers))]
        self.project = nn.ConvTranspose2d(z_dim, w[0], 4, 1, 0, bias=False)
        parts: list[nn.Module] = [nn.BatchNorm2d(w[0]), nn.ReLU()]
        for a, b in zip(w[:-1], w[1:]):
            parts += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        self.shared = nn.Sequential(*parts)
        self.heads = nn.ModuleList(nn.ConvTranspose2d(width, 3, 4, 2, 1) for _ in range(2))
        normal_init(self)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        h = self.shared(self.project(z[:, :, None, None]))
        x, y = (torch.tanh(head(h)).float() for head in self.heads)
        return x, y


class CoupledCritics(nn.Module):
    """(label maps, photos), each (n, 3, size, size) -> their logits of being real, each (n,)."""

    def __init__(self, size: int, width: int):
        super().__init__()
        w = [width * 2**k for k in range(_doublings(size))]
        self.stems = nn.ModuleList(nn.Conv2d(3, width, 4, 2, 1) for _ in range(2))
        parts: list[nn.Module] = []
        for a, b in zip(w[:-1], w[1:]):
            parts += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]
        self.shared = nn.Sequential(*parts, nn.Conv2d(w[-1], 1, 4))
        normal_init(self)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        on_x, on_y = (self.shared(nnf.leaky_relu(stem(v), 0.2)).flatten() for stem, v in zip(self.stems, (x, y)))
        return on_x.float(), on_y.float()


def _doublings(size: int) -> int:
    n = (size // 4).bit_length() - 1
    if size != 4 * 2**n or n < 1:
        raise ValueError(f"size = {size}: must be 4 times a power of two, at least 8")
    return n
