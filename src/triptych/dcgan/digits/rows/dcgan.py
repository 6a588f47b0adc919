"""DCGAN + L2-SVM (Radford, Metz, Chintala 2015, section 5.2; authors' SVHN script).

The discriminator is trained adversarially on the pool; then its features of the labelled images train a linear SVM."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.gan_svm import GanSvmConfig, GanSvmSystem
from triptych.dcgan.gan.networks import FamilyName
from triptych.dcgan.gan.training import Gan, GanConfig, Prior, notes_on_updates, train_gan
from triptych.engine import Replica


class Config(GanConfig, GanSvmConfig):
    """The nets and settings of the authors' released SVHN model, which differ from the paper's common ones."""

    net: FamilyName = "svhn32"
    width: int = Field(default=64, ge=1)
    z_dim: int = Field(default=100, ge=1)
    z: Prior = "gaussian"
    batch_size: int = Field(default=64, ge=2)
    lr: float = Field(default=5e-4, gt=0)


class System(GanSvmSystem):
    """A Gan trained here, and an SVM on its features (7,168 at the paper's width)."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__(config, Gan(config, spec.image_shape), spec)

    def learn_gan(self, unlabelled: np.ndarray, replica: Replica) -> None:
        train_gan(self.gan, unlabelled, self.config, replica)

    def notes(self) -> list[str]:
        return notes_on_updates(self.config)
