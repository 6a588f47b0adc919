"""Receptive fields learned from energy correlations (Coates & Ng 2011, "Selecting receptive fields in deep networks").

Two decorrelated features can still be large together; those that are belong in one receptive field. A layer of this
kind picks groups of maps by that rule and learns a K-means dictionary for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from triptych.dcgan.objects.parts.kmeans import Dictionary, windows


class GroupedLayer(nn.Module):
    """Maps (n, maps, rows, columns) -> triangle codes (n, places, groups · k), a dictionary for each group of maps.

    `epsilons` are those of a `Dictionary`, for maps scaled to variance 1.
    """

    def __init__(self, groups: int, members: int, k: int, window: int, epsilons: tuple[float, float]):
        super().__init__()
        self.window = window
        self.register_buffer("members", torch.zeros(groups, members, dtype=torch.int64))
        self.register_buffer("scale", torch.ones(()))
        self.dictionaries = nn.ModuleList(Dictionary(members * window**2, k, *epsilons) for _ in range(groups))

    def learn(self, sample: Tensor, iterations: int, generator: torch.Generator) -> list[float]:
        """From windows (n, maps, window²): groups, then dictionaries. Returns the distortion of each iteration, the
        mean of all groups."""
        self.scale.copy_(sample.std())
        similarity = energy_correlation(sample[:, :, 0])
        self.members.copy_(receptive_fields(similarity, *self.members.shape, generator))
        total = [0.0] * iterations
        for members, dictionary in zip(self.members, self.dictionaries):

            def log(iteration: int, distortion: float) -> None:
                total[iteration - 1] += distortion / len(self.dictionaries)

            dictionary.learn((sample[:, members] / self.scale).flatten(1), iterations, generator, log)
        return total

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps / self.scale
        codes = [
            dictionary.code(windows(maps[:, members], self.window)).view(len(maps), -1, len(dictionary.centroids))
            for members, dictionary in zip(self.members, self.dictionaries)
        ]
        return torch.cat(codes, dim=2)


def energy_correlation(x: Tensor, floor: float = 1e-3) -> Tensor:
    """Samples (n, d) -> (d, d): for every two features, the correlation of their squares once the pair is whitened.

    With z_j, z_k the pair after its own 2×2 ZCA (mean 0, variance 1, uncorrelated),
    S_jk = E(z_j² z_k² − 1) / sqrt(E(z_j⁴ − 1) E(z_k⁴ − 1)). For standardised x with correlation r the whitening is
    z_j = a x_j + b x_k, z_k = b x_j + a x_k, a ± b = (1 ± r)^(−1/2); so S follows from the moments m_pq = E(x_jᵖ x_k^q)
    and no pair is whitened sample by sample. `floor` keeps 1 ± r and the variances of the squares from 0.
    """
    x = x - x.mean(0)
    x = x / x.square().mean(0).sqrt().clamp(min=1e-6)
    n, squares = len(x), x.square()
    m22, m31 = squares.T @ squares / n, (squares * x).T @ x / n
    m13, m40 = m31.T, squares.square().mean(0)[:, None]
    m04, r = m40.T, (x.T @ x / n)
    plus, minus = (1 + r).clamp(min=floor).rsqrt(), (1 - r).clamp(min=floor).rsqrt()
    a, b = (plus + minus) / 2, (plus - minus) / 2
    ab, norm = a * b, a.square() + b.square()
    both = ab.square() * (m40 + m04 + 2 * m22) + norm.square() * m22 + 2 * ab * norm * (m31 + m13)
    fourth = a**4 * m40 + 4 * a**3 * b * m31 + 6 * ab.square() * m22 + 4 * a * b**3 * m13 + b**4 * m04
    spread = (fourth - 1).clamp(min=floor)
    return (both - 1) / (spread * spread.T).sqrt()


def receptive_fields(similarity: Tensor, groups: int, members: int, generator: torch.Generator) -> Tensor:
    """(d, d) -> indices (groups, members): a random feature and those most similar to it, for each group.

    The first features of the groups differ as long as there are enough; the groups may overlap.
    """
    d = len(similarity)
    order = torch.cat([torch.randperm(d, generator=generator) for _ in range(-(-groups // d))])
    seeds = order[:groups].to(similarity.device)
    rows = similarity[seeds].scatter(1, seeds[:, None], torch.inf)  # a feature is in its own field
    return rows.topk(members, dim=1).indices


def random_windows(maps: Iterable[Tensor], n_images: int, n: int, side: int, generator: torch.Generator) -> Tensor:
    """n windows of side² places at random in the maps of `n_images` images, which come in batches (b, maps, rows,
    columns) -> (n, maps, side²)."""
    which, _ = torch.randint(n_images, (n,), generator=generator).sort()
    return torch.cat(list(_windows_of(maps, which, side, generator)))


def _windows_of(maps: Iterable[Tensor], which: Tensor, side: int, generator: torch.Generator) -> Iterator[Tensor]:
    first = 0
    for batch in maps:
        i = which[(which >= first) & (which < first + len(batch))] - first
        first += len(batch)
        every = batch.unfold(2, side, 1).unfold(3, side, 1)  # (b, maps, rows, columns, side, side), a view
        r, c = (torch.randint(limit, i.shape, generator=generator) for limit in every.shape[2:4])
        i, r, c = (index.to(batch.device) for index in (i, r, c))
        yield every[i, :, r, c].flatten(2)


def average_blocks(code: Tensor, size: tuple[int, int], side: int) -> Tensor:
    """Codes (n, places, k) of rows × columns places -> maps (n, k, rows // side, columns // side) of block means."""
    return F.avg_pool2d(code.transpose(1, 2).unflatten(2, size), side)
