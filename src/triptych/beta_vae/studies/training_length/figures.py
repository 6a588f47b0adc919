"""The picture of the study: scores and losses against the number of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from triptych.base.results import Result
from triptych.beta_vae.shapes.judge.higgins import best_half
from triptych.beta_vae.studies.training_length.protocol import Followed, Protocol, stop
from triptych.draw.style import MUTED, PALETTE, chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = {"vae": "VAE", "beta_vae": "β-VAE"}


def draw_curves(
    followed: Mapping[str, Followed], flat: np.ndarray, results: Mapping[str, Result], protocol: Protocol, path: Path
) -> dict[str, Any]:
    """Best half and mean of the scores, nll and kl; a small dot a training, a star where the rule stops it. Returns
    {"caption", "numbers"}."""
    with chart(path, (7.6, 2.9)) as figure:
        best, every, losses = figure.subplots(1, 3)
        for (name, of), colour in zip(followed.items(), PALETTE):
            label, steps = NAMES.get(name, name), list(of.judged)
            halves = [100 * np.array(best_half(v[:, 2:].flatten().tolist())) for v in of.judged.values()]
            best.plot(steps, [h.mean() for h in halves], color=colour, marker="o", ms=3, label=label)
            means = np.stack([100 * v[:, 2:].mean(1) for v in of.judged.values()])  # (looks, trainings)
            every.plot(steps, means.mean(1), color=colour, label=label)
            every.plot(steps, means, color=colour, ls="none", marker="o", ms=2.5, alpha=0.4)
            for r, row in enumerate(of.objectives):
                at = stop(row, protocol)[0]
                every.plot(at, 100 * of.judged[at][r, 2:].mean(), color=colour, marker="*", ms=8, mec="white")
            losses.plot(steps, [v[:, 0].mean() for v in of.judged.values()], color=colour, label=f"{label}, NLL")
            losses.plot(steps, [v[:, 1].mean() for v in of.judged.values()], color=colour, ls="--", label="KL")
        _flat(best, 100 * np.array(best_half(flat.flatten().tolist())).mean(), 0.0)
        _flat(every, 100 * flat.mean(), 100 * flat.mean(1).std(ddof=min(1, len(flat) - 1)))
        for axis, title in ((best, "best half"), (every, "all trainings")):
            axis.set(title=title, ylabel="Higgins score (%)")
        losses.set(title="losses", ylabel="nats an image", yscale="log")
        ticks = _ticks(protocol.looks())
        for axis in (best, every, losses):
            axis.set(xlabel="steps", xscale="log")
            axis.set_xticks(ticks, [f"{step:,}" for step in ticks])
            axis.minorticks_off()
            axis.legend()
    rows = ["pca", *(f"{name}_at_stop" for name in followed)]
    return {
        "caption": "The Higgins score against the number of training steps: the best half of all scores, and the mean "
        "of all. A small dot is a training, a star the step at which the rule stops it. PCA is a flat line, "
        "with its spread between trainings.",
        "numbers": {f"higgins_{row}": float(np.mean(results[row].metrics["higgins"])) for row in rows},
    }


def _ticks(steps: Sequence[int]) -> list[int]:
    """Those of `steps`, which grow, that are far enough apart for their numbers to be read."""
    shown = [steps[0]]
    for step in steps:
        if step >= 2 * shown[-1]:
            shown.append(step)
    return shown


def _flat(axis: Axes, value: float, spread: float) -> None:
    axis.axhline(value, color=MUTED, ls=":", label="PCA")
    axis.axhspan(value - spread, value + spread, color=MUTED, alpha=0.15, lw=0)
