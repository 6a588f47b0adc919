"""What the protocol of the `objects` table asks of a system."""

from __future__ import annotations

import numpy as np

from triptych.dcgan.gan.features import ImageFeatures
from triptych.engine import Replica
from triptych.engine.system import System


class FeatureSystem(ImageFeatures, System):
    """A row of the table: it learns from unlabelled images and then describes those of the classification set.

    The protocol calls `fit` once a seed, then `adapt` with the training images of the classification set, then
    `features`, which a linear SVM learns from."""

    widest_layer: int | None = None  # its maps or units, the paper's third column; None: there is no layer

    def fit(self, images: np.ndarray, replica: Replica) -> None:
        """Learn from uint8 `images` (N, C, H, W), which have no labels."""
        raise NotImplementedError
