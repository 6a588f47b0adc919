"""The losses of a GAN (Goodfellow et al. 2014) on logits s, with D = σ(s) and sp(u) = log(1 + eᵘ).

discriminator     E sp(−s(x)) + E sp(s(G(z)))
minimax           −E sp(s(G(z)))    = E log(1 − D(G(z)));  its slope at a fake is −σ(s): 0 where D is sure
nonsaturating      E sp(−s(G(z)))   = −E log D(G(z));      its slope is −(1 − σ(s)): −1 where D is sure"""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

Loss = Literal["minimax", "nonsaturating"]
LOSSES: tuple[Loss, ...] = ("minimax", "nonsaturating")


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Logits of real and of generated points -> what the discriminator descends."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Tensor, loss: Loss) -> Tensor:
    """Logits of generated points -> what the generator descends."""
    return -F.softplus(fake).mean() if loss == "minimax" else F.softplus(-fake).mean()
