"""The discriminator of `dcgan` with its initial, random weights: the control that says what adversarial training adds
to the architecture, the pooling and the linear classifier."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.gan_svm import DiscriminatorSvm, SvmConfig
from triptych.dcgan.gan.networks import Discriminator, FamilyName, Norm, family_for
from triptych.engine import Replica


class Config(SvmConfig):
    """As the `dcgan` system's, without its training."""

    net: FamilyName = "svhn32"
    width: int = Field(default=64, ge=1)
    norm: Norm = "batch"


class System(DiscriminatorSvm):
    """No row of the paper. The net learns nothing, but each seed has weights of its own: all of them are judged."""

    def __init__(self, config: Config, spec: Spec):
        family = family_for(config.net, spec.image_shape)
        super().__init__(config, Discriminator(family, spec.image_shape[0], config.width, config.norm), spec)

    def learn_net(self, unlabelled: np.ndarray, replica: Replica) -> None:
        """Nothing is learned."""
