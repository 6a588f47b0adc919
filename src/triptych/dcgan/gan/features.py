"""What describes images by features, and a trained discriminator that does (Radford et al. 2015, sections 5.1 and 5.2;
authors' SVHN script): all convolutional layers, after their LeakyReLU, max-pooled to a 4×4 grid and concatenated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from triptych.base.config import Strict
from triptych.dcgan.gan.networks import Discriminator, pooled


class FeatureConfig(Strict):
    """How a discriminator's activations become features. The defaults are the authors'."""

    statistics: Literal["reestimated", "running"] = Field(
        default="reestimated",
        description="of the normalisations: from the classification set, or left by training",
    )
    statistics_batch: int = Field(default=128, ge=2)
    standardize: bool = Field(default=False, description="each feature to mean 0 and variance about 1")
    feature_epsilon: float = Field(default=1e-5, gt=0, description="added to a feature's variance when standardising")


class ImageFeatures(nn.Module):
    """Describes images by vectors: `adapt` sets what depends on the classification set, then `features` reads."""

    def __init__(self) -> None:
        super().__init__()
        self.standardizer: Standardizer | None = None  # what `features` ends in; None: features stay as they are

    def features(self, images: Tensor) -> Tensor:
        """uint8 images (n, C, H, W) on the module's device -> (n, d) float."""
        raise NotImplementedError

    def adapt(self, images: np.ndarray | Tensor, device: torch.device, standardize: bool = True) -> None:
        """Move to `device` and set what depends on the classification set from its training images, uint8 (N, C, H, W),
        without labels. With `standardize` = False the standardizer becomes the identity, to be fitted by the caller."""
        self.to(device)
        if self.standardizer is not None:
            self.standardizer.reset()
            if standardize:
                self.standardizer.fit(self.features(batch) for batch in batches(images, device))


class DiscriminatorFeatures(ImageFeatures):
    """A discriminator that describes images (n, C, S, S) by vectors (n, d): d = 28,672 for the ImageNet net and 7,168
    for the SVHN net at the paper's widths."""

    def __init__(self, discriminator: Discriminator, config: FeatureConfig):
        super().__init__()
        self.discriminator, self.config = discriminator, config
        if config.standardize:
            self.standardizer = Standardizer(discriminator.n_features, config.feature_epsilon)

    def adapt(self, images: np.ndarray | Tensor, device: torch.device, standardize: bool = True) -> None:
        """Re-estimates the statistics of the normalisations too, unless the config keeps those of training."""
        self.to(device, memory_format=torch.channels_last).eval()
        if self.config.statistics == "reestimated":
            estimate_statistics(self.discriminator, images, device, self.config.statistics_batch)
        super().adapt(images, device, standardize)

    def features(self, images: Tensor) -> Tensor:
        out = features(self.discriminator, images)
        return out if self.standardizer is None else self.standardizer(out)


def features(discriminator: Discriminator, images: Tensor) -> Tensor:
    """uint8 images (n, C, S, S), on the net's device -> (n, d) float, d = `discriminator.n_features`. Call it in eval
    mode."""
    return torch.cat([pooled(h) for h in discriminator.activations(discriminator.scaled(images))], dim=1)


@torch.no_grad()
def estimate_statistics(
    net: Discriminator, images: np.ndarray | Tensor, device: torch.device, batch_size: int = 128
) -> None:
    """Replace the running statistics of the net's normalisations by the mean of the batch means and variances over
    uint8 `images` (N, C, H, W), in one pass in which every layer normalises with its batch statistics.

    The running averages of adversarial training mix real and generated batches; the authors' feature extraction uses
    these instead, from the training images of the classification set. Those are shuffled, here too: of a set that is
    stored class by class, batches in its order would have one class each, and too small variances. The last incomplete
    batch is left out."""
    norms = [m for m in net.modules() if isinstance(m, _BatchNorm)]
    momenta = [m.momentum for m in norms]
    was_training = net.training
    net.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average in place of an exponential one
    order = np.random.default_rng(0).permutation(len(images))
    batch_size = min(batch_size, len(images))
    for rows in np.split(order, range(batch_size, len(order), batch_size)):
        if len(rows) == batch_size:
            net(net.scaled(torch.as_tensor(images[rows]).to(device)))
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    net.train(was_training)


class Standardizer(nn.Module):
    """(x − mean) / sqrt(variance + epsilon) per feature; the identity until it is fitted."""

    def __init__(self, n_features: int, epsilon: float):
        super().__init__()
        self.epsilon = epsilon
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))

    def reset(self) -> None:
        """Back to the identity."""
        self.mean.zero_()
        self.scale.fill_(1.0)

    @torch.no_grad()
    def fit(self, blocks: Iterable[Tensor]) -> None:
        """From the features of a set in blocks (n, d), in one pass."""
        count, total, squares, origin = 0, 0.0, 0.0, None
        for block in blocks:
            origin = block[:1].double() if origin is None else origin  # near the mean: no cancellation
            x = block.double() - origin
            count, total, squares = count + len(x), total + x.sum(0), squares + x.square().sum(0)
        mean = total / count
        self.mean.copy_(mean + origin[0])
        self.scale.copy_((squares / count - mean.square() + self.epsilon).rsqrt())

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.scale


def batches(images: np.ndarray | Tensor, device: torch.device, size: int = 128) -> Iterator[Tensor]:
    """`images` in order, `size` at a time, on the device."""
    for start in range(0, len(images), size):
        batch = images[start : start + size]
        yield (batch if isinstance(batch, Tensor) else torch.from_numpy(np.array(batch))).to(device)
