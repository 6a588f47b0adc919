"""Scores on the leading principal components of the images, centred and not whitened (the paper does not say)."""

from __future__ import annotations

import math

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.base.config import ParamsError, Strict
from triptych.beta_vae.shapes.parts.system import Representation
from triptych.common.pca import flat, randomised
from triptych.data.spec import Spec
from triptych.engine import Replica, exact_products


class PcaConfig(Strict):
    """The sample's size is not in the paper."""

    components: int = Field(10, ge=2)
    sample: int = Field(50_000, gt=1)  # images it is fitted on, drawn at random; all, if there are fewer


class Pca(Representation):
    """The row `pca`, and what `ica` starts from."""

    def __init__(self, config: PcaConfig, spec: Spec):
        super().__init__()
        self.config = config
        inputs = math.prod(spec.image_shape)
        if config.components > min(inputs, config.sample):
            raise ParamsError(f"components = {config.components}: more than the pixels ({inputs}) or the sample")
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("components", torch.zeros(config.components, inputs))
        self.register_buffer("explained", torch.zeros(config.components))  # shares of the total variance

    @exact_products()
    def fit(self, images: np.ndarray, factors, replica: Replica) -> None:
        """`images` uint8 (N, C, H, W); the sample depends on the replica's seed."""
        x = sample(images, self.config.sample, replica)
        self.mean, self.components, self.explained = randomised(x, self.config.components, replica.seed)
        replica.log(0, explained_variance=float(self.explained.sum()))

    @exact_products()
    def encode(self, images: Tensor) -> Tensor:
        """uint8 (n, C, H, W) -> (n, components)."""
        return (flat(images) - self.mean) @ self.components.T


def sample(images: np.ndarray, n: int, replica: Replica) -> Tensor:
    """Up to `n` random images as (n, C·H·W) in [0, 1] on the replica's device."""
    generator = torch.Generator().manual_seed(replica.seed)
    rows = torch.randperm(len(images), generator=generator)[:n].sort().values
    x = torch.from_numpy(np.asarray(images[rows.numpy()])).to(replica.device)
    return flat(x)
