"""How every system of the `streets` tables is judged (Zhu et al. 2017, sections 5.1.1 to 5.1.4).

labels -> photo: an FCN-8s trained on real photos segments the generated ones (FCN-score). photo -> labels:
each pixel of the generated map is the class of the nearest palette colour. The evaluator is ours, so scores
compare with its own score on real photos (the ceiling), not digit by digit with the paper's.

Streets are alike, road below and sky above, so that much of a score is had by any plausible street. What a translation
shows of its own scene is what its score is above that of the same translations against the truth of other scenes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.base.config import ProtocolSection, Seeds, Strict
from triptych.base.results import Result
from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.judge import fcn8s
from triptych.cyclegan.streets.judge.collapse import diversity, mutual_information
from triptych.cyclegan.streets.judge.fcn_score import (
    absent_classes,
    best_permutation,
    by_category,
    class_pixels,
    count,
    scores,
    segmented,
)
from triptych.cyclegan.streets.judge.hidden_information import cycle_errors, growth
from triptych.cyclegan.streets.parts.system import Translator
from triptych.data.label_classes import evaluated, nearest_class
from triptych.engine import inference, prepare
from triptych.engine.parallel import one_by_one


class Evaluation(Strict):
    """Choices that the papers leave open."""

    absent: Literal["skip", "zero"] = "skip"  # classes without a pixel of truth: out of the mean, or counted as 0
    label_size: Literal["truth", "generated"] = "truth"  # where label maps are compared
    noise: float = Field(8.0, gt=0, description="grey levels on a translation before the way back")
    cycle_scenes: int = Field(32, ge=1, description="scenes that are sent there and back")


class Protocol(ProtocolSection):
    """The section `streets` of params.yaml, without its systems."""

    dataset: str = "streets"
    seeds: Seeds
    fcn: fcn8s.Config = fcn8s.Config()
    evaluation: Evaluation = Evaluation()

    def datasets(self) -> list[str]:
        """The names of the prepared datasets that the table uses."""
        return [self.dataset]


def evaluate(
    systems: Sequence[Translator],
    val: StreetData,
    evaluator: fcn8s.FCN8s,
    protocol: Protocol,
    device: torch.device,
    for_each=one_by_one,
) -> Result:
    """Both directions of one row, trained with several seeds: one value a system. `for_each(items, work)` judges the
    systems."""
    pixels, size = systems[0].config.pixels, protocol.fcn.size
    x, y = val.labels_at(pixels), val.photos_at(pixels)
    some = val.spread_rows(protocol.evaluation.cycle_scenes)

    def translated(way: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        return inference(way, images, device, 32).to(torch.uint8)

    def judge(system: Translator) -> dict[str, float]:
        system = prepare(system, device).eval()
        photos, labels = translated(system.to_photo, x), translated(system.to_labels, y)
        shown = {"to_photo": segmented(photos.numpy(), evaluator.segment, size), "to_labels": _named(labels, val)}
        own = _named(translated(system.to_labels, photos), val)  # the way back: read its own photos
        measured = {
            **_all_scores(shown, val, protocol),
            **_scores_of_other_scenes(shown, val, protocol),
            "to_labels/own_photos_pixel_acc": _scores(_count("to_labels", own, val, protocol), protocol)["pixel_acc"],
            "to_photo/diversity": diversity(photos, y),
            "to_labels/diversity": diversity(labels, x),
            **cycle_measures(system, x[some], y[some], photos[some], labels[some], protocol.evaluation.noise, device),
        }
        return {name: value for name, value in measured.items() if value is not None}

    judged = for_each(range(len(systems)), lambda k: judge(systems[k]))  # an error names the item: not a whole network
    notes = [
        *systems[0].notes(),
        *_notes(val, protocol),
        f"noise_growth: error of the way back with noise of {protocol.evaluation.noise:g} grey levels on the "
        f"translation, over that without; {len(some)} scenes",
    ]
    return Result({name: [values[name] for values in judged] for name in judged[0]}, notes)


def evaluate_references(
    train: StreetData, val: StreetData, evaluator: fcn8s.FCN8s, protocol: Protocol
) -> dict[str, Result]:
    """Row -> result of the ceiling, real photos and label images, and of the floors: photos of other scenes, everything
    the commonest class, and the input handed back unchanged (the FCN takes colours of labels for classes, too)."""
    photos = np.asarray(val.photos)
    order = _elsewhere(len(val))
    commonest = int(class_pixels(train.label_maps, train.classes).argmax())
    colour = np.array(evaluated(val.classes)[commonest]["colour"], np.uint8)[:, None, None]

    def constant(images: Tensor) -> Tensor:
        return torch.full((len(images), *images.shape[-2:]), commonest, dtype=torch.uint8)

    rows = {
        "real_photos": (photos, val.labels, evaluator.segment),
        "shuffled_photos": (photos[order], val.labels[order], evaluator.segment),
        "constant": (photos, np.broadcast_to(colour, val.labels.shape), constant),
        "unchanged": (np.asarray(val.labels), photos, evaluator.segment),
    }
    notes, results = _notes(val, protocol), {}
    for name, (images, labels, segment) in rows.items():
        shown = {"to_photo": segmented(images, segment, protocol.fcn.size), "to_labels": _named(labels, val)}
        values = _all_scores(shown, val, protocol)
        results[name] = Result({metric: [value] for metric, value in values.items()}, notes)
    return results


def cycle_measures(
    system: Translator, x: Tensor, y: Tensor, photos: Tensor, labels: Tensor, noise: float, device: torch.device
) -> dict[str, float]:
    """The way back of each direction, without and with noise on the picture between (see hidden_information).

    `x`, `y`: label images and photos, uint8 (n, 3, S, S); `photos`, `labels`: what the system made of them.
    """
    out = {}
    for way, inputs, outputs, back in (
        ("to_photo", x, photos, system.to_labels),
        ("to_labels", y, labels, system.to_photo),
    ):
        clean, disturbed = cycle_errors(
            outputs, inputs, lambda images, back=back: inference(back, images, device, 32), noise
        )
        out |= {f"{way}/cycle_error": clean, f"{way}/noise_growth": growth(clean, disturbed)}
    return out


def _named(labels: Tensor | np.ndarray, val: StreetData) -> np.ndarray:
    """Label maps as colour images, uint8 (N, 3, h, w) -> train ids (N, h, w) of the nearest palette colours."""
    return nearest_class(np.asarray(labels), val.classes)


def _elsewhere(n: int) -> np.ndarray:
    """For each of `n` scenes another, far off: neighbours may be frames of one drive."""
    return np.roll(np.arange(n), n // 2)


def _count(way: str, predicted: np.ndarray, val: StreetData, protocol: Protocol, rows=None) -> np.ndarray:
    lowres = way == "to_labels" and protocol.evaluation.label_size == "generated"
    return count(predicted, val.truth, val.classes, rows=rows, lowres=lowres)


def _scores(counts: np.ndarray, protocol: Protocol) -> dict[str, float]:
    return scores(counts, protocol.evaluation.absent)


def _all_scores(shown: Mapping[str, np.ndarray], val: StreetData, protocol: Protocol) -> dict[str, float]:
    """Both ways' scores of what is `shown`, train ids (N, h, w)."""
    counts = {way: _count(way, predicted, val, protocol) for way, predicted in shown.items()}
    out = {}
    for way, of_classes in counts.items():
        out |= {f"{way}/{name}": value for name, value in _scores(of_classes, protocol).items()}
        if (of_categories := by_category(of_classes, val.classes)) is not None:
            grouped = _scores(of_categories, protocol)
            out |= {f"{way}/category_{name}": grouped[f"class_{name}"] for name in ("acc", "iou")}
        out[f"{way}/mutual_information"] = mutual_information(of_classes)
    names = [c["name"].lower() for c in evaluated(val.classes)]
    if {"vegetation", "building"} <= set(names):
        pair = names.index("vegetation"), names.index("building")
        out["to_labels/pixel_acc_best_swap"] = best_permutation(counts["to_labels"], *pair)["pixel_acc"]
    return out


def _scores_of_other_scenes(shown: Mapping[str, np.ndarray], val: StreetData, protocol: Protocol) -> dict[str, float]:
    """The same translations against the truth of other scenes: what they would score if they showed some street."""
    out = {}
    for way, predicted in shown.items():
        counts = _count(way, predicted, val, protocol, _elsewhere(len(val)))
        out |= {f"{way}/other_scenes_{name}": value for name, value in _scores(counts, protocol).items()}
    return out


def _notes(val: StreetData, protocol: Protocol) -> list[str]:
    fcn = protocol.fcn
    absent = absent_classes(class_pixels(val.truth, val.classes), val.classes)
    how = "left out of the class means" if protocol.evaluation.absent == "skip" else "counted as 0"
    notes = [
        f"{len(evaluated(val.classes))} classes; absent from the truth: {', '.join(absent) or 'none'}"
        + (f" ({how})" if absent else ""),
        f"evaluator: our FCN-8s, width {fcn.width}, sees {fcn.pixels[0]}×{fcn.pixels[1]}; {fcn.steps} steps of AdamW "
        f"with batch {fcn.batch_size}, the rate falling over the second half (the original: SGD with momentum 0.99, a "
        "fixed rate, batch 1); one evaluator for all seeds; label maps are compared at the "
        f"{protocol.evaluation.label_size} size",
    ]
    if not val.in_palette:
        notes.append(
            "photos and label maps were resized bicubic and passed through JPEG, as CycleGAN's authors prepared them; "
            "scores are by the exact class ids"
        )
    return notes
