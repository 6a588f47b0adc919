"""Cycles: gradient descent on a game may circle its equilibrium or leave it, and what makes a GAN come home."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from triptych.base.config import Strict
from triptych.base.results import Result
from triptych.dcgan.studies.pathologies.games import Step, bilinear, dirac, dirac_growth, growth, trajectory
from triptych.draw.style import BLUE, GREEN, INK, VERMILION, chart
from triptych.engine import Replica

LEARNS_IMAGES = False


class Config(Strict):
    """Step size and number of steps of each game, and the strength of the cures (Mescheder et al. 2018 give none)."""

    experiment: Literal["cycling"]
    lr: float = Field(default=0.1, gt=0, le=1)
    steps: int = Field(default=300, ge=8)
    radius: float = Field(
        default=0.1, gt=0, description="where both players start, at an angle drawn from the seed; near the equilibrium"
    )
    r1: float = Field(default=0.3, gt=0, description="weight of the gradient penalty, the loss having half of it")
    instance_noise: float = Field(default=0.7, gt=0, description="standard deviation")


@dataclass(frozen=True)
class Game:
    """One panel: a step of both players, and how fast the distance to the equilibrium should grow."""

    title: str
    step: Step
    expected: float  # growth of the radius per step: exact, or near the equilibrium
    marks: str  # what the axes are


def games(config: Config) -> dict[str, Game]:
    """The six games, by the name of their number."""
    h, r1, noise = config.lr, config.r1, config.instance_noise
    plain = dirac_growth(h)
    return {
        "simultaneous": Game("Bilinear, simultaneous steps", bilinear(h, False), math.sqrt(1 + h * h), "ab"),
        "alternating": Game("Bilinear, alternating steps", bilinear(h, True), 1.0, "ab"),
        "dirac_minimax": Game("Dirac-GAN, minimax", dirac(h, "minimax"), plain, "θψ"),
        "dirac_nonsaturating": Game("Dirac-GAN, non-saturating", dirac(h, "nonsaturating"), plain, "θψ"),
        "dirac_r1": Game(
            f"non-saturating, R1 (γ = {r1:g})", dirac(h, "nonsaturating", r1=r1), dirac_growth(h, r1), "θψ"
        ),
        "dirac_noise": Game(
            f"non-saturating, instance noise ({noise:g})",
            dirac(h, "nonsaturating", noise=noise),
            dirac_growth(h, noise=noise),
            "θψ",
        ),
    }


@dataclass(frozen=True)
class Run:
    """`paths`: game -> (steps + 1, 2)."""

    seed: int
    paths: dict[str, np.ndarray]


def run(config: Config, replica: Replica, images: None = None) -> Run:
    """Play all games from one starting point."""
    angle = np.random.default_rng(replica.seed).uniform(0, 2 * math.pi)
    start = config.radius * np.array([math.cos(angle), math.sin(angle)])
    paths = {name: trajectory(game.step, start, config.steps) for name, game in games(config).items()}
    for step in range(0, config.steps + 1, max(1, config.steps // 50)):
        replica.log(step, **{f"radius_{name}": float(np.linalg.norm(path[step])) for name, path in paths.items()})
    return Run(replica.seed, paths)


def evaluate(config: Config, runs: Sequence[Run]) -> Result:
    """Growth of the radius per step in each game, and how far the simultaneous one is from its closed form."""
    out = {f"growth_{name}": [growth(r.paths[name]) for r in runs] for name in games(config)}
    exact = math.sqrt(1 + config.lr**2)
    metrics = {**out, "closed_form_error": [abs(value - exact) for value in out["growth_simultaneous"]]}
    expected = ", ".join(f"{game.title} {game.expected:.5f}" for game in games(config).values())
    notes = [
        f"step size {config.lr:g}, {config.steps} steps",
        f"radius a step, expected (Dirac-GANs: near the equilibrium): {expected}",
    ]
    return Result(metrics, notes)


def draw(config: Config, runs: Sequence[Run], path: Path) -> dict[str, Any]:
    """The trajectories of the first seed, and their growth against what is expected."""
    measured = {name: float(np.mean(values)) for name, values in evaluate(config, runs).metrics.items()}
    with chart(path, (8.4, 5.5)) as figure:
        for axes, (name, game) in zip(figure.subplots(2, 3).flat, games(config).items()):
            states, factor = runs[0].paths[name], measured[f"growth_{name}"]
            colour = VERMILION if factor > 1 + 1e-4 else GREEN if factor < 1 - 1e-4 else BLUE
            axes.plot(*states.T, color=colour, linewidth=0.9)
            axes.plot(*states[0], "o", color=INK, markersize=4)
            axes.plot(0, 0, "+", color=INK, markersize=8)
            reach = 1.1 * np.abs(states).max()
            axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel=game.marks[0], ylabel=game.marks[1])
            axes.set_title(f"{game.title}\n× {factor:.4f} a step (expected {game.expected:.4f})")
            axes.set_aspect("equal")
    return {
        "caption": f"{config.steps} steps of gradient descent (size {config.lr:g}) from the dot; + is the equilibrium. "
        "Red: away from it, blue: around it, green: to it. Growth of the radius per step: measured, and expected (for "
        "Dirac-GANs near the equilibrium).",
        "numbers": {name: round(value, 5) for name, value in measured.items()},
    }
