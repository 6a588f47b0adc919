"""DCGAN + L2-SVM with the networks that the authors trained on SVHN and published: no row of the paper, but its
network, judged like the others.

Only the statistics of the normalisations and the SVM are learnt here, from the pool and the labels."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.gan_svm import GanSvm, SvmConfig
from triptych.dcgan.digits.parts.released import SVHN, load_released, released_gan
from triptych.engine import Replica


class Config(SvmConfig):
    """Where the weights come from, and how their features are judged."""

    weights: str | None = Field(default=None, description="folder of the authors' .npy files; null: downloaded")
    statistics: Literal["reestimated"] = "reestimated"  # there are no running ones


class System(GanSvm):
    """The authors' nets, of 7,168 features. `pretrain` reads them, and raises DataError if they cannot be had."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__(config, released_gan(spec.image_shape), spec)

    def learn_net(self, unlabelled: np.ndarray, replica: Replica) -> None:
        load_released(self.gan, SVHN.fetch(self.config.weights))
