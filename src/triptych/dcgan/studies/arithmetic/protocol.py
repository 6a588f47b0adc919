"""Study `arithmetic`: what a DCGAN's nets know of the things they draw (paper, section 6; figures 4 to 8).

The paper shows pictures whose exemplars were picked by hand. Here a classifier that was trained on the data's labels
picks the exemplars among samples and judges the results, so that each demonstration becomes a number:

    interpolation   steps along straight lines between random codes; a jump would hint at memorised images
    <pair>          mean(A) − mean(B) + mean(C) of codes, against one exemplar each, and against the same sum of pixels
    turn            a direction from faces that look left to faces that look right, added to random codes
    filters         what excites the maps of the discriminator's last convolution, against those of random filters
    forgetting      samples without the feature maps that seem to draw an attribute
    reader          the classifier itself, on held-out images
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pydantic import Field, model_validator

from triptych.base.config import ProtocolSection, Seeds
from triptych.base.results import Result
from triptych.data.format import Split
from triptych.dcgan.gan.networks import FAMILIES
from triptych.dcgan.gan.training import Gan, GanConfig, train_gan
from triptych.dcgan.studies.arithmetic.attributes import Reader, ReaderConfig, held_out, targets_of, train_reader
from triptych.dcgan.studies.arithmetic.code_lab import Lab
from triptych.dcgan.studies.arithmetic.demonstrations import (
    Exemplars,
    Interpolation,
    Numbers,
    Pair,
    Pictures,
    Turn,
    add_up,
    interpolate,
    turn,
)
from triptych.dcgan.studies.arithmetic.filters import Filters, respond
from triptych.dcgan.studies.arithmetic.forgetting import Forgetting, forget
from triptych.dcgan.studies.arithmetic.nearest_real import NearestReal
from triptych.engine import Replica

ITEMS = ("interpolation", "turn", "filters", "forgetting", "reader")  # and the names of the pairs


class Protocol(Exemplars, ProtocolSection):
    """The whole section. The reader is judged on `held_out` images; `bank` training images are what distances to real
    ones are measured to."""

    dataset: str
    seeds: Seeds
    gan: GanConfig
    reader: ReaderConfig
    pool: int = Field(ge=8)
    held_out: int = Field(ge=2)
    bank: int = Field(ge=2)
    interpolation: Interpolation
    pairs: dict[str, Pair] = Field(min_length=1)
    turn: Turn
    filters: Filters
    forgetting: Forgetting

    @model_validator(mode="after")
    def _enough(self) -> Protocol:
        wanted = max(self.exemplars, self.turn.exemplars)
        if not wanted <= self.candidates <= self.pool:
            raise ValueError(f"candidates = {self.candidates}: must lie between exemplars ({wanted}) and pool")
        taken = sorted(set(ITEMS) & set(self.pairs))
        if taken:
            raise ValueError(f"pairs: {taken[0]!r} is the name of another row")
        return self

    @model_validator(mode="after")
    def _maps_to_show(self) -> Protocol:
        maps = FAMILIES[self.gan.net].multiples[-1] * self.gan.width
        if self.filters.shown > maps:
            raise ValueError(f"filters.shown = {self.filters.shown}: the last convolution has {maps} maps")
        if self.filters.images > self.held_out:
            raise ValueError(f"filters.images = {self.filters.images}: there are {self.held_out} images (held_out)")
        return self

    @model_validator(mode="after")
    def _something_to_forget(self) -> Protocol:
        net, f = FAMILIES[self.gan.net], self.forgetting
        if f.layer > len(net.strides):
            raise ValueError(f"forgetting.layer = {f.layer}: {self.gan.net} has {len(net.strides)} layers of maps")
        cell = math.prod(net.strides[: f.layer])
        if not cell <= min(f.box) <= max(f.box) < net.size:
            raise ValueError(
                f"forgetting.height = {f.height}, width = {f.width}: both must lie between {cell} pixels, what a value "
                f"of layer {f.layer} stands for, and {net.size - 1}; the images are {net.size} pixels wide"
            )
        if f.boxes > self.pool:
            raise ValueError(f"forgetting.boxes = {f.boxes}: there are {self.pool} samples (pool)")
        return self

    def datasets(self) -> list[str]:
        return [self.dataset]

    @property
    def attributes(self) -> list[str]:
        names = {name for pair in self.pairs.values() for name in (pair.changed, pair.across)}
        return sorted(names | {self.forgetting.attribute})


@dataclass(frozen=True)
class Outcome:
    """Of one seed: row -> metric -> value, and row/name -> images to show."""

    numbers: dict[str, Numbers]
    pictures: Pictures


def run(train: Split, test: Split, card: dict[str, Any], protocol: Protocol, replica: Replica) -> Outcome:
    """Everything for one seed: train the reader and the GAN on `train`, judge the reader on `test`, then every row.
    Raises DataError where the data lack an attribute."""
    reader = fit_reader(train, card, protocol, replica.part("reader"))
    targets = targets_of(test, card, reader.attributes, reader.angle)
    rng = np.random.default_rng(replica.seed)
    judged = np.sort(rng.permutation(len(test))[: protocol.held_out])
    real = np.asarray(test.images[judged])
    numbers = {"reader": held_out(reader, real, targets[judged])}
    gan = new_gan(train, protocol, replica.part("gan"))
    train_gan(gan, train.images, protocol.gan, replica.part("gan"))
    bank = train.images[np.sort(rng.permutation(len(train))[: protocol.bank])]
    lab = Lab.of(gan, reader, NearestReal(bank, real, replica.device), protocol.pool, replica.seed)
    numbers["interpolation"], walks = interpolate(lab, protocol.interpolation)
    pictures: Pictures = {"interpolation": walks}

    def keep(row: str, found: tuple[Numbers, Pictures]) -> None:
        numbers[row] = found[0]
        pictures.update({f"{row}/{key}": images for key, images in found[1].items()})

    for name, pair in protocol.pairs.items():
        keep(name, add_up(lab, name, pair, protocol))
    if protocol.turn.factor is not None:
        keep("turn", turn(lab, protocol.turn, protocol))
    nets = {"": gan.discriminator, "_random": new_gan(train, protocol, replica).discriminator}
    factors = {f["name"]: test.factors[judged, k] for k, f in enumerate(card["factors"])}
    keep("filters", respond(nets, bank, real, factors, protocol.filters))
    keep("forgetting", forget(lab, protocol.forgetting))
    return Outcome(numbers, pictures)


def fit_reader(train: Split, card: dict[str, Any], protocol: Protocol, replica: Replica) -> Reader:
    """The classifier that picks exemplars and judges, trained on the labels of `train`."""
    attributes, angle = protocol.attributes, protocol.turn.factor
    torch.manual_seed(replica.seed)
    reader = Reader(attributes, angle, tuple(train.images.shape[1:]), protocol.reader.width).to(replica.device)
    targets = targets_of(train, card, attributes, angle)
    train_reader(train.images, targets, reader, protocol.reader, replica)
    return reader


def new_gan(train: Split, protocol: Protocol, replica: Replica) -> Gan:
    """The weights that training begins with: those of the seed."""
    torch.manual_seed(replica.seed)
    return Gan(protocol.gan, tuple(train.images.shape[1:])).to(replica.device)


def evaluate(outcomes: Sequence[Outcome], protocol: Protocol) -> dict[str, Result]:
    """Row -> metrics with a value per seed. The turn's row is there, and empty, where the data have no azimuth."""
    told, results = notes(protocol), {}
    for name in ["interpolation", *protocol.pairs, "turn", "filters", "forgetting", "reader"]:
        each = [o.numbers.get(name, {}) for o in outcomes]
        results[name] = Result({metric: [n[metric] for n in each] for metric in each[0]}, told[name])
    return results


def notes(protocol: Protocol) -> dict[str, list[str]]:
    """What the reader of each row has to know."""
    p, walk, t, f = protocol, protocol.interpolation, protocol.turn, protocol.forgetting
    told = {
        "interpolation": [
            f"{walk.series} series of {walk.points} random codes; {walk.steps} equal steps from each to the next"
        ],
        "reader": [f"judged on {p.held_out} images that it was not trained on"],
        "turn": [
            f"{p.draws} draws of {t.exemplars} exemplars at either end, {t.starts} starts each, {t.points} places"
        ],
        "filters": [
            f"variance of a filter's strongest response in each of {p.held_out} held-out images; random filters: the "
            "same net before training",
            "pictures by guided backpropagation; what becomes of a leaky rectifier's leak on the way back is not said: "
            "closed",
        ],
        "forgetting": [
            f"{f.attribute} forgotten: {f.boxes} boxes of {f.height} × {f.width} pixels, put by the classifier where "
            f"the paper drew 52 by hand; maps of layer {f.layer} from the top; {f.controls} random choices of as many; "
            f"judged on all {p.pool} samples",
        ],
    }
    if t.factor is None:
        told["turn"] = ["not measured: the data name no factor for the turn"]
    for name, pair in p.pairs.items():
        told[name] = [
            f"{pair.changed} put on, from {pair.across} = {pair.start} to {pair.across} = {1 - pair.start}; {p.draws} "
            f"draws of {p.exemplars} exemplars a concept out of the {p.candidates} surest of {p.pool} samples; "
            f"{1 + p.around} images a draw",
            "success is what the classifier that judges says, which also chose the exemplars",
        ]
    return told
