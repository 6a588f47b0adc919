"""What each latent does to the picture, and what it follows (paper, Figs. 1-4 and 7)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from triptych.base.pixels import unit
from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.judge.factor_probe import SYMMETRY
from triptych.beta_vae.vae.objective import decoder_nll, kl_per_latent
from triptych.data.format import Dataset


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


def draw_traversals(
    system,
    images: np.ndarray,
    grid: Grid,
    path,
    device: torch.device,
    *,
    show: int = 10,
    values: int = 7,
    seed: int = 0,
) -> dict[str, Any]:
    """Sheet of traversals from one image, the latents ordered by KL, each labelled with its KL and with the
    factor that explains most of it. Returns {"caption", "numbers"}; numbers: `active_latents`,
    `mean_best_share`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    reports = report_latents(system, images, grid, device)
    start = grid.sample_rows(1, torch.Generator().manual_seed(seed))
    image = torch.from_numpy(np.array(images[start.numpy()]))[0].to(device)
    pictures = traverse(system, image, [r.latent for r in reports[:show]], values=values).cpu()
    rows = len(pictures)
    figure, axes = plt.subplots(rows, values, figsize=(values * 0.75 + 2.2, rows * 0.78), squeeze=False)
    for r, line in enumerate(axes):
        for c, axis in enumerate(line):
            _show(axis, pictures[r, c])
        report = reports[r]
        label = f"z{report.latent + 1}   KL {report.kl:.2f}\n" + _label(report)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
    figure.subplots_adjust(
        left=2.0 / figure.get_size_inches()[0], right=0.995, top=0.995, bottom=0.005, wspace=0.06, hspace=0.06
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)
    active = [r for r in reports if r.kl > 0.01]
    best = [r.shares[r.follows] for r in active]
    numbers = {"active_latents": float(len(active)), "mean_best_share": float(np.mean(best)) if best else 0.0}
    caption = (
        "Each row changes one latent from −3 to 3 and leaves the others as inferred from one image. Rows are "
        "ordered by the latent's KL (nats); the label names the factor that explains most of its variance "
        "(orientation: of what each shape's mean leaves). First seed."
    )
    return {"caption": caption, "numbers": numbers}


def draw_figures(system, dataset: Dataset, device: torch.device) -> list[tuple[str, Callable[[Any], dict[str, Any]]]]:
    """(file name, function that draws it to a path) of each figure that fits the system: none if it only encodes,
    traversals, reconstructions and, on the 2D shapes, maps of the latents for a trained one that decodes."""
    needed = ("posterior", "decode", "reconstruct")
    if not getattr(system, "is_trained", True) or not all(hasattr(system, name) for name in needed):
        return []
    from triptych.beta_vae.shapes.figures.maps import draw_latent_maps, fits

    images, grid = dataset["train"].images, Grid(dataset.factors)
    system = system.to(device).eval()
    drawings = [
        ("traversals.png", lambda path: draw_traversals(system, images, grid, path, device)),
        ("reconstructions.png", lambda path: draw_reconstructions(system, images, grid, path, device)),
    ]
    if fits(grid):
        drawings.append(("latent_maps.png", lambda path: draw_latent_maps(system, images, grid, path, device)))
    return drawings


def draw_reconstructions(
    system, images: np.ndarray, grid: Grid, path, device: torch.device, *, n: int = 10, seed: int = 0
) -> dict[str, Any]:
    """Random images above their reconstructions from posterior means. numbers: `nll` of 512 of these, in nats an
    image."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = grid.sample_rows(min(512, grid.available), torch.Generator().manual_seed(seed))
    n = min(n, len(rows))
    batch = torch.from_numpy(np.array(images[rows.numpy()])).to(device)
    truth, decoded = unit(batch), system.reconstruct(batch)
    with torch.inference_mode():
        nll = decoder_nll(system.config, system.decoder(system.encode(batch)).float(), truth).mean()
    figure, axes = plt.subplots(2, n, figsize=(n * 0.75, 1.5), squeeze=False)
    for c in range(n):
        _show(axes[0, c], truth[c].cpu())
        _show(axes[1, c], decoded[c].cpu())
    figure.subplots_adjust(left=0.003, right=0.997, top=0.99, bottom=0.01, wspace=0.05, hspace=0.05)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return {
        "caption": "Images (above) and their reconstructions from posterior means (below). First seed.",
        "numbers": {"nll": float(nll)},
    }


def _label(report: LatentReport) -> str:
    if report.kl < 0.01:
        return "unused"
    return f"{report.follows} ({max(0.0, report.shares[report.follows]):.0%})"


def _show(axis, image: Tensor) -> None:
    shown = image[0] if image.shape[0] == 1 else image.permute(1, 2, 0)
    axis.imshow(shown, cmap="gray" if image.shape[0] == 1 else None, vmin=0, vmax=1, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
