"""What rendered digits must show: with 1000 labels, nearest neighbours on raw pixels do badly, and a supervised conv
net clearly better."""

from __future__ import annotations

import numpy as np

from triptych.data.checks.conv_net import conv_net_accuracy
from triptych.data.format import Dataset

LABELS, TEST = 1000, 2000  # the labelled images, and the most test images used
_NEIGHBOURS = (1, 3, 5, 7, 11)  # the best of them on the test set: the rival is not weakened by a poor choice
NEEDS = ("labels",)
LIMITS = {"raw_pixel_knn_error": (0.55, 0.9), "error_ratio": (0.0, 0.5)}  # 0.9: chance


def measure(dataset: Dataset, seed: int) -> dict[str, float]:
    """Test errors, as fractions, of KNN on raw pixels and of a supervised conv net from the same labels; `error_ratio`
    is the second over the first.

    The 1000 are drawn by `seed`, the same number of each class as far as the labels allow.
    """
    rows = draw_labelled(np.asarray(dataset["train"].labels), seed)
    train = dataset["train"].images[rows], dataset["train"].labels[rows]
    test = dataset["test"].images[:TEST], dataset["test"].labels[:TEST]
    knn = knn_error(train, test)
    conv_net = 1 - conv_net_accuracy(train, test, epochs=25, seed=seed, flip=False)
    return {
        "raw_pixel_knn_error": knn,
        "conv_net_error": conv_net,
        "error_ratio": conv_net / max(knn, 1e-9),
        "labels": float(len(rows)),
        "test_images": float(len(test[1])),
    }


def draw_labelled(labels: np.ndarray, seed: int) -> np.ndarray:
    """Sorted rows of LABELS images, classes balanced."""
    order = np.random.default_rng(seed).permutation(len(labels))
    of_class = [order[labels[order] == label] for label in np.unique(labels)]
    return np.sort(np.concatenate([rows[: LABELS // len(of_class)] for rows in of_class]))


def knn_error(train, test) -> float:
    """The test error, as a fraction, with the best number of neighbours."""
    from sklearn.neighbors import KNeighborsClassifier

    inputs, held_out = (x.reshape(len(x), -1).astype(np.float32) / 255 for x, _ in (train, test))
    neighbours = [k for k in _NEIGHBOURS if k <= len(inputs)]
    scores = [KNeighborsClassifier(k).fit(inputs, train[1]).score(held_out, test[1]) for k in neighbours]
    return 1 - float(max(scores))
