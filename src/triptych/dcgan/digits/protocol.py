"""How every system of the `digits` table is judged (Radford et al. 2015, section 5.2; authors' SVHN script).

    training set, shuffled  =  validation images  +  pool labels of a draw        =  the same number of each
    class, at random from the pool (100: 1000 labels in all)

What a system has to choose, it chooses by the mean validation error over a few tuning draws; then come new draws and
the test set. The images of the pool, without labels, are there for every system. The draws depend on the split and the
seed alone, so that all systems see the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field

from triptych.base.config import ParamsError, ProtocolSection, Seeds
from triptych.base.results import Result, chosen, spread
from triptych.data.format import DataError, Dataset, Split
from triptych.dcgan.digits.parts.system import DigitsSystem, Labelled
from triptych.dcgan.svm.label_draws import draw_rows, labels_of
from triptych.engine import Replica

TUNING, EVALUATION = 0, 1  # draws for one purpose are never reused for the other
NEXT_DRAW = 1_000_003  # what is added to the seed where every draw trains its own networks


class Protocol(ProtocolSection):
    """The defaults are the paper's, and its code's, where they state them."""

    dataset: str = "digits"
    seeds: Seeds
    validation: int = Field(default=10_000, gt=0, description="images set apart from the training set")
    split_seed: int = Field(default=0, ge=0, lt=2**32)
    labels_per_class: int = Field(default=100, gt=0)
    tuning_draws: int = Field(default=10, gt=0, description="to choose on; systems that train nets for it take fewer")
    evaluation_draws: int = Field(default=100, gt=0, description="other draws, to judge on")
    retrained_draws: int = Field(
        default=1, gt=0,
        description="in place of evaluation_draws, for systems that train networks on each draw or are transductive",
    )  # fmt: skip
    extra: bool = Field(default=False, description="add the images of the split `extra` to the pool, unlabelled")

    def datasets(self) -> list[str]:
        return [self.dataset]


@dataclass(frozen=True)
class Parts:
    """The training set, divided. Images are uint8 (n, C, H, W), labels int64 (n,)."""

    pool: Labelled
    validation: Labelled
    unlabelled: np.ndarray

    def draw(self, per_class: int, *key: int) -> Labelled:
        """The labelled images of the draw that `key` names."""
        rows = np.sort(draw_rows(self.pool[1], per_class, key))
        return self.pool[0][rows], self.pool[1][rows]


def divide(data: Dataset | Mapping[str, Split], protocol: Protocol) -> Parts:
    """Shuffle the training set and cut off its validation images.

    Raises ParamsError if too few images are left to draw labels from, or if there is no split `extra` to add."""
    train = data["train"]
    images, labels = np.asarray(train.images), labels_of(train)
    order = np.random.default_rng(protocol.split_seed).permutation(len(labels))
    held_out, rest = order[: protocol.validation], order[protocol.validation :]
    counts = np.bincount(labels[rest], minlength=int(labels.max()) + 1)
    if counts.min() < protocol.labels_per_class:
        raise ParamsError(
            f"digits.labels_per_class = {protocol.labels_per_class}: beside {protocol.validation} "
            f"validation images the rarest class has {counts.min()} images"
        )
    pool = images[rest], labels[rest]
    unlabelled = pool[0]
    if protocol.extra:
        try:
            unlabelled = np.concatenate([pool[0], data["extra"].images])
        except (KeyError, DataError) as error:
            raise ParamsError(f"digits.extra = True: {error}") from None
    return Parts(pool, (images[held_out], labels[held_out]), unlabelled)


def run(
    system: DigitsSystem, data: Dataset | Mapping[str, Split], protocol: Protocol, replica: Replica
) -> dict[str, list[float]]:
    """Train and test `system` with one seed: metric -> one value per draw, `test_error` (a fraction) and what the
    system measures itself."""
    parts = divide(data, protocol)
    system.pretrain(parts.unlabelled, replica)
    tuning, evaluation = numbers_of_draws(system, protocol)
    draws = [parts.draw(protocol.labels_per_class, TUNING, replica.seed, i) for i in range(tuning)]
    system.tune(draws, parts.validation, replica)

    test_images, test_labels = data["test"].images, labels_of(data["test"])
    metrics: dict[str, list[float]] = {"test_error": []}
    for i in range(evaluation):
        images, labels = parts.draw(protocol.labels_per_class, EVALUATION, replica.seed, i)
        own = replace(replica.part(f"draw{i}"), seed=replica.seed + NEXT_DRAW * i)  # other weights, other batches
        system.fit(images, labels, own if system.retrains else replica)
        error = float(np.mean(system.predict(test_images) != test_labels))
        for name, value in {"test_error": error, **system.metrics()}.items():
            metrics.setdefault(name, []).append(value)
            replica.log(i, **{name: value})
    return metrics


def numbers_of_draws(system: DigitsSystem, protocol: Protocol) -> tuple[int, int]:
    """Draws of labels that `system` chooses on and, others, that it is judged on, for each seed."""
    most = protocol.tuning_draws if system.most_tuning_draws is None else system.most_tuning_draws
    return min(most, protocol.tuning_draws), protocol.retrained_draws if system.retrains else protocol.evaluation_draws


def evaluate(
    systems: Sequence[DigitsSystem], runs: Sequence[Mapping[str, Sequence[float]]], protocol: Protocol
) -> Result:
    """One row: the values of all seeds, and notes on what they are means over and what each seed's system chose.

    `systems` and `runs`, what `run` returned for them: one a seed."""
    metrics = {name: [value for r in runs for value in r[name]] for name in runs[0]}
    tuning, evaluation = numbers_of_draws(systems[0], protocol)
    draws = f"{evaluation} draw{'s' * (evaluation > 1)} of them for each seed"
    made = [system.choices() for system in systems]
    choices = "; ".join(chosen(name, [m[name][0] for m in made], grid) for name, (_, grid) in made[0].items())
    if any(min(grid) < max(grid) for _, grid in made[0].values()):
        choices = f"chosen on {protocol.validation} validation images: {choices}"
        if tuning:
            draws += f", and {tuning} other{'s' * (tuning > 1)} to choose on"
    lines = [f"{protocol.labels_per_class} labels per class; {draws}", choices]
    if protocol.extra:
        lines.append("the images of the split `extra` are among the unlabelled ones")
    lines += [spread(name, values, len(systems), "seed") for name, values in metrics.items()]
    return Result(metrics, [line for line in lines if line] + systems[0].notes())
