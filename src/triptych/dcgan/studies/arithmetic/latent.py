"""Walks and sums in the code space of a generator (paper, sections 6.1 and 6.3.2), as arrays of codes alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from triptych.base.pixels import unit

Generate = Callable[[Tensor], Tensor]  # codes (n, d) -> uint8 images (n, C, H, W)


def walk(points: Tensor, steps: int) -> Tensor:
    """(…, p, d) codes -> (…, (p − 1)·steps + 1, d): straight lines between neighbours, each in `steps` equal steps."""
    t = torch.arange(steps, device=points.device)[:, None] / steps
    before, after = points[..., :-1, None, :], points[..., 1:, None, :]
    between = before + t * (after - before)
    return torch.cat([between.flatten(-3, -2), points[..., -1:, :]], dim=-2)


def step_distances(images: Tensor) -> Tensor:
    """Images along paths (…, n, C, H, W) -> root mean squared change of a pixel value at each step, (…, n − 1)."""
    pixels = unit(images)
    return (pixels[..., 1:, :, :, :] - pixels[..., :-1, :, :, :]).square().mean((-3, -2, -1)).sqrt()


def pair_distance(images: Tensor) -> float:
    """Mean of the same distance over pairs of unrelated images: each of (n, C, H, W) and its neighbour in the row."""
    return float(step_distances(images).mean())


def choose(scores: Tensor, candidates: int, count: int, draws: int, rng: np.random.Generator) -> Tensor:
    """`draws` times `count` different rows out of the `candidates` highest `scores` (n,): int64 (draws, count)."""
    best = scores.topk(min(candidates, len(scores))).indices.cpu().numpy()
    if count > len(best):
        raise ValueError(f"{count} different exemplars are asked for, there are {len(best)} candidates")
    shuffled = rng.permuted(np.tile(best, (draws, 1)), axis=1)
    return torch.from_numpy(np.ascontiguousarray(shuffled[:, :count]))


def combine(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """mean(A) − mean(B) + mean(C) over the exemplars, (draws, exemplars, …) each -> (draws, …); the same formula for
    codes and for pixels."""
    return a.mean(1) - b.mean(1) + c.mean(1)


def around(centres: Tensor, count: int, noise: float, generator: torch.Generator) -> Tensor:
    """(n, d) -> (n, 1 + count, d): the centre itself, then the centre plus uniform noise in [−noise, noise]."""
    shape = (len(centres), count, centres.shape[-1])
    u = (2 * torch.rand(shape, generator=generator) - 1).to(centres.device) * noise
    return torch.cat([centres[:, None], centres[:, None] + u], dim=1)


def along(starts: Tensor, direction: Tensor, places: Sequence[float]) -> Tensor:
    """starts (…, n, d) and direction (…, d) -> (…, n, len(places), d): start + t·direction for each t."""
    t = torch.tensor(list(places), dtype=starts.dtype, device=starts.device)[:, None]
    return starts[..., None, :] + t * direction[..., None, None, :]


def spearman(x: Tensor) -> Tensor:
    """Rank correlation of each row of (…, n) with its order 0 … n − 1; 1 where it only rises. Rows that do not change
    at all have 0 (`scipy.stats.spearmanr` gives NaN)."""
    from scipy.stats import rankdata

    n = x.shape[-1]
    ranks = torch.from_numpy(rankdata(x.cpu(), axis=-1)) - (n + 1) / 2
    order = torch.arange(n, dtype=torch.float64) - (n - 1) / 2
    size = (ranks.square().sum(-1) * order.square().sum()).sqrt()
    return torch.where(size > 0, (ranks * order).sum(-1) / size.clamp(min=1e-12), 0)
