"""How every system of the `objects` table is judged (Radford et al. 2015, section 5.1; Coates & Ng 2011).

The system's features of a labelled set train a linear L2-SVM. `accuracy`: on all training images; C is chosen on a part
of them that is set apart, then all of them train. `accuracy_few`: on a few images of each class drawn at random,
several times; C is chosen on the training images that draw 0 leaves over, then fixed. Both are measured on the whole
test set. The parts and the draws depend on `draw_seed` alone: all systems and seeds meet the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field

from triptych.base.config import ParamsError, Positive, ProtocolSection, Seeds, Strict
from triptych.base.results import Result, chosen, spread
from triptych.data.format import Split
from triptych.dcgan.objects.extraction import adapt_and_extract, extract
from triptych.dcgan.objects.parts.system import FeatureSystem
from triptych.dcgan.svm.label_draws import draw_rows, labels_of
from triptych.dcgan.svm.newton import Rows
from triptych.dcgan.svm.svm import fit_svm, predict_all
from triptych.engine.parallel import one_by_one


class Probe(Strict):
    """The linear stage. The paper does not give its grid of C, nor how it chose on CIFAR-10; the rest is its own."""

    costs: list[Positive] = Field(
        default=[1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5],
        min_length=1,
        description="C of the SVM, whose loss is a sum over images",
    )
    validation: int = Field(default=10_000, ge=1, description="training images set apart to choose C")
    per_class: int = Field(default=400, ge=1, description="labels of each class for `accuracy_few`")
    draws: int = Field(default=10, ge=1, description="of these labels")
    draw_seed: int = Field(default=0, ge=0, lt=2**32)


class Protocol(ProtocolSection):
    """Which sets, how many trainings of each system, and how they are judged."""

    data: str = Field(default="objects", description="the labelled set, with splits train and test")
    unlabelled: str = Field(default="objects_unlabelled", description="the set that features are learned from")
    seeds: Seeds
    probe: Probe = Probe()

    def datasets(self) -> list[str]:
        return [self.unlabelled, self.data]

    def same_pixels(self) -> list[str]:
        return self.datasets()


@dataclass(frozen=True)
class Outcome:
    """One trained system: accuracies as fractions, the C that was chosen, the number of features."""

    accuracy: float
    accuracy_few: list[float]  # one a draw
    cost: float
    cost_few: float
    n_features: int
    widest_layer: int | None = None  # its maps or units


def evaluate(
    systems: Mapping[int, FeatureSystem],
    train: Split,
    test: Split,
    protocol: Protocol,
    device: torch.device,
    for_each=one_by_one,
) -> Result:
    """Judge the systems trained with each seed -> metrics with a value a seed, or a seed and draw.

    A system that learns nothing is the same for every seed and is judged once. `for_each(seeds, work)` judges others.
    """
    first = next(iter(systems.values()))
    if not first.learns:
        systems = dict(list(systems.items())[:1])
    judged = lambda seed: judge(systems[seed], train, test, protocol.probe, device)  # noqa: E731
    outcomes = for_each(list(systems), judged)  # an error names the item: not a whole network
    metrics = {
        "accuracy": [o.accuracy for o in outcomes],
        "accuracy_few": [value for o in outcomes for value in o.accuracy_few],
        "widest_layer": [o.widest_layer for o in outcomes if o.widest_layer is not None],
    }
    metrics = {name: values for name, values in metrics.items() if values}
    few, classes = protocol.probe.per_class, len(np.unique(labels_of(train)))
    left = len(train) - few * classes
    notes = [
        f"{outcomes[0].n_features} features",
        chosen("C (all labels)", [o.cost for o in outcomes], protocol.probe.costs),
        chosen(f"C ({few} labels per class)", [o.cost_few for o in outcomes], protocol.probe.costs),
        f"accuracy_few: {few} labels per class ({few * classes} in all), {protocol.probe.draws} draws; one C for all, "
        f"chosen with the labels of {left} further training images, among which are those of later draws",
        *filter(None, [spread("accuracy_few", metrics["accuracy_few"], len(outcomes), "training")]),
    ]
    return Result(metrics, notes + first.notes(), trainings=len(outcomes))


def judge(system: FeatureSystem, train: Split, test: Split, probe: Probe, device: torch.device) -> Outcome:
    """Extract the system's features and run both evaluations on them."""
    order = np.random.default_rng([probe.draw_seed, 0]).permutation(len(train))
    labels, test_labels = labels_of(train)[order], labels_of(test)
    if probe.validation >= len(train):
        raise ParamsError(f"probe.validation = {probe.validation}: must leave some of {len(train)} training images")
    draws = [draw_rows(labels, probe.per_class, [probe.draw_seed, 1, i], "probe.per_class") for i in range(probe.draws)]
    rest = np.setdiff1d(np.arange(len(labels)), draws[0])
    if not len(rest):
        raise ParamsError(f"probe.per_class = {probe.per_class}: leaves no training image to choose C on")
    system = system.to(device).eval()
    x = adapt_and_extract(system, train.images, device, order)
    x_test = extract(system.features, test.images, device)

    tuning = len(labels) - probe.validation
    cost = _choose(probe.costs, x[:tuning], labels[:tuning], x[tuning:], labels[tuning:], device)
    cost_few = _choose(probe.costs, x[draws[0]], labels[draws[0]], x, labels, device, among=rest)
    accuracy = _accuracies([cost], x, labels, x_test, test_labels, device)[0]
    few = [_accuracies([cost_few], x[rows], labels[rows], x_test, test_labels, device)[0] for rows in draws]
    return Outcome(accuracy, few, cost, cost_few, x.shape[1], system.widest_layer)


def _choose(
    costs: Sequence[float],
    x: Rows,
    labels: np.ndarray,
    x_validation: Rows,
    truth: np.ndarray,
    device: torch.device,
    among: np.ndarray | None = None,
) -> float:
    """The C with the best accuracy on the validation set; the smallest of equals."""
    accuracies = _accuracies(costs, x, labels, x_validation, truth, device, among)
    return max(zip(costs, accuracies), key=lambda pair: (pair[1], -pair[0]))[0]


def _accuracies(
    costs: Sequence[float],
    x: Rows,
    labels: np.ndarray,
    x_test: Rows,
    truth: np.ndarray,
    device: torch.device,
    among: np.ndarray | None = None,
) -> list[float]:
    """Train with each C, test on `x_test` (or its rows `among`)."""
    k = int(max(labels.max(), truth.max())) + 1
    right = predict_all(fit_svm(x, labels, costs, n_classes=k, device=device), x_test).cpu().numpy() == truth
    return (right if among is None else right[:, among]).mean(1).tolist()
