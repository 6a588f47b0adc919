"""Ground truth: the factor values themselves as the representation. The metric must give 100 %."""

from __future__ import annotations

import torch
from torch import Tensor

from triptych.base.config import Strict
from triptych.beta_vae.shapes.parts.system import Oracle
from triptych.data.spec import Spec


class Config(Strict):
    """There is nothing to set."""


class System(Oracle):
    """Knows the values behind the factor indices."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__()
        self.names = [f["name"] for f in spec.factors]
        for factor in spec.factors:
            self.register_buffer(factor["name"], torch.tensor(factor["values"], dtype=torch.float32))

    def encode_factors(self, factors: Tensor) -> Tensor:
        """Factor indices (n, K) -> values (n, K): x, y in [0, 1], angle in radians, scale 0.5 to 1, shape 1 to 3."""
        return torch.stack([self.get_buffer(n)[factors[:, k]] for k, n in enumerate(self.names)], dim=1)
