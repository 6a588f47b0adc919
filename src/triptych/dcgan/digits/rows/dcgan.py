"""DCGAN + L2-SVM (Radford, Metz, Chintala 2015, section 5.2; authors' SVHN script).

The discriminator is trained adversarially on the pool; then its features of the labelled images train a linear SVM.
The paper takes the weights of the last step. With `check_every` the weights are kept that have the least validation
error, as the other rows that train nets keep theirs: in a short training the error of the features rises and falls by
several points between neighbouring looks."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field

from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.early_stopping import SAID, one_process, train_selected
from triptych.dcgan.digits.parts.gan_svm import GanSvm, SvmConfig
from triptych.dcgan.digits.parts.system import Choices, Labelled
from triptych.dcgan.gan.networks import FamilyName
from triptych.dcgan.gan.training import (
    Gan,
    GanConfig,
    Prior,
    adversarial,
    batches_in_a_step,
    notes_on_updates,
    train_gan,
)
from triptych.engine import Replica


class Config(GanConfig, SvmConfig):
    """The nets and settings of the authors' released SVHN model, which differ from the paper's common ones."""

    net: FamilyName = "svhn32"
    width: int = Field(default=64, ge=1)
    z_dim: int = Field(default=100, ge=1)
    z: Prior = "gaussian"
    batch_size: int = Field(default=64, ge=2)
    lr: float = Field(default=5e-4, gt=0)
    check_every: int | None = Field(
        default=None, ge=2,
        description="mini-batches between looks at the validation set; null: the last weights, as the paper",
    )  # fmt: skip


class System(GanSvm):
    """A Gan trained here, and an SVM on its features (7,168 at the paper's width)."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__(config, Gan(config, spec.image_shape), spec)
        self.register_buffer("kept", torch.tensor(config.steps))  # mini-batches before the weights that are used

    def learn_net(self, unlabelled: np.ndarray, replica: Replica) -> None:
        train_gan(self.gan, unlabelled, self.config, replica)

    def pretrain(self, unlabelled: np.ndarray, replica: Replica) -> None:
        if self.config.check_every is None:
            super().pretrain(unlabelled, replica)
        else:
            one_process(replica)
            self.pool = unlabelled  # it trains in `tune`, which has the validation images

    def tune(self, draws: list[Labelled], validation: Labelled, replica: Replica) -> None:
        if self.config.check_every is not None:
            self._keep_the_best(draws, validation, replica)
        super().tune(draws, validation, replica)

    def _keep_the_best(self, draws: list[Labelled], validation: Labelled, replica: Replica) -> None:
        """Train to the last step, and go back to the look at which the best C had the least validation error."""
        c = self.config

        def error() -> float:
            self.extractor.adapt(self.pool, replica.device)
            return float(self.validation_errors(draws, validation).min())

        self.to(replica.device)
        task, streams, steps = adversarial(self.gan, self.pool, c, replica)
        pair = batches_in_a_step(c)
        every = max(1, c.check_every // pair)
        endless = steps  # looks: features get worse and better again, so none of them ends the training
        train_selected(task, self.gan, error, streams, steps=steps, every=every, patience=endless, replica=replica)
        self.kept.copy_(pair * task.selection.step)
        self.extractor.adapt(self.pool, replica.device)

    def choices(self) -> Choices:
        c = self.config
        if c.check_every is None:
            return super().choices()
        looks = [*range(c.check_every, c.steps, c.check_every), c.steps]
        return super().choices() | {"mini-batches": (float(self.kept), looks)}

    def notes(self) -> list[str]:
        kept = [] if self.config.check_every is None else [f"{SAID}; the paper takes the last ones"]
        return kept + notes_on_updates(self.config)
