"""The pixels themselves: the control that says how far a linear classifier gets without any features."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from triptych.base.config import Strict
from triptych.base.pixels import signed
from triptych.data.spec import Spec
from triptych.engine import Replica


class Config(Strict):
    """Nothing to choose."""


class System(nn.Module):
    """(n, C, H, W) -> (n, C·H·W), in [−1, 1]."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__()

    def fit(self, images: np.ndarray, replica: Replica) -> None:
        """Nothing to learn."""

    def features(self, images: Tensor) -> Tensor:
        return signed(images).flatten(1)
