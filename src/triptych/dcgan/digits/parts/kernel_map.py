"""An RBF kernel as an explicit feature map, so that linear machines can use it (Nyström: Williams & Seeger 2001)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from triptych.base.config import ParamsError
from triptych.engine import exact_products


class NystromMap(nn.Module):
    """Rows (n, d) -> (n, m) features whose inner products approximate exp(−γ ‖x − x'‖² / s²).

    s² is the rows' mean squared distance from their mean, so that γ has no unit. Exact on the m landmarks."""

    def __init__(self, n_features: int, n_landmarks: int):
        super().__init__()
        self.register_buffer("gamma", torch.tensor(1.0))
        self.register_buffer("landmarks", torch.zeros(n_landmarks, n_features))
        self.register_buffer("scale", torch.tensor(1.0))  # s²
        self.register_buffer("root", torch.zeros(n_landmarks, n_landmarks))

    @torch.no_grad()
    @exact_products()
    def fit(self, rows: Tensor, gamma: float, seed: int) -> NystromMap:
        """Choose landmarks among `rows` (n, d) at random. Raises ParamsError if there are too few."""
        m = len(self.landmarks)
        self.gamma.fill_(gamma)
        if len(rows) < m:
            raise ParamsError(f"landmarks = {m}: must be at most {len(rows)}, the images they are chosen from")
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
        self.landmarks.copy_(rows[order[:m].to(rows.device)])
        self.scale.copy_((rows - rows.mean(0)).square().sum(1).mean())
        values, vectors = torch.linalg.eigh(self._kernel(self.landmarks).double())
        inverse_root = values.clamp_min(1e-6 * float(values[-1])).rsqrt()
        self.root.copy_((vectors * inverse_root) @ vectors.T)
        return self

    @exact_products()
    def forward(self, rows: Tensor) -> Tensor:
        return self._kernel(rows) @ self.root

    def _kernel(self, rows: Tensor) -> Tensor:
        return torch.exp(-self.gamma / self.scale * torch.cdist(rows, self.landmarks).square())
