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
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from triptych.base.config import Seeds, Strict
from triptych.data.format import Split
from triptych.dcgan.gan.networks import FAMILIES
from triptych.dcgan.gan.training import Gan, GanConfig, train_gan
from triptych.dcgan.studies.arithmetic.attributes import Reader, ReaderConfig, held_out, targets_of, train_reader
from triptych.dcgan.studies.arithmetic.code_lab import Lab
from triptych.dcgan.studies.arithmetic.demonstrations import Numbers, Pictures, add_up, interpolate, turn
from triptych.dcgan.studies.arithmetic.filters import Filters, respond
from triptych.dcgan.studies.arithmetic.forgetting import Forgetting, forget
from triptych.dcgan.studies.arithmetic.nearest_real import NearestReal
from triptych.engine import Replica

ITEMS = ("interpolation", "turn", "filters", "forgetting", "reader")  # and the names of the pairs


class Interpolation(Strict):
    """`series` of `points` random codes; neighbours are joined by `steps` equal steps."""

    series: int = Field(ge=1)
    points: int = Field(default=9, ge=2)
    steps: int = Field(default=8, ge=1)


class Pair(Strict):
    """A: `changed` on, B: `changed` off, both with `across` = `start`; C: `changed` off and `across` the other way.
    A − B + C should have `changed` on and `across` as C has it (smiling woman − neutral woman + neutral man)."""

    changed: str
    across: str
    start: Literal[0, 1]

    @model_validator(mode="after")
    def _two_attributes(self) -> Pair:
        if self.changed == self.across:
            raise ValueError(f"changed and across are both {self.changed!r}; a pair needs two attributes")
        return self


class Turn(Strict):
    """The direction between the means of `exemplars` samples at either end of the `factor`; `starts` random codes are
    moved along it, at `points` places from −`reach` to +`reach` of its length. factor: null if the data have none."""

    factor: str | None
    exemplars: int = Field(default=4, ge=1)
    starts: int = Field(ge=1)
    points: int = Field(default=9, ge=3)
    reach: float = Field(default=0.5, gt=0)


class Protocol(Strict):
    """The whole section. Exemplars are drawn `draws` times from the `candidates` best of `pool` samples; `exemplars`
    per concept, `around` further images within ±`noise` of the result. The reader is judged on `held_out` images;
    `bank` training images are what distances to real ones are measured to."""

    dataset: str
    seeds: Seeds
    gan: GanConfig
    reader: ReaderConfig
    pool: int = Field(ge=8)
    candidates: int = Field(ge=1)
    draws: int = Field(ge=1)
    exemplars: int = Field(default=3, ge=1)
    around: int = Field(default=8, ge=0)
    noise: float = Field(default=0.25, ge=0)
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
    gan = fit_gan(train, protocol, replica.part("gan"))
    bank = train.images[np.sort(rng.permutation(len(train))[: protocol.bank])]
    lab = Lab.of(gan, reader, NearestReal(bank, real, replica.device), protocol.pool, replica.seed)
    pictures: Pictures = {}
    numbers["interpolation"], pictures["interpolation"] = interpolate(lab, protocol.interpolation)
    for name, pair in protocol.pairs.items():
        numbers[name], shown = add_up(lab, name, pair, protocol)
        pictures |= {f"{name}/{key}": images for key, images in shown.items()}
    if protocol.turn.factor is not None:
        numbers["turn"], shown = turn(lab, protocol.turn, protocol)
        pictures |= {f"turn/{key}": images for key, images in shown.items()}
    nets = {"": gan.discriminator, "_random": new_gan(train, protocol, replica.part("gan")).discriminator}
    factors = {f["name"]: test.factors[judged, k] for k, f in enumerate(card["factors"])}
    numbers["filters"], shown = respond(nets, bank, real, factors, protocol.filters)
    pictures |= {f"filters/{key}": images for key, images in shown.items()}
    numbers["forgetting"], shown = forget(lab, protocol.forgetting)
    pictures |= {f"forgetting/{key}": images for key, images in shown.items()}
    return Outcome(numbers, pictures)


def fit_reader(train: Split, card: dict[str, Any], protocol: Protocol, replica: Replica) -> Reader:
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


def fit_gan(train: Split, protocol: Protocol, replica: Replica) -> Gan:
    gan = new_gan(train, protocol, replica)
    train_gan(gan, train.images, protocol.gan, replica)
    return gan


def rows(outcomes: Sequence[Outcome], protocol: Protocol) -> dict[str, dict[str, list[float]]]:
    """Row -> metric -> a value per seed. The turn's row is there, and empty, where the data have no azimuth."""
    names = ["interpolation", *protocol.pairs, "turn", "filters", "forgetting", "reader"]
    found = {name: [o.numbers.get(name, {}) for o in outcomes] for name in names}
    return {name: {metric: [n[metric] for n in each] for metric in each[0]} for name, each in found.items()}


def notes(row: str, protocol: Protocol) -> list[str]:
    p = protocol
    if row == "interpolation":
        c = p.interpolation
        return [f"{c.series} series of {c.points} random codes; {c.steps} equal steps from each to the next"]
    if row == "reader":
        return [f"judged on {p.held_out} images that it was not trained on"]
    if row == "turn":
        if p.turn.factor is None:
            return ["not measured: the data name no factor for the turn"]
        return [
            f"{p.draws} draws of {p.turn.exemplars} exemplars at either end, {p.turn.starts} starts each, "
            f"{p.turn.points} places"
        ]
    if row == "filters":
        return [
            f"variance of a filter's strongest response in each of {p.held_out} held-out images; random filters: the "
            "same net before training",
            "pictures by guided backpropagation; what becomes of a leaky rectifier's leak on the way back is not said: "
            "closed",
        ]
    if row == "forgetting":
        f = p.forgetting
        return [
            f"{f.attribute} forgotten: {f.boxes} boxes of {f.height} × {f.width} pixels, put by the classifier where "
            f"the paper drew 52 by hand; maps of layer {f.layer} from the top; {f.controls} random choices of as many; "
            f"judged on all {p.pool} samples",
        ]
    pair = p.pairs[row]
    return [
        f"{pair.changed} put on, from {pair.across} = {pair.start} to {pair.across} = {1 - pair.start}; {p.draws} "
        f"draws of {p.exemplars} exemplars a concept out of the {p.candidates} surest of {p.pool} samples; "
        f"{1 + p.around} images a draw",
        "success is what the classifier that judges says, which also chose the exemplars",
    ]
