"""Any two unpaired domains, as CycleGAN reads them: apples and oranges, horses and zebras."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triptych.cyclegan.gan.streams import enlarge, unpaired_streams
from triptych.data.format import DataError, Dataset
from triptych.engine import Replica, Stream


@dataclass(frozen=True)
class TwoDomains:
    """Images of either domain, uint8 (N, 3, H, W); nothing ties an image of x to one of y. `drawn`: not photos."""

    x: np.ndarray
    y: np.ndarray
    drawn: bool = True

    @classmethod
    def of(cls, dataset: Dataset, split: str) -> TwoDomains:
        """x and y are the splits <split>A and <split>B, "train" or "test". Raises DataError if there are none, or grey
        images."""
        there = dataset.card["splits"]
        if not {f"{split}A", f"{split}B"} <= set(there):
            raise DataError(
                f"{dataset.path} has the splits {', '.join(there)}: two unpaired domains are trainA and trainB, testA "
                "and testB (a folder with these names works through `source: folder`)"
            )
        if dataset.image_shape[0] != 3:
            raise DataError(f"{dataset.path} has grey images: translation is between images of three channels")
        parts = (dataset[f"{split}{domain}"].images for domain in "AB")
        return cls(*parts, drawn=dataset.card["source"] == "rendered")

    def unpaired(
        self, replica: Replica, *, batch_size: int, load_size: int, pixels: int, disjoint: bool = False
    ) -> dict[str, Stream]:
        """Streams "x" and "y", shuffled and augmented independently of each other. There are no pairs, so `disjoint`
        changes nothing."""
        x, y = (enlarge(images, load_size, "bicubic") for images in (self.x, self.y))
        return unpaired_streams(x, y, replica, batch_size=batch_size, pixels=pixels)
