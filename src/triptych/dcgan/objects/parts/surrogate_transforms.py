"""The random transformations of a surrogate class (Dosovitskiy et al. 2014, "Discriminative unsupervised feature
learning with exemplar convolutional neural networks"): shift, scale, rotation, contrast and colour of a patch.

Images are float, (n, C, H, W), 0 to 1; a factor has one value for each of the n patches. The paper gives ranges and no
distributions: factors are log-uniform, so that x and 1/x are equally likely, all else is uniform."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from triptych.base.config import Strict


class Ranges(Strict):
    """How far each transformation goes; the defaults are the paper's."""

    shift: float = Field(default=0.2, ge=0, description="down and to the right, ± this much of the patch's side")
    scale: float = Field(default=1.4, ge=1, description="zoom by a factor from 1/scale to scale")
    rotation: float = Field(default=20.0, ge=0, le=180, description="by ± this angle, in degrees")
    contrast: float = Field(default=2.0, ge=1, description="each principal component of the colours times 1/x to x")
    power: float = Field(default=4.0, ge=1, description="saturation and value, to a power from 1/x to x")
    times: float = Field(default=1.4, ge=1, description="then times a factor from 1/x to x")
    plus: float = Field(default=0.1, ge=0, description="then plus ± this much")
    hue: float = Field(default=0.1, ge=0, le=0.5, description="plus ± this much, of a full turn")


@dataclass(frozen=True)
class Colours:
    """Mean (C,) and principal axes (C, C), a row each, of the pixels of a set."""

    mean: Tensor
    axes: Tensor

    @classmethod
    def of(cls, images: Tensor) -> Colours:
        """Of all pixels of float `images` (n, C, H, W)."""
        pixels = images.transpose(0, 1).flatten(1).double()
        mean = pixels.mean(1)
        _, axes = torch.linalg.eigh(torch.cov(pixels - mean[:, None]))
        return cls(mean.to(images.dtype), axes.T.contiguous().to(images.dtype))


def transformed(
    images: Tensor, centre: Tensor, side: Tensor, out: int, colours: Colours, ranges: Ranges, draw: torch.Generator
) -> Tensor:
    """A random transformation of the square patch of each image, (n, C, out, out). `centre` (n, 2) is its x and y,
    `side` (n,) its length, both in pixels. `draw` is a generator of the CPU, for the same patches on every device."""

    def uniform(limit: float, *shape: int) -> Tensor:
        return (torch.rand(len(images), *shape, generator=draw) * 2 - 1).to(images.device) * limit

    def factor(limit: float, *shape: int) -> Tensor:
        return uniform(math.log(limit), *shape).exp()

    shift, zoom = uniform(ranges.shift, 2), factor(ranges.scale)
    angle = uniform(math.radians(ranges.rotation))
    patches = cut(images, centre + shift * side[:, None], side / zoom, angle, out)
    patches = contrast(patches, factor(ranges.contrast, images.shape[1]), colours).clamp(0, 1)
    hsv = to_hsv(patches)
    hsv = saturation_and_value(hsv, factor(ranges.power, 2), factor(ranges.times, 2), uniform(ranges.plus, 2))
    return to_rgb(turn_hue(hsv, uniform(ranges.hue)))


def cut(images: Tensor, centre: Tensor, side: Tensor, angle: Tensor, out: int) -> Tensor:
    """The squares around `centre` (n, 2: x, y) with `side` (n,), in pixels, turned clockwise by `angle` (n,), radians,
    resampled to (n, C, out, out). Beyond its border an image is reflected."""
    height, width = images.shape[2:]
    steps = (torch.arange(out, device=images.device) + 0.5) / out - 0.5
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    cos, sin, length = (value[:, None, None] for value in (angle.cos(), angle.sin(), side))
    across = centre[:, 0, None, None] + length * (cos * x - sin * y)
    down = centre[:, 1, None, None] + length * (sin * x + cos * y)
    grid = torch.stack([2 * across / width - 1, 2 * down / height - 1], dim=3)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def contrast(images: Tensor, factors: Tensor, colours: Colours) -> Tensor:
    """The projection of every pixel on each principal axis of `colours`, times that axis' factor (n, C)."""
    matrix = colours.axes.T @ (factors[:, :, None] * colours.axes)  # (n, C, C)
    mean = colours.mean[:, None]
    return (matrix @ (images.flatten(2) - mean) + mean).view_as(images)


def saturation_and_value(hsv: Tensor, power: Tensor, times: Tensor, plus: Tensor) -> Tensor:
    """times · x^power + plus for saturation and value, (n, 2) of each, kept within 0 to 1."""
    power, times, plus = (value[:, :, None, None] for value in (power, times, plus))
    return torch.cat([hsv[:, :1], (times * hsv[:, 1:] ** power + plus).clamp(0, 1)], dim=1)


def turn_hue(hsv: Tensor, turn: Tensor) -> Tensor:
    """Hue plus `turn` (n,); 1 is a full turn."""
    return torch.cat([(hsv[:, :1] + turn[:, None, None, None]) % 1, hsv[:, 1:]], dim=1)


def to_hsv(rgb: Tensor) -> Tensor:
    """(n, 3, H, W), 0 to 1 -> hue, saturation, value, 0 to 1. Grey has hue 0."""
    red, green, blue = rgb.unbind(1)
    value, low = rgb.amax(1), rgb.amin(1)
    chroma = value - low
    safe = torch.where(chroma > 0, chroma, 1)
    sector = torch.where(
        value == red,
        ((green - blue) / safe) % 6,
        torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    saturation = chroma / torch.where(value > 0, value, 1)
    return torch.stack([sector / 6, saturation, value], dim=1)


def to_rgb(hsv: Tensor) -> Tensor:
    """The inverse of `to_hsv`: channel c is V − V S max(0, min(k, 4 − k, 1)), k = (n_c + 6 H) mod 6, n = 5, 3, 1."""
    hue, saturation, value = hsv.unbind(1)
    channels = []
    for n in (5, 3, 1):
        k = (n + 6 * hue) % 6
        channels.append(value - value * saturation * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(channels, dim=1)
