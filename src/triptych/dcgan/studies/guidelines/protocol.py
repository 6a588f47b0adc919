"""The guidelines of the DCGAN paper (Radford et al. 2015, section 3), each left out in turn.

The paper states them without an ablation. Here one small GAN is trained with all of them (`faithful`) and once for
each way to break one, several times each; what instability means is measured:

    collapsed            the share of runs whose samples have less than a quarter of the real images' mean pairwise
                         distance, or whose discriminator's loss stays below 0.05 for the last tenth of the steps
    diversity            that ratio of distances
    frechet              distance of samples to real images (`frechet`), 0 is best
    d_real, d_fake       means of D over the last tenth of the steps; 1/2 and 1/2 at the optimum
    loss_d               the same mean of the discriminator's loss; 2 log 2 = 1.386 at the optimum
    loss_g_std           standard deviation of the generator's loss over the last 100 steps
    accuracy             of a linear SVM on the discriminator's features of labelled images of another set
    accuracy_untrained   the same before the first step: what the architecture alone is worth
    gained               by training: the difference of these two
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from triptych.base.config import ParamsError, Positive, ProtocolSection, Seeds, Strict, validate
from triptych.base.results import Result
from triptych.data.format import Split
from triptych.dcgan.gan.features import DiscriminatorFeatures, FeatureConfig
from triptych.dcgan.gan.training import Gan, GanConfig, train_gan
from triptych.dcgan.studies.guidelines.frechet import FrechetConfig, FrechetSpace
from triptych.dcgan.svm.label_draws import draw_rows, labels_of
from triptych.dcgan.svm.svm import fit_svm
from triptych.draw.samples import COLLAPSED, COUNTED, mean_distance
from triptych.engine import Divergence, Replica, inference

SURE = 0.05  # a discriminator's loss below it has nothing left to tell the generator
LAST = 0.1  # share of the steps that the means are over
STEADY = 100  # steps that the generator's loss should be steady over
SHOWN = 16  # samples of each run that are shown


class Transfer(Strict):
    """The linear SVM on the discriminator's features: C is chosen on as many other images."""

    per_class: int = Field(default=100, ge=1, description="labels of each class that train it")
    test: int = Field(default=1000, ge=1, description="test images, drawn once")
    costs: list[Positive] = Field(default=[1e-4, 1e-3, 1e-2], min_length=1)
    standardize: bool = True
    feature_epsilon: Positive = 1e-5


class Protocol(ProtocolSection):
    """`base` is the faithful GAN's section; each of `variants` changes some keys of it."""

    data: str = Field(default="objects", description="the labelled set, for `accuracy`")
    unlabelled: str = Field(default="objects_unlabelled", description="the set that the GANs learn")
    seeds: Seeds
    base: GanConfig
    variants: dict[str, dict[str, Any]] = Field(min_length=1)
    frechet: FrechetConfig = FrechetConfig()
    transfer: Transfer = Transfer()

    @model_validator(mode="after")
    def _variants_are_valid(self) -> Protocol:
        try:
            for name in self.variants:
                self.variant(name)
        except ParamsError as error:
            raise ValueError(str(error)) from None
        return self

    def variant(self, name: str) -> GanConfig:
        """The whole section of a variant. Raises ParamsError for a key or value that a GAN cannot have."""
        return validate(GanConfig, {**self.base.model_dump(), **self.variants[name]}, f"variants.{name}")

    def datasets(self) -> list[str]:
        return [self.unlabelled, self.data]

    def same_pixels(self) -> list[str]:
        return self.datasets()


@dataclass
class Judge:
    """What all runs are measured against, made once."""

    protocol: Protocol
    real: np.ndarray  # uint8 (N, C, H, W)
    labelled: Split
    test: Split
    device: torch.device
    drawn: np.ndarray = field(init=False)  # rows of `labelled`, (classes, 2 · per_class): half to learn, half to choose
    space: FrechetSpace = field(init=False)
    real_distance: float = field(init=False)

    def __post_init__(self) -> None:
        n = 2 * self.protocol.transfer.per_class
        self.drawn = draw_rows(labels_of(self.labelled), n, [0], "twice transfer.per_class").reshape(-1, n)
        self.space = FrechetSpace(self.real, self.protocol.frechet, self.device)
        rows = np.random.default_rng(0).permutation(len(self.real))[:COUNTED]
        self.real_distance = mean_distance(torch.from_numpy(np.array(self.real[np.sort(rows)])))


@dataclass(frozen=True)
class Run:
    """One training: its numbers, and its first samples, uint8 (SHOWN, C, H, W). It goes from process to process."""

    variant: str
    seed: int
    numbers: dict[str, float]
    samples: np.ndarray


def run(variant: str, judge: Judge, replica: Replica) -> Run:
    """Train the variant with the replica's seed and measure it. A loss that is not finite is a collapse, and then
    the only number."""
    config = judge.protocol.variant(variant)
    torch.manual_seed(replica.seed)
    gan = Gan(config, judge.real.shape[1:])
    untrained = transfer_accuracy(copy.deepcopy(gan), judge, judge.protocol.transfer)
    every_step = replace(replica, sink=None, history=[])
    try:
        train_gan(gan, judge.real, config, every_step, log_every=1)
    except Divergence as divergence:
        replica.say(str(divergence))
        return Run(variant, replica.seed, {"collapsed": 1.0}, np.zeros((SHOWN, *judge.real.shape[1:]), np.uint8))
    losses = series(every_step)
    log_means(losses, replica)
    samples = gan.sample(max(COUNTED, judge.protocol.frechet.images), seed=replica.seed).cpu()
    numbers = {
        "diversity": mean_distance(samples[:COUNTED]) / judge.real_distance,
        "frechet": judge.space.distance(samples[: judge.protocol.frechet.images]),
        **dynamics(losses),
        "accuracy": transfer_accuracy(gan, judge, judge.protocol.transfer),
        "accuracy_untrained": untrained,
    }
    numbers["gained"] = numbers["accuracy"] - untrained
    numbers = {"collapsed": float(has_collapsed(numbers["diversity"], losses["loss_d"])), **numbers}
    return Run(variant, replica.seed, numbers, samples[:SHOWN].numpy())


def series(replica: Replica) -> dict[str, np.ndarray]:
    """A history with every step in it -> {name: (steps,)}."""
    names = dict.fromkeys(name for _, name, _ in replica.history)
    return {name: np.array([v for _, n, v in replica.history if n == name]) for name in names}


def log_means(losses: dict[str, np.ndarray], replica: Replica, every: int = 50) -> None:
    """Means of `every` steps to the replica's history."""
    steps = len(next(iter(losses.values())))
    for start in range(0, steps, every):
        means = {name: float(v[start : start + every].mean()) for name, v in losses.items()}
        replica.log(min(start + every, steps), **means)


def dynamics(losses: dict[str, np.ndarray]) -> dict[str, float]:
    """How training went in the end, from the losses of every step."""
    last = _last(losses["loss_d"])
    means = {name: float(losses[name][last].mean()) for name in ("d_real", "d_fake", "loss_d")}
    return {**means, "loss_g_std": float(losses["loss_g"][-STEADY:].std())}


def has_collapsed(diversity: float, loss_d: np.ndarray) -> bool:
    """Samples that are nearly one image, or a discriminator that is sure for the whole last tenth of the steps."""
    return diversity < COLLAPSED or bool((loss_d[_last(loss_d)] < SURE).all())


def _last(values: np.ndarray) -> slice:
    return slice(-max(1, round(LAST * len(values))), None)


def transfer_accuracy(gan: Gan, judge: Judge, transfer: Transfer) -> float:
    """Test accuracy of a linear SVM on the discriminator's features, as in the table of natural images but smaller."""
    labels = labels_of(judge.labelled)
    chosen, held = (part.flatten() for part in np.split(judge.drawn, 2, axis=1))
    config = FeatureConfig(standardize=transfer.standardize, feature_epsilon=transfer.feature_epsilon)
    extractor = DiscriminatorFeatures(gan.discriminator, config)
    extractor.adapt(judge.labelled.images[np.sort(judge.drawn.flatten())], judge.device)

    def features(images: np.ndarray) -> Tensor:
        return inference(extractor.features, images, judge.device).to(judge.device)

    x = features(judge.labelled.images[chosen])
    machines = fit_svm(x, labels[chosen], transfer.costs, device=judge.device)
    x_held = features(judge.labelled.images[held])
    best = max(machines, key=lambda machine: machine.accuracy(x_held, labels[held]))
    # at random: the first ones of a set that is stored class by class would be of few classes
    tested = np.sort(np.random.default_rng(0).permutation(len(judge.test))[: transfer.test])
    return best.accuracy(features(judge.test.images[tested]), labels_of(judge.test)[tested])


def evaluate(runs: Sequence[Run], protocol: Protocol, judge: Judge) -> dict[str, Result]:
    """Variant -> metrics with one value for each seed that has it; what the variant changes, and the distance that real
    images have."""
    floor = judge.space.floor
    told = [] if floor is None else [f"Fréchet distance of other real images: {floor:.4f}"]
    results = {}
    for variant, changed in protocol.variants.items():
        numbers = [r.numbers for r in runs if r.variant == variant]
        metrics = {name: [n[name] for n in numbers if name in n] for name in max(numbers, key=len)}
        changes = ", ".join(f"{k}: {v}" for k, v in changed.items())
        results[variant] = Result(metrics, [changes or "all guidelines", *told])
    return results
