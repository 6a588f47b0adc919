"""Mode collapse and mode hopping: a GAN learns a mixture whose modes are known.

Every seed is a training of its own; its points are judged by `mixture.coverage`, after training and at snapshots."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.base.results import Result
from triptych.dcgan.studies.pathologies.mixture import Mixture, MixtureName, coverage, mixture
from triptych.dcgan.studies.pathologies.toy_gan import ToyGan, ToyGanConfig
from triptych.draw.style import BLUE, MUTED, VERMILION, chart
from triptych.engine import Replica, exact_products, train

LEARNS_IMAGES = False
LOSSES = {"minimax": "minimax", "nonsaturating": "non-saturating"}
NETS = {"pacgan": "ALI's and PacGAN's kind", "unrolled": "unrolled GAN's kind"}


class Config(ToyGanConfig):
    """A mixture and a GAN. Published: 100,000 points to learn from, 2500 to be judged on, 10 seeds."""

    experiment: Literal["mode_collapse"]
    mixture: MixtureName
    points: int = Field(default=100_000, ge=2, description="training sample")
    judged: int = Field(default=2500, ge=2, description="generated points that are judged")
    snapshots: int = Field(default=20, ge=1, description="times at which the coverage is measured")


@dataclass(frozen=True)
class Run:
    """One training. `points`: step -> (judged, 2); the last is the end."""

    seed: int
    numbers: dict[str, float]
    points: dict[int, np.ndarray]


def run(config: Config, replica: Replica, images: None = None) -> Run:
    """Train with the replica's seed; its history gets losses and coverage. Raises engine.Divergence."""
    target = mixture(config.mixture)
    real = target.sample(config.points, torch.Generator().manual_seed(replica.seed))
    stream = replica.stream(real, batch_size=config.batch_size)
    torch.manual_seed(replica.seed)
    every = max(1, config.steps // config.snapshots)
    times = [*range(every, config.steps, every), config.steps]
    task = ToyGan(config, (len(times), config.judged, 2))

    def look(step: int) -> None:
        points = generate(task, config.judged, replica)
        task.snapshots[times.index(step)] = points
        scores = coverage(target, points)
        replica.log(step, modes=scores["modes"], high_quality=scores["high_quality"])

    with exact_products():  # the way back too
        train(task, {"real": stream}, steps=config.steps, replica=replica, callback=look, callback_every=every)
    points = dict(zip(times, task.snapshots.cpu()))
    numbers = {**coverage(target, points[config.steps]), "turnover": turnover(target, points)}
    return Run(replica.seed, numbers, {step: p.numpy() for step, p in points.items()})


@torch.no_grad()
@exact_products()
def generate(task: ToyGan, n: int, replica: Replica) -> Tensor:
    """(n, 2) points on the CPU, of codes that belong to the seed, normalised by the statistics of this batch as in
    training; the running averages stay."""
    generator = torch.Generator().manual_seed(replica.seed + 1_000_003)
    codes = torch.randn(n, task.config.z_dim, generator=generator).to(replica.device)
    return copy.deepcopy(task.generator).train()(codes).float().cpu()


def turnover(target: Mixture, points: dict[int, Tensor]) -> float:
    """Mean net share of the points that have gone over to another mode since the snapshot before: the total variation
    between the two histograms over modes. 1 for a generator that hops with all its points every time, 0 for one that
    stands still. One that has learned the mixture, but goes on to redistribute the codes over it, keeps at most what
    chance leaves, about √(modes / (π n)) of n points."""
    histograms = [torch.bincount(target.nearest(p)[0], minlength=len(target.means)) / len(p) for p in points.values()]
    moved = [float((a - b).abs().sum()) / 2 for a, b in zip(histograms, histograms[1:])]
    return float(np.mean(moved)) if moved else 0.0


def evaluate(config: Config, runs: Sequence[Run]) -> Result:
    """`coverage` of the points at the end, and `turnover`: a value a seed."""
    unrolled = f", D unrolled {config.unroll} steps" if config.unroll else ""
    k = len(mixture(config.mixture).means)
    notes = [
        f"{config.mixture} of {k} modes, {LOSSES[config.loss]} loss, nets of {NETS[config.net]}{unrolled}",
        f"{config.steps} steps of {config.batch_size} points, widths {config.width_g} and {config.width_d}",
    ]
    return Result({name: [r.numbers[name] for r in runs] for name in runs[0].numbers}, notes)


def draw(config: Config, runs: Sequence[Run], path: Path, seeds: int = 4, times: int = 5) -> dict[str, Any]:
    """Points over time (columns) for some seeds (rows), with the modes they should cover."""
    target = mixture(config.mixture)
    shown = runs[:seeds]
    steps = list(runs[0].points)
    steps = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, times).round().astype(int))]
    reach = 1.35 * float(target.means.abs().max())
    with chart(path, (1.62 * len(steps) + 0.2, 1.7 * len(shown) + 0.25)) as figure:
        panels = figure.subplots(len(shown), len(steps), squeeze=False)
        for row, r in zip(panels, shown):
            for axes, step in zip(row, steps):
                points = torch.from_numpy(r.points[step])
                axes.scatter(*target.means.T, s=42, facecolors="none", edgecolors=VERMILION, linewidths=0.8, zorder=3)
                axes.scatter(*points[:1000].T, s=2, color=BLUE, alpha=0.35, linewidths=0)
                axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
                axes.spines[:].set_visible(True)
                axes.spines[:].set_color(MUTED)
                scores = coverage(target, points)
                axes.set_xlabel(f"{scores['modes']:.0f} modes, {100 * scores['high_quality']:.0f} %", labelpad=2)
            row[0].set_ylabel(f"seed {r.seed}")
        for axes, step in zip(panels[0], steps):
            axes.set_title(f"step {step}")
    means = {name: round(float(np.mean(values)), 4) for name, values in evaluate(config, runs).metrics.items()}
    return {
        "caption": f"Points of the generator (blue) and the {len(target.means)} modes of the data (rings) in the "
        f"course of training, {LOSSES[config.loss]} loss. Under each: modes covered, and the share of points within 3 "
        "standard deviations of one.",
        "numbers": means,
    }
