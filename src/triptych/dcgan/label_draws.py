"""A few labelled images of each class, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from triptych.config import ParamsError


def draw_rows(labels: np.ndarray, per_class: int, key: Sequence[int]) -> np.ndarray:
    """Row numbers of `per_class` images of each class, at random; the same for the same `key`.

    Raises ParamsError if a class has too few.
    """
    rng = np.random.default_rng(key)
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < per_class:
        scarce = classes[counts.argmin()]
        raise ParamsError(f"probe.per_class = {per_class}: class {scarce} has only {counts.min()} training images")
    return np.concatenate([rng.choice(np.flatnonzero(labels == c), per_class, replace=False) for c in classes])
