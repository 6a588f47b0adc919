"""One layer of K-means features (Coates, Lee & Ng 2011; Coates & Ng 2011): 80.6 % in the DCGAN paper's table.

Random patches, normalised and ZCA-whitened, are clustered; an image is described by how near each of its
patches is to each centroid, summed over the four quadrants. Settings not in the papers are those of Coates'
public demo code.
"""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from triptych.config import Strict
from triptych.dcgan.features import Standardizer, batches
from triptych.engine import Replica
from triptych.systems import Spec


class Config(Strict):
    """The defaults are the published setting with 4800 maps."""

    k: int = Field(default=4800, ge=2, description="centroids; there are 4 k features")
    patch: int = Field(default=6, ge=2, description="side of the receptive field, in pixels; its stride is 1")
    patches: int = Field(default=400_000, ge=2, description="random patches that are clustered")
    iterations: int = Field(default=50, ge=1)
    patch_epsilon: float = Field(default=10.0, gt=0, description="added to a patch's variance (pixels 0 to 255)")
    zca_epsilon: float = Field(default=0.1, gt=0, description="added to the eigenvalues of the patch covariance")
    feature_epsilon: float = Field(default=0.01, gt=0, description="added to a feature's variance")


class System(nn.Module):
    """(n, C, H, W) -> (n, 4 k), standardised by the classification set's training images."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__()
        self.config = config
        channels, height, width = spec.image_shape
        self.size = config.patch**2 * channels
        self.register_buffer("mean", torch.zeros(self.size))
        self.register_buffer("whitening", torch.eye(self.size))
        self.register_buffer("centroids", torch.zeros(config.k, self.size))
        rows, columns = height - config.patch + 1, width - config.patch + 1
        self.register_buffer("quadrants", quadrants(rows, columns), persistent=False)
        self.standardizer = Standardizer(4 * config.k, config.feature_epsilon)

    def fit(self, images: np.ndarray, replica: Replica) -> None:
        """Whitening and centroids from random patches of uint8 `images`."""
        self.to(replica.device)
        generator = torch.Generator().manual_seed(replica.seed)
        raw = random_patches(images, self.config.patches, self.config.patch, generator).to(replica.device)
        patches = normalise(raw, self.config.patch_epsilon)
        mean, whitening = zca(patches, self.config.zca_epsilon)
        self.mean.copy_(mean)
        self.whitening.copy_(whitening)
        start = torch.randn(self.centroids.shape, generator=generator).to(replica.device) * 0.1
        white = (patches - mean) @ whitening
        for step in range(self.config.iterations):
            start, distortion = kmeans_step(white, start)
            replica.log(step + 1, distortion=distortion)
        self.centroids.copy_(start)

    def adapt(self, images: np.ndarray, device: torch.device) -> None:
        """Standardise by the features of the classification set's training images."""
        self.to(device)
        self.standardizer.fit(self.pooled(batch) for batch in batches(images, device))

    def features(self, images: Tensor) -> Tensor:
        return self.standardizer(self.pooled(images))

    def pooled(self, images: Tensor) -> Tensor:
        """(n, C, H, W) -> (n, 4 k) sums of the triangle code over quadrants, a few images at a time."""
        return torch.cat([self._encode(part) for part in images.split(self._images_at_once())])

    def _encode(self, images: Tensor) -> Tensor:
        windows = nn.functional.unfold(images.float(), self.config.patch)  # (n, size, places)
        x = normalise(windows.transpose(1, 2).reshape(-1, self.size), self.config.patch_epsilon)
        x = (x - self.mean) @ self.whitening
        code = triangle(x, self.centroids).view(len(images), -1, self.config.k)
        return (self.quadrants @ code).flatten(1)

    def _images_at_once(self) -> int:
        """So many that their distances stay in a CPU's cache, or fill a GPU."""
        room = 2**28 if self.centroids.is_cuda else 2**20
        return max(1, room // (self.quadrants.shape[1] * self.config.k))


def random_patches(images: np.ndarray, n: int, side: int, generator: torch.Generator) -> Tensor:
    """n patches at random places of random images (N, C, H, W) -> (n, C·side²), values 0 to 255."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (side, side), axis=(2, 3))
    count, _, rows, columns = windows.shape[:4]
    i, r, c = (torch.randint(limit, (n,), generator=generator).numpy() for limit in (count, rows, columns))
    order = np.argsort(i, kind="stable")  # read a file from front to back
    return torch.from_numpy(windows[i[order], :, r[order], c[order]].reshape(n, -1)).float()


def normalise(patches: Tensor, epsilon: float) -> Tensor:
    """Each patch (row) minus its mean, over sqrt(its variance + epsilon)."""
    centred = patches - patches.mean(1, keepdim=True)
    variance = torch.linalg.vector_norm(centred, dim=1, keepdim=True).square_() / (patches.shape[1] - 1)
    return centred.mul_((variance + epsilon).rsqrt_())


def zca(x: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Mean m and P = V diag((λ + epsilon)^(−1/2)) Vᵀ of the covariance: (x − m) P is white."""
    mean = x.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((x - mean).T.double()))
    return mean, ((vectors * (values + epsilon).rsqrt()) @ vectors.T).to(x.dtype)


def kmeans_step(x: Tensor, centroids: Tensor, block: int = 16_384) -> tuple[Tensor, float]:
    """One batch step: x (n, d), centroids (k, d) -> the clusters' means, 0 for empty ones; mean squared
    distance.
    """
    sums, counts = torch.zeros_like(centroids), x.new_zeros(len(centroids))
    half = centroids.square().sum(1) / 2
    gain = x.new_zeros(())
    for part in x.split(block):
        value, label = torch.addmm(-half, part, centroids.T).max(1)
        sums.index_add_(0, label, part)
        counts.index_add_(0, label, torch.ones_like(value))
        gain += value.sum()
    distortion = (x.square().sum() - 2 * gain) / len(x)
    return sums / counts.clamp(min=1)[:, None], float(distortion)


def triangle(x: Tensor, centroids: Tensor) -> Tensor:
    """(n, d), (k, d) -> (n, k): max(0, mean_j z_j − z_k), with z_k = ‖x − c_k‖."""
    ones = x.new_ones(len(x), 1)
    lifted = torch.cat([-2 * centroids, centroids.square().sum(1, keepdim=True)], dim=1)
    z = torch.addmm(x.square().sum(1, keepdim=True), torch.cat([x, ones], dim=1), lifted.T)
    z.clamp_(min=0).sqrt_()
    return torch.sub(z.mean(1, keepdim=True), z, out=z).clamp_(min=0)


def quadrants(rows: int, columns: int) -> Tensor:
    """(4, rows·columns) zeros and ones: which places are in the upper left, upper right, lower left, lower
    right.
    """
    top = (torch.arange(rows) < (rows + 1) // 2).float()
    left = (torch.arange(columns) < (columns + 1) // 2).float()
    return torch.stack([torch.outer(a, b).flatten() for a in (top, 1 - top) for b in (left, 1 - left)])
