"""The Higgins score of VAE and β-VAE against the length of their training (Higgins et al. 2017, Figure 6, left).

The paper does not say how long it trained. Here the table's two rows are trained with seeds that the table does not
have, and judged on the way as the table judges them. One number of each row is that of a stop which a rule fixes
without looking at a score: the end of the first `window` of steps in which the objective nll + β·kl, as the training
logs it, was on average less than `least_gain` nats below that of the window before.

The rule is older than its first score. Its window is a pass over the images. Its gain is what the least of the factors
is worth, ln 3 = 1.1 nats for the three shapes: a pass that gained less has not learned to draw another factor. A
training that never meets the rule counts with the end of its last window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.base.config import Positive, ProtocolSection, Seeds
from triptych.base.results import Result
from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.judge import higgins
from triptych.beta_vae.shapes.parts.principal import Pca, PcaConfig
from triptych.beta_vae.shapes.parts.system import Representation
from triptych.beta_vae.shapes.parts.trained_vae import TrainedVae
from triptych.beta_vae.shapes.protocol import elbo_terms, encode_all
from triptych.beta_vae.vae.training import Batches, Noise, VaeTask, leading
from triptych.beta_vae.vae.vae import VaeConfig
from triptych.data.format import Dataset
from triptych.data.spec import Spec
from triptych.engine import Replica, train

LOGGED = 120  # steps that a logged loss is the mean of, or a divisor that the window is a multiple of


class Protocol(ProtocolSection):
    """The trainings are judged after each of `steps`, and at the end of each window, where one of them may stop."""

    dataset: str = "shapes"
    seeds: Seeds
    steps: list[Annotated[int, Field(gt=0)]]
    window: int = Field(gt=0, description="steps; a pass over the images, or a few")
    windows: int = Field(ge=2, description="after so many a training ends if the rule has not stopped it")
    least_gain: Positive = Field(description="nats an image; less than that in a window, and the training stops")

    def datasets(self) -> list[str]:
        """The prepared datasets that the study needs."""
        return [self.dataset]

    def looks(self) -> list[int]:
        """The steps after which the trainings are judged."""
        return sorted({*self.steps, *(self.window * n for n in range(1, self.windows + 1))})


@dataclass(frozen=True)
class Followed:
    """Trainings of one system. `judged`: step -> (trainings, 2 + classifiers): nll, kl and the scores of each.
    `objectives` (trainings, windows): what the rule sees."""

    judged: dict[int, np.ndarray]
    objectives: np.ndarray


def follow(
    config: VaeConfig, dataset: Dataset, protocol: Protocol, settings: higgins.Settings, replicas: Sequence[Replica]
) -> Followed:
    """Train a model of `config`, but for its number of steps, with the seed of each of `replicas`, all in one loop as
    the table's, and judge them on the way."""
    split, spec, device = dataset["train"], Spec.of(dataset), replicas[0].device
    grid, seeds, looks = Grid(dataset.factors, merge_poses=settings.merge_poses), protocol.seeds, protocol.looks()
    models = [build(config, spec, seed).to(device) for seed in seeds]
    task = VaeTask(models)
    # in the task, so that they are in its checkpoint
    task.register_buffer("judged", torch.zeros(len(looks), len(models), 2 + settings.classifier_seeds))

    leader, owner = leading(replicas)

    def look(step: int) -> None:
        if step not in looks:
            return
        task.write_back()
        found = judge(models, dataset, grid, settings, seeds, device)
        task.judged[looks.index(step)] = found
        leader.log(step, **{f"higgins@{r}": float(scores.mean()) for r, scores in enumerate(found[:, 2:])})

    streams = {
        "images": Batches(split.images, seeds, config.batch_size, leader),
        "noise": Noise(seeds, (config.batch_size, config.latents), leader),
    }
    options = {"callback": look, "callback_every": math.gcd(*looks), "log_every": math.gcd(protocol.window, LOGGED)}
    train(task, streams, steps=looks[-1], replica=leader, owner=owner, **options)
    judged = dict(zip(looks, task.judged.cpu().numpy()))
    return Followed(judged, objectives(leader.history, [model.beta for model in models], protocol))


def build(config: VaeConfig, spec: Spec, seed: int) -> TrainedVae:
    """The row's model of that seed, with the weights that the table's would begin with."""
    torch.manual_seed(seed)
    return TrainedVae(config, spec)


def judge(
    models: Sequence[TrainedVae],
    dataset: Dataset,
    grid: Grid,
    settings: higgins.Settings,
    seeds: Sequence[int],
    device: torch.device,
) -> Tensor:
    """(models, 2 + classifiers): nll and kl in nats an image, and the scores, all as in the table."""
    terms = [elbo_terms(m, dataset["train"], grid, device, s) for m, s in zip(models, seeds, strict=True)]
    elbo = torch.tensor([[of["nll"], of["kl"]] for of in terms])
    return torch.cat([elbo, scores(models, dataset, grid, settings, seeds, device)], 1)


def scores(
    systems: Sequence[Representation],
    dataset: Dataset,
    grid: Grid,
    settings: higgins.Settings,
    seeds: Sequence[int],
    device: torch.device,
) -> Tensor:
    """The paper's score with four factors: (systems, classifiers)."""
    codes = [encode_all(system, dataset["train"], device) for system in systems]
    models = [(code, s, c) for code, s in zip(codes, seeds, strict=True) for c in range(settings.classifier_seeds)]
    found = higgins.judge(models, grid, higgins.PAPER_FACTORS, settings, [settings.classifier_steps])
    return found.view(len(codes), settings.classifier_seeds)


def flat_line(
    config: PcaConfig, dataset: Dataset, protocol: Protocol, settings: higgins.Settings, replicas: Sequence[Replica]
) -> np.ndarray:
    """The scores of PCA, which no step changes: (seeds, classifiers)."""
    grid, systems = Grid(dataset.factors, merge_poses=settings.merge_poses), []
    for replica in replicas:
        systems.append(Pca(config, Spec.of(dataset)).to(replica.device))
        systems[-1].fit(dataset["train"].images, None, replica)
    return scores(systems, dataset, grid, settings, protocol.seeds, replicas[0].device).numpy()


def objectives(history: Sequence[tuple[int, str, float]], betas: Sequence[float], protocol: Protocol) -> np.ndarray:
    """(trainings, windows): nll + β·kl, the mean over each window, of a history with the losses of all trainings."""
    means = np.zeros((len(betas), protocol.windows))
    for r, beta in enumerate(betas):
        for loss, weight in (("nll", 1.0), ("kl", beta)):
            name = f"{loss}@{r}" if r else loss
            for i in range(protocol.windows):
                within = [v for s, n, v in history if n == name and i < s / protocol.window <= i + 1]
                means[r, i] += weight * np.mean(within)
    return means


def stop(objective: Sequence[float], protocol: Protocol) -> tuple[int, bool]:
    """The step at which a training with these means over windows stops, and whether the rule stopped it."""
    for i in range(1, len(objective)):
        if objective[i - 1] - objective[i] < protocol.least_gain:
            return (i + 1) * protocol.window, True
    return len(objective) * protocol.window, False


def evaluate(followed: Mapping[str, Followed], flat: np.ndarray, protocol: Protocol) -> dict[str, Result]:
    """Row -> its line of the study's table: `pca`; `<system>_at_stop`; `<system>_<steps>` for each look."""
    results = {"pca": Result(_scored(flat), pooled=["higgins"])}
    for name, of in followed.items():
        stops = [stop(row, protocol) for row in of.objectives]
        at = np.stack([of.judged[step][r] for r, (step, _) in enumerate(stops)])
        told = (
            f"stopped at the end of the first {protocol.window} steps in which the mean of nll + β·kl was less than "
            f"{protocol.least_gain:g} nats below that of the {protocol.window} before: "
            f"{sum(met for _, met in stops)} of {len(stops)} trainings; none of their seeds is the table's"
        )
        metrics = {**_metrics(at), "stopped_at": [float(step) for step, _ in stops]}
        results[f"{name}_at_stop"] = Result(metrics, [told], pooled=["higgins"])
        for step, values in of.judged.items():
            results[f"{name}_{step}"] = Result(_metrics(values), pooled=["higgins"])
    return results


def _metrics(values: np.ndarray) -> dict[str, list[float]]:
    return {**_scored(values[:, 2:]), "nll": values[:, 0].tolist(), "kl": values[:, 1].tolist()}


def _scored(values: np.ndarray) -> dict[str, list[float]]:
    every = values.flatten().tolist()
    return {"higgins": higgins.best_half(every), "higgins_all": every}
