"""DCGAN + L2-SVM (Radford, Metz, Chintala 2015, section 5.2; authors' SVHN script).

The discriminator is trained adversarially on the pool; then its features of the labelled images train a
linear SVM.
"""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.dcgan.digits._system import DigitsSystem, Labelled
from triptych.dcgan.features import DiscriminatorFeatures, FeatureConfig
from triptych.dcgan.networks import FamilyName
from triptych.dcgan.svm import fit_svm
from triptych.dcgan.training import Gan, GanConfig, Prior, train_gan
from triptych.engine import Replica, inference
from triptych.systems import Spec


class Config(GanConfig, FeatureConfig):
    """The nets and settings of the authors' released SVHN model, which differ from the paper's common ones."""

    net: FamilyName = "svhn32"
    width: int = Field(default=64, ge=1)
    z_dim: int = Field(default=100, ge=1)
    z: Prior = "gaussian"
    batch_size: int = Field(default=64, ge=2)
    lr: float = Field(default=5e-4, gt=0)
    costs: list[float] = Field(
        default=[1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2],
        min_length=1,
        description="the SVM's C, by validation",
    )


class System(DigitsSystem):
    """A Gan whose discriminator gives the features (7,168 at the paper's width), and an SVM on them."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__()
        self.config, self.n_classes = config, spec.n_classes
        self.gan = Gan(config, spec.image_shape)
        self.extractor = DiscriminatorFeatures(self.gan.discriminator, config)
        self.register_buffer("weight", torch.zeros(spec.n_classes, self.gan.discriminator.n_features))
        self.register_buffer("bias", torch.zeros(spec.n_classes))
        self.register_buffer("cost", torch.tensor(config.costs[0]))

    def pretrain(self, unlabelled: np.ndarray, replica: Replica) -> None:
        train_gan(self.gan, unlabelled, self.config, replica)
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

    def fit(self, images: np.ndarray, labels: np.ndarray, replica: Replica) -> None:
        (machine,) = fit_svm(self.features(images), labels, float(self.cost), n_classes=self.n_classes)
        self.weight.copy_(machine.weight)
        self.bias.copy_(machine.bias)

    def predict(self, images: np.ndarray | Tensor) -> np.ndarray:
        def classes(batch: Tensor) -> Tensor:
            return (self.extractor(batch) @ self.weight.T + self.bias).argmax(1)

        return inference(classes, images, self.weight.device).long().numpy()

    def sample(self, n: int, seed: int = 0) -> Tensor:
        """uint8 images (n, C, S, S) of the generator, for the codes that belong to `seed`."""
        return self.gan.sample(n, seed)

    def features(self, images: np.ndarray | Tensor) -> Tensor:
        """uint8 images (n, C, H, W) -> (n, d), on the system's device."""
        return inference(self.extractor, images, self.weight.device).to(self.weight.device)
