"""Mini-batches of two domains X and Y, in pairs or not: images are resized, cut at random and mirrored.

Images are uint8 (N, 3, H, W) on disk and in [-1, 1] in a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as nnf
from torch import Tensor

from triptych.base.pixels import rounded, signed
from triptych.engine import Replica, Stream


class Unpaired(Protocol):
    """Data of two domains that can be read without pairs."""

    def unpaired(
        self, replica: Replica, *, batch_size: int, load_size: int, pixels: int, disjoint: bool
    ) -> dict[str, Stream]:
        """Streams "x" and "y": images are enlarged to `load_size`, then cut to `pixels`."""


def unpaired_streams(x: Tensor, y: Tensor, replica: Replica, *, batch_size: int, pixels: int) -> dict[str, Stream]:
    """Streams "x" and "y" of two domains, uint8 (N, 3, H, W), each with an order and random cuts of its own."""

    def transform(images: Tensor) -> Tensor:
        return signed(augment(images, pixels))

    return {
        name: replica.stream(images, batch_size=batch_size, seed=2 * replica.seed + i, transform=transform)
        for i, (name, images) in enumerate((("x", x), ("y", y)))
    }


def paired_streams(x: Tensor, y: Tensor, replica: Replica, *, batch_size: int, pixels: int) -> dict[str, Stream]:
    """One stream "pair" of (x, y) of the same row, uint8 (N, 3, H, W), cut and mirrored alike."""

    def transform(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        both = signed(augment(torch.cat([x, y], dim=1), pixels))
        return both[:, :3], both[:, 3:]

    return {"pair": replica.stream(x, y, batch_size=batch_size, seed=2 * replica.seed, transform=transform)}


def domains(batch: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """(x, y) of a step's batch, whether they come as pairs or not."""
    return batch["pair"] if "pair" in batch else (batch["x"], batch["y"])


def augment(images: Tensor, size: int) -> Tensor:
    """A random `size` x `size` cut of each image (n, c, H, W), mirrored with probability 1/2.

    Written as one gather, with no branch on a value, so that it can be captured as a CUDA graph.
    """
    n, channels, height, width = images.shape
    device, pixel = images.device, torch.arange(size, device=images.device)
    rows = torch.randint(height - size + 1, (n, 1), device=device) + pixel
    mirrored = torch.rand(n, 1, device=device) < 0.5
    columns = torch.randint(width - size + 1, (n, 1), device=device) + torch.where(mirrored, size - 1 - pixel, pixel)
    image = torch.arange(n, device=device)[:, None, None, None]
    channel = torch.arange(channels, device=device)[:, None, None]
    return images[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


def enlarge(images: np.ndarray | Tensor, size: int, mode: str) -> Tensor:
    """uint8 (N, c, H, W) -> uint8 (N, c, size, size): "nearest" for labels, "bicubic" for photos.

    "nearest" blends no colours, which would make classes that are not there. Also shrinks.
    """
    images = torch.from_numpy(np.array(images)) if isinstance(images, np.ndarray) else images
    if images.shape[-2:] == (size, size):
        return images
    if mode == "nearest":
        return nnf.interpolate(images, (size, size), mode="nearest-exact")
    blocks = [rounded(nnf.interpolate(b.float(), (size, size), mode=mode, antialias=True)) for b in images.split(64)]
    return torch.cat(blocks)
