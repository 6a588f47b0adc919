"""The pixels themselves: the control that says how far a linear classifier gets without any features."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from triptych.base.config import Strict
from triptych.base.pixels import signed
from triptych.data.spec import Spec
from triptych.dcgan.objects.parts.system import FeatureSystem
from triptych.engine import Replica


class Config(Strict):
    """Nothing to choose."""


class System(FeatureSystem):
    """(n, C, H, W) -> (n, C·H·W), in [−1, 1]: x / 127.5 − 1. No row of the paper, but a floor for its rows."""

    learns = False

    def __init__(self, config: Config, spec: Spec):
        super().__init__()

    def fit(self, images: np.ndarray, replica: Replica) -> None:
        """Nothing to learn."""

    def features(self, images: Tensor) -> Tensor:
        return signed(images).flatten(1)
