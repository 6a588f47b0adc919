"""One layer of K-means features (Coates, Lee & Ng 2011; Coates & Ng 2011): 80.6 % in the DCGAN paper's table.

Random patches, normalised and ZCA-whitened, are clustered; an image is described by how near each of its patches is to
each centroid, summed over the four quadrants. Settings not in the papers are those of Coates' public demo code."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.base.config import ParamsError
from triptych.data.spec import Spec
from triptych.dcgan.gan.features import Standardizer
from triptych.dcgan.objects.parts.kmeans import (
    Dictionary,
    PatchConfig,
    images_at_once,
    quadrants,
    random_patches,
    windows,
)
from triptych.dcgan.objects.parts.system import FeatureSystem
from triptych.engine import Replica


class Config(PatchConfig):
    """The defaults are the published setting with 4800 maps."""

    k: int = Field(default=4800, ge=2, description="centroids; there are 4 k features")
    patches: int = Field(default=400_000, ge=2, description="random patches that are clustered")


class System(Dictionary, FeatureSystem):
    """(n, C, H, W) -> (n, 4 k), standardised by the classification set's training images."""

    def __init__(self, config: Config, spec: Spec):
        channels, height, width = spec.image_shape
        rows, columns = height - config.patch + 1, width - config.patch + 1
        if min(rows, columns) < 2:
            raise ParamsError(f"patch = {config.patch}: too large for the quadrants of {height}×{width} images")
        super().__init__(config.patch**2 * channels, config.k, config.patch_epsilon, config.zca_epsilon)
        self.config = config
        self.widest_layer = config.k
        self.register_buffer("quadrants", quadrants(rows, columns), persistent=False)
        self.standardizer = Standardizer(4 * config.k, config.feature_epsilon)

    def fit(self, images: np.ndarray, replica: Replica) -> None:
        """Whitening and centroids from random patches of uint8 `images`."""
        self.to(replica.device)
        generator = torch.Generator().manual_seed(replica.seed)
        raw = random_patches(images, self.config.patches, self.config.patch, generator).to(replica.device)
        self.learn(raw, self.config.iterations, generator, lambda step, value: replica.log(step, distortion=value))

    def features(self, images: Tensor) -> Tensor:
        """Sums of the triangle code over quadrants, a few images at a time."""
        at_once = images_at_once(self.quadrants.shape[1] * self.config.k, images.device)
        return self.standardizer(torch.cat([self._encode(part) for part in images.split(at_once)]))

    def _encode(self, images: Tensor) -> Tensor:
        code = self.code(windows(images.float(), self.config.patch)).view(len(images), -1, self.config.k)
        return (self.quadrants @ code).flatten(1)
