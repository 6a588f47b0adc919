"""Street photos and label maps as CycleGAN's systems read them.

Following the ablation's wording (section 5.1.4), X are label maps drawn in their palette, Y are photos. A dataset
that was `prepared_as: jpeg_bicubic` brings the pictures of its label maps along: systems then see those, and scores
are by the class ids as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as nnf
from torch import Tensor

from triptych.base.pixels import rounded, signed
from triptych.data.format import DataError, Dataset
from triptych.data.label_classes import colourise
from triptych.engine import Replica, Stream


@dataclass(frozen=True)
class StreetData:
    """One split: photos, label maps of the same scenes in the same order, and what the labels mean."""

    photos: np.ndarray  # uint8 (N, 3, H, W)
    label_maps: np.ndarray  # uint8 (N, H, W), raw class ids
    classes: Sequence[Mapping[str, Any]]  # {id, name, train_id, colour}
    full_truth: np.ndarray | None = None  # uint8 (N, H', W'): the label maps at full size, where kept
    label_images: np.ndarray | None = None  # uint8 (N, 3, H, W): the label maps as pictures, where these are not exact

    @classmethod
    def of(cls, dataset: Dataset, split: str) -> StreetData:
        """Raises DataError if the split has no label maps."""
        arrays = dataset[split]
        if arrays.label_maps is None:
            raise DataError(f"{dataset.path}/{split} has no label maps: it cannot serve the table `streets`")
        classes = dataset.card["classes"]
        return cls(arrays.images, arrays.label_maps, classes, arrays.truth, arrays.label_images)

    @cached_property
    def labels(self) -> np.ndarray:
        """The label maps as images in their palette, or in about it if prepared so: uint8 (N, 3, H, W)."""
        if self.label_images is not None:
            return np.array(self.label_images)
        return colourise(np.asarray(self.label_maps), self.classes)

    def labels_at(self, size: int) -> Tensor:
        """`labels` as a system of `size` sees them, uint8 (N, 3, size, size): nearest, so that no colours blend, or
        bicubic like photos where they are blended already."""
        return enlarge(self.labels, size, "nearest" if self.label_images is None else "bicubic")

    def photos_at(self, size: int) -> Tensor:
        """`photos` as a system of `size` sees them: uint8 (N, 3, size, size), bicubic."""
        return enlarge(self.photos, size, "bicubic")

    @property
    def truth(self) -> np.ndarray:
        """Raw class ids at the size at which systems are judged: full size if kept, else that of the photos."""
        return self.label_maps if self.full_truth is None else self.full_truth

    def __len__(self) -> int:
        return len(self.photos)

    def spread(self, n: int) -> StreetData:
        """`n` scenes evenly over the split: neighbours may be frames of one drive."""
        return self.take(self.spread_rows(n))

    def spread_rows(self, n: int) -> list[int]:
        n = min(n, len(self))
        return [i * len(self) // n for i in range(n)]

    def take(self, scenes: Sequence[int]) -> StreetData:
        rows = list(scenes)
        truth, drawn = (None if x is None else x[rows] for x in (self.full_truth, self.label_images))
        return StreetData(self.photos[rows], self.label_maps[rows], self.classes, truth, drawn)

    def unpaired(
        self, replica: Replica, *, batch_size: int, load_size: int, size: int, disjoint: bool = False
    ) -> dict[str, Stream]:
        """Streams "x" of label maps and "y" of photos, shuffled and augmented independently of each other.

        `disjoint`: photos of the first half of the scenes, label maps of the other, so that no pair is ever
        seen.
        """
        half = len(self) // 2
        rows = (slice(half, None), slice(None, half)) if disjoint else (slice(None), slice(None))
        labels, photos = self.labels_at(load_size)[rows[0]], self.photos_at(load_size)[rows[1]]
        return unpaired_streams(labels, photos, replica, batch_size=batch_size, size=size)

    def paired(self, replica: Replica, *, batch_size: int, load_size: int, size: int) -> dict[str, Stream]:
        """One stream "pair" of (label, photo), cut and flipped alike."""
        labels, photos = self.labels_at(load_size), self.photos_at(load_size)

        def transform(label: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
            both = signed(augment(torch.cat([label, photo], dim=1), size))
            return both[:, :3], both[:, 3:]

        stream = replica.stream(labels, photos, batch_size=batch_size, seed=2 * replica.seed, transform=transform)
        return {"pair": stream}


def unpaired_streams(x: Tensor, y: Tensor, replica: Replica, *, batch_size: int, size: int) -> dict[str, Stream]:
    """Streams "x" and "y" of two domains, uint8 (N, 3, H, W), each with an order and random cuts of its own."""

    def transform(images: Tensor) -> Tensor:
        return signed(augment(images, size))

    return {
        name: replica.stream(images, batch_size=batch_size, seed=2 * replica.seed + i, transform=transform)
        for i, (name, images) in enumerate((("x", x), ("y", y)))
    }


def domains(batch: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """(x, y) of a step's batch, whether they come as pairs or not; (labels, photos) of streets."""
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
