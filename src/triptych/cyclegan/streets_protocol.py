"""How every system of the `streets` tables is judged (Zhu et al. 2017, sections 5.1.2 to 5.1.4).

labels -> photo: an FCN-8s trained on real photos segments the generated ones (FCN-score). photo -> labels:
each pixel of the generated map is the class of the nearest palette colour. The evaluator is ours, so scores
compare with its own score on real photos (the ceiling), not digit by digit with the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from triptych.config import Strict
from triptych.cyclegan import fcn8s
from triptych.cyclegan.data import StreetData, enlarge
from triptych.cyclegan.fcn_score import (
    absent_classes,
    best_permutation,
    resize_classes,
    resize_photos,
    score_labels,
    score_photos,
    scores,
)
from triptych.data.classes import evaluated, train_ids
from triptych.engine import Replica, inference

Metrics = dict[str, list[float]]


class Evaluation(Strict):
    """Choices that the papers leave open."""

    absent: Literal["skip", "zero"] = "skip"  # classes without a pixel of truth: out of the mean, or counted as 0
    label_size: Literal["truth", "generated"] = "truth"  # where label maps are compared


class Protocol(Strict):
    dataset: str = "streets"
    seeds: list[int] = Field(min_length=1)
    fcn: fcn8s.Config = fcn8s.Config()
    evaluation: Evaluation = Evaluation()

    def datasets(self) -> list[str]:
        return [self.dataset]


def train_evaluator(train: StreetData, config: fcn8s.Config, replica: Replica) -> fcn8s.FCN8s:
    """FCN-8s on the training photos, at the size it will see."""
    torch.manual_seed(config.seed)
    net = fcn8s.FCN8s(config, len(evaluated(train.classes)))
    if config.start == "vgg16":
        net.start_from_vgg16()
    size = (config.size[0], config.size[1])
    photos = torch.from_numpy(np.ascontiguousarray(resize_photos(np.asarray(train.photos), size)))
    truth = resize_classes(train_ids(np.asarray(train.label_maps), train.classes), size)
    return fcn8s.train_fcn(net, photos, torch.from_numpy(truth), config, replica)


def save_evaluator(net: fcn8s.FCN8s, folder: Path) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {k: v.detach().cpu().contiguous() for k, v in net.state_dict().items()},
        folder / "weights.safetensors",
    )


def load_evaluator(folder: Path, config: fcn8s.Config, n_classes: int, device: torch.device) -> fcn8s.FCN8s:
    from safetensors.torch import load_file

    net = fcn8s.FCN8s(config, n_classes)
    net.load_state_dict(load_file(folder / "weights.safetensors"))
    return net.to(device).eval()


def evaluate(
    systems: Sequence[nn.Module],
    val: StreetData,
    evaluator: fcn8s.FCN8s,
    protocol: Protocol,
    device: torch.device,
) -> tuple[Metrics, list[str]]:
    """Both directions of each trained system -> metrics {name: one value a system}, and notes."""
    metrics: Metrics = {}
    for system in systems:
        system = system.to(device).eval()
        photos = inference(system.to_photo, val.labels, device, 32).to(torch.uint8)
        labels = inference(system.to_labels, np.asarray(val.photos), device, 32).to(torch.uint8)
        values = {
            **_photo_scores(photos.numpy(), val, evaluator, protocol),
            **_label_scores(labels, val, protocol),
            "to_photo/diversity": diversity(photos, torch.from_numpy(np.array(val.photos))),
            "to_labels/diversity": diversity(labels, torch.from_numpy(val.labels)),
            "cycle_error": hidden_information(system, val, device, 0.0),
            "cycle_error_noise": hidden_information(system, val, device, 8.0),
        }
        for name, value in values.items():
            metrics.setdefault(name, []).append(value)
    return metrics, _notes(val, protocol)


def evaluate_references(
    train: StreetData, val: StreetData, evaluator: fcn8s.FCN8s, protocol: Protocol
) -> dict[str, tuple[Metrics, list[str]]]:
    """The ceiling, real photos, and the floors: photos of other scenes, and everything the commonest class."""
    order = np.roll(np.arange(len(val)), len(val) // 2)  # far off: neighbours may be frames of one drive
    ids = train_ids(np.asarray(train.label_maps), train.classes)
    k = len(evaluated(val.classes))
    commonest = int(np.bincount(ids[ids < k].ravel(), minlength=k).argmax())
    colour = np.array(evaluated(val.classes)[commonest]["colour"], np.uint8)[:, None, None]
    rows = {
        "real_photos": (np.asarray(val.photos), val.labels, evaluator.segment),
        "shuffled_photos": (np.asarray(val.photos)[order], val.labels[order], evaluator.segment),
        "constant": (
            np.asarray(val.photos),
            np.broadcast_to(colour, val.labels.shape),
            lambda x: torch.full((len(x), *x.shape[-2:]), commonest, dtype=torch.uint8),
        ),
    }
    out = {}
    for name, (photos, labels, segment) in rows.items():
        values = {
            **_photo_scores(photos, val, evaluator, protocol, segment),
            **_label_scores(labels, val, protocol),
        }
        out[name] = {metric: [value] for metric, value in values.items()}, _notes(val, protocol)
    return out


def diversity(images: Tensor, real: Tensor) -> float:
    """Mean L1 between outputs for inputs half the split apart, over that of the domain's real images: near 0
    when every input gives one output (mode collapse)."""
    shrunk = [enlarge(x, min(images.shape[-1], real.shape[-1]), "nearest").float() for x in (images, real)]
    ours, theirs = ((x - x.roll(len(x) // 2, 0)).abs().mean() for x in shrunk)
    return float(ours / theirs)


@torch.inference_mode()
def hidden_information(system: nn.Module, val: StreetData, device: torch.device, sigma: float) -> float:
    """Mean |F(G(x) + noise) - x| over pixels for label maps x and noise N(0, sigma²), all in grey levels.

    A system that hides the label map in imperceptible patterns of its photo loses it to a little noise (Chu
    et al. 2017).
    """
    generator = torch.Generator().manual_seed(0)
    total = 0.0
    for i in range(0, len(val), 32):
        x = torch.from_numpy(val.labels[i : i + 32]).to(device)
        photo = system.to_photo(x).float().cpu()
        noisy = (photo + sigma * torch.randn(photo.shape, generator=generator)).round().clamp(0, 255).to(torch.uint8)
        back = system.to_labels(noisy.to(device)).float()
        total += float((back - enlarge(x, back.shape[-1], "nearest").float()).abs().mean()) * len(x)
    return total / len(val)


def _photo_scores(
    photos, val: StreetData, evaluator: fcn8s.FCN8s, protocol: Protocol, segment=None
) -> dict[str, float]:
    size = (protocol.fcn.size[0], protocol.fcn.size[1])
    counts = score_photos(photos, val.truth, val.classes, segment or evaluator.segment, size)
    return {f"to_photo/{name}": value for name, value in scores(counts, protocol.evaluation.absent).items()}


def _label_scores(labels, val: StreetData, protocol: Protocol) -> dict[str, float]:
    counts = score_labels(labels, val.truth, val.classes, protocol.evaluation.label_size == "generated")
    out = {f"to_labels/{name}": value for name, value in scores(counts, protocol.evaluation.absent).items()}
    names = [c["name"].lower() for c in evaluated(val.classes)]
    if {"vegetation", "building"} <= set(names):
        pair = names.index("vegetation"), names.index("building")
        out["to_labels/pixel_acc_best_swap"] = best_permutation(counts, *pair)["pixel_acc"]
    return out


def _notes(val: StreetData, protocol: Protocol) -> list[str]:
    ids = train_ids(np.asarray(val.truth), val.classes)
    k = len(evaluated(val.classes))
    counts = np.diag(np.bincount(ids[ids < k].ravel(), minlength=k))
    absent = absent_classes(counts, val.classes)
    how = "left out of the class means" if protocol.evaluation.absent == "skip" else "counted as 0"
    return [
        f"{k} classes; absent from the truth: {', '.join(absent) or 'none'}" + (f" ({how})" if absent else ""),
        f"evaluator: our FCN-8s, width {protocol.fcn.width}, {protocol.fcn.steps} steps, sees "
        f"{protocol.fcn.size[0]}×{protocol.fcn.size[1]}; "
        f"label maps are compared at the {protocol.evaluation.label_size} size",
    ]
