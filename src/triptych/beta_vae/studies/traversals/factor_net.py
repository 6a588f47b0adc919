"""A small convolutional net that reads the known factors off an image: the judge of traversals.

Each factor is a point of a space in which its variance over the data is 1, so that changes of different factors can be
compared: a number is standardised, an angle is its cosine and sine, a class its one-hot vector, scaled. Images are
blurred at random in training, for decoders of VAEs blur, and a blurred image must not look like another factor's value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from triptych.base.pixels import signed
from triptych.common.reader_net import ReaderConfig, Reading, reader_net
from triptych.engine import Replica, inference, train


class NetConfig(ReaderConfig):
    """The net and its training."""

    width: int = Field(16, ge=1)
    steps: int = Field(600, ge=1)
    held_out: int = Field(500, gt=1, description="images that its R² is measured on")


@dataclass(frozen=True)
class Factor:
    """One factor: `points` (values, d), a row for each of its values; `kind` is number, angle or class."""

    name: str
    kind: str
    points: Tensor


def describe(
    factors: Sequence[Mapping[str, Any]], indices: np.ndarray, periods: Mapping[str, float], classes: Sequence[str]
) -> list[Factor]:
    """The card's `factors` as spaces of variance 1 over images with value indices (N, K), or 0 for one that does not
    vary. `periods`: factors that are angles, with what once around is; `classes`: those whose numbers are names only,
    as all texts are."""
    out = []
    for k, factor in enumerate(factors):
        name, values = factor["name"], factor["values"]
        if name in classes or any(isinstance(v, str) for v in values):
            kind, points = "class", torch.eye(len(values))
        elif name in periods:
            turn = torch.tensor(values, dtype=torch.float32) * (2 * torch.pi / periods[name])
            kind, points = "angle", torch.stack([turn.cos(), turn.sin()], 1)
        else:
            kind, points = "number", torch.tensor(values, dtype=torch.float32)[:, None]
        used = points[torch.from_numpy(np.array(indices[:, k]))]
        points = points - used.mean(0) if kind == "number" else points
        spread = float(used.var(0, unbiased=False).sum().sqrt())
        out.append(Factor(name, kind, points / spread if spread > 1e-6 else 0 * points))
    return out


def targets(factors: Sequence[Factor], indices: np.ndarray) -> Tensor:
    """Value indices (N, K) -> the factors' points side by side, (N, D)."""
    rows = torch.from_numpy(np.array(indices))
    return torch.cat([f.points[rows[:, k]] for k, f in enumerate(factors)], 1)


def split(values: Tensor, factors: Sequence[Factor]) -> list[Tensor]:
    """Points side by side (..., D) -> one tensor (..., d) a factor."""
    return list(values.split([f.points.shape[1] for f in factors], -1))


class FactorNet(nn.Module):
    """uint8 images (n, C, H, W) -> points (n, D)."""

    def __init__(self, image_shape: tuple[int, int, int], outputs: int, width: int):
        super().__init__()
        channels, height, _ = image_shape
        layers = [(width, 5, 2 * max(1, height // 32)), (2 * width, 3, 1), None, (4 * width, 3, 1)]
        self.net = reader_net(channels, layers, 4, outputs, hidden=128)

    def forward(self, images: Tensor) -> Tensor:
        return self.net(signed(images))


class FactorTask(Reading):
    """Squared error of every factor, each of which is 1 for a net that says the mean, on images that are `blurred`."""

    def __init__(self, net: nn.Module, factors: Sequence[Factor], config: NetConfig):
        super().__init__(net, config)
        self.factors = factors
        self.register_buffer("taps", torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16)  # on the device before the loss

    def rate(self, step: int) -> float:
        return max(0.02, super().rate(step))

    def losses(self, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        error = (self.net(blurred(images, self.taps)).float() - targets).square().mean(0)
        return {"factor_error": error.sum() / len(self.factors)}


def blurred(images: Tensor, taps: Tensor) -> Tensor:
    """Each image mixed with itself blurred (by `taps` (5,), along and across), in a random proportion: 0 … 255."""
    images = images.float()
    kernel = (taps[:, None] * taps).expand(images.shape[1], 1, 5, 5)
    soft = F.conv2d(F.pad(images, (2, 2, 2, 2), mode="replicate"), kernel, groups=images.shape[1])
    share = torch.rand(len(images), 1, 1, 1, device=images.device)
    return images + share * (soft - images)


def train_net(
    images: np.ndarray, indices: np.ndarray, factors: Sequence[Factor], config: NetConfig, replica: Replica
) -> tuple[FactorNet, dict[str, float]]:
    """A net trained on all but `held_out` images, and its R² on those, by factor: NaN where it does not vary."""
    order = np.random.default_rng(replica.seed).permutation(len(images))
    held, rest = np.sort(order[: config.held_out]), np.sort(order[config.held_out :])
    truth = targets(factors, indices)
    torch.manual_seed(replica.seed)
    net = FactorNet(tuple(images.shape[1:]), truth.shape[1], config.width)
    stream = replica.stream(np.asarray(images[rest]), truth[rest], batch_size=config.batch_size)
    train(FactorTask(net, factors, config), {"examples": stream}, steps=config.steps, replica=replica)
    error = (inference(net, np.asarray(images[held]), replica.device) - truth[held]).square()
    spread = truth[held].var(0, unbiased=False)
    parts = zip(factors, split(error.mean(0), factors), split(spread, factors))
    return net, {f.name: float(1 - e.sum() / s.sum()) if s.sum() > 1e-6 else math.nan for f, e, s in parts}
