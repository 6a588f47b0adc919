"""What either fruit task is measured by. A conv net must tell its domains apart, and what the task does not name must
not: mean colours where shapes differ, silhouettes where skins differ."""

from __future__ import annotations

import numpy as np

from triptych.data.checks.conv_net import conv_net_accuracy
from triptych.data.format import Dataset

TRAIN, TEST = 300, 100  # at most so many images of each domain are used
NEEDS = ()
TOLD_APART, NOT_TOLD_APART = (0.97, 1.0), (0.0, 0.65)  # accuracies; chance is 0.5


def measure(dataset: Dataset, seed: int) -> dict[str, float]:
    """Held-out accuracies, as fractions: of a conv net; of a linear machine that sees colours or silhouettes alone."""
    train, test = _labelled(dataset, "train", TRAIN), _labelled(dataset, "test", TEST)
    return {
        "conv_net_accuracy": conv_net_accuracy(train, test, epochs=6, seed=seed, flip=True, width=16),
        "mean_colour_accuracy": _linear(mean_colour, train, test),
        "silhouette_shape_accuracy": _linear(silhouette_shape, train, test),
        "train_images": float(len(train[1])),
        "test_images": float(len(test[1])),
    }


def _labelled(dataset: Dataset, split: str, limit: int) -> tuple[np.ndarray, np.ndarray]:
    parts = [np.asarray(dataset[f"{split}{domain}"].images[:limit]) for domain in "AB"]
    return np.concatenate(parts), np.repeat([0, 1], [len(part) for part in parts])


def mean_colour(images: np.ndarray) -> np.ndarray:
    """(n, 3): of the fruit, not of its ground."""
    masks = _masks(images)
    return np.stack([(images[:, c] * masks).sum((1, 2)) / masks.sum((1, 2)) for c in range(3)], 1)


def silhouette_shape(images: np.ndarray) -> np.ndarray:
    """(n, 2): area, and length over width."""
    masks = _masks(images)
    spread = np.array([np.linalg.eigvalsh(np.cov(np.argwhere(m).T)) for m in masks])
    return np.stack([masks.mean((1, 2)), np.sqrt(spread[:, 1] / spread[:, 0])], 1)


def _masks(images: np.ndarray) -> np.ndarray:
    from triptych.common.silhouette import silhouettes

    masks = silhouettes(images)
    masks[masks.sum((1, 2)) < 3] = True  # nothing found: the whole picture
    return masks


def _linear(describe, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    machine = make_pipeline(StandardScaler(), LogisticRegression()).fit(describe(train[0]), train[1])
    return float(machine.score(describe(test[0]), test[1]))
