"""M1 + KNN (Kingma et al. 2014, table 2): nearest neighbours among the codes of a variational auto-encoder."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from triptych.dcgan.m1 import M1, M1Config
from triptych.dcgan.neighbours import NeighbourConfig, NeighbourSystem
from triptych.dcgan.pca import flat
from triptych.engine import Replica
from triptych.systems import Spec


class Config(M1Config, NeighbourConfig):
    """M1's settings and the numbers of neighbours tried."""


class System(NeighbourSystem):
    """k-NN in Euclidean distance on M1's posterior means."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__(config, spec, config.z_dim)
        self.m1 = M1(config, int(np.prod(spec.image_shape)))

    def learn_features(self, unlabelled: np.ndarray, replica: Replica) -> None:
        self.m1.fit(unlabelled, replica)

    def image_features(self, images: Tensor) -> Tensor:
        return self.m1(flat(images))[0]
