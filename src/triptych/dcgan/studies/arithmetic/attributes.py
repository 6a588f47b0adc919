"""A small conv net that reads attributes and the azimuth off a face. It picks exemplars and judges results, so that
latent arithmetic, which the paper (section 6.3.2) shows on pictures picked by hand, can be measured.
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
from triptych.common import reader_net
from triptych.data.format import DataError, Split
from triptych.dcgan.gan.networks import GRID
from triptych.engine import Replica, inference, train


class ReaderConfig(reader_net.ReaderConfig):
    """The reading net and its training, with pixel noise (std, on [−1, 1]) against reading off what only the training
    images have."""

    noise: float = Field(default=0.1, ge=0)


@dataclass(frozen=True)
class Readings:
    """Of n images: probabilities (n, attributes) of each attribute; `angle` (n,) in the data's unit (None where none
    is read)."""

    probabilities: Tensor
    angle: Tensor | None


class Reader(nn.Module):
    """Images (n, C, S, S), S = 8, 16, 32, …, in [−1, 1] -> a logit per attribute and, with `angle`, one
    number more.

    Convolutions of stride 2 with batch normalisation down to 4×4, and a linear layer.
    """

    def __init__(self, attributes: Sequence[str], angle: str | None, image_shape: tuple[int, int, int], width: int):
        super().__init__()
        self.attributes, self.angle = list(attributes), angle
        channels, side, _ = image_shape
        layers = [(width * min(2**i, 8), 5, 2) for i in range(round(math.log2(side / GRID)))]
        self.net = reader_net.reader_net(channels, layers, GRID, len(self.attributes) + (angle is not None))
        self.register_buffer("angle_mean", torch.zeros(()))
        self.register_buffer("angle_std", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def read(self, images: np.ndarray | Tensor) -> Readings:
        """uint8 images (n, C, S, S) -> Readings, on the CPU."""
        self.eval()
        out = inference(lambda x: self(signed(x)), images, self.angle_mean.device)
        k = len(self.attributes)
        angle = None if self.angle is None else out[:, k] * self.angle_std.cpu() + self.angle_mean.cpu()
        return Readings(out[:, :k].sigmoid(), angle)


class Reading(reader_net.Reading):
    """Cross-entropy of the attributes (their mean) and squared error of the standardised angle, with one weight."""

    def losses(self, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        outputs = self.net(images + self.config.noise * torch.randn_like(images)).float()
        k = len(self.net.attributes)
        logs = {"loss_attributes": F.binary_cross_entropy_with_logits(outputs[:, :k], targets[:, :k])}
        if self.net.angle is not None:
            angle = (targets[:, k] - self.net.angle_mean) / self.net.angle_std
            logs["loss_angle"] = F.mse_loss(outputs[:, k], angle)
        return logs


def targets_of(split: Split, card: Mapping[str, Any], attributes: Sequence[str], angle: str | None) -> np.ndarray:
    """(n, attributes + angle) float32: the factors' values. Raises DataError where the data have no such factor, or an
    attribute is not made of 0 and 1."""
    known = {f["name"]: (k, f["values"]) for k, f in enumerate(card.get("factors", []))}
    columns = []
    for name in [*attributes, *([angle] if angle else [])]:
        if name not in known or split.factors is None:
            raise DataError(f"{card['title']}: no factor {name!r}; there are {', '.join(known) or 'none'}")
        k, values = known[name]
        if name in attributes and sorted(values) != [0, 1]:
            raise DataError(f"{card['title']}: {name!r} is no attribute: its values are not 0 and 1")
        columns.append(np.array(values, np.float32)[split.factors[:, k]])
    return np.stack(columns, axis=1)


def train_reader(
    images: np.ndarray, targets: np.ndarray, reader: Reader, config: ReaderConfig, replica: Replica
) -> None:
    """Fit `reader` in place to uint8 `images` (n, C, S, S) and their `targets_of`."""
    if reader.angle is not None:
        reader.angle_mean.fill_(float(targets[:, -1].mean()))
        reader.angle_std.fill_(max(float(targets[:, -1].std()), 1e-6))

    def prepared(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return signed(x).contiguous(memory_format=torch.channels_last), y

    stream = replica.stream(images, targets, batch_size=config.batch_size, transform=prepared)
    train(Reading(reader, config), {"examples": stream}, steps=config.steps, replica=replica)


def held_out(reader: Reader, images: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """How far the reader is to be trusted: accuracy of each attribute, mean absolute error of the angle."""
    found = reader.read(images)
    truth = torch.from_numpy(targets)
    right = ((found.probabilities > 0.5) == (truth[:, : len(reader.attributes)] > 0.5)).double().mean(0)
    numbers = {f"accuracy_{name}": float(a) for name, a in zip(reader.attributes, right)}
    if found.angle is not None:
        numbers["angle_error"] = float((found.angle - truth[:, -1]).abs().mean())
    return numbers
