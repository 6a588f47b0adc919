"""Two mixtures of normal distributions in the plane, and how well points cover them.

Ring: 8 modes on a circle of radius 1, standard deviation 0.01. Grid: 25 modes, 2 apart, standard deviation 0.05 (Lin et
al. 2018, PacGAN, and their code; Srivastava et al. 2017, VEEGAN, section 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

MixtureName = Literal["ring", "grid"]
HIGH_QUALITY = 3.0  # standard deviations from the nearest mode


@dataclass(frozen=True)
class Mixture:
    """Equally likely modes with means (k, 2) and one standard deviation."""

    means: Tensor
    std: float

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """(n, 2) points."""
        modes = torch.randint(len(self.means), (n,), generator=generator)
        return self.means[modes] + self.std * torch.randn(n, 2, generator=generator)

    def nearest(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 2) -> number of the nearest mode (n,), distance to it in standard deviations (n,)."""
        distances, modes = (torch.cdist(points.double(), self.means.double()) / self.std).min(1)
        return modes, distances

    def histogram(self, points: Tensor) -> Tensor:
        """(n, 2) -> high-quality points at each mode (k,): nearer than 3 standard deviations."""
        modes, distances = self.nearest(points)
        return torch.bincount(modes[distances < HIGH_QUALITY], minlength=len(self.means))


def mixture(name: MixtureName) -> Mixture:
    """The ring or the grid."""
    if name == "ring":
        # 2πk/8 with k < 8: a circle closed at both ends would have its first mode twice and only 7 places
        angles = 2 * math.pi * torch.arange(8, dtype=torch.float64) / 8
        return Mixture(torch.stack([angles.cos(), angles.sin()], 1).float(), 0.01)
    axis = torch.tensor([-4.0, -2.0, 0.0, 2.0, 4.0])
    return Mixture(torch.cartesian_prod(axis, axis), 0.05)


def coverage(mixture: Mixture, points: Tensor) -> dict[str, float]:
    """Of (n, 2) generated points:

    modes           modes with at least one high-quality point
    high_quality    the share of points that are (a perfect sampler: 1 − e^(−9/2) = 0.989)
    entropy         of the histogram of high-quality points over modes, relative to that of all modes alike: 1 is best
    jsd             Jensen-Shannon divergence in nats of that histogram from the uniform one: 0 is best, log 2 worst

    Without any high-quality point the entropy is 0 and the divergence log 2."""
    counts = mixture.histogram(points).double()
    k, total = len(counts), counts.sum()
    share = {"modes": float((counts > 0).sum()), "high_quality": float(total / len(points))}
    if total == 0:
        return {**share, "entropy": 0.0, "jsd": math.log(2)}
    p, uniform = counts / total, torch.full((k,), 1 / k, dtype=torch.float64)
    middle = (p + uniform) / 2
    jsd = _entropy(middle) - (_entropy(p) + _entropy(uniform)) / 2
    return {**share, "entropy": _entropy(p) / math.log(k), "jsd": max(0.0, jsd)}


def _entropy(p: Tensor) -> float:
    return float(torch.special.entr(p).sum())
