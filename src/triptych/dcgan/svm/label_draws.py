"""Labels, and a few labelled images of each class, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from triptych.base.config import ParamsError
from triptych.data.format import DataError, Split


def labels_of(split: Split) -> np.ndarray:
    """(n,) int64. Raises DataError if the set has none."""
    if split.labels is None:
        raise DataError("labels are needed, and the set has none: images of your own go to a folder for each class")
    return np.asarray(split.labels)


def draw_rows(
    labels: np.ndarray, per_class: int, key: Sequence[int], parameter: str = "labels_per_class"
) -> np.ndarray:
    """Row numbers of `per_class` images of each class, class by class, at random without repetition; the same for the
    same `key`, independent ones for another.

    Raises ParamsError, about `parameter`, if a class has too few."""
    rng = np.random.default_rng(key)
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < per_class:
        scarce = classes[counts.argmin()]
        raise ParamsError(
            f"{parameter} asks for {per_class} training images of each class; class {scarce} has only {counts.min()}"
        )
    return np.concatenate([rng.choice(np.flatnonzero(labels == c), per_class, replace=False) for c in classes])
