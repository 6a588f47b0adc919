"""The generator's gradient vanishes when the discriminator wins (Arjovsky & Bottou 2017, figure 2).

A small DCGAN is trained for a while; then the generator stays as it is and only the discriminator learns. At times the
norm of ∂L_G/∂θ_G is measured for both losses, on the same codes. The minimax loss passes the factor σ(s) of each fake
on, which goes to 0 as the discriminator becomes sure; the non-saturating loss passes 1 − σ(s)."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from triptych.base.results import Result
from triptych.dcgan.gan.training import Adversarial, Gan, GanConfig, train_gan
from triptych.dcgan.studies.pathologies.objectives import LOSSES, generator_loss
from triptych.draw.style import BLUE, MUTED, VERMILION, chart
from triptych.engine import Phase, Replica, train

LEARNS_IMAGES = True
TINY = 1e-30  # a norm that is 0 in all but name


class Config(GanConfig):
    """`steps`: of joint training, in the paper 1, 10 or 25 epochs."""

    experiment: Literal["vanishing_gradient"]
    frozen_steps: int = Field(default=4000, ge=1, description="steps of the discriminator alone")
    measurements: int = Field(default=40, ge=1)
    measured_on: int = Field(default=256, ge=2, description="codes")
    restart: bool = Field(
        default=True, description="the discriminator anew when the generator is frozen, as in the paper"
    )


@dataclass(frozen=True)
class Run:
    """Per measurement: D-only steps before it, gradient norms by loss, mean D(fake)."""

    seed: int
    steps: list[int]
    norms: dict[str, list[float]]
    d_fake: list[float]


class DiscriminatorAlone(Adversarial):
    """The generator makes fakes and learns nothing. `measured`: a row (steps, norm a loss, D(fake)) a measurement, kept
    with the weights so that a run that was killed goes on with it."""

    def __init__(self, gan: Gan, config: Config, times: int):
        super().__init__(gan, config.model_copy(update={"updates": "both"}))
        self.register_buffer("measured", torch.zeros(times, 2 + len(LOSSES), dtype=torch.float64))

    def phases(self) -> list[Phase]:
        return [Phase("discriminator", [self.gan.discriminator], self.loss, self.adam)]

    def loss(self) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        with torch.no_grad():
            self.batch["fake"] = self.gan.generator(self.gan.codes(self._batch_size))
        return self.discriminator_loss()


def run(config: Config, replica: Replica, images: np.ndarray) -> Run:
    """Both trainings with the replica's seed on uint8 `images` (N, C, H, W)."""
    torch.manual_seed(replica.seed)
    gan = Gan(config, images.shape[1:])
    train_gan(gan, images, config, replica.part("joint"))
    if config.restart:
        torch.manual_seed(replica.seed + 1)
        gan.discriminator = Gan(config, images.shape[1:]).discriminator.to(replica.device)
    alone = replica.part("alone")
    every = max(1, config.frozen_steps // config.measurements)
    times = [0, *range(every, config.frozen_steps, every), config.frozen_steps]
    task = DiscriminatorAlone(gan, config, len(times))

    def measure(step: int) -> None:
        norms, d_fake = gradient_norms(gan, config.measured_on, replica.seed)
        task.measured[times.index(step)] = torch.tensor([step, *norms.values(), d_fake])
        if step:
            alone.log(step, d_fake_measured=d_fake, **{f"gradient_{loss}": value for loss, value in norms.items()})

    measure(0)
    scaled = gan.discriminator.scaled
    stream = replica.stream(images, batch_size=config.batch_size, seed=replica.seed + 1, transform=scaled)
    options = {"steps": config.frozen_steps, "callback": measure, "callback_every": every}
    train(task, {"real": stream}, replica=alone, **options)
    steps, *norms, d_fake = task.measured.T.tolist()
    return Run(replica.seed, [int(step) for step in steps], dict(zip(LOSSES, norms)), d_fake)


def gradient_norms(gan: Gan, n: int, seed: int) -> tuple[dict[str, float], float]:
    """‖∂L_G/∂θ_G‖ for each loss on the n codes that belong to `seed`, and the mean of D on their images. In training
    mode, on a copy: the nets and their running averages stay."""
    gan = copy.deepcopy(gan).train().requires_grad_(True)
    logits = gan.discriminator(gan.generator(gan.codes(n, torch.Generator().manual_seed(seed))))
    weights = list(gan.generator.parameters())
    norms = {}
    for loss in LOSSES:
        gradients = torch.autograd.grad(generator_loss(logits, loss), weights, retain_graph=True)
        norms[loss] = float(torch.stack([g.double().square().sum() for g in gradients]).sum().sqrt())
    return norms, float(logits.detach().sigmoid().mean())


def evaluate(config: Config, runs: Sequence[Run]) -> Result:
    """Orders of magnitude that each gradient loses from its largest value to its last; their ratio and D then."""
    out = {f"lost_{loss}": [lost(r.norms[loss]) for r in runs] for loss in LOSSES}
    ends = {loss: [r.norms[loss][-1] for r in runs] for loss in LOSSES}
    out["ratio"] = [a / max(b, TINY) for a, b in zip(ends["minimax"], ends["nonsaturating"])]
    notes = [
        f"{config.steps} joint steps, then {config.frozen_steps} of the discriminator "
        + ("anew" if config.restart else "on"),
        "ratio: minimax over non-saturating gradient at the end",
    ]
    return Result({**out, "d_fake": [r.d_fake[-1] for r in runs]}, notes)


def lost(norms: Sequence[float]) -> float:
    """log₁₀ of the largest over the last; 0 for a generator that has no gradient at all."""
    return math.log10(max(*norms, TINY) / max(norms[-1], TINY))


def draw(config: Config, runs: Sequence[Run], path: Path) -> dict[str, Any]:
    """Both norms against the D-only steps, a line a seed, and D's mean on fakes."""
    looks = {"minimax": (VERMILION, "-", "minimax"), "nonsaturating": (BLUE, "--", "non-saturating")}
    with chart(path, (7.6, 2.9)) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        for i, r in enumerate(runs):
            for loss, (colour, style, label) in looks.items():
                left.plot(r.steps, r.norms[loss], style, color=colour, label=label if i == 0 else None)
            right.plot(r.steps, r.d_fake, color=MUTED)
        left.set(yscale="log", xlabel="steps of the discriminator, generator frozen", title="‖∂L_G/∂θ_G‖")
        right.set(yscale="log", xlabel="steps of the discriminator", title="mean of D on generated images")
        left.legend(loc="best")
    means = {name: round(float(np.mean(values)), 6) for name, values in evaluate(config, runs).metrics.items()}
    return {
        "caption": "The generator's gradient while only the discriminator learns: a line a seed. With the minimax loss "
        "it vanishes as the discriminator becomes sure that generated images are not real; with the non-saturating "
        "loss it does not.",
        "numbers": means,
    }
