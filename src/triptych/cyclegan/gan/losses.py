"""The loss terms of CycleGAN (Zhu et al. 2017, sections 3, 4 and 5.2).

With x a source image, y a target image, G the generator, D the critic's scores (one per patch), s the sigmoid:

    least squares   G: E (D(G(x)) - 1)^2        D: 1/2 [ E (D(y) - 1)^2 + E D(G(x))^2 ]
    log             G: -E log s(D(G(x)))     D: 1/2 [ -E log s(D(y)) - E log (1 - s(D(G(x)))) ]

The factor 1/2 slows the critic down relative to the generator (section 7.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as nnf
from torch import Tensor

GanLoss = Literal["lsgan", "log"]


def realness(scores: Tensor, target: float, kind: GanLoss) -> Tensor:
    """How far the patch scores are from `target` (1: real, 0: fake), averaged over patches."""
    if kind == "lsgan":
        return (scores - target).square().mean()
    return nnf.binary_cross_entropy_with_logits(scores, torch.full_like(scores, target))


def critic_loss(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, kind: GanLoss) -> Tensor:
    """The critic's loss. Both halves pass in one batch: instance norm keeps the images apart."""
    return scored_loss(critic(torch.cat([real, fake])), kind)


def scored_loss(scores: Tensor, kind: GanLoss) -> Tensor:
    """The critic's loss, of its scores of a batch of which the first half is real and the second fake."""
    on_real, on_fake = scores.chunk(2)
    return 0.5 * (realness(on_real, 1.0, kind) + realness(on_fake, 0.0, kind))


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean |a - b| over pixels and channels: the cycle, identity and paired terms (the paper's L1, averaged)."""
    return (a - b).abs().mean()
