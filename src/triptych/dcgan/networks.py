"""The DCGAN generators and discriminators (Radford, Metz, Chintala 2015, section 3 and figure 1; authors'
code).

One family is one discriminator trunk: a kernel size, and a stride and a relative width for each convolution,
down to 4×4. The generator is its mirror image. Strided convolutions in place of pooling, batch normalisation
in both nets except on the generator's output and the discriminator's input layer, no hidden fully connected
layers, ReLU and tanh in the generator, LeakyReLU in the discriminator; no biases, since the shift of the
normalisation plays that role.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from triptych.config import ParamsError
from triptych.nn.init import normal_init

GRID = 4  # every trunk ends, and every feature map is pooled, at GRID × GRID
SLOPE = 0.2  # of LeakyReLU
FamilyName = Literal["scenes64", "imagenet32", "svhn32"]
Norm = Literal["batch", "none", "batch_everywhere"]


@dataclass(frozen=True)
class Family:
    """A discriminator trunk; convolution i has `width · multiples[i]` filters."""

    kernel: int
    strides: tuple[int, ...]
    multiples: tuple[int, ...]
    width: int  # the paper's

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return GRID * math.prod(self.strides)


FAMILIES: dict[str, Family] = {
    "scenes64": Family(5, (2, 2, 2, 2), (1, 2, 4, 8), width=128),  # LSUN bedrooms and faces, 64×64
    "imagenet32": Family(3, (1, 2, 1, 2, 1, 2), (1, 1, 2, 2, 4, 4), width=128),  # judged on CIFAR-10
    "svhn32": Family(5, (2, 2, 2), (1, 2, 4), width=64),
}


def family_for(name: str, image_shape: tuple[int, int, int]) -> Family:
    """The family, if it is made for images of that shape (C, H, W). Raises ParamsError if it is not."""
    family = FAMILIES[name]
    if image_shape[1:] != (family.size, family.size):
        fitting = [n for n, f in FAMILIES.items() if image_shape[1:] == (f.size, f.size)]
        raise ParamsError(
            f"net = {name!r}: works on {family.size}×{family.size} images, the data are "
            f"{image_shape[1]}×{image_shape[2]}; for these there is {', '.join(fitting) or 'no net'}"
        )
    return family


def signed(images: Tensor) -> Tensor:
    """uint8 pixels -> float in [-1, 1], the range of tanh."""
    return images.float() / 127.5 - 1


class Discriminator(nn.Module):
    """Images (n, C, S, S) in [-1, 1] -> logits (n,) of being real.

    norm: "batch" is the paper's (all convolutions but the first), "none" and "batch_everywhere" (on the input
    and output layers too) are what it warns of.
    """

    def __init__(self, family: Family, channels: int = 3, width: int | None = None, norm: Norm = "batch"):
        super().__init__()
        widths = [channels] + [m * (width or family.width) for m in family.multiples]
        blocks = []
        for i, stride in enumerate(family.strides):
            conv = nn.Conv2d(widths[i], widths[i + 1], family.kernel, stride, padding=family.kernel // 2, bias=False)
            normed = norm == "batch_everywhere" or (norm == "batch" and i > 0)
            blocks.append(_block(conv, widths[i + 1], normed, nn.LeakyReLU(SLOPE, inplace=True)))
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Linear(widths[-1] * GRID * GRID, 1, bias=False)
        self.head_norm = nn.BatchNorm1d(1) if norm == "batch_everywhere" else nn.Identity()
        self.n_features = sum(widths[1:]) * GRID * GRID
        normal_init(self)

    def activations(self, x: Tensor) -> list[Tensor]:
        """The output of every convolution after its LeakyReLU, first to last."""
        out = []
        for block in self.blocks:
            x = block(x)
            out.append(x)
        return out

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.head_norm(self.head(x.flatten(1))).squeeze(1)


class Generator(nn.Module):
    """Codes (n, z_dim) -> images (n, C, S, S) in [-1, 1]."""

    def __init__(
        self,
        family: Family,
        channels: int = 3,
        width: int | None = None,
        z_dim: int = 100,
        norm: Norm = "batch",
    ):
        super().__init__()
        widths = [channels] + [m * (width or family.width) for m in family.multiples]
        top = widths[-1] * GRID * GRID
        self.z_dim = z_dim
        self.project = _block(nn.Linear(z_dim, top, bias=False), top, norm != "none", nn.ReLU(inplace=True), nd=1)
        self.unflatten = nn.Unflatten(1, (widths[-1], GRID, GRID))
        blocks = []
        for i in reversed(range(len(family.strides))):
            # "fractionally strided": the output is exactly `stride` times as large as the input
            conv = nn.ConvTranspose2d(
                widths[i + 1],
                widths[i],
                family.kernel,
                family.strides[i],
                padding=family.kernel // 2,
                output_padding=family.strides[i] - 1,
                bias=False,
            )
            last = i == 0
            normed = norm == "batch_everywhere" or (norm == "batch" and not last)
            blocks.append(_block(conv, widths[i], normed, nn.Tanh() if last else nn.ReLU(inplace=True)))
        self.blocks = nn.Sequential(*blocks)
        normal_init(self)

    def forward(self, z: Tensor) -> Tensor:
        x = self.unflatten(self.project(z)).contiguous(memory_format=torch.channels_last)
        return self.blocks(x)


def _block(linear: nn.Module, width: int, normed: bool, activation: nn.Module, nd: int = 2) -> nn.Sequential:
    norms = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}
    return nn.Sequential(linear, *([norms[nd](width)] if normed else []), activation)


def pooled(maps: Tensor) -> Tensor:
    """Feature maps (n, k, s, s) max-pooled to (n, k, 4, 4) and flattened: (n, 16 k)."""
    return F.max_pool2d(maps, maps.shape[-1] // GRID).flatten(1)
