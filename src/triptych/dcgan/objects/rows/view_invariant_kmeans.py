"""View-invariant K-means, our reconstruction. The DCGAN paper's row is from Hui (ICML 2013, "Direct modeling of complex
invariances for visual object features"), whose internals are not known in enough detail to follow.

A cluster is a set of V linked views. It is learned from bags: V patches of one place of an image, shifted against each
other, that must all go to one cluster but each to the view that fits it best. The distance of a patch to a cluster is
that to its nearest view, so a pattern keeps its code when it moves within the shifts. This is done on the image and on
smaller copies of it, each with its own clusters. All else (whitening, triangle code, quadrants) is as in one-layer
K-means."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import ParamsError
from triptych.data.spec import Spec
from triptych.dcgan.gan.features import Standardizer
from triptych.dcgan.objects.parts.kmeans import (
    Dictionary,
    PatchConfig,
    images_at_once,
    nearness,
    normalise,
    quadrants,
    squared_distances,
    windows,
    zca,
)
from triptych.dcgan.objects.parts.system import FeatureSystem
from triptych.engine import Replica


class Config(PatchConfig):
    """All but the published number of maps, 6400 in all, is our choice."""

    k: int = Field(default=3200, ge=2, description="clusters of each level; there are 4 k · levels features")
    levels: int = Field(default=2, ge=1, description="of the image pyramid: full size, half size, …")
    offsets: list[int] = Field(default=[-2, 0, 2], min_length=1, description="shifts of a bag's patches, in pixels of "
                               "the level, down and to the right: V = (number of them)² views")  # fmt: skip
    bags: int = Field(default=50_000, ge=2, description="random bags that each level clusters, of V patches each")


class Views(Dictionary):
    """Clusters of V linked views, centroids (V, k, size): raw patches (n, size) -> triangle codes (n, k)."""

    def __init__(self, size: int, config: Config):
        super().__init__(size, config.k, config.patch_epsilon, config.zca_epsilon)
        self.centroids = torch.zeros(len(config.offsets) ** 2, config.k, size)

    def learn_linked(
        self, raw: Tensor, iterations: int, generator: torch.Generator, log: Callable[[int, float], None]
    ) -> None:
        """From raw bags (n, V, size), n ≥ k, some of which are the first clusters."""
        patches = normalise(raw.flatten(0, 1), self.patch_epsilon)
        mean, whitening = zca(patches, self.zca_epsilon)
        self.mean.copy_(mean)
        self.whitening.copy_(whitening)
        bags = ((patches - mean) @ whitening).view(raw.shape)
        chosen = torch.randperm(len(bags), generator=generator)[: self.centroids.shape[1]]
        centroids = bags[chosen.to(bags.device)].transpose(0, 1).contiguous()
        for step in range(iterations):
            centroids, distortion = linked_step(bags, centroids)
            log(step + 1, distortion)
        self.centroids.copy_(centroids)

    def code(self, raw: Tensor) -> Tensor:
        return nearness(nearest_view(self.whiten(raw), self.centroids))


class System(FeatureSystem):
    """(n, C, H, W) -> (n, 4 k · levels), standardised by the classification set's training images."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__()
        self.config = config
        self.widest_layer = config.k * config.levels  # as the paper counts: all maps, of one layer
        channels, height, width = spec.image_shape
        self.levels = nn.ModuleList(Views(config.patch**2 * channels, config) for _ in range(config.levels))
        for i in range(config.levels):
            rows, columns = (side // 2**i - config.patch + 1 for side in (height, width))
            if min(rows, columns) < 2:
                raise ParamsError(
                    f"view_invariant_kmeans.levels = {config.levels}: too many for {height}×{width} images"
                )
            self.register_buffer(f"quadrants{i}", quadrants(rows, columns), persistent=False)
        self.standardizer = Standardizer(4 * config.k * config.levels, config.feature_epsilon)

    @torch.no_grad()
    def fit(self, images: np.ndarray, replica: Replica) -> None:
        """Whitening and linked views of each level, from random bags of uint8 `images`."""
        c = self.config
        if c.bags < c.k:
            raise ParamsError(f"view_invariant_kmeans: k = {c.k} clusters need as many bags; there are {c.bags}")
        self.to(replica.device)
        generator = torch.Generator().manual_seed(replica.seed)
        for i, level in enumerate(self.levels):
            raw = random_bags(images, c.bags, c.patch, c.offsets, generator, shrink=2**i).to(replica.device)

            def log(step: int, value: float, name: str = f"distortion_{i + 1}") -> None:
                replica.log(step, **{name: value})

            level.learn_linked(raw, c.iterations, generator, log)

    def features(self, images: Tensor) -> Tensor:
        """Sums of the triangle code over quadrants, a few images at a time."""
        at_once = images_at_once(self.quadrants0.shape[1] * self.config.k, images.device)
        return self.standardizer(torch.cat([self._encode(part.float()) for part in images.split(at_once)]))

    def _encode(self, images: Tensor) -> Tensor:
        out = []
        for i, level in enumerate(self.levels):
            code = level.code(windows(F.avg_pool2d(images, 2**i), self.config.patch))
            out.append((getattr(self, f"quadrants{i}") @ code.view(len(images), -1, self.config.k)).flatten(1))
        return torch.cat(out, dim=1)


def nearest_view(x: Tensor, centroids: Tensor) -> Tensor:
    """Patches (n, d), clusters of V views (V, k, d) -> (n, k): min_v ‖x − c_vk‖²."""
    best = squared_distances(x, centroids[0])
    for view in centroids[1:]:
        torch.minimum(best, squared_distances(x, view), out=best)
    return best


def linked_step(bags: Tensor, centroids: Tensor, block: int = 16_384) -> tuple[Tensor, float]:
    """One batch step: bags of V patches (n, V, d), clusters of V views (V, k, d) -> new views; mean squared distance.

    A bag goes to the cluster with the smallest sum of its patches' distances to their nearest views, each patch to that
    view of it. A view becomes the mean of its patches; one that got none stays, for a zero would be near to all."""
    n_views, k, d = centroids.shape
    sums, counts, loss = torch.zeros_like(centroids), centroids.new_zeros(n_views, k), bags.new_zeros(())
    for part in bags.split(max(1, block // n_views)):
        flat = part.flatten(0, 1)
        cost, cluster = nearest_view(flat, centroids).view(len(part), n_views, k).sum(1).min(1)
        own = centroids[:, cluster].transpose(0, 1)  # (bags, views, d)
        view = torch.cdist(part, own).argmin(2)
        slot = (view * k + cluster[:, None]).flatten()
        sums.view(-1, d).index_add_(0, slot, flat)
        counts.view(-1).index_add_(0, slot, torch.ones_like(flat[:, 0]))
        loss += cost.sum()
    means = sums / counts.clamp(min=1)[:, :, None]
    return torch.where(counts[:, :, None] > 0, means, centroids), float(loss / (len(bags) * n_views))


def random_bags(
    images: np.ndarray, n: int, side: int, offsets: list[int], generator: torch.Generator, shrink: int = 1
) -> Tensor:
    """n bags at random places of random images (N, C, H, W) -> (n, V, C · side²), values 0 to 255: the patch at the
    place, shifted by every pair of `offsets` (down, right).

    `shrink`: all lengths are in pixels of images that are so many times smaller. Raises ParamsError if the images are
    too small for the offsets."""
    wide, shifts = side * shrink, [shrink * offset for offset in offsets]
    patches = np.lib.stride_tricks.sliding_window_view(images, (wide, wide), axis=(2, 3))
    low, high = -min(shifts), max(shifts)
    count, channels, rows, columns = patches.shape[:4]
    if min(rows, columns) <= low + high:
        raise ParamsError(f"offsets from {-low} to {high}: too far for patches of {wide} in {images.shape[2:]} pixels")
    limits = (count, rows - low - high, columns - low - high)
    i, r, c = (torch.randint(limit, (n,), generator=generator).numpy() for limit in limits)
    i.sort()  # read a file from front to back
    bags = torch.empty(n, len(shifts) ** 2, channels * side**2)
    for v, (down, right) in enumerate(product(shifts, shifts)):
        shifted = torch.from_numpy(patches[i, :, r + low + down, c + low + right]).float()
        bags[:, v] = F.avg_pool2d(shifted, shrink).flatten(1)
    return bags
