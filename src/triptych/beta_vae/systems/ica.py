"""ICA: FastICA on the principal components of the images.

Solver, non-linearity and whitening are not in the paper; here FastICA, parallel, log cosh, unit variance, as
scikit-learn has it, in float64 (in float32 on the raw images constant border pixels give NaN). A run that
does not converge is kept and says so: the paper's row has the largest spread of its table.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.beta_vae.principal import Pca, PcaConfig, sample
from triptych.engine import Replica
from triptych.systems import Spec


class Config(PcaConfig):
    iterations: int = Field(1000, gt=0)
    tolerance: float = Field(1e-4, gt=0)


class System(Pca):
    def __init__(self, config: Config, spec: Spec):
        super().__init__(config, spec)
        self.register_buffer("unmixing", torch.eye(config.components))
        self.register_buffer("converged", torch.tensor(False))

    def fit(self, images: np.ndarray, factors, replica: Replica) -> None:
        from sklearn.decomposition import FastICA
        from sklearn.exceptions import ConvergenceWarning

        super().fit(images, factors, replica)
        centred = sample(images, self.config.sample, replica) - self.mean
        scores = (centred @ self.components.T).double().cpu().numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            ica = FastICA(
                whiten="unit-variance",
                max_iter=self.config.iterations,
                tol=self.config.tolerance,
                random_state=replica.seed,
            ).fit(scores)
        self.unmixing = torch.from_numpy(ica.components_).float().to(replica.device)
        self.converged = torch.tensor(ica.n_iter_ < self.config.iterations, device=replica.device)
        replica.log(ica.n_iter_, converged=float(self.converged))

    def encode(self, images: Tensor) -> Tensor:
        """uint8 (n, C, H, W) -> (n, components), each of unit variance."""
        return super().encode(images) @ self.unmixing.T
