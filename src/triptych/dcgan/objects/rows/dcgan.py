"""DCGAN + L2-SVM (Radford, Metz, Chintala 2015, section 5.1): the features of a discriminator that was trained, with
its generator, on another set of images."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from torch import Tensor

from triptych.data.spec import Spec
from triptych.dcgan.gan.features import DiscriminatorFeatures, FeatureConfig
from triptych.dcgan.gan.networks import FamilyName
from triptych.dcgan.gan.training import Gan, GanConfig, notes_on_updates, train_gan
from triptych.dcgan.objects.parts.system import FeatureSystem
from triptych.engine import Replica
from triptych.engine.system import Sampler


class Config(GanConfig, FeatureConfig):
    """The nets of the authors' ImageNet model at their widths, unless told otherwise."""

    net: FamilyName = "imagenet32"
    width: int = Field(default=128, ge=1)
    z_dim: int = Field(default=256, ge=1)


class System(DiscriminatorFeatures, FeatureSystem, Sampler):
    """(n, C, S, S) -> (n, d); d = 28,672 at the paper's width of 128. Not in the paper: how long the nets were trained
    (30 epochs in the authors' code), and whose statistics the normalisations had (in their SVHN script those of the
    classification set)."""

    def __init__(self, config: Config, spec: Spec):
        gan = Gan(config, spec.image_shape)
        super().__init__(gan.discriminator, config)
        self.widest_layer = gan.discriminator.widest_layer
        self.gan = gan

    def fit(self, images: np.ndarray, replica: Replica) -> None:
        """Adversarial training on the unlabelled `images`."""
        train_gan(self.gan, images, self.config, replica)

    def notes(self) -> list[str]:
        return notes_on_updates(self.config)

    def sample(self, n: int, seed: int = 0) -> Tensor:
        return self.gan.sample(n, seed)
