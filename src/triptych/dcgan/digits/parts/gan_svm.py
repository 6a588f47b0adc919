"""What the DCGAN rows of the `digits` table share: an L2-SVM on the features of a discriminator (Radford, Metz,
Chintala 2015, section 5.2; the authors' SVHN script)."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.base.config import Positive
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.system import Choices, DigitsSystem, Labelled
from triptych.dcgan.gan.features import DiscriminatorFeatures, FeatureConfig
from triptych.dcgan.gan.training import Gan
from triptych.dcgan.svm.svm import fit_svm
from triptych.engine import Replica, exact_products, inference
from triptych.engine.system import Sampler


class GanSvmConfig(FeatureConfig):
    """How features are taken, and what C is chosen from."""

    costs: list[Positive] = Field(
        default=[1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2],
        min_length=1,
        description="the SVM's C, by validation",
    )


class GanSvmSystem(DigitsSystem, Sampler):
    """A Gan and an SVM on its discriminator's features. Subclasses implement `learn_gan`."""

    def __init__(self, config: GanSvmConfig, gan: Gan, spec: Spec):
        super().__init__()
        self.config, self.n_classes = config, spec.n_classes
        self.gan = gan
        self.extractor = DiscriminatorFeatures(gan.discriminator, config)
        self.register_buffer("weight", torch.zeros(spec.n_classes, gan.discriminator.n_features))
        self.register_buffer("bias", torch.zeros(spec.n_classes))
        self.register_buffer("cost", torch.tensor(config.costs[0]))

    def learn_gan(self, unlabelled: np.ndarray, replica: Replica) -> None:
        """Give `gan` the weights whose features are used, from uint8 images (n, C, H, W) or from elsewhere."""
        raise NotImplementedError

    def pretrain(self, unlabelled: np.ndarray, replica: Replica) -> None:
        self.learn_gan(unlabelled, replica)
        self.extractor.adapt(unlabelled, replica.device)
        self.to(replica.device)

    def tune(self, draws: list[Labelled], validation: Labelled, replica: Replica) -> None:
        costs = self.config.costs
        features = self.features(validation[0])
        errors = np.zeros(len(costs))
        for images, labels in draws:
            machines = fit_svm(self.features(images), labels, costs, n_classes=self.n_classes)
            errors += [1 - machine.accuracy(features, validation[1]) for machine in machines]
        errors /= len(draws)
        for i, error in enumerate(errors):
            replica.log(i, cost=costs[i], cost_validation_error=error)
        self.cost.fill_(costs[int(errors.argmin())])

    def choices(self) -> Choices:
        return {"C": (float(self.cost), self.config.costs)}

    def fit(self, images: np.ndarray, labels: np.ndarray, replica: Replica) -> None:
        (machine,) = fit_svm(self.features(images), labels, float(self.cost), n_classes=self.n_classes)
        self.weight.copy_(machine.weight)
        self.bias.copy_(machine.bias)

    def classes(self, images: Tensor) -> Tensor:
        features = self.extractor.features(images)
        with exact_products():
            return (features @ self.weight.T + self.bias).argmax(1)

    def sample(self, n: int, seed: int = 0) -> Tensor:
        return self.gan.sample(n, seed)

    def features(self, images: np.ndarray | Tensor) -> Tensor:
        """uint8 images (n, C, H, W) -> (n, d), on the system's device."""
        return inference(self.extractor.features, images, self.weight.device).to(self.weight.device)
