"""Where CycleGAN fails (Zhu et al. 2017, section 6): it changes textures and colours, not shapes.

Two tasks of one look, in each of which the domains differ in one property alone: `texture` (apple and orange skin) and
`geometry` (round and long). A classifier of skins and one of shapes, each trained on the real images of its task, name
what a translation shows. Where a translation is named differently from its input, that property was changed. A
classifier of drawn fruit knows no photos: where the data of a task are not drawn here, its own classifier judges alone.

CycleGAN is trained twice: as in the paper, and with the identity term, which the paper has for paintings and flowers
alone and the authors' code for everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pydantic import Field, model_validator

from triptych.base.config import ProtocolSection, Seeds
from triptych.base.pixels import signed, to_uint8
from triptych.base.results import Result
from triptych.common.silhouette import overlap, silhouettes
from triptych.cyclegan.gan.streams import enlarge
from triptych.cyclegan.gan.translation import CycleConfig
from triptych.cyclegan.gan.two_domains import TwoDomains
from triptych.cyclegan.streets.parts.cycle import CycleSystem
from triptych.cyclegan.studies.failure_case import domain_classifier
from triptych.cyclegan.studies.failure_case.domain_classifier import DomainClassifier, train_classifier
from triptych.data.spec import Spec
from triptych.engine import Replica, inference

PROPERTIES = ("texture", "geometry")  # the items of the study, and what the classifiers judge


class Protocol(ProtocolSection):
    """The section `failure_case` of params.yaml."""

    seeds: Seeds
    texture: str = Field("fruit_texture", description="dataset of two domains that differ in texture")
    geometry: str = Field("fruit_geometry", description="dataset of two domains that differ in geometry")
    cyclegan: CycleConfig = CycleConfig()
    identity_weight: float = Field(0.5, gt=0, description="of the second training, a fraction of lambda")
    classifier: domain_classifier.Config = domain_classifier.Config()

    @model_validator(mode="after")
    def _trainings_differ(self) -> Protocol:
        if self.identity_weight == self.cyclegan.identity_weight:
            raise ValueError(
                f"identity_weight = {self.identity_weight} and cyclegan.identity_weight are the same: there would be "
                "nothing to compare"
            )
        return self

    def trainings(self, item: str) -> dict[str, CycleConfig]:
        """The rows of the task `item`, and the parameters of each."""
        with_identity = self.cyclegan.model_copy(update={"identity_weight": self.identity_weight})
        return {item: self.cyclegan, f"{item}_identity": with_identity}

    def datasets(self) -> list[str]:
        """The names of the prepared datasets that the study uses."""
        return [self.texture, self.geometry]


@dataclass(frozen=True)
class Ways:
    """The test images of both domains there and back: uint8 (n, 3, S, S)."""

    x: np.ndarray
    x_to_y: np.ndarray
    x_back: np.ndarray
    y: np.ndarray
    y_to_x: np.ndarray
    y_back: np.ndarray


Judged = dict[str, tuple[dict[str, float], Ways]]  # row -> its numbers and translations


def run(
    item: str, train: Mapping[str, TwoDomains], test: Mapping[str, TwoDomains], protocol: Protocol, replica: Replica
) -> Judged:
    """One seed of the task `item`: train both classifiers, and CycleGAN without and with the identity term.

    `train`, `test`: property -> the domains that differ in it. Raises ValueError if there is no such task.
    """
    if item not in PROPERTIES:
        raise ValueError(f"{item!r} is none of {', '.join(PROPERTIES)}")
    size, device = protocol.cyclegan.pixels, replica.device
    judges = {
        kind: train_classifier(train[kind], size, protocol.classifier, replica.part(f"{kind}_classifier"))
        for kind in PROPERTIES
        if kind == item or (train[kind].drawn and train[item].drawn)
    }
    sure = {f"{kind}_classifier_acc": accuracy(judge, test[kind], size, device) for kind, judge in judges.items()}
    done = {}
    for row, config in protocol.trainings(item).items():
        torch.manual_seed(replica.seed)
        system = CycleSystem(config, Spec((3, size, size)))
        system.fit(train[item], replica if row == item else replica.part("identity"))
        ways = translate(system, test[item], device)
        done[row] = {**judged(ways, judges, device), **sure}, ways
    return done


def results(item: str, done: Sequence[Judged], card: Mapping[str, Any], protocol: Protocol) -> dict[str, Result]:
    """Row -> result: what `run` gave of each seed. `card` describes the data of the task `item`."""
    out = {}
    for row, config in protocol.trainings(item).items():
        numbers = [of_seed[row][0] for of_seed in done]
        out[row] = Result({name: [n[name] for n in numbers] for name in numbers[0]}, notes_on(card, config))
    return out


def translate(system: CycleSystem, data: TwoDomains, device: torch.device) -> Ways:
    """Every image of `data` through its generator, and the outcome through the other one."""

    def through(generator: torch.nn.Module, images: np.ndarray | torch.Tensor) -> torch.Tensor:
        return inference(lambda i: to_uint8(generator(signed(i))), images, device, 64).to(torch.uint8)

    x, y = (enlarge(images, system.config.pixels, "bicubic") for images in (data.x, data.y))
    system.eval()
    there, here = through(system.G, x), through(system.F, y)
    back, forth = through(system.F, there), through(system.G, here)
    return Ways(*(images.numpy() for images in (x, there, back, y, here, forth)))


def judged(ways: Ways, judges: Mapping[str, DomainClassifier], device: torch.device) -> dict[str, float]:
    """`to_b/...` for x -> y and `to_a/...` back: `<property>_changed`, the share of translations that a judge names
    differently from their input; `silhouette_iou` of input and output; `change`, mean |output - input| in grey levels.
    `unrelated_iou`: of silhouettes of test images of the two domains that have nothing to do with each other."""
    out = {}
    for way, inputs, outputs in (("to_b", ways.x, ways.x_to_y), ("to_a", ways.y, ways.y_to_x)):
        for kind, judge in judges.items():
            named = [judge.named(images, device) for images in (inputs, outputs)]
            out[f"{way}/{kind}_changed"] = float((named[0] != named[1]).mean())
        out[f"{way}/silhouette_iou"] = overlap(silhouettes(inputs), silhouettes(outputs))
        out[f"{way}/change"] = float(np.abs(outputs.astype(float) - inputs).mean())
    n = min(len(ways.x), len(ways.y))
    out["unrelated_iou"] = overlap(silhouettes(ways.x[:n]), silhouettes(ways.y[:n]))
    return out


def notes_on(card: Mapping[str, Any], config: CycleConfig) -> list[str]:
    """What to know of the numbers of a training with `config` on the data that `card` describes."""
    weight = config.identity_weight
    notes = [f"identity term: weight {weight:g} · λ" if weight else "no identity term, as in the paper"]
    if card["source"] != "rendered":
        notes.append(
            f"changed: named otherwise by a classifier of the two domains of {card['title']}; no classifier of other "
            "pictures judges these"
        )
        notes.append(
            "silhouettes are told by the colour of plain ground: where photos have none, their IoU means nothing"
        )
    return notes


def accuracy(judge: DomainClassifier, data: TwoDomains, size: int, device: torch.device) -> float:
    """Share of held-out images that it names rightly, over both domains alike."""
    named = [judge.named(enlarge(images, size, "bicubic"), device) for images in (data.x, data.y)]
    return float(((~named[0]).mean() + named[1].mean()) / 2)
