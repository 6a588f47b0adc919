"""The DCGAN generators and discriminators (Radford, Metz, Chintala 2015, section 3 and figure 1; authors' code).

One family is one discriminator trunk: a kernel size, and a stride and a relative width for each convolution, down to
4×4. The generator is its mirror image. Strided convolutions in place of pooling, batch normalisation in both nets
except on the generator's output and the discriminator's input layer, no hidden fully connected layers, ReLU and tanh in
the generator, LeakyReLU in the discriminator; no biases, since the shift of the normalisation plays that role: where it
is taken away, a layer gets one. These guidelines are the defaults of the nets' arguments, and each argument has the
value that the paper advises against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from triptych.base.config import ParamsError
from triptych.base.pixels import signed, to_uint8, unit, unit_to_uint8
from triptych.common.init import normal_init

GRID = 4  # every trunk ends, and every feature map is pooled, at GRID × GRID
SLOPE = 0.2  # of LeakyReLU
FamilyName = Literal["scenes64", "imagenet32", "svhn32"]
PIECES = 2  # of a maxout unit (Goodfellow et al. 2013)
Norm = Literal["batch", "none", "batch_everywhere"]
Sampling = Literal["strided", "pooling"]
GeneratorActivation = Literal["relu", "tanh"]
DiscriminatorActivation = Literal["leaky", "relu", "maxout"]
Output = Literal["tanh", "sigmoid"]


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


def scaled(images: Tensor, output: Output) -> Tensor:
    """uint8 pixels -> float in the range of a generator's output: [-1, 1] for tanh, [0, 1] for sigmoid."""
    return signed(images) if output == "tanh" else unit(images)


class Discriminator(nn.Module):
    """Images (n, C, S, S) in [-1, 1] -> logits (n,) of being real.

    norm: "batch" is the paper's (all convolutions but the first), "none" and "batch_everywhere" (on the input layer
    too) are what it warns of; the one logit is never normalised: with the same mean for real and fake batches no
    discriminator could tell them apart. sampling "pooling": convolutions of stride 1, then 2×2 max-pooling. hidden: so
    many units in a fully connected layer after the convolutions, with a bias in place of a norm for the same reason:
    the logit is one linear map away, and would have nearly the same mean for every batch. activation "maxout": the
    larger of two convolutions. output: the generator's; with "sigmoid" images are in [0, 1]."""

    def __init__(
        self,
        family: Family,
        channels: int = 3,
        width: int | None = None,
        norm: Norm = "batch",
        *,
        sampling: Sampling = "strided",
        hidden: int = 0,
        activation: DiscriminatorActivation = "leaky",
        output: Output = "tanh",
    ):
        super().__init__()
        self.output = output
        widths = [channels] + [m * (width or family.width) for m in family.multiples]
        pieces = PIECES if activation == "maxout" else 1
        blocks = []
        for i, stride in enumerate(family.strides):
            pool = stride if sampling == "pooling" else 1
            shape = {"kernel_size": family.kernel, "stride": stride // pool, "padding": family.kernel // 2}
            conv = nn.Conv2d(widths[i], pieces * widths[i + 1], **shape, bias=norm == "none" and i > 0)
            normed = norm == "batch_everywhere" or (norm == "batch" and i > 0)
            block = _block(conv, pieces * widths[i + 1], normed, _activation(activation))
            blocks.append(block if pool == 1 else block.append(nn.MaxPool2d(pool)))
        self.blocks = nn.ModuleList(blocks)
        top = widths[-1] * GRID * GRID
        self.dense = nn.Identity()
        if hidden:
            self.dense = nn.Sequential(nn.Linear(top, pieces * hidden), _activation(activation))
        self.head = nn.Linear(hidden or top, 1, bias=False)
        self.n_features = sum(widths[1:]) * GRID * GRID
        self.widest_layer = max(widths[1:])  # in feature maps
        normal_init(self)

    def scaled(self, images: Tensor) -> Tensor:
        """uint8 images, as this net sees them."""
        return scaled(images, self.output).contiguous(memory_format=torch.channels_last)

    def activations(self, x: Tensor) -> list[Tensor]:
        """The output of every convolution after its LeakyReLU (and its pooling, if there is one), first to last."""
        out = []
        for block in self.blocks:
            x = block(x)
            out.append(x)
        return out

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.head(self.dense(x.flatten(1))).squeeze(1)


class Generator(nn.Module):
    """Codes (n, z_dim) -> images (n, C, S, S) in [-1, 1], or with output "sigmoid" in [0, 1].

    sampling "pooling": each pixel is repeated, then a convolution of stride 1. hidden: so many units in a fully
    connected layer before the projection to GRID × GRID. activation: of all layers but the last."""

    def __init__(
        self,
        family: Family,
        channels: int = 3,
        width: int | None = None,
        z_dim: int = 100,
        norm: Norm = "batch",
        *,
        sampling: Sampling = "strided",
        hidden: int = 0,
        activation: GeneratorActivation = "relu",
        output: Output = "tanh",
    ):
        super().__init__()
        widths = [channels] + [m * (width or family.width) for m in family.multiples]
        top = widths[-1] * GRID * GRID
        self.z_dim, self.output = z_dim, output
        self.dense = nn.Identity()
        if hidden:
            dense = nn.Linear(z_dim, hidden, bias=norm == "none")
            self.dense = _block(dense, hidden, norm != "none", _activation(activation), nd=1)
        project = nn.Linear(hidden or z_dim, top, bias=norm == "none")
        self.project = _block(project, top, norm != "none", _activation(activation), nd=1)
        self.unflatten = nn.Unflatten(1, (widths[-1], GRID, GRID))
        blocks = []
        for i in reversed(range(len(family.strides))):
            last = i == 0
            bias = norm == "none" and not last
            conv = _enlarging(widths[i + 1], widths[i], family.kernel, family.strides[i], sampling, bias)
            normed = norm == "batch_everywhere" or (norm == "batch" and not last)
            blocks.append(_block(conv, widths[i], normed, _activation(output if last else activation)))
        self.blocks = nn.Sequential(*blocks)
        normal_init(self)

    def forward(self, z: Tensor) -> Tensor:
        x = self.unflatten(self.project(self.dense(z))).contiguous(memory_format=torch.channels_last)
        return self.blocks(x)

    def pixels(self, images: Tensor) -> Tensor:
        """What this net made -> uint8."""
        return to_uint8(images) if self.output == "tanh" else unit_to_uint8(images)


class Maxout(nn.Module):
    """(n, k · pieces, ...) -> (n, k, ...): the largest of each unit's pieces."""

    def __init__(self, pieces: int = PIECES):
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (-1, self.pieces)).amax(2)


def _activation(name: str) -> nn.Module:
    if name == "leaky":
        return nn.LeakyReLU(SLOPE, inplace=True)
    if name == "relu":
        return nn.ReLU(inplace=True)
    return {"maxout": Maxout, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}[name]()


def _enlarging(inputs: int, outputs: int, kernel: int, stride: int, sampling: Sampling, bias: bool) -> nn.Module:
    """A convolution whose output is exactly `stride` times as large as its input."""
    shape = {"kernel_size": kernel, "padding": kernel // 2, "bias": bias}
    if sampling == "strided":  # "fractionally strided" in the paper
        return nn.ConvTranspose2d(inputs, outputs, stride=stride, output_padding=stride - 1, **shape)
    conv = nn.Conv2d(inputs, outputs, **shape)
    return conv if stride == 1 else nn.Sequential(nn.Upsample(scale_factor=stride), conv)


def _block(linear: nn.Module, width: int, normed: bool, activation: nn.Module, nd: int = 2) -> nn.Sequential:
    norms = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}
    return nn.Sequential(linear, *([norms[nd](width)] if normed else []), activation)


def pooled(maps: Tensor) -> Tensor:
    """Feature maps (n, k, s, s) max-pooled to (n, k, 4, 4) and flattened: (n, 16 k)."""
    return F.max_pool2d(maps, maps.shape[-1] // GRID).flatten(1)
