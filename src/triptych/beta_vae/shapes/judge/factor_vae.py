"""The FactorVAE score (Kim & Mnih 2018): in a batch with one factor fixed, does the latent that varies least
tell which?

A rotated code, which the linear classifier of the β-VAE metric may see through, fails here: the classifier is
a majority vote over the number of one latent.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from triptych.beta_vae.shapes.grid import Grid


@dataclass(frozen=True)
class FactorVaeScore:
    """The share of right votes, and on how much of the code they rest."""

    score: float  # in [0, 1]
    kept: int  # latents that were not dropped as constant


def factor_vae_score(
    codes: Tensor,
    grid: Grid,
    *,
    seed: int,
    train_votes: int = 10_000,
    test_votes: int = 5000,
    batch: int = 64,
    variance_samples: int = 10_000,
    threshold: float = 0.05,
) -> FactorVaeScore:
    """`codes` (N, d) of every image of the grid, in its order. Latents whose standard deviation over the data is below
    `threshold` are dropped; with none left the score is 0. Defaults are disentanglement_lib's; chance is 1/K.
    """
    grid.check(len(codes))
    generator = torch.Generator().manual_seed(seed)
    spread = codes[grid.rows(grid.draw((variance_samples,), generator)).to(codes.device)].float().std(0)
    active = (spread >= threshold).nonzero()[:, 0]
    if len(active) == 0:
        return FactorVaeScore(0.0, 0)
    kept, spread = codes[:, active].float(), spread[active]
    table = torch.zeros(len(active), len(grid.names), dtype=torch.long)
    latent, factor = _votes(kept, spread, grid, train_votes, batch, generator)
    table.index_put_((latent, factor), torch.ones(train_votes, dtype=torch.long), accumulate=True)
    majority = table.argmax(1)
    latent, factor = _votes(kept, spread, grid, test_votes, batch, generator)
    return FactorVaeScore(float((majority[latent] == factor).float().mean()), len(active))


def _votes(
    codes: Tensor, spread: Tensor, grid: Grid, n: int, batch: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Of `n` batches: the latent with the least relative variance, and the factor that was fixed."""
    fixed = torch.randint(len(grid.names), (n,), generator=generator)
    factors = grid.draw((n, batch), generator)
    at = fixed[:, None, None].expand(-1, batch, 1)
    factors.scatter_(2, at, factors[:, :1].gather(2, at[:, :1]).expand(-1, batch, 1))
    rows = grid.rows(factors).to(codes.device)
    variances = torch.cat([codes[part].var(1) for part in rows.split(1024)])
    return (variances / spread.square()).argmin(1).cpu(), fixed
