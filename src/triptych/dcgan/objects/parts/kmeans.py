"""K-means as a feature learner: what the K-means systems of the `objects` table share (Coates, Lee & Ng 2011).

Patches are normalised and ZCA-whitened, then clustered; the "triangle" code of a patch tells which centroids are nearer
than the average one. Settings not in the papers are those of Coates' public demo code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import Strict


class PatchConfig(Strict):
    """Patches, as the K-means systems take them. The defaults are the published ones."""

    patch: int = Field(default=6, ge=2, description="side of the receptive field, in pixels; its stride is 1")
    iterations: int = Field(default=50, ge=1, description="of K-means")
    patch_epsilon: float = Field(default=10.0, gt=0, description="added to a patch's variance (pixels 0 to 255)")
    zca_epsilon: float = Field(default=0.1, gt=0, description="added to the eigenvalues of the patch covariance")
    feature_epsilon: float = Field(default=0.01, gt=0, description="added to a feature's variance")


class Dictionary(nn.Module):
    """Whitening and centroids of one kind of patch: raw patches (n, size) -> triangle codes (n, k)."""

    def __init__(self, size: int, k: int, patch_epsilon: float, zca_epsilon: float):
        super().__init__()
        self.size, self.patch_epsilon, self.zca_epsilon = size, patch_epsilon, zca_epsilon
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("whitening", torch.eye(size))
        self.register_buffer("centroids", torch.zeros(k, size))

    def learn(
        self, raw: Tensor, iterations: int, generator: torch.Generator, log: Callable[[int, float], None]
    ) -> None:
        """From raw patches (n, size) on this module's device; `log(iteration, distortion)` follows it."""
        patches = normalise(raw, self.patch_epsilon)
        mean, whitening = zca(patches, self.zca_epsilon)
        self.mean.copy_(mean)
        self.whitening.copy_(whitening)
        start = torch.randn(self.centroids.shape, generator=generator).to(raw.device) * 0.1
        white = (patches - mean) @ whitening
        for step in range(iterations):
            start, distortion = kmeans_step(white, start)
            log(step + 1, distortion)
        self.centroids.copy_(start)

    def whiten(self, raw: Tensor) -> Tensor:
        """Raw patches (n, size) -> normalised and whitened ones."""
        return (normalise(raw, self.patch_epsilon) - self.mean) @ self.whitening

    def code(self, raw: Tensor) -> Tensor:
        """Raw patches (n, size) -> triangle codes (n, k)."""
        return triangle(self.whiten(raw), self.centroids)


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
    """One batch step: x (n, d), centroids (k, d) -> the clusters' means, 0 for empty ones; mean squared distance."""
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
    return nearness(squared_distances(x, centroids))


def squared_distances(x: Tensor, centroids: Tensor) -> Tensor:
    """(n, d), (k, d) -> (n, k): ‖x − c_k‖², by rounding perhaps a little below 0."""
    ones = x.new_ones(len(x), 1)
    lifted = torch.cat([-2 * centroids, centroids.square().sum(1, keepdim=True)], dim=1)
    return torch.addmm(x.square().sum(1, keepdim=True), torch.cat([x, ones], dim=1), lifted.T)


def nearness(z: Tensor) -> Tensor:
    """Squared distances (n, k) -> how much nearer than the mean each one is, or 0. In place."""
    z.clamp_(min=0).sqrt_()
    return torch.sub(z.mean(1, keepdim=True), z, out=z).clamp_(min=0)


def quadrants(rows: int, columns: int) -> Tensor:
    """(4, rows·columns) zeros and ones: which places are in the upper left, upper right, lower left, lower right."""
    top = (torch.arange(rows) < (rows + 1) // 2).float()
    left = (torch.arange(columns) < (columns + 1) // 2).float()
    return torch.stack([torch.outer(a, b).flatten() for a in (top, 1 - top) for b in (left, 1 - left)])


def windows(maps: Tensor, side: int) -> Tensor:
    """Every window of side² places of (n, C, H, W), image by image -> (n · places, C · side²)."""
    unfolded = nn.functional.unfold(maps, side)  # (n, C · side², places)
    return unfolded.transpose(1, 2).reshape(-1, unfolded.shape[1])


def images_at_once(numbers: int, device: torch.device) -> int:
    """So many images, at `numbers` distances each, that these stay in a CPU's cache, or fill a GPU."""
    room = 2**28 if device.type == "cuda" else 2**20
    return max(1, room // numbers)
