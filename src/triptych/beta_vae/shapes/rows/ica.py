"""ICA: FastICA on the principal components of the images.

Solver, non-linearity and whitening are not in the paper; here FastICA, parallel, log cosh, unit variance, in float64.
Its plain iteration, which is scikit-learn's too, seldom settles on these images: they are no linear mixture of
independent sources, and it goes round in circles that no tolerance and no number of iterations ends. So each step goes
only a part of the way. A run that does not converge is kept and says so.
"""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.beta_vae.shapes.parts.principal import Pca, PcaConfig, sample
from triptych.beta_vae.shapes.parts.system import Iterative
from triptych.data.spec import Spec
from triptych.engine import Replica, exact_products


class Config(PcaConfig):
    """`iterations` at most; `tolerance`: of 1 − |cos| of a full step's turn."""

    iterations: int = Field(1000, gt=0)
    tolerance: float = Field(1e-4, gt=0)
    # Part of the way that an iteration goes; 1 is plain FastICA. With a half or less, two components that should change
    # places stay where they are.
    step: float = Field(0.6, gt=0.5, le=1)


class System(Pca, Iterative):
    """FastICA's components of the images."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__(config, spec)
        self.register_buffer("unmixing", torch.eye(config.components))
        self.register_buffer("converged", torch.tensor(False))

    @exact_products()
    def fit(self, images: np.ndarray, factors, replica: Replica) -> None:
        """`images` uint8 (N, C, H, W); the sample and the first rotation depend on the replica's seed."""
        super().fit(images, factors, replica)
        scores = (sample(images, self.config.sample, replica) - self.mean) @ self.components.T
        white, whitening = whitened(scores.double().cpu().numpy())
        start = np.random.RandomState(replica.seed).normal(size=whitening.shape)
        config = self.config
        rotation, taken, converged = fast_ica(white, start, config.iterations, config.tolerance, config.step)
        self.unmixing = torch.from_numpy(rotation @ whitening).float().to(replica.device)
        self.converged = torch.tensor(converged, device=replica.device)
        replica.log(taken, converged=float(converged))

    @exact_products()
    def encode(self, images: Tensor) -> Tensor:
        """uint8 (n, C, H, W) -> (n, components), each of unit variance."""
        return super().encode(images) @ self.unmixing.T


def whitened(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`x` (n, d) -> its columns' combinations of mean 0, variance 1 and no correlation, (d, n); and the matrix (d, d)
    that makes them of the columns less their means."""
    centred = (x - x.mean(0)).T
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    matrix = (left / singular).T * np.sqrt(len(x))
    return matrix @ centred, matrix


def fast_ica(
    white: np.ndarray, start: np.ndarray, iterations: int, tolerance: float, step: float
) -> tuple[np.ndarray, int, bool]:
    """Rotation (d, d) of `white` (d, n) to extremes of E log cosh (Hyvärinen 1999), the iterations it took, and whether
    it converged: a full step would turn no component by more than the tolerance, in 1 − |cos|."""
    rotation = _orthogonal(start)
    for taken in range(1, iterations + 1):
        slope = np.tanh(rotation @ white)
        curvature = (1 - slope**2).mean(1, keepdims=True)
        ahead = _orthogonal(slope @ white.T / white.shape[1] - curvature * rotation)
        cosines = (ahead * rotation).sum(1, keepdims=True)
        if np.abs(1 - np.abs(cosines)).max() < tolerance:
            return ahead, taken, True
        rotation = _orthogonal(rotation + step * (np.where(cosines < 0, -1, 1) * ahead - rotation))
    return rotation, iterations, False


def _orthogonal(matrix: np.ndarray) -> np.ndarray:
    """The orthogonal matrix nearest to it."""
    left, _, right = np.linalg.svd(matrix)
    return left @ right
