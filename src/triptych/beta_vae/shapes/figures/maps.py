"""What each latent encodes on the 2D shapes: its mean over positions, scales and rotations (paper, Fig. 7)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from triptych.beta_vae.shapes.figures.reports import report_latents, traverse
from triptych.beta_vae.shapes.grid import Grid
from triptych.draw.style import chart

FACTORS = ("shape", "scale", "orientation", "x", "y")
SHAPES = {1: ("square", "#D62728"), 2: ("ellipse", "#2CA02C"), 3: ("heart", "#1F77B4")}  # the paper's colours
STYLES = ["-", "--", ":"]  # so that the lines can be told apart without colours


@dataclass(frozen=True)
class LatentMaps:
    """Means of the posterior mean of each of d latents over all images that agree in the factors named; and the mean of
    each latent's posterior variance, 1 for one that is not used."""

    position: Tensor  # (d, y, x)
    scale: Tensor  # (d, shape, scale)
    orientation: Tensor  # (d, shape, orientation)
    variance: Tensor  # (d,)


def fits(grid: Grid) -> bool:
    """Whether the data have the factors of the 2D shapes."""
    return set(FACTORS) == set(grid.names)


@torch.inference_mode()
def latent_maps(system, images: np.ndarray, grid: Grid, device: torch.device, n: int = 100_000, seed: int = 0):
    """`LatentMaps` of a system with `posterior`, from `n` random images of the grid: all of them where it has no more.
    An orientation that repeats an earlier pose has no image; its column holds NaN."""
    rows = grid.sample_rows(min(n, grid.available), torch.Generator().manual_seed(seed)).sort()[0]
    batches = (torch.from_numpy(np.array(images[part.numpy()])).to(device) for part in rows.split(1024))
    mean, variance = [], torch.zeros(())
    for batch in batches:
        mu, logvar = (t.float().cpu() for t in system.posterior(batch))
        mean.append(mu)
        variance = variance + logvar.exp().sum(0)
    mean, factors = torch.cat(mean), grid.factors(rows)
    over = {names: _means(mean, factors, grid, names) for names in (("y", "x"), ("shape", "scale"))}
    turned = _means(mean, factors, grid, ("shape", "orientation"))
    return LatentMaps(over["y", "x"], over["shape", "scale"], turned, variance / len(rows))


def _means(codes: Tensor, factors: Tensor, grid: Grid, names: tuple[str, str]) -> Tensor:
    """Mean of codes (n, d) in each cell of two factors: (d, values of the first, values of the second)."""
    a, b = grid.numbers(names)
    cell = factors[:, a] * grid.sizes[b] + factors[:, b]
    cells = grid.sizes[a] * grid.sizes[b]
    total = torch.zeros(cells, codes.shape[1]).index_add_(0, cell, codes)
    mean = total / torch.bincount(cell, minlength=cells)[:, None]
    return mean.T.unflatten(1, (grid.sizes[a], grid.sizes[b]))


def draw_latent_maps(
    system,
    images: np.ndarray,
    grid: Grid,
    path: Path,
    device: torch.device,
    show: int = 10,
    values: int = 7,
    seed: int = 0,
) -> dict[str, Any]:
    """A column for each latent, the largest KL first: map over positions, mean against scale and against rotation (a
    line for each shape), traversal, posterior variance. numbers: for each latent in use, `z<j>_<factor>`, the share of
    its variance that the factor it follows best explains; `mean_best_share`, their mean."""
    from matplotlib.lines import Line2D

    reports = report_latents(system, images, grid, device)[:show]
    maps = latent_maps(system, images, grid, device)
    start = grid.sample_rows(1, torch.Generator().manual_seed(seed))
    image = torch.from_numpy(np.array(images[start.numpy()]))[0].to(device)
    pictures = traverse(system, image, [r.latent for r in reports], values=values).cpu()
    size = len(reports)
    heights = [1, 0.8, 0.8, values, 0.35]
    shown = [r.latent for r in reports]
    drawn = (maps.position, maps.scale, maps.orientation)
    limit = max(1.0, *(float(m[shown].abs().nan_to_num().max()) for m in drawn))
    with chart(path, (size * 0.95 + 1.0, sum(heights) * 0.95), colours=256) as figure:
        axes = figure.subplots(5, size, height_ratios=heights, squeeze=False)
        for column, report, strip in zip(axes.T, reports, pictures):
            _draw_column(column, report.latent, maps, grid, strip, limit)
            column[0].set_title(f"z{report.latent + 1}\n{report.label}", loc="center")
        labels = ("position", "scale", "rotation", "traversal\n−3 to 3", "posterior\nvariance")
        for axis, label in zip(axes[:, 0], labels):
            axis.set_ylabel(label, rotation=0, ha="right", va="center", labelpad=4)
        handles = [Line2D([], [], color=c, ls=s, label=n) for (n, c), s in zip(SHAPES.values(), STYLES)]
        figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    active = [r for r in reports if r.used]
    numbers = {f"z{r.latent + 1}_{r.follows}": r.shares[r.follows] for r in active}
    numbers["mean_best_share"] = float(np.mean(list(numbers.values()))) if active else 0.0
    caption = (
        "What each latent encodes, the largest KL first. Its mean over positions (blue below 0, red above), against "
        "scale and against rotation for squares, ellipses and hearts; pictures as it goes from −3 to 3; its mean "
        "posterior variance (1: unused). Above, the factor that explains most of its variance (orientation: of what "
        "each shape's mean leaves). First seed, not chosen."
    )
    return {"caption": caption, "numbers": numbers}


def _draw_column(column, latent: int, maps: LatentMaps, grid: Grid, strip: Tensor, limit: float) -> None:
    position, scale, turn, traversal, variance = column
    position.imshow(maps.position[latent], cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    shapes = grid.values[grid.names.index("shape")]
    for axis, lines, name in ((scale, maps.scale, "scale"), (turn, maps.orientation, "orientation")):
        x = grid.values[grid.names.index(name)]
        for value, line, style in zip(shapes, lines[latent], STYLES):
            drawn = ~line.isnan()
            axis.plot(x[drawn], line[drawn], color=SHAPES.get(int(value), ("", "0.5"))[1], ls=style, lw=1.2)
        axis.axhline(0, color="0.8", lw=0.6, zorder=0)
        axis.set_ylim(-limit, limit)
        for spine in axis.spines.values():
            spine.set_color("0.8")
    tall = torch.nn.functional.pad(strip, (0, 0, 0, 1), value=0.75)
    tall = torch.cat(list(tall), dim=1).permute(1, 2, 0).expand(-1, -1, 3)
    traversal.imshow(tall, vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    share = float(maps.variance[latent])
    variance.barh([0], [min(share, 1.0)], color="0.6")
    variance.set_xlim(0, 1)
    variance.text(0.5, 0, f"{share:.2f}", ha="center", va="center", fontsize=7)
    for axis in column:
        axis.set_xticks([])
        axis.set_yticks([])
