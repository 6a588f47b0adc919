"""Nearest neighbours among the labelled images (the baseline of Kingma et al. 2014, table 2).

On house numbers it is near chance: distances between pixels are about colour and brightness."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from torch import Tensor, nn

from triptych.common.pca import PCA, flat
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.neighbours import NeighbourConfig, NeighbourSystem
from triptych.engine import Replica


class Config(NeighbourConfig):
    """The numbers of neighbours, and what is compared."""

    pca: int = Field(default=0, ge=0, description="principal components compared; 0: the pixels themselves")


class System(NeighbourSystem):
    """k-NN in Euclidean distance on pixels in [0, 1], or on their principal components."""

    def __init__(self, config: Config, spec: Spec):
        n_pixels = int(np.prod(spec.image_shape))
        super().__init__(config, spec, config.pca or n_pixels)
        self.input = PCA(n_pixels, config.pca, key="pca") if config.pca else nn.Identity()

    def learn_features(self, unlabelled: np.ndarray, replica: Replica) -> None:
        if self.config.pca:
            self.input.fit(unlabelled)

    def image_features(self, images: Tensor) -> Tensor:
        return self.input(flat(images))
