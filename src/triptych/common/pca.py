"""Principal components of images: exact ones, a block of images at a time, and randomised ones of a sample.

The exact ones are the input of the classical systems of the table `digits` (Kingma et al. 2014), the randomised ones
the rows PCA and ICA of `shapes`. (The few dozen directions of the Fréchet distance are three lines in float64 there.)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from triptych.base.config import ParamsError
from triptych.base.pixels import unit
from triptych.engine import exact_products

AT_ONCE = 20_000  # images


class PCA(nn.Module):
    """Rows (n, n_in) -> their first `n_out` principal components (n, n_out), of variance 1 if `whiten`.

    Raises ParamsError, about the parameter `key`, if the rows cannot have as many components.
    """

    def __init__(self, n_in: int, n_out: int, whiten: bool = False, key: str = "components"):
        super().__init__()
        if n_out > n_in:
            raise ParamsError(f"{key} = {n_out}: must be at most {n_in}, the numbers of an image")
        self.whiten, self.key = whiten, key
        self.register_buffer("mean", torch.zeros(n_in))
        self.register_buffer("components", torch.zeros(n_in, n_out))

    @torch.no_grad()
    @exact_products()
    def fit(self, images: np.ndarray | Tensor) -> PCA:
        """Exact components of uint8 `images` (n, ...), as rows in [0, 1]: the largest eigenvectors of their covariance.
        As floats there is only a block of them at a time (594,388 images of SVHN take 7 GB)."""
        n, n_out = len(images), self.components.shape[1]
        if n <= n_out:
            raise ParamsError(f"{self.key} = {n_out}: must be less than {n}, the images to learn them from")
        mean = sum(rows.sum(0) for rows in self._blocks(images)) / n
        covariance = sum((rows - mean).T @ (rows - mean) for rows in self._blocks(images)) / n
        values, vectors = _largest_eigenpairs(covariance, n_out)
        vectors = vectors * _signs(vectors)
        if self.whiten:
            vectors = vectors / values.clamp_min(1e-12).sqrt()
        self.mean.copy_(mean)
        self.components.copy_(vectors)
        return self

    @torch.no_grad()
    def of_images(self, images: np.ndarray | Tensor) -> Tensor:
        """Components (n, n_out) of uint8 images (n, ...), a block at a time."""
        return torch.cat([self(rows) for rows in self._blocks(images)])

    def _blocks(self, images: np.ndarray | Tensor) -> Iterator[Tensor]:
        for start in range(0, len(images), AT_ONCE):
            yield flat(torch.as_tensor(np.array(images[start : start + AT_ONCE])).to(self.mean.device))

    @exact_products()
    def forward(self, rows: Tensor) -> Tensor:
        """Rows (n, n_in) in [0, 1] -> components (n, n_out)."""
        return (rows - self.mean) @ self.components


def flat(images: Tensor) -> Tensor:
    """uint8 images (n, ...) -> rows (n, d) in [0, 1]."""
    return unit(images.flatten(1))


def randomised(x: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """`x` (N, d), overwritten -> mean (d,), components (n, d), shares of the variance (n,).

    Randomised subspace iteration (Halko et al. 2011): on 5 iterations of 2n vectors the error is far below
    the sampling's.
    """
    mean = x.mean(0)
    x -= mean
    total = x.square().sum(dtype=torch.float64)
    size = min(2 * n, *x.shape)
    generator = torch.Generator().manual_seed(seed)
    basis = torch.randn(x.shape[1], size, generator=generator).to(x.device)
    for _ in range(5):
        basis = torch.linalg.qr(x.T @ (x @ basis)).Q
    _, singular, right = torch.linalg.svd(x @ basis, full_matrices=False)
    components = (right @ basis.T)[:n]
    return mean, components, (singular[:n].double().square() / total).float()


def _largest_eigenpairs(matrix: Tensor, k: int) -> tuple[Tensor, Tensor]:
    if matrix.is_cuda:
        values, vectors = torch.linalg.eigh(matrix)
    else:  # LAPACK can stop at the k largest, which torch does not offer
        from scipy.linalg import eigh

        d = len(matrix)
        pairs = eigh(matrix.cpu().numpy(), subset_by_index=[d - k, d - 1], driver="evr")
        values, vectors = map(torch.from_numpy, pairs)
    return values.flip(0)[:k], vectors.flip(1)[:, :k]


def _signs(vectors: Tensor) -> Tensor:
    """Eigenvectors have no sign of their own; make the largest entry of each positive."""
    largest = vectors.abs().argmax(0)
    return vectors.gather(0, largest[None]).sign()
