"""Whether a prepared dataset is what its card says. DVC sees a changed file; a stage that is run by hand does not, and
would give numbers of something else."""

from __future__ import annotations

import numpy as np

from triptych.data.format import DataError, Dataset

KEYS = ("title", "source", "splits", "image_shape", "sha256")
INDICES = {"labels": "class_names", "factors": "factors"}  # array -> the list in the card that its values count in


def check_intact(dataset: Dataset) -> Dataset:
    """`dataset`, if shapes, kinds of numbers, classes and factors are those of its card; what the pixels are is not
    looked at. Raises DataError."""
    for wrong in (f"card.json has no {key!r}" for key in KEYS if key not in dataset.card):
        raise _damaged(dataset, wrong)
    for split, rows in dataset.card["splits"].items():
        for name, array in dataset[split].arrays():
            if not isinstance(array, np.ndarray):  # np.load opens an archive of arrays under this name, too
                raise _damaged(dataset, f"{split}/{name}.npy is no array")
            shape = (rows, *(dataset.image_shape if name == "images" else array.shape[1:]))
            right = array.dtype.kind in "iu" if name in INDICES else array.dtype == np.uint8
            if array.shape != shape or not right:
                kind = "whole numbers" if name in INDICES else "uint8"
                raise _damaged(dataset, f"{split}/{name}.npy is {array.shape} of {array.dtype}, not {shape} of {kind}")
            if name in INDICES and rows and not _within(array, dataset.card.get(INDICES[name], [])):
                raise _damaged(dataset, f"{split}/{name}.npy holds numbers that no entry of `{INDICES[name]}` has")
    return dataset


def _within(array: np.ndarray, known: list) -> bool:
    """Whether labels (n,) are below the number of classes, and factors (n, K) below the numbers of values."""
    if array.min() < 0 or (array.ndim > 1 and array.shape[1] != len(known)):
        return False
    sizes = len(known) if array.ndim == 1 else [len(factor["values"]) for factor in known]
    return bool(np.all(array.max(0) < sizes))


def _damaged(dataset: Dataset, what: str) -> DataError:
    name = dataset.path.name
    return DataError(f"the dataset at {dataset.path} is damaged ({what}): run `dvc repro -f prepare@{name}`")
