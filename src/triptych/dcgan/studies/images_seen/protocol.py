"""What a DCGAN's features are worth, against the number of images that it has seen (Radford et al. 2015, section 5.1).

The paper judges one network, after 30 epochs of ImageNet. Here the table's row `dcgan` is trained for longer than the
table trains it, and judged on the way from its first weights on, as the table judges it: a linear SVM learns from a few
labels of each class and is tested on the whole test set; C is chosen on training images. Beside it stand rows that no
GAN's training changes. Nothing is chosen by these numbers.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field, model_validator

from triptych.base.config import ParamsError, ProtocolSection, Seeds, Strict
from triptych.base.results import Result, spread
from triptych.data.format import Split
from triptych.data.spec import Spec
from triptych.dcgan.gan.training import adversarial, batches_in_a_step, notes_on_updates
from triptych.dcgan.objects.extraction import adapt_and_extract, extract
from triptych.dcgan.objects.parts.system import FeatureSystem
from triptych.dcgan.objects.protocol import Probe
from triptych.dcgan.objects.rows import dcgan, kmeans_1layer, raw_pixels
from triptych.dcgan.svm.label_draws import draw_rows, labels_of
from triptych.dcgan.svm.svm import fit_svm, predict_all
from triptych.engine import Replica, train

FLAT = {"kmeans_1layer": kmeans_1layer.System, "raw_pixels": raw_pixels.System}


class Protocol(ProtocolSection):
    """`images`: after so many the GAN is judged, the smallest first; 0 is the untrained net."""

    data: str = Field(default="objects", description="the labelled set, with splits train and test")
    unlabelled: str = Field(default="objects_unlabelled", description="the set that features are learned from")
    seeds: Seeds
    images: list[Annotated[int, Field(ge=0)]] = Field(min_length=2)

    @model_validator(mode="after")
    def _grows(self) -> Protocol:
        if any(b <= a for a, b in zip(self.images, self.images[1:])):
            raise ValueError(f"images = {self.images}: each number must be larger than the one before")
        return self

    def datasets(self) -> list[str]:
        return [self.unlabelled, self.data]

    def same_pixels(self) -> list[str]:
        return self.datasets()


@dataclass(frozen=True)
class Judge:
    """What all features are judged by: `probe` is the table's."""

    probe: Probe
    train: Split
    test: Split
    device: torch.device

    def accuracies(self, system: FeatureSystem) -> list[float]:
        """The table's `accuracy_few`, one value a draw of labels. The system adapts to the training images."""
        probe = self.probe
        order = np.random.default_rng([probe.draw_seed, 0]).permutation(len(self.train))
        labels, truth = labels_of(self.train)[order], labels_of(self.test)
        draws = [
            draw_rows(labels, probe.per_class, [probe.draw_seed, 1, i], "objects.probe.per_class")
            for i in range(probe.draws)
        ]
        rest = np.setdiff1d(np.arange(len(labels)), draws[0])
        if not len(rest):
            raise ParamsError(f"objects.probe.per_class = {probe.per_class}: leaves no training image to choose C on")
        system = system.to(self.device).eval()
        x = adapt_and_extract(system, self.train.images, self.device, order)
        x_test = extract(system.features, self.test.images, self.device)
        options = {"n_classes": int(max(labels.max(), truth.max())) + 1, "device": self.device}

        machines = fit_svm(x[draws[0]], labels[draws[0]], probe.costs, **options)
        right = (predict_all(machines, x).cpu().numpy() == labels)[:, rest].mean(1)
        cost = max(zip(probe.costs, right), key=lambda pair: (pair[1], -pair[0]))[0]
        machines = [fit_svm(x[rows], labels[rows], cost, **options)[0] for rows in draws]
        return (predict_all(machines, x_test).cpu().numpy() == truth).mean(1).tolist()


def follow(
    config: dcgan.Config, protocol: Protocol, judge: Judge, images: np.ndarray, spec: Spec, replica: Replica
) -> np.ndarray:
    """Train the row with the replica's seed on uint8 `images` (N, C, H, W), whatever number of steps its `config` has,
    and judge it after each number of images: (numbers, draws)."""
    per_step = batches_in_a_step(config) * config.batch_size
    check_steps(protocol, per_step)
    looks = [seen // per_step for seen in protocol.images]
    system = built(dcgan.System, config, spec, replica)
    longer = config.model_copy(update={"steps": looks[-1] * batches_in_a_step(config)})
    task, streams, steps = adversarial(system.gan, images, longer, replica)
    # in the task, so that they are in its checkpoint
    task.register_buffer("judged", torch.zeros(len(looks), judge.probe.draws, dtype=torch.float64))

    def look(step: int) -> None:
        if step in looks:
            found = judge.accuracies(copy.deepcopy(system))  # of a copy: the statistics of training stay
            task.judged[looks.index(step)] = torch.tensor(found, dtype=torch.float64)
            replica.log(step, accuracy_few=float(np.mean(found)))

    if looks[0] == 0:
        task.judged[0] = torch.tensor(judge.accuracies(copy.deepcopy(system)), dtype=torch.float64)
    train(task, streams, steps=steps, replica=replica, callback=look, callback_every=math.gcd(*looks))
    return task.judged.cpu().numpy()


def check_steps(protocol: Protocol, per_step: int) -> None:
    """Raises ParamsError for a number of images that no step ends at."""
    for seen in protocol.images:
        if seen % per_step:
            raise ParamsError(
                f"images_seen.images = {seen}: must be a multiple of the {per_step} images of a step of "
                "objects.systems.dcgan"
            )


def flat_line(name: str, config: Strict, judge: Judge, images: np.ndarray, spec: Spec, replica: Replica) -> np.ndarray:
    """The row `name` of FLAT, learned from `images`: (1, draws)."""
    system = built(FLAT[name], config, spec, replica)
    system.fit(images, replica)
    return np.array([judge.accuracies(system)])


def built(row: type[FeatureSystem], config: Strict, spec: Spec, replica: Replica) -> FeatureSystem:
    """A fresh system of the replica's seed, with the weights that the table's would begin with."""
    torch.manual_seed(replica.seed)
    return row(config, spec).to(replica.device)


def evaluate(
    curves: Sequence[np.ndarray], flat: Mapping[str, Sequence[np.ndarray]], protocol: Protocol, config: dcgan.Config
) -> dict[str, Result]:
    """`curves`: of each seed, (numbers, draws); `flat`: row -> of each training, (1, draws). Returns the lines of the
    study's table."""
    results = {}
    for i, seen in enumerate(protocol.images):
        values = [value for curve in curves for value in curve[i].tolist()]
        told = [*filter(None, [spread("accuracy_few", values, len(curves), "training")])]
        results[f"images_{seen}"] = Result({"accuracy_few": values}, told + notes_on_updates(config))
    for name, trainings in flat.items():
        values = [value for found in trainings for value in found[0].tolist()]
        results[name] = Result({"accuracy_few": values}, trainings=len(trainings))
    return results
