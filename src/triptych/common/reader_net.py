"""A small convolutional net that reads something off an image, classes, numbers or angles: the judge of three studies.

Each study says which layers it has, what its targets are and how an error counts (a subclass of `Reading`). The net of
the data's checks (data/checks/conv_net.py) is none of these: it pools maxima and is trained with other rules.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import Strict
from triptych.engine import Phase, Task


class ReaderConfig(Strict):
    """The net and its training by Adam."""

    width: int = Field(ge=1, description="filters of the first convolution")
    steps: int = Field(ge=1)
    batch_size: int = Field(default=64, ge=2)
    lr: float = Field(default=2e-3, gt=0)


def reader_net(
    channels: int,
    layers: Sequence[tuple[int, int, int] | None],
    cells: int,
    outputs: int,
    *,
    bias: bool = False,
    hidden: int = 0,
) -> nn.Sequential:
    """Float images (n, channels, H, W) -> (n, outputs).

    `layers`: (filters, kernel, stride) of a convolution with batch normalisation and ReLU, or None for 2×2 max pooling.
    Then means over `cells` × `cells` parts of the maps, a linear layer of `hidden` units with ReLU (if any), and the
    linear outputs. `bias`: whether the convolutions have one (batch normalisation takes it away).
    """
    parts: list[nn.Module] = []
    for layer in layers:
        if layer is None:
            parts.append(nn.MaxPool2d(2))
            continue
        filters, kernel, stride = layer
        convolution = nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=bias)
        parts += [convolution, nn.BatchNorm2d(filters), nn.ReLU(inplace=True)]
        channels = filters
    features = channels * cells * cells
    parts += [nn.AdaptiveAvgPool2d(cells), nn.Flatten()]
    if hidden:
        parts += [nn.Linear(features, hidden), nn.ReLU(inplace=True)]
    return nn.Sequential(*parts, nn.Linear(hidden or features, outputs))


class Reading(Task):
    """Training of `net`. Batches: `examples`, (images, targets). A subclass says what is minimised: `losses`."""

    def __init__(self, net: nn.Module, config: ReaderConfig):
        super().__init__()
        self.net, self.config = net, config

    def losses(self, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Name in the history -> part of the loss (scalar); their sum is minimised."""
        raise NotImplementedError

    def rate(self, step: int) -> float:
        """Factor on the learning rate: it falls linearly to 0."""
        return max(0.0, 1 - step / self.config.steps)

    def phases(self) -> list[Phase]:
        def adam(parameters, **options) -> torch.optim.Optimizer:
            return torch.optim.Adam(parameters, lr=self.config.lr, **options)

        return [Phase("reader", [self.net], self.loss, adam, self.rate)]

    def loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        logs = self.losses(*self.batch["examples"])
        return sum(logs.values()), logs
