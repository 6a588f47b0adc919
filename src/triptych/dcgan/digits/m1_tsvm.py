"""M1 + TSVM (Kingma et al. 2014, table 2): a transductive SVM on the codes of a variational auto-encoder."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from triptych.dcgan.m1 import M1, M1Config
from triptych.dcgan.pca import flat
from triptych.dcgan.transduction import TransductionConfig, TransductiveSystem
from triptych.engine import Replica
from triptych.systems import Spec


class Config(M1Config, TransductionConfig):
    """M1's settings and the machine's."""


class System(TransductiveSystem):
    """The machine on M1's posterior means."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__(config, spec, config.z_dim)
        self.m1 = M1(config, int(np.prod(spec.image_shape)))

    def learn_features(self, unlabelled: np.ndarray, replica: Replica) -> None:
        self.m1.fit(unlabelled, replica)

    def image_features(self, images: Tensor) -> Tensor:
        return self.m1(flat(images))[0]
