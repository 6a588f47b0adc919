"""The small supervised conv net of the data standards: three convolutions and a linear layer."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from triptych.base.pixels import signed

_BATCH = 64


def conv_net_accuracy(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    epochs: int,
    seed: int,
    flip: bool,
    width: int = 24,
) -> float:
    """Share of `test` that a conv net trained on `train` names rightly.

    Each is (images (n, 3, h, w) uint8, labels (n,)). Training images are shifted by up to 2 pixels and, with
    `flip`, mirrored. The caller's random state is left alone.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        images, labels = _prepared(train[0]), torch.from_numpy(np.array(train[1]))
        channels, _, size = images.shape[1:]
        net = _net(channels, width, size, int(labels.max()) + 1).to(memory_format=torch.channels_last)
        batches = max(1, len(images) // _BATCH)
        optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=epochs * batches)
        for _ in range(epochs):
            for rows in torch.randperm(len(images))[: batches * _BATCH].chunk(batches):
                loss = F.cross_entropy(net(_augmented(images[rows], flip)), labels[rows], label_smoothing=0.1)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        net.eval()
        with torch.no_grad():
            named = torch.cat([net(chunk).argmax(1) for chunk in _prepared(test[0]).split(500)])
    return float((named.numpy() == test[1]).mean())


def _net(channels: int, width: int, size: int, classes: int) -> nn.Sequential:
    def block(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]

    return nn.Sequential(
        *block(channels, width, 5, max(1, size // 16)),
        *block(width, 2 * width, 3, 1), nn.MaxPool2d(2),
        *block(2 * width, 4 * width, 3, 1), nn.AdaptiveMaxPool2d(4),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(4 * width * 16, classes),
    )  # fmt: skip


def _prepared(images: np.ndarray) -> torch.Tensor:
    pixels = signed(torch.from_numpy(np.array(images)))
    return pixels.contiguous(memory_format=torch.channels_last)


def _augmented(images: torch.Tensor, flip: bool) -> torch.Tensor:
    height, width = images.shape[2:]
    if flip and torch.rand(()) < 0.5:
        images = images.flip(3)
    down, right = torch.randint(0, 5, (2,)).tolist()
    padded = F.pad(images, (2, 2, 2, 2), mode="replicate")
    shifted = padded[:, :, down : down + height, right : right + width]
    return shifted.contiguous(memory_format=torch.channels_last)
