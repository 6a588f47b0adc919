"""Street photos and label maps as the systems of the tables `streets` read them.

X are label maps drawn in their palette, Y are photos. A dataset that was `prepared_as: jpeg_bicubic` brings the
pictures of its label maps along: systems then see those, and scores are by the class ids as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from triptych.cyclegan.gan.streams import enlarge, paired_streams, unpaired_streams
from triptych.data.format import DataError, Dataset
from triptych.data.label_classes import IGNORE, colourise, train_ids
from triptych.engine import Replica, Stream


class StreetData:
    """One split: photos, and the label maps of the same scenes in the same order.

    photos      uint8 (N, 3, H, W)
    labels      the label maps as images, uint8 (N, 3, H, W): in their palette, or the `label_images` given, in about it
    label_maps  raw class ids, uint8 (N, H, W)
    truth       raw class ids at the size at which systems are judged, uint8 (N, H', W'); absent: `label_maps`
    classes     what the ids mean: {id, name, train_id, colour} each
    """

    def __init__(
        self,
        photos: np.ndarray,
        label_maps: np.ndarray,
        classes: Sequence[Mapping[str, Any]],
        truth: np.ndarray | None = None,
        label_images: np.ndarray | None = None,
    ):
        self.photos, self.label_maps, self.classes = photos, label_maps, classes
        self.truth = label_maps if truth is None else truth
        self.in_palette = label_images is None
        self.labels = colourise(np.asarray(label_maps), classes) if self.in_palette else np.array(label_images)

    @classmethod
    def of(cls, dataset: Dataset, split: str) -> StreetData:
        """Raises DataError if the split has no label maps; if it is to judge, and has one scene or no scored pixel."""
        arrays = dataset[split]
        if arrays.label_maps is None:
            raise DataError(f"{dataset.path}/{split} has no label maps: it cannot serve the table `streets`")
        data = cls(arrays.images, arrays.label_maps, dataset.card["classes"], arrays.truth, arrays.label_images)
        if split != "train":
            data._can_judge(f"{dataset.path}/{split}")
        return data

    def _can_judge(self, where: str) -> None:
        """What a translation shows of its own scene is told by the truth of another."""
        if len(self) < 2:
            raise DataError(f"{where} has one scene; systems are judged on two or more, each against others: add some")
        if all((train_ids(np.asarray(truth), self.classes) == IGNORE).all() for truth in self.truth):
            raise DataError(f"{where} has not one pixel of a class that is scored: correct the label maps or `classes`")

    def __len__(self) -> int:
        return len(self.photos)

    def labels_at(self, size: int) -> Tensor:
        """`labels` as a system of `size` sees them, uint8 (N, 3, size, size): nearest, so that no colours blend, or
        bicubic like photos where they are blended already."""
        return enlarge(self.labels, size, "nearest" if self.in_palette else "bicubic")

    def photos_at(self, size: int) -> Tensor:
        """`photos` as a system of `size` sees them: uint8 (N, 3, size, size), bicubic."""
        return enlarge(self.photos, size, "bicubic")

    def spread(self, n: int) -> StreetData:
        """`n` scenes evenly over the split: neighbours may be frames of one drive."""
        return self.take(self.spread_rows(n))

    def spread_rows(self, n: int) -> list[int]:
        """Their rows, all if there are no more than `n`."""
        n = min(n, len(self))
        return [i * len(self) // n for i in range(n)]

    def take(self, rows: Sequence[int]) -> StreetData:
        """The scenes of these rows, in this order."""
        rows = list(rows)
        pictures = None if self.in_palette else self.labels[rows]
        return StreetData(self.photos[rows], self.label_maps[rows], self.classes, self.truth[rows], pictures)

    def unpaired(
        self, replica: Replica, *, batch_size: int, load_size: int, pixels: int, disjoint: bool = False
    ) -> dict[str, Stream]:
        """Streams "x" of label maps and "y" of photos, shuffled and augmented independently of each other.

        `disjoint`: label maps of the second half of the scenes, photos of the first, so that no pair is ever seen.
        """
        half = len(self) // 2
        x, y = (slice(half, None), slice(None, half)) if disjoint else (slice(None), slice(None))
        labels, photos = self.labels_at(load_size)[x], self.photos_at(load_size)[y]
        return unpaired_streams(labels, photos, replica, batch_size=batch_size, pixels=pixels)

    def paired(self, replica: Replica, *, batch_size: int, load_size: int, pixels: int) -> dict[str, Stream]:
        """One stream "pair" of (label map, photo), cut and mirrored alike."""
        labels, photos = self.labels_at(load_size), self.photos_at(load_size)
        return paired_streams(labels, photos, replica, batch_size=batch_size, pixels=pixels)
