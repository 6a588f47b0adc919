"""Three layers of K-means with learned receptive fields (Coates & Ng 2011, NIPS).

A deeper layer does not look at all maps below it. Maps whose energies go up and down together are put in groups, and
each group has a K-means dictionary of its own. The classifier sees all three layers, summed over quadrants. The paper
is silent on some sizes, and its encoder is a soft threshold; here every layer has the triangle code."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from triptych.base.config import ParamsError
from triptych.data.spec import Spec
from triptych.dcgan.gan.features import Standardizer, batches
from triptych.dcgan.objects.parts.kmeans import (
    Dictionary,
    PatchConfig,
    images_at_once,
    quadrants,
    random_patches,
    windows,
)
from triptych.dcgan.objects.parts.receptive_fields import GroupedLayer, average_blocks, random_windows
from triptych.dcgan.objects.parts.system import FeatureSystem
from triptych.engine import Replica


class Config(PatchConfig):
    """The defaults are the published setting with 1600 and twice 3200 maps; what is not published is a choice."""

    k: int = Field(default=1600, ge=2, description="centroids of the first layer")
    patches: int = Field(default=400_000, ge=2, description="random patches that the first layer clusters")
    groups: int = Field(default=32, ge=1, description="of maps, in the second and in the third layer")
    members: int = Field(default=200, ge=2, description="maps of a group")
    k_group: int = Field(default=100, ge=2, description="centroids of each group")
    window: int = Field(default=2, ge=1, description="side of a group's receptive field, in places")
    blocks: list[int] = Field(default=[3, 2], min_length=2, max_length=2, description="sides of the blocks of places "
                              "that are averaged before the second and before the third layer")  # fmt: skip
    images: int = Field(default=50_000, ge=1, description="unlabelled images that the deeper layers learn from")
    windows: int = Field(default=100_000, ge=2, description="random windows that each deeper layer clusters")
    window_epsilon: float = Field(default=0.01, gt=0, description="added to a window's variance (maps of variance 1)")
    window_zca_epsilon: float = Field(default=0.1, gt=0, description="added to the eigenvalues of a window covariance")

    @model_validator(mode="after")
    def _enough_maps(self) -> Config:
        if self.members > min(self.k, self.groups * self.k_group):
            raise ValueError(f"members = {self.members}: more than the maps of a layer, k and groups · k_group")
        return self


class System(FeatureSystem):
    """(n, C, H, W) -> (n, 4 (k + 2 · groups · k_group)), standardised by the classification set's training images."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__()
        self.config = c = config
        self.widest_layer = max(c.k, c.groups * c.k_group)
        channels, height, width = spec.image_shape
        self.sizes = [(height - c.patch + 1, width - c.patch + 1)]  # places of each layer
        for block in c.blocks:
            self.sizes.append(tuple(side // block - c.window + 1 for side in self.sizes[-1]))
        if min(map(min, self.sizes)) < 2:
            raise ParamsError(f"images of {height}×{width} leave a layer of kmeans_3layer_rf fewer than 2×2 places")
        self.first = Dictionary(c.patch**2 * channels, c.k, c.patch_epsilon, c.zca_epsilon)
        self.deeper = nn.ModuleList(
            GroupedLayer(c.groups, c.members, c.k_group, c.window, (c.window_epsilon, c.window_zca_epsilon))
            for _ in c.blocks
        )
        for i, size in enumerate(self.sizes):
            self.register_buffer(f"quadrants{i}", quadrants(*size), persistent=False)
        self.standardizer = Standardizer(4 * (c.k + 2 * c.groups * c.k_group), c.feature_epsilon)

    @torch.no_grad()
    def fit(self, images: np.ndarray, replica: Replica) -> None:
        """The three layers, one after the other, from uint8 `images`."""
        c, device = self.config, replica.device
        self.to(device)
        generator = torch.Generator().manual_seed(replica.seed)
        raw = random_patches(images, c.patches, c.patch, generator).to(device)
        self.first.learn(raw, c.iterations, generator, lambda step, value: replica.log(step, distortion=value))
        rows = torch.randperm(len(images), generator=generator)[: c.images].sort().values.numpy()
        for depth, layer in enumerate(self.deeper):
            maps = (next(islice(self._layers(b), depth, None))[1] for b in batches(images[rows], device))
            sample = random_windows(maps, len(rows), c.windows, c.window, generator)
            for step, value in enumerate(layer.learn(sample, c.iterations, generator)):
                replica.log(step + 1, **{f"distortion_{depth + 2}": value})

    def features(self, images: Tensor) -> Tensor:
        """Sums of each layer's code over its quadrants."""
        return self.standardizer(torch.cat([sums for sums, _ in self._layers(images)], dim=1))

    def _layers(self, images: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Of each layer the sums over quadrants, and the maps that the next one sees."""
        at_once = images_at_once(self.quadrants0.shape[1] * self.config.k, images.device)
        parts = [self._outputs(0, self._first_code(part)) for part in images.split(at_once)]
        sums, maps = (torch.cat(of_all) for of_all in zip(*parts))
        yield sums, maps
        for depth, layer in enumerate(self.deeper, start=1):
            sums, maps = self._outputs(depth, layer(maps))
            yield sums, maps

    def _first_code(self, images: Tensor) -> Tensor:
        return self.first.code(windows(images.float(), self.config.patch)).view(len(images), -1, self.config.k)

    def _outputs(self, depth: int, code: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (n, places, k) -> sums over quadrants (n, 4 k), block means (n, k, rows, columns)."""
        sums = (getattr(self, f"quadrants{depth}") @ code).flatten(1)
        if depth == len(self.deeper):
            return sums, code.new_empty(0)
        return sums, average_blocks(code, self.sizes[depth], self.config.blocks[depth])
