"""A purely supervised net of the DCGAN discriminator's architecture, by random search (Radford et al. 2015, 5.2).

It answers whether the architecture alone explains the DCGAN row. The number in the paper is the *validation* error of
the best of 64 trials, which was selected to be low; here it stands beside the test error of that same net."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import Positive, Strict
from triptych.base.pixels import signed
from triptych.common.init import normal_init
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.early_stopping import SAID, Pruning, train_selected
from triptych.dcgan.digits.parts.system import Choices, DigitsSystem, Labelled
from triptych.dcgan.gan.networks import GRID, Discriminator, FamilyName, family_for
from triptych.engine import Divergence, Phase, Replica, Task, inference

Fraction = Annotated[float, Field(ge=0, lt=1)]


class Config(Strict):
    """The search space is not published; the ranges are a choice."""

    net: FamilyName = "svhn32"
    width: int = Field(default=64, ge=1, description="filters of the first convolution; the others follow")
    trials: int = Field(default=64, ge=1)
    lr: list[Positive] = Field(default=[1e-4, 1e-2], min_length=2, max_length=2, description="log-uniform")
    beta1: list[Fraction] = Field(default=[0.5, 0.9], min_length=1)
    weight_decay: list[Positive] = Field(default=[1e-6, 1e-2], min_length=2, max_length=2, description="log-uniform")
    dropout: list[Fraction] = Field(default=[0.0, 0.6], min_length=2, max_length=2, description="uniform")
    batch_size: list[Annotated[int, Field(ge=1)]] = Field(default=[32, 64, 128], min_length=1)
    epochs: int = Field(default=200, ge=1)
    check_epochs: int = Field(default=1, ge=1, description="epochs between looks at the validation set")
    patience: int = Field(default=20, ge=1, description="looks without improvement before a trial stops")
    pruning: float | None = Field(
        default=None, gt=0, lt=1,
        description="a trial stops when it is worse than this quantile of the earlier ones; null: none stops for that",
    )  # fmt: skip


class Trial(Strict):
    """One point of the search space."""

    lr: float
    beta1: float
    weight_decay: float
    dropout: float
    batch_size: int


def sample_trial(config: Config, rng: np.random.Generator) -> Trial:
    """A random point of the search space."""

    def log_uniform(bounds: list[float]) -> float:
        return math.exp(rng.uniform(math.log(bounds[0]), math.log(bounds[1])))

    return Trial(
        lr=log_uniform(config.lr),
        beta1=float(rng.choice(config.beta1)),
        weight_decay=log_uniform(config.weight_decay),
        dropout=float(rng.uniform(*config.dropout)),
        batch_size=int(rng.choice(config.batch_size)),
    )


class Classifier(nn.Module):
    """The discriminator's convolutions with a softmax over classes in place of its sigmoid.

    uint8 images (n, C, H, W) -> logits (n, classes)."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__()
        family = family_for(config.net, spec.image_shape)
        self.trunk = Discriminator(family, spec.image_shape[0], config.width).blocks
        self.dropout = nn.Dropout(0.0)  # before the last layer; each trial sets its rate
        self.head = nn.Linear(family.multiples[-1] * config.width * GRID * GRID, spec.n_classes)
        normal_init(self)

    def forward(self, images: Tensor) -> Tensor:
        x = signed(images).contiguous(memory_format=torch.channels_last)
        for block in self.trunk:
            x = block(x)
        return self.head(self.dropout(x.flatten(1)))


class Supervised(Task):
    """Cross-entropy on the labelled images. `batch["labelled"]`: uint8 images and classes."""

    def __init__(self, classifier: Classifier, trial: Trial):
        super().__init__()
        self.classifier, self.trial = classifier, trial

    def phases(self) -> list[Phase]:
        t = self.trial
        adam = partial(torch.optim.Adam, lr=t.lr, betas=(t.beta1, 0.999), weight_decay=t.weight_decay)
        return [Phase("classifier", [self.classifier], self.loss, adam)]

    def loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        images, labels = self.batch["labelled"]
        loss = F.cross_entropy(self.classifier(images).float(), labels)
        return loss, {"loss": loss}


class System(DigitsSystem):
    """The best of `trials` nets trained on the labelled images alone, by validation error."""

    retrains = True
    most_tuning_draws = 0  # the search is part of `fit`

    def __init__(self, config: Config, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        self.classifier = Classifier(config, spec)
        self.register_buffer("validation_error", torch.tensor(1.0, dtype=torch.float64))
        self.register_buffer("best", torch.zeros(len(Trial.model_fields), dtype=torch.float64))  # trial, as numbers

    def tune(self, draws: list[Labelled], validation: Labelled, replica: Replica) -> None:
        self.validation = validation  # the search is part of `fit`: its trials train on the labels of the draw

    def fit(self, images: np.ndarray, labels: np.ndarray, replica: Replica) -> None:
        """Random search on these labels. A trial that diverges loses; Divergence is raised if all of them do."""
        rng = np.random.default_rng(replica.seed)
        self.validation_error.fill_(math.inf)
        pruning = Pruning(self.config.pruning) if self.config.pruning else None
        for i in range(self.config.trials):
            trial = sample_trial(self.config, rng)
            try:
                net, error = self._train(trial, i, (images, labels), pruning, replica.part(f"trial{i}"))
            except Divergence as divergence:  # a rate that is too high is a finding of the search, not its end
                replica.say(str(divergence))
                continue
            replica.log(i, trial_error=error, **{f"trial_{k}": v for k, v in trial.model_dump().items()})
            if error < float(self.validation_error):
                self.validation_error.fill_(error)
                self.best.copy_(torch.tensor(list(trial.model_dump().values()), dtype=torch.float64))
                self.classifier = net
        if math.isinf(float(self.validation_error)):
            raise Divergence(f"{replica.name}: all {self.config.trials} trials diverged; lower the bounds of lr")
        replica.say(f"best of {self.config.trials} trials: validation error {float(self.validation_error):.3f}")

    def classes(self, images: Tensor) -> Tensor:
        return self.classifier(images).argmax(1)

    def choices(self) -> Choices:
        best = zip(Trial.model_fields, self.best.tolist())
        return {name: (value, getattr(self.config, name)) for name, value in best}

    def notes(self) -> list[str]:
        return [SAID, "Each draw has its own search; what was chosen is that of each seed's last one."]

    def metrics(self) -> dict[str, float]:
        return {"validation_error": float(self.validation_error)}

    def _train(
        self, trial: Trial, number: int, labelled: Labelled, pruning: Pruning | None, replica: Replica
    ) -> tuple[Classifier, float]:
        images, labels = labelled
        torch.manual_seed(1000 * replica.seed + number)
        net = Classifier(self.config, self.spec)
        net.dropout.p = trial.dropout
        batch_size = min(trial.batch_size, len(labels))
        stream = replica.stream(images, labels, batch_size=batch_size)
        error = train_selected(
            Supervised(net, trial),
            net,
            lambda: float(np.mean(_answers(net, self.validation[0]) != self.validation[1])),
            {"labelled": stream},
            steps=self.config.epochs * stream.per_epoch,
            every=self.config.check_epochs * stream.per_epoch,
            patience=self.config.patience,
            replica=replica,
            pruning=pruning,
        )
        return net, error


def _answers(net: nn.Module, images: np.ndarray | Tensor) -> np.ndarray:
    device = next(net.parameters()).device
    return inference(lambda batch: net(batch).argmax(1), images, device).long().numpy()
