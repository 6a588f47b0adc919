"""FCN-score: how well a network recognises generated photos; and the score of generated label maps.

One histogram over the whole split, n_tp = pixels of true class t predicted as p (only where the truth is
scored):

    pixel_acc = sum_t n_tt / sum n
    class_acc = mean_t n_tt / n_t.
    class_iou = mean_t n_tt / (n_t. + n_.t - n_tt)

(Zhu et al. 2017, section 5.1.1, following Isola et al. 2017 and Long et al. 2015.) A class without a pixel in
the truth says nothing about a system: the main numbers leave it out of the means. The authors' script counts
it as 0; `absent="zero"` does too.

Splits are counted `block` images at a time: Cityscapes at full size is 500 maps of 1024 x 2048 pixels, and several
arrays of eight bytes a pixel are made on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from triptych.cyclegan.streets.judge.resize import resize_classes, resize_photos
from triptych.data.label_classes import evaluated, train_ids

Absent = Literal["skip", "zero"]


def histogram(truth: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Pixel counts (n_classes, n_classes) int64, rows the truth, columns the prediction.

    `truth`, `predicted`: train ids of one shape, uint8; truth of n_classes and above (255: ignore) is left
    out. Raises ValueError if a prediction is no class (the released evaluator miscounts those silently).
    """
    truth, predicted = np.asarray(truth).ravel(), np.asarray(predicted).ravel()
    if truth.shape != predicted.shape:
        raise ValueError(f"{truth.size} pixels of truth, {predicted.size} predicted")
    scored = truth < n_classes
    truth, predicted = truth[scored].astype(np.int64), predicted[scored].astype(np.int64)
    if predicted.size and predicted.max() >= n_classes:
        raise ValueError(f"predicted class {predicted.max()} of {n_classes}")
    return np.bincount(truth * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def scores(counts: np.ndarray, absent: Absent = "skip") -> dict[str, float]:
    """`pixel_acc`, `class_acc`, `class_iou` as fractions, of a histogram (K, K)."""
    right = np.diag(counts).astype(float)
    in_truth, in_prediction = counts.sum(1), counts.sum(0)
    present = in_truth > 0 if absent == "skip" else np.ones(len(counts), bool)
    accuracy = right / np.maximum(in_truth, 1)
    iou = right / np.maximum(in_truth + in_prediction - right, 1)
    return {
        "pixel_acc": float(right.sum() / max(1, counts.sum())),
        "class_acc": float(accuracy[present].mean()),
        "class_iou": float(iou[present].mean()),
    }


def best_permutation(counts: np.ndarray, a: int, b: int) -> dict[str, float]:
    """The better of the scores as they are and with predictions of the classes `a` and `b` exchanged: a
    diagnostic for systems that swap vegetation and buildings (section 6), never the main number."""
    swapped = counts.copy()
    swapped[:, [a, b]] = counts[:, [b, a]]
    return max(scores(counts), scores(swapped), key=lambda s: s["pixel_acc"])


def segmented(
    photos: np.ndarray, segment: Callable[[Tensor], Any], size: tuple[int, int], block: int = 32
) -> np.ndarray:
    """The classes that an evaluator sees in photos, uint8 (N, 3, h, w): train ids uint8 (N, *size), the size at which
    it sees them. `segment`: uint8 (n, 3, *size) -> train ids (n, *size)."""
    out = np.empty((len(photos), *size), np.uint8)
    for i in range(0, len(photos), block):
        enlarged = resize_photos(np.asarray(photos[i : i + block]), size)
        out[i : i + block] = segment(torch.from_numpy(np.ascontiguousarray(enlarged)))
    return out


def count(
    predicted: np.ndarray,
    truth: np.ndarray,
    classes: Sequence[Mapping[str, Any]],
    *,
    rows: Sequence[int] | None = None,
    lowres: bool = False,
    block: int = 8,
) -> np.ndarray:
    """Histogram of predicted train ids, uint8 (N, h, w), against the truth, raw ids (N, H', W') at full size; against
    that of the scenes `rows` in place of their own. The prediction is enlarged to the truth's size or, `lowres`, the
    truth reduced: the papers do not say at which size they compare label maps."""
    rows, k = np.arange(len(predicted)) if rows is None else np.asarray(rows), len(evaluated(classes))
    counts = np.zeros((k, k), np.int64)
    for i in range(0, len(predicted), block):
        found = predicted[i : i + block]
        actual = train_ids(np.asarray(truth[rows[i : i + block]]), classes)
        if lowres:
            actual = resize_classes(actual, found.shape[1:])
        else:
            found = resize_classes(found, actual.shape[1:])
        counts += histogram(actual, found, k)
    return counts


def by_category(counts: np.ndarray, classes: Sequence[Mapping[str, Any]]) -> np.ndarray | None:
    """The histogram (K, K) of classes as one of their categories, in the order of their first classes: a car that is
    taken for a lorry is a vehicle all the same. None unless each scored class has a category."""
    names = [c.get("category") for c in evaluated(classes)]
    if None in names:
        return None
    member = np.array([[name == category for category in dict.fromkeys(names)] for name in names], np.int64)
    return member.T @ counts @ member


def class_pixels(truth: np.ndarray, classes: Sequence[Mapping[str, Any]], block: int = 8) -> np.ndarray:
    """How many pixels of the truth, raw ids (N, H, W), each scored class has: int64 (K,)."""
    k = len(evaluated(classes))
    counts = np.zeros(k, np.int64)
    for i in range(0, len(truth), block):
        ids = train_ids(np.asarray(truth[i : i + block]), classes)
        counts += np.bincount(ids[ids < k], minlength=k)
    return counts


def absent_classes(pixels: np.ndarray, classes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the classes of which the truth has no pixel. `pixels` (K,): see `class_pixels`."""
    return [c["name"] for c, n in zip(evaluated(classes), pixels) if n == 0]
