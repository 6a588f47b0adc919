"""What the transductive rows of the `digits` table share: a transductive SVM on some features of the images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import Positive, Strict
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.kernel_map import NystromMap
from triptych.dcgan.digits.parts.system import Choices, FeatureClassifier, Labelled
from triptych.dcgan.digits.parts.tsvm_solver import TransductiveSVM
from triptych.engine import Replica, inference


class TransductionConfig(Strict):
    """Neither solver nor kernel of the published rows is known."""

    kernel: Literal["linear", "rbf"] = "linear"
    gamma: list[Positive] = Field(
        default=[0.1, 0.3, 1.0], min_length=1,
        description="of the RBF kernel, by validation; distances in units of their mean square",
    )  # fmt: skip
    landmarks: int = Field(default=1000, ge=2, description="rank of the RBF kernel's approximation")
    costs: list[Positive] = Field(default=[1e-3, 1e-2, 1e-1, 1.0, 10.0], min_length=1, description="C, by validation")
    unlabelled_weights: list[Positive] = Field(default=[1.0], min_length=1, description="final C*/C, by validation")
    growth: float = Field(default=2.0, gt=1, description="factor from one C* to the next")
    unlabelled: int = Field(default=10_000, ge=2, description="images of the pool, at most, used without labels")


class TransductiveSystem(FeatureClassifier):
    """A transductive SVM on features of the images; subclasses say which."""

    retrains = True  # every draw goes through the unlabelled images again

    def __init__(self, config: TransductionConfig, spec: Spec, n_features: int):
        super().__init__()
        self.config = config
        rbf = config.kernel == "rbf"
        self.kernel_map = NystromMap(n_features, config.landmarks) if rbf else nn.Identity()
        self.machine = TransductiveSVM(config.landmarks if rbf else n_features, spec.n_classes)
        self.register_buffer("scale", torch.tensor(1.0))
        self.register_buffer("cost", torch.tensor(config.costs[0]))
        self.register_buffer("unlabelled_weight", torch.tensor(config.unlabelled_weights[0]))
        self.register_buffer("gained", torch.zeros(2))  # validation error of the last fit before and after transduction

    def pretrain(self, unlabelled: np.ndarray, replica: Replica) -> None:
        super().pretrain(unlabelled, replica)
        rows = np.random.default_rng(replica.seed).permutation(len(unlabelled))[: self.config.unlabelled]
        pool = self._over(self.image_features, unlabelled[np.sort(rows)])
        self.scale.copy_(pool.square().mean().rsqrt())  # C then means the same whatever the features' unit is
        self.pool_features = self.scale * pool
        self._use_kernel(self.config.gamma[0], replica)

    def tune(self, draws: list[Labelled], validation: Labelled, replica: Replica) -> None:
        """γ and C by the supervised machine, then C*/C, if there is a choice, by the transductive one; all on all
        draws."""
        c = self.config
        self.validation = validation
        errors = {}
        for gamma in c.gamma if c.kernel == "rbf" else c.gamma[:1]:
            self._use_kernel(gamma, replica)
            error = self._mean_error(draws)
            errors |= {(gamma, cost): error(partial(self._supervised, cost=cost)) for cost in c.costs}
        gamma, cost = min(errors, key=errors.get)
        self._use_kernel(gamma, replica)
        self.cost.fill_(cost)
        replica.log(0, gamma=gamma, cost=cost, supervised_validation_error=errors[gamma, cost])
        if len(c.unlabelled_weights) == 1:
            return
        error = self._mean_error(draws)
        tried = {weight: error(partial(self._transduce, weight=weight)) for weight in c.unlabelled_weights}
        weight = min(tried, key=tried.get)
        self.unlabelled_weight.fill_(weight)
        replica.log(0, unlabelled_weight=weight, tuned_validation_error=tried[weight])

    def choices(self) -> Choices:
        c = self.config
        gamma = {"γ": (float(self.kernel_map.gamma), c.gamma)} if c.kernel == "rbf" else {}
        found = {"C": (float(self.cost), c.costs), "C*/C": (float(self.unlabelled_weight), c.unlabelled_weights)}
        return gamma | found

    def notes(self) -> list[str]:
        before, after = (100 * self.gained).tolist()
        return [f"validation error, first seed's last draw: {before:.1f} % before transduction, {after:.1f} % after it"]

    def fit(self, images: np.ndarray, labels: np.ndarray, replica: Replica) -> None:
        x, y = self.features(images), self._on_device(labels)
        rows, answers = self.features(self.validation[0]), self._on_device(self.validation[1])
        self.gained[0] = _error(self._supervised(x, y, float(self.cost)), rows, answers)
        self.gained[1] = _error(self._transduce(x, y, float(self.unlabelled_weight)), rows, answers)

    def predict(self, images: np.ndarray | Tensor) -> np.ndarray:
        return self.machine(self.features(images)).cpu().numpy()

    def features(self, images: np.ndarray | Tensor) -> Tensor:
        """uint8 images -> what the machine sees, on the system's device."""
        return self._over(lambda batch: self.kernel_map(self.scale * self.image_features(batch)), images)

    def _use_kernel(self, gamma: float, replica: Replica) -> None:
        """What the machine sees of the pool from now on, with this γ."""
        if self.config.kernel == "rbf":
            self.kernel_map.fit(self.pool_features, gamma, replica.seed)
        self.pool = self.kernel_map(self.pool_features)

    def _mean_error(self, draws: list[Labelled]) -> Callable[[Callable[[Tensor, Tensor], TransductiveSVM]], float]:
        """learn(x, y) -> its mean error on the validation set after learning from each of the draws."""
        rows, answers = self.features(self.validation[0]), self._on_device(self.validation[1])
        trials = [(self.features(images), self._on_device(labels)) for images, labels in draws]
        return lambda learn: float(np.mean([_error(learn(x, y), rows, answers) for x, y in trials]))

    def _over(self, function, images: np.ndarray | Tensor) -> Tensor:
        return inference(function, images, self.scale.device).to(self.scale.device)

    def _supervised(self, x: Tensor, y: Tensor, cost: float) -> TransductiveSVM:
        return self.machine.fit_supervised(x, y, cost)

    def _transduce(self, x: Tensor, y: Tensor, weight: float) -> TransductiveSVM:
        return self.machine.fit(x, y, self.pool, float(self.cost), weight, self.config.growth)

    def _on_device(self, labels: np.ndarray) -> Tensor:
        return torch.as_tensor(np.asarray(labels)).to(self.scale.device)


def _error(machine: TransductiveSVM, rows: Tensor, answers: Tensor) -> float:
    return float((machine(rows) != answers).float().mean())
