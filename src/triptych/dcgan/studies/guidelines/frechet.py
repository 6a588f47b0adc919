"""The Fréchet distance between two sets of images, in a space of features that no GAN has shaped.

Features: one layer of K-means on patches (Coates & Ng 2011) and the leading principal components of its code, both
learned from real images; no net trained on another set is needed, as the usual Inception features are. With means μ and
covariances Σ of the features,

    d² = ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½)

in units of the variance of real images in this space: 0 for their twin, 1 for a generator that makes nothing but an
image of average features."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.base.config import Strict
from triptych.data.spec import Spec
from triptych.dcgan.objects.rows import kmeans_1layer
from triptych.engine import Replica, inference


class FrechetConfig(Strict):
    """The space, and how many images the distance is measured on."""

    centroids: int = Field(default=64, ge=2)
    patches: int = Field(default=20_000, ge=2)
    iterations: int = Field(default=10, ge=1)
    components: int = Field(default=32, ge=1)
    images: int = Field(default=1000, ge=2, description="real ones, and as many generated ones")
    seed: int = Field(default=0, ge=0, lt=2**32)


class FrechetSpace:
    """Features, and the mean and covariance of real uint8 `images` (N, C, H, W) in them."""

    def __init__(self, images: np.ndarray, config: FrechetConfig, device: torch.device):
        self.config, self.device = config, device
        dictionary = kmeans_1layer.Config(k=config.centroids, patches=config.patches, iterations=config.iterations)
        self.code = kmeans_1layer.System(dictionary, Spec(image_shape=images.shape[1:]))
        self.code.fit(images, Replica(config.seed, device))
        rows = np.random.default_rng(config.seed).permutation(len(images))
        real = self._codes(images[np.sort(rows[: config.images])])
        variances, directions = torch.linalg.eigh(torch.cov(real.T))
        kept = min(config.components, real.shape[1])
        self.mean = real.mean(0)
        self.directions = directions[:, -kept:] / variances[-kept:].sum().sqrt()
        self.real = moments((real - self.mean) @ self.directions)
        unseen = rows[config.images : 2 * config.images]
        # with fewer images the distance would be larger for that alone
        self.floor = self.distance(images[np.sort(unseen)]) if len(unseen) == config.images else None

    def features(self, images: np.ndarray | Tensor) -> Tensor:
        """uint8 (n, C, H, W) -> (n, components), in float64, on the CPU."""
        return (self._codes(images) - self.mean) @ self.directions

    def distance(self, images: np.ndarray | Tensor) -> float:
        """From the real images to uint8 `images` (n, C, H, W). `floor` is that of as many other real images, which is
        not 0 because their number is finite; None if there are not as many."""
        return frechet(*self.real, *moments(self.features(images)))

    def _codes(self, images: np.ndarray | Tensor) -> Tensor:
        return inference(self.code.features, images, self.device).double()


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """(n, d) -> mean (d,), covariance (d, d)."""
    return features.mean(0), torch.cov(features.T).reshape(features.shape[1], -1)


def frechet(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """The squared Fréchet (2-Wasserstein) distance of two normal distributions."""
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    # tr (Σ₁ Σ₂)^½ = tr (Σ₁^½ Σ₂ Σ₁^½)^½, the root of a symmetric matrix
    overlap = torch.linalg.eigvalsh(root @ other_covariance @ root).clamp(min=0).sqrt().sum()
    apart = (mean - other_mean).square().sum()
    return max(0.0, float(apart + covariance.trace() + other_covariance.trace() - 2 * overlap))
