"""Pictures of the β sweep: score, reconstruction, rate and distortion, active units, blur, collapse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from triptych.base.pixels import unit_to_uint8
from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.studies.beta_sweep.protocol import Outcome, Row
from triptych.beta_vae.vae.vae import Vae
from triptych.data.format import Split
from triptych.draw.sheets import Panel, save_sheet
from triptych.draw.style import INK, PALETTE, chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (*PALETTE, INK)
MARKERS = "os^Dv<>"
CHANCE = 1 / 4

Drawing = tuple[str, Callable[[Path], dict[str, Any]]]
Outcomes = Mapping[str, Outcome]


def draw_figures(
    rows: Sequence[Row],
    models: Mapping[str, Sequence[Vae]],
    outcomes: Outcomes,
    train: Split,
    grid: Grid,
    device: torch.device,
) -> list[Drawing]:
    """(file name, function that draws it to a path) of each figure."""
    inputs = next(iter(models.values()))[0].inputs
    main = {row.name: models[row.name][0] for row in rows if row.main}
    images = _images(train, grid, device)
    ends = {row.name: f"β_norm = {row.beta_norm:.3g}" for row in (_best_row(rows, outcomes), _collapsed_row(rows))}
    return [
        ("score.png", lambda path: draw_score(rows, outcomes, inputs, path)),
        ("reconstruction.png", lambda path: draw_reconstruction(rows, outcomes, path)),
        ("rate_distortion.png", lambda path: draw_rate_distortion(rows, outcomes, path)),
        ("active_units.png", lambda path: draw_active_units(rows, outcomes, path)),
        ("reconstructions.png", lambda path: draw_rows(rows, main, outcomes, images, path)),
        ("collapse.png", lambda path: draw_collapse({ends[n]: main[n] for n in ends}, outcomes, rows, images, path)),
    ]


def summary(rows: Sequence[Row], outcomes: Outcomes) -> dict[str, float]:
    """The paper's statement in numbers, for each size: `best_beta_norm_M`; by how much the best score exceeds that of
    the smallest β (`rise_M`) and of the largest (`fall_M`). The score is the mean over all models and classifiers."""
    out = {}
    for latents, of_size in _sizes(rows).items():
        scores = [_mean(outcomes[row.name].higgins) for row in of_size]
        best = int(np.argmax(scores))
        out[f"best_beta_norm_{latents}"] = of_size[best].beta_norm
        out[f"rise_{latents}"] = scores[best] - scores[0]
        out[f"fall_{latents}"] = scores[best] - scores[-1]
    return out


def draw_score(rows: Sequence[Row], outcomes: Outcomes, inputs: int, path: Path) -> dict[str, Any]:
    """Score against β_norm, a line for each size (paper, Figure 6, right)."""
    with _axes(path, "β_norm = β · M / N", "Higgins metric (%)") as axis:
        for i, (latents, of_size) in enumerate(_sizes(rows).items()):
            values = [100 * np.array(outcomes[row.name].higgins) for row in of_size]
            _line(axis, [row.beta_norm for row in of_size], values, i, f"M = {latents}")
            axis.axvline(latents / inputs, color=COLOURS[i % len(COLOURS)], ls="--", lw=1, alpha=0.8)
        axis.axhline(100 * CHANCE, color="0.5", ls=":", lw=1)
        axis.text(axis.get_xlim()[1], 100 * CHANCE + 1, "chance ", color="0.35", fontsize=8, ha="right")
        axis.plot([], [], color="0.35", ls="--", lw=1, label="β = 1")
    caption = (
        "Disentanglement score against β_norm; points: mean over models and classifiers, bars: their standard "
        "deviation. Dashed: where the plain β is 1 for images of this size, in the colour of its number of latents M; "
        "the paper's β = 4 has β_norm 0.00977. The paper says that the score rises, then falls with β, and that the "
        "best β depends on M."
    )
    return {"caption": caption, "numbers": summary(rows, outcomes)}


def draw_reconstruction(rows: Sequence[Row], outcomes: Outcomes, path: Path) -> dict[str, Any]:
    """Reconstruction error (nats an image) against β_norm, a line for each size."""
    with _axes(path, "β_norm = β · M / N", "reconstruction NLL (nats an image)") as axis:
        for i, (latents, of_size) in enumerate(_sizes(rows).items()):
            values = [np.array([m.nll for m in outcomes[row.name].models]) for row in of_size]
            _line(axis, [row.beta_norm for row in of_size], values, i, f"M = {latents}")
    main = [row for row in rows if row.main]
    numbers = {f"nll_at_{row.beta_norm:.3g}": _model_mean(outcomes, row, "nll") for row in (main[0], main[-1])}
    return {"caption": "The reconstruction's error as β grows (code drawn from the posterior).", "numbers": numbers}


def draw_rate_distortion(rows: Sequence[Row], outcomes: Outcomes, path: Path) -> dict[str, Any]:
    """Distortion against rate (nats an image), a point for each β, a line for each size."""
    with _axes(path, "rate: KL (nats an image)", "distortion: reconstruction NLL (nats)") as axis:
        for i, (latents, of_size) in enumerate(_sizes(rows).items()):
            points = [(_model_mean(outcomes, row, "kl"), _model_mean(outcomes, row, "nll")) for row in of_size]
            axis.plot(*zip(*points), **_style(i), label=f"M = {latents}")
            if of_size[0].main:
                for k, (row, point) in enumerate(zip(of_size, points)):
                    place = (4, -11 if k % 2 else 5)  # points that lie close have their labels apart
                    axis.annotate(f"{row.beta_norm:.2g}", point, place, textcoords="offset points", fontsize=7)
    main = [row for row in rows if row.main]
    numbers = {f"kl_at_{row.beta_norm:.3g}": _model_mean(outcomes, row, "kl") for row in (main[0], main[-1])}
    caption = (
        "Rate and distortion, one point for each β (its β_norm beside it), means over seeds. Low and left is good."
    )
    return {"caption": caption, "numbers": numbers}


def draw_active_units(rows: Sequence[Row], outcomes: Outcomes, path: Path) -> dict[str, Any]:
    """Number of active latents against β_norm, a line for each size."""
    with _axes(path, "β_norm = β · M / N", "active latents") as axis:
        for i, (latents, of_size) in enumerate(_sizes(rows).items()):
            values = [np.array([m.active_units for m in outcomes[row.name].models]) for row in of_size]
            _line(axis, [row.beta_norm for row in of_size], values, i, f"M = {latents}")
        axis.set_ylim(bottom=-0.5)
    main = [row for row in rows if row.main]
    numbers = {f"active_at_{r.beta_norm:.3g}": _model_mean(outcomes, r, "active_units") for r in (main[0], main[-1])}
    return {"caption": "Latents whose mean varies over images by a variance of more than 0.01.", "numbers": numbers}


def draw_rows(
    rows: Sequence[Row], models: Mapping[str, Vae], outcomes: Outcomes, images: Tensor, path
) -> dict[str, Any]:
    """Images, and below them their reconstructions by the first seed's model of every β, the smallest β first."""
    lines = {"images": images}
    shown = [row for row in rows if row.name in models]
    for row in shown:
        label = f"{row.beta_norm:.3g}   {_model_mean(outcomes, row, 'nll'):.0f} nats"
        lines[label] = unit_to_uint8(models[row.name].reconstruct(images))
    _save(lines, path)
    caption = (
        "Images, and their reconstructions from posterior means as β grows: left of each row its β_norm and its mean "
        "reconstruction NLL. Detail goes first, the position last."
    )
    numbers = {
        f"spread_at_{r.beta_norm:.3g}": _model_mean(outcomes, r, "reconstruction_spread")
        for r in shown[:: max(1, len(shown) - 1)]
    }
    return {"caption": caption, "numbers": numbers}


def draw_collapse(
    models: Mapping[str, Vae], outcomes: Outcomes, rows: Sequence[Row], images: Tensor, path
) -> dict[str, Any]:
    """Reconstructions, and pictures of codes drawn from the prior, by the best model and by a collapsed one."""
    lines = {"images": images}
    for label, model in models.items():
        z = torch.randn(len(images), model.config.latents, generator=torch.Generator().manual_seed(0))
        lines[f"{label}\nreconstructed"] = unit_to_uint8(model.reconstruct(images))
        with torch.inference_mode():
            lines[f"{label}\ndrawn from prior"] = unit_to_uint8(model.decode(z.to(images.device)))
    _save(lines, path)
    collapsed = outcomes[_collapsed_row(rows).name]
    names = ("active_units", "kl", "information", "reconstruction_spread", "decoder_spread")
    numbers = {name: _mean([getattr(m, name) for m in collapsed.models]) for name in names}
    numbers["higgins_all"] = _mean(collapsed.higgins)
    caption = (
        "Posterior collapse. Above, the β with the best score; below, the largest β: every image has the same code, "
        "and the decoder draws the mean image for every code. The numbers are those of the largest β."
    )
    return {"caption": caption, "numbers": numbers}


def _best_row(rows: Sequence[Row], outcomes: Outcomes) -> Row:
    return max((row for row in rows if row.main), key=lambda row: _mean(outcomes[row.name].higgins))


def _collapsed_row(rows: Sequence[Row]) -> Row:
    return [row for row in rows if row.main][-1]


def _sizes(rows: Sequence[Row]) -> dict[int, list[Row]]:
    """Number of latents -> its rows, β growing."""
    return {m: [row for row in rows if row.latents == m] for m in dict.fromkeys(row.latents for row in rows)}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _model_mean(outcomes: Outcomes, row: Row, name: str) -> float:
    return _mean([getattr(m, name) for m in outcomes[row.name].models])


def _images(train: Split, grid: Grid, device: torch.device, n: int = 12) -> Tensor:
    rows = grid.sample_rows(n, torch.Generator().manual_seed(1))
    return torch.from_numpy(np.array([train.images[int(r)] for r in rows])).to(device)


@contextmanager
def _axes(path: Path, x: str, y: str) -> Iterator[Axes]:
    """One panel with a legend, written to `path`."""
    with chart(path, (5.6, 3.6)) as figure:
        axis = figure.add_subplot()
        axis.set(xlabel=x, ylabel=y)
        yield axis
        axis.legend()


def _line(axis, x: Sequence[float], values: Sequence[np.ndarray], i: int, label: str) -> None:
    mean, spread = [v.mean() for v in values], [v.std(ddof=min(1, len(v) - 1)) for v in values]
    axis.errorbar(x, mean, spread, **_style(i), capsize=2, label=label)
    axis.set_xscale("log")


def _style(i: int) -> dict[str, Any]:
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)], "ms": 5, "lw": 1.5}


def _save(lines: Mapping[str, Tensor], path: Path) -> None:
    """A row of images uint8 (n, C, H, W) beside each label."""
    save_sheet([Panel(torch.stack([images.cpu() for images in lines.values()]), rows=list(lines))], path)
