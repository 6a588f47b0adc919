"""A transductive SVM on principal components of the pixels (the baseline of Kingma et al. 2014, table 2)."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from torch import Tensor

from triptych.common.pca import PCA, flat
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.tsvm_system import TransductionConfig, TransductiveSystem
from triptych.engine import Replica


class Config(TransductionConfig):
    """The machine's settings and its input: as many components as M1 has."""

    components: int = Field(default=600, ge=1, description="principal components, the input")


class System(TransductiveSystem):
    """Switches the labels of the pool's images until they agree with a wide margin."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__(config, spec, config.components)
        self.pca = PCA(int(np.prod(spec.image_shape)), config.components)

    def learn_features(self, unlabelled: np.ndarray, replica: Replica) -> None:
        self.pca.fit(unlabelled)

    def image_features(self, images: Tensor) -> Tensor:
        return self.pca(flat(images))
