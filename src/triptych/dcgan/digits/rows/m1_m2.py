"""M1 + M2 (Kingma et al. 2014, section 2.3): the generative semi-supervised model on codes of a variational
auto-encoder."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.common.pca import flat
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.early_stopping import SAID, one_process, train_selected
from triptych.dcgan.digits.parts.m1 import M1, M1Config, sample
from triptych.dcgan.digits.parts.m2 import M2, M2Task
from triptych.dcgan.digits.parts.system import DigitsSystem, Labelled
from triptych.engine import Replica, inference


class Config(M1Config):
    """M2's widths for SVHN are not published; these are those for MNIST. Its initial weights are a choice (see `m1`):
    theirs are from N(0, 0.001²)."""

    m2_z_dim: int = Field(default=50, ge=1)
    m2_hidden: list[int] = Field(default=[500], min_length=1)
    m2_steps: int = Field(default=600_000, ge=1)
    m2_lr: float = Field(default=3e-4, gt=0)
    alpha: float = Field(default=0.1, ge=0, description="weight of the classifier's own loss")
    labelled_batch: int = Field(default=5, ge=1, description="1000 labels in 200 mini-batches")
    unlabelled_batch: int = Field(default=340, ge=1)
    check_steps: int = Field(default=200, ge=1, description="steps between looks at the validation set")
    patience: int = Field(default=200, ge=1, description="looks without improvement before training stops")


class System(DigitsSystem):
    """Both models; q(y|x) on M1's posterior mean classifies. M2 learns from fresh samples of M1's posterior."""

    retrains = True
    most_tuning_draws = 0  # the validation images choose when each training stops, and nothing else

    def __init__(self, config: Config, spec: Spec):
        super().__init__()
        self.config, self.n_classes = config, spec.n_classes
        self.m1 = M1(config, int(np.prod(spec.image_shape)))
        self.m2 = self._fresh_m2()

    def pretrain(self, unlabelled: np.ndarray, replica: Replica) -> None:
        one_process(replica)  # before M1's long training, not after it
        self.m1.fit(unlabelled, replica)
        self.to(replica.device)
        self.pool = self._posterior(unlabelled)

    def tune(self, draws: list[Labelled], validation: Labelled, replica: Replica) -> None:
        self.validation = validation  # training stops by it

    def fit(self, images: np.ndarray, labels: np.ndarray, replica: Replica) -> None:
        c = self.config
        torch.manual_seed(replica.seed)
        self.m2 = self._fresh_m2().to(replica.device)
        means, log_variances = self._posterior(images)
        streams = {
            "labelled": replica.stream(
                means, log_variances, torch.as_tensor(np.asarray(labels)),
                batch_size=min(c.labelled_batch, len(labels)),
                transform=lambda mean, log_variance, y: (sample((mean, log_variance)), y),
            ),
            "unlabelled": replica.stream(
                *self.pool, batch_size=min(c.unlabelled_batch, len(self.pool[0])), transform=lambda *q: sample(q)
            ),
        }  # fmt: skip
        train_selected(
            M2Task(self.m2, len(labels), len(self.pool[0]), c.alpha, c.m2_lr),
            self.m2,
            lambda: self.error(self.validation),
            streams,
            steps=c.m2_steps,
            every=c.check_steps,
            patience=c.patience,
            replica=replica,
        )

    def classes(self, images: Tensor) -> Tensor:
        return self.m2(self.m1(flat(images))[0]).argmax(1)

    def notes(self) -> list[str]:
        return [SAID]

    def _fresh_m2(self) -> M2:
        c = self.config
        return M2(c.z_dim, self.n_classes, c.m2_z_dim, c.m2_hidden)

    def _posterior(self, images: np.ndarray) -> tuple[Tensor, Tensor]:
        device = self.m1.whiten.mean.device
        joined = inference(lambda batch: torch.cat(self.m1(flat(batch)), 1), images, device)
        mean, log_variance = joined.chunk(2, dim=1)
        return mean.contiguous(), log_variance.contiguous()
