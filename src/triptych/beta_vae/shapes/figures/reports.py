"""What each latent follows, in numbers, and what it does to the picture (Higgins et al. 2017, Figures 1-4 and 7)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.judge.factor_probe import SYMMETRY
from triptych.beta_vae.vae.objective import kl_per_latent


@torch.inference_mode()
def traverse(
    system, image: Tensor, latents: list[int], low: float = -3.0, high: float = 3.0, values: int = 7
) -> Tensor:
    """Infer the posterior mean of `image` uint8 (C, H, W); set each of `latents` in turn to `values` numbers
    from `low` to `high`, the others staying as inferred; decode. Returns (len(latents), values, C, H, W) in
    [0, 1]."""
    mean = system.encode(image[None])
    steps = torch.linspace(low, high, values, device=mean.device)
    z = mean.repeat(len(latents), values, 1)
    for row, latent in enumerate(latents):
        z[row, :, latent] = steps
    return system.decode(z.flatten(0, 1)).unflatten(0, (len(latents), values))


@dataclass(frozen=True)
class LatentReport:
    """One latent: KL in nats (mean over images), and how well each factor explains it: the share of the
    variance of its mean that depends on that factor alone (a first-order Sobol index), so 1 for a perfectly
    disentangled latent. For orientation: the share of what each shape's own mean leaves."""

    latent: int
    kl: float
    shares: dict[str, float]

    @property
    def follows(self) -> str:
        """The factor that explains most of the whole variance."""
        left = 1 - self.shares.get("shape", 0.0)
        return max(self.shares, key=lambda name: self.shares[name] * (left if name == "orientation" else 1))

    @property
    def used(self) -> bool:
        """Whether the latent carries anything: more than 0.01 nats."""
        return self.kl > 0.01

    @property
    def label(self) -> str:
        """For a figure: the factor that it follows, and the share of that factor."""
        return f"{self.follows} {max(0.0, self.shares[self.follows]):.0%}" if self.used else "unused"


@torch.inference_mode()
def report_latents(system, images: np.ndarray, grid: Grid, device: torch.device, n: int = 8000, seed: int = 0):
    """`LatentReport`s from `n` random images of the grid, the largest KL first.

    Orientation counts within each shape: a square's pose after a quarter turn is the same, and no angle of one shape
    is the same pose as that angle of another. So a latent follows orientation as far as the pose explains what is left
    of it after each shape's mean.
    """
    rows = grid.sample_rows(min(n, grid.available), torch.Generator().manual_seed(seed))
    factors = grid.factors(rows)
    batches = (torch.from_numpy(np.array(images[part.numpy()])).to(device) for part in rows.split(1024))
    mean, logvar = (torch.cat(t).cpu() for t in zip(*(system.posterior(batch) for batch in batches)))
    kl = kl_per_latent(mean, logvar).mean(0)
    shares = {name: _explained(mean, factors[:, k]) for k, name in enumerate(grid.names)}
    if {"shape", "orientation"} <= shares.keys():
        shapes, poses = _poses(grid, factors)
        shares["orientation"] = _explained(mean, poses, given=shapes)
    order = kl.argsort(descending=True).tolist()
    return [LatentReport(j, float(kl[j]), {name: float(s[j]) for name, s in shares.items()}) for j in order]


def _explained(mean: Tensor, classes: Tensor, given: Tensor | None = None) -> Tensor:
    """Share of each latent's variance between classes, less what chance gives (adjusted R²): (d,). `given`: coarser
    classes, of which each holds some of `classes`; then of the variance within them alone."""
    total = mean.var(0) if given is None else _within(mean, given)
    return (total - _within(mean, classes)) / total.clamp(min=1e-12)


def _within(mean: Tensor, classes: Tensor) -> Tensor:
    """Variance of each latent about its classes' means, (d,)."""
    used, classes = classes.unique(return_inverse=True)
    counts = torch.bincount(classes).float()
    centres = torch.zeros(len(used), mean.shape[1]).index_add_(0, classes, mean) / counts[:, None]
    return (mean - centres[classes]).square().sum(0) / max(1, len(mean) - len(used))


def _poses(grid: Grid, factors: Tensor) -> tuple[Tensor, Tensor]:
    """Of each image: its shape, and its class of (shape, angle within the shape's symmetry)."""
    shape, turn = grid.numbers(["shape", "orientation"])
    shapes, parts = factors[:, shape], 10**6  # of a turn: angles that differ fall into different ones
    order = torch.tensor([SYMMETRY.get(int(v), 1) for v in grid.values[shape]])[shapes]
    turns = grid.values[turn][factors[:, turn]] * order / (2 * math.pi)
    return shapes, shapes * parts + (torch.remainder(turns + 1e-9, 1) * parts).long()
