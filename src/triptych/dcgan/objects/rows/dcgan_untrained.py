"""The DCGAN discriminator with its initial, random weights: the control that says what adversarial training adds to the
architecture, the pooling and the linear classifier."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from triptych.data.spec import Spec
from triptych.dcgan.gan.features import DiscriminatorFeatures, FeatureConfig
from triptych.dcgan.gan.networks import Discriminator, FamilyName, Norm, family_for
from triptych.dcgan.objects.parts.system import FeatureSystem
from triptych.engine import Replica


class Config(FeatureConfig):
    """As the `dcgan` system's, without its training."""

    net: FamilyName = "imagenet32"
    width: int = Field(default=128, ge=1)
    norm: Norm = "batch"


class System(DiscriminatorFeatures, FeatureSystem):
    """(n, C, S, S) -> (n, d), d as for `dcgan`. No row of the paper. It learns nothing, but each seed has weights
    of its own: all of them are judged."""

    def __init__(self, config: Config, spec: Spec):
        family = family_for(config.net, spec.image_shape)
        super().__init__(Discriminator(family, spec.image_shape[0], config.width, config.norm), config)
        self.widest_layer = self.discriminator.widest_layer

    def fit(self, images: np.ndarray, replica: Replica) -> None:
        """Nothing is learned."""
