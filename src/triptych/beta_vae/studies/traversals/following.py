"""What a traversed latent does to the factors, in numbers.

Given the factors that a net reads off the images of a traversal: how much each of them changes along the path (variance
over the path, in units of its variance over the data), what share of the total change the strongest one has, whether it
changes steadily in one direction (Spearman's rank correlation with the latent) and evenly (second differences).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from triptych.beta_vae.studies.traversals.factor_net import Factor, split


@dataclass(frozen=True)
class Follower:
    """One latent: `shares` of the total change by factor; `change` of the strongest one, its monotonicity |ρ| and
    roughness. Means over the images that traversals start from."""

    latent: int
    information: float  # nats
    shares: dict[str, float]
    change: float
    monotonicity: float
    roughness: float

    @property
    def follows(self) -> str:
        """The factor that changes most."""
        return max(self.shares, key=self.shares.get)

    @property
    def share(self) -> float:
        """That factor's share of the total change."""
        return self.shares[self.follows]


def follow(paths: Tensor, factors: Sequence[Factor], latent: int = 0, information: float = 0.0) -> Follower:
    """`paths`: predicted points (starts, values, D) along traversals of one latent, in the order of its values."""
    parts = split(paths, factors)
    changes = torch.stack([part.var(1, unbiased=False).sum(-1).mean() for part in parts])
    shares = changes / changes.sum().clamp(min=1e-12)
    best = int(shares.argmax())
    way = progress(parts[best], factors[best].kind)
    return Follower(
        latent,
        information,
        {f.name: float(s) for f, s in zip(factors, shares)},
        float(changes[best]),
        float(monotonicity(way).mean()),
        float(roughness(way).mean()),
    )


def progress(points: Tensor, kind: str) -> Tensor:
    """Points (starts, values, d) of one factor along a path -> how far it has come, (starts, values): a number itself;
    an angle, unwrapped; a class's place on the line from the path's first point to its last."""
    if kind == "number":
        return points[..., 0]
    if kind == "angle":
        angle = torch.atan2(points[..., 1], points[..., 0])
        step = torch.remainder(angle.diff(dim=1) + torch.pi, 2 * torch.pi) - torch.pi
        return torch.cat([angle[:, :1], angle[:, :1] + step.cumsum(1)], 1)
    line = points[:, -1:] - points[:, :1]
    return (points * line).sum(-1)


def monotonicity(way: Tensor) -> Tensor:
    """Absolute rank correlation (Spearman's, equal values sharing their ranks' mean) of each row (n, values) with its
    position: (n,); 1 for a way in one direction, 0 for none at all."""
    ranks = (way[:, :, None] - way[:, None, :]).sign().double().sum(2)  # twice the rank, less its mean
    place = torch.arange(way.shape[1], dtype=torch.float64, device=way.device)
    place = place - place.mean()
    scale = (ranks.square().sum(1) * place.square().sum()).sqrt()
    return (ranks * place).sum(1).abs() / scale.clamp(min=1)


def roughness(way: Tensor) -> Tensor:
    """Mean absolute second difference of each row (n, values), over its range a step: 0 for a straight line."""
    step = (way.amax(1) - way.amin(1)).clamp(min=1e-9) / (way.shape[1] - 1)
    return way.diff(n=2, dim=1).abs().mean(1) / step


def summarise(
    followers: Sequence[Follower], factors: Sequence[Factor], least_share: float, least_change: float
) -> dict[str, float]:
    """Means over the (active) latents, and how many factors some latent follows: one whose strongest factor it is, with
    at least `least_share` of the change, and a change of at least `least_change`."""
    if not followers:
        return dict.fromkeys(("active_latents", "best_share", "factors_followed", "monotonicity", "roughness"), 0.0)
    followed = {f.follows for f in followers if f.share >= least_share and f.change >= least_change}

    def mean(values) -> float:
        return sum(values) / len(followers)

    return {
        "active_latents": float(len(followers)),
        "best_share": mean([f.share for f in followers]),
        "factors_followed": float(len(followed)),
        "monotonicity": mean([f.monotonicity for f in followers]),
        "roughness": mean([f.roughness for f in followers]),
    }
