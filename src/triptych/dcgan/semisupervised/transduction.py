"""What the transductive rows of the `digits` table share: a transductive SVM on some features of the images."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from triptych.config import Positive, Strict
from triptych.dcgan.digits._system import Choices, FeatureSystem, Labelled
from triptych.dcgan.semisupervised.kernel_map import NystromMap
from triptych.dcgan.semisupervised.tsvm import TransductiveSVM
from triptych.engine import Replica, inference
from triptych.systems import Spec


class TransductionConfig(Strict):
    """Neither solver nor kernel of the published rows is known."""

    kernel: Literal["linear", "rbf"] = "linear"
    gamma: float = Field(default=2.0, gt=0, description="of the RBF kernel; distances in units of their mean square")
    landmarks: int = Field(default=1000, ge=2, description="rank of the RBF kernel's approximation")
    costs: list[Positive] = Field(default=[1e-3, 1e-2, 1e-1, 1.0, 10.0], min_length=1, description="C, by validation")
    unlabelled_weights: list[Positive] = Field(default=[1.0], min_length=1, description="final C*/C, by validation")
    growth: float = Field(default=2.0, gt=1, description="factor from one C* to the next")
    unlabelled: int = Field(default=10_000, ge=2, description="images of the pool, at most, used without labels")


class TransductiveSystem(FeatureSystem):
    """A transductive SVM on features of the images; subclasses say which."""

    retrains = True  # every draw goes through the unlabelled images again

    def __init__(self, config: TransductionConfig, spec: Spec, n_features: int):
        super().__init__()
        self.config = config
        rbf = config.kernel == "rbf"
        self.kernel_map = NystromMap(n_features, config.landmarks, config.gamma) if rbf else nn.Identity()
        self.machine = TransductiveSVM(config.landmarks if rbf else n_features, spec.n_classes)
        self.register_buffer("scale", torch.tensor(1.0))
        self.register_buffer("cost", torch.tensor(config.costs[0]))
        self.register_buffer("unlabelled_weight", torch.tensor(config.unlabelled_weights[0]))

    def pretrain(self, unlabelled: np.ndarray, replica: Replica) -> None:
        super().pretrain(unlabelled, replica)
        rows = np.random.default_rng(replica.seed).permutation(len(unlabelled))[: self.config.unlabelled]
        pool = self._over(self.image_features, unlabelled[np.sort(rows)])
        self.scale.copy_(pool.square().mean().rsqrt())  # C then means the same whatever the features' unit is
        if self.config.kernel == "rbf":
            self.kernel_map.fit(self.scale * pool, replica.seed)
        self.pool = self.kernel_map(self.scale * pool)

    def tune(self, draws: list[Labelled], validation: Labelled, replica: Replica) -> None:
        """C by the supervised machine, then C*/C, if there is a choice, by the transductive one; both on all draws."""
        c = self.config
        rows, answers = self.features(validation[0]), self._on_device(validation[1])
        trials = [(self.features(images), self._on_device(labels)) for images, labels in draws]

        def error(learn) -> float:
            return float(np.mean([float((learn(x, y)(rows) != answers).float().mean()) for x, y in trials]))

        errors = [error(lambda x, y, cost=cost: self.machine.fit_supervised(x, y, cost)) for cost in c.costs]
        self.cost.fill_(c.costs[int(np.argmin(errors))])
        replica.log(0, cost=float(self.cost), supervised_validation_error=min(errors))
        if len(c.unlabelled_weights) == 1:
            return
        errors = [error(lambda x, y, weight=weight: self._transduce(x, y, weight)) for weight in c.unlabelled_weights]
        self.unlabelled_weight.fill_(c.unlabelled_weights[int(np.argmin(errors))])
        replica.log(0, unlabelled_weight=float(self.unlabelled_weight), tuned_validation_error=min(errors))

    def choices(self) -> Choices:
        c = self.config
        weights = c.unlabelled_weights
        return {"C": (float(self.cost), c.costs), "C*/C": (float(self.unlabelled_weight), weights)}

    def fit(self, images: np.ndarray, labels: np.ndarray, replica: Replica) -> None:
        self._transduce(self.features(images), self._on_device(labels), float(self.unlabelled_weight))

    def predict(self, images: np.ndarray | Tensor) -> np.ndarray:
        return self.machine(self.features(images)).cpu().numpy()

    def features(self, images: np.ndarray | Tensor) -> Tensor:
        """uint8 images -> what the machine sees, on the system's device."""
        return self._over(lambda batch: self.kernel_map(self.scale * self.image_features(batch)), images)

    def _over(self, function, images: np.ndarray | Tensor) -> Tensor:
        return inference(function, images, self.scale.device).to(self.scale.device)

    def _transduce(self, x: Tensor, y: Tensor, weight: float) -> TransductiveSVM:
        return self.machine.fit(x, y, self.pool, float(self.cost), weight, self.config.growth)

    def _on_device(self, labels: np.ndarray) -> Tensor:
        return torch.as_tensor(np.asarray(labels)).to(self.scale.device)
