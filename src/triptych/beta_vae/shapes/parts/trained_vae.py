"""The row that trains a VAE: VAE and β-VAE, which differ in β alone."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from triptych.beta_vae.shapes.parts.system import Decoder, FitsTogether, Representation
from triptych.beta_vae.vae.training import fit_together
from triptych.beta_vae.vae.vae import Vae
from triptych.engine import Replica


class TrainedVae(Vae, Representation, Decoder, FitsTogether):
    """`encode` gives posterior means; `decode` the decoder's mean image."""

    fit_together = staticmethod(fit_together)

    def fit(self, images: np.ndarray | Tensor, factors: np.ndarray | None, replica: Replica) -> None:
        """Train on `images` uint8 (N, C, H, W); `factors` are not looked at."""
        fit_together([self], images, [replica])

    def notes(self) -> list[str]:
        """β in both of its forms."""
        return [f"β = {self.beta:g}, β_norm = {self.beta_norm:.4g}"]
