"""What the protocol of the `digits` table asks of a system."""

from __future__ import annotations

import itertools

import numpy as np
from torch import Tensor

from triptych.engine import Replica, inference
from triptych.engine.system import System

Labelled = tuple[np.ndarray, np.ndarray]  # uint8 images (n, C, H, W), int64 labels (n,)
Choices = dict[str, tuple[float, list]]  # name -> what was chosen, and what from: a grid, or two bounds


class DigitsSystem(System):
    """A row of the table: a classifier that learns from many images and few labels.

    The protocol calls `pretrain` and `tune` once per seed, then `fit` and `predict` for every draw of labels. What
    `predict` needs is in the state dict; what only `fit` needs (the unlabelled images) need not be."""

    retrains: bool = False  # `fit` trains networks, or goes through the pool again: too dear for a hundred draws
    most_tuning_draws: int | None = None  # that `tune` learns from; None: as many as there are

    def pretrain(self, unlabelled: np.ndarray, replica: Replica) -> None:
        """Learn what can be learnt without labels from uint8 images (n, C, H, W)."""

    def tune(self, draws: list[Labelled], validation: Labelled, replica: Replica) -> None:
        """Choose by the mean error on the validation set after learning from each of the draws."""

    def fit(self, images: np.ndarray, labels: np.ndarray, replica: Replica) -> None:
        """Learn from labelled images."""
        raise NotImplementedError

    def predict(self, images: np.ndarray | Tensor) -> np.ndarray:
        """uint8 images (n, C, H, W) -> classes (n,) int64, batch by batch on the system's device."""
        device = next(itertools.chain(self.parameters(), self.buffers())).device
        return inference(self.classes, images, device).long().numpy()

    def classes(self, images: Tensor) -> Tensor:
        """uint8 images (n, C, H, W) on the system's device -> classes (n,)."""
        raise NotImplementedError

    def choices(self) -> Choices:
        """What was chosen by the validation error, for the row's notes; known to a system that was saved and loaded."""
        return {}

    def metrics(self) -> dict[str, float]:
        """Further numbers for the table about the last `fit`."""
        return {}

    def error(self, labelled: Labelled) -> float:
        """The fraction of wrong answers."""
        return float(np.mean(self.predict(labelled[0]) != labelled[1]))


class FeatureClassifier(DigitsSystem):
    """A classifier on features that are learned without labels: some systems say which features, others what learns
    from them."""

    def learn_features(self, unlabelled: np.ndarray, replica: Replica) -> None:
        """Learn them from uint8 images (n, C, H, W)."""
        raise NotImplementedError

    def image_features(self, images: Tensor) -> Tensor:
        """uint8 images (n, C, H, W) on the system's device -> (n, n_features)."""
        raise NotImplementedError

    def pretrain(self, unlabelled: np.ndarray, replica: Replica) -> None:
        self.to(replica.device)
        self.learn_features(unlabelled, replica)
