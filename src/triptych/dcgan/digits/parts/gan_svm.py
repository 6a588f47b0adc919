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
from triptych.dcgan.gan.networks import Discriminator
from triptych.dcgan.gan.training import Gan
from triptych.dcgan.svm.svm import fit_svm
from triptych.engine import Replica, exact_products, inference
from triptych.engine.system import Sampler


class SvmConfig(FeatureConfig):
    """How features are taken, and what C is chosen from."""

    costs: list[Positive] = Field(
        default=[1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2],
        min_length=1,
        description="the SVM's C, by validation",
    )


class DiscriminatorSvm(DigitsSystem):
    """A discriminator and an SVM on its features. Subclasses say in `learn_net` where its weights come from."""

    def __init__(self, config: SvmConfig, discriminator: Discriminator, spec: Spec):
        super().__init__()
        self.config, self.n_classes = config, spec.n_classes
        self.extractor = DiscriminatorFeatures(discriminator, config)
        self.register_buffer("weight", torch.zeros(spec.n_classes, discriminator.n_features))
        self.register_buffer("bias", torch.zeros(spec.n_classes))
        self.register_buffer("cost", torch.tensor(config.costs[0]))

    def learn_net(self, unlabelled: np.ndarray, replica: Replica) -> None:
        """Give the net the weights whose features are used, from uint8 images (n, C, H, W) or from elsewhere."""
        raise NotImplementedError

    def pretrain(self, unlabelled: np.ndarray, replica: Replica) -> None:
        self.learn_net(unlabelled, replica)
        self.extractor.adapt(unlabelled, replica.device)
        self.to(replica.device)

    def tune(self, draws: list[Labelled], validation: Labelled, replica: Replica) -> None:
        costs = self.config.costs
        errors = self.validation_errors(draws, validation)
        for i, error in enumerate(errors):
            replica.log(i, cost=costs[i], cost_validation_error=error)
        self.cost.fill_(costs[int(errors.argmin())])

    def validation_errors(self, draws: list[Labelled], validation: Labelled) -> np.ndarray:
        """For each C its mean error on the validation images after learning from each of the draws."""
        costs = self.config.costs
        features = self.features(validation[0])
        errors = np.zeros(len(costs))
        for images, labels in draws:
            machines = fit_svm(self.features(images), labels, costs, n_classes=self.n_classes)
            errors += [1 - machine.accuracy(features, validation[1]) for machine in machines]
        return errors / len(draws)

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

    def features(self, images: np.ndarray | Tensor) -> Tensor:
        """uint8 images (n, C, H, W) -> (n, d), on the system's device."""
        return inference(self.extractor.features, images, self.weight.device).to(self.weight.device)


class GanSvm(DiscriminatorSvm, Sampler):
    """The discriminator is one of a Gan's two nets; the other draws samples."""

    def __init__(self, config: SvmConfig, gan: Gan, spec: Spec):
        super().__init__(config, gan.discriminator, spec)
        self.gan = gan

    def sample(self, n: int, seed: int = 0) -> Tensor:
        return self.gan.sample(n, seed)
