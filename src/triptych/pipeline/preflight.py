"""What can be known before any work: will the data be there, and will they be enough?

A stage that trains does not read the images that judge afterwards. So each stage first asks this of every dataset of
its table or study, and `triptych check` of all: a mistyped path is told before a training, not after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from triptych.base import project
from triptych.base.config import ParamsError, ProtocolSection
from triptych.data import prepare
from triptych.data.format import DataError, Dataset
from triptych.pipeline.intact import check_intact
from triptych.pipeline.params import Params

Counts = Mapping[str, int]  # split -> its images


def check_data(params: Params, names: list[str] | None = None) -> list[str]:
    """What stops the datasets `names` (all, if None) from being prepared, a line each."""
    names = list(params.data) if names is None else names
    return [f"data.{name}: {problem}" for name in names for problem in prepare.check(name, params.dataset(name))]


def check_amounts(params: Params, section: str) -> list[str]:
    """What the table or study `section` asks for and its data will not have, a line each. Nothing is said of data that
    are neither drawn here, nor in a folder, nor prepared yet."""
    counts = {name: _counts(params, name) for name in _protocol(params, section).datasets()}
    found = [
        f"{key} = {size}: {name} has only {counts[name]['train']} training images"
        for key, size, name in _batches(params, section)
        if counts[name].get("train", size) < size
    ]
    return found + RULES.get(section, lambda *_: [])(_protocol(params, section), counts)


def before_work(params: Params, section: str) -> None:
    """Raises DataError or ParamsError: what is wrong with the data of the table or study `section`. Prepared datasets
    are taken as they are, unless they come from another source than the parameters say: then they will be replaced."""
    missing = [name for name in _protocol(params, section).datasets() if not _is_prepared(params, name)]
    if wrong := check_data(params, missing):
        raise DataError("\n".join(wrong))
    if wrong := check_amounts(params, section):
        raise ParamsError("\n".join(wrong))


def _protocol(params: Params, section: str) -> ProtocolSection:
    return params.tables[section].protocol if section in params.tables else params.studies[section]


def _counts(params: Params, name: str) -> Counts:
    try:
        announced = prepare.announced(params.dataset(name))
    except DataError:  # moved away after it was read
        announced = {}
    if announced or not _is_prepared(params, name):
        return announced
    return _prepared(name).card["splits"]


def _prepared(name: str) -> Dataset:
    return check_intact(Dataset(project.prepared(name)))


def _is_prepared(params: Params, name: str) -> bool:
    folder = project.prepared(name)
    return (folder / "card.json").is_file() and Dataset(folder).card.get("source") == params.dataset(name).source


def _batches(params: Params, section: str) -> list[tuple[str, int, str]]:
    """(key, batch size, dataset that it is drawn from) of every row of a table."""
    if section not in params.tables:
        return []
    learned_from = _protocol(params, section).datasets()[0]
    rows = params.tables[section].systems.items()
    sizes = {f"{section}.systems.{name}.batch_size": getattr(config, "batch_size", None) for name, config in rows}
    return [(key, size, learned_from) for key, size in sizes.items() if isinstance(size, int)]


# -- what each table asks for --------------------------------------------------------------------------------------


def _objects(protocol: Any, counts: Mapping[str, Counts]) -> list[str]:
    n, probe = counts[protocol.data].get("train"), protocol.probe
    if n is not None and probe.validation >= n:
        return [
            f"objects.probe.validation = {probe.validation}: must leave some of {n} training images of {protocol.data}"
        ]
    data = project.prepared(protocol.data)
    labels = _prepared(protocol.data)["train"].labels if (data / "train/labels.npy").is_file() else None
    rarest = probe.per_class if labels is None else min(np.unique(labels, return_counts=True)[1])
    if rarest >= probe.per_class:
        return []
    return [f"objects.probe.per_class = {probe.per_class}: the rarest class of {protocol.data} has {rarest} images"]


def _digits(protocol: Any, counts: Mapping[str, Counts]) -> list[str]:
    splits = counts[protocol.dataset]
    n = splits.get("train")
    if n is not None and protocol.validation + protocol.labels_per_class > n:
        return [
            f"digits.validation = {protocol.validation} and labels_per_class = {protocol.labels_per_class}: more than "
            f"the {n} training images of {protocol.dataset}"
        ]
    if splits and protocol.extra and "extra" not in splits:
        return [f"digits.extra = True: {protocol.dataset} has no split `extra`, only {', '.join(splits)}"]
    return []


def _streets(protocol: Any, counts: Mapping[str, Counts]) -> list[str]:
    n = counts[protocol.dataset].get("val", 2)
    if n >= 2:
        return []
    return [f"{protocol.dataset} has one scene in val: systems are judged on two or more, each against others"]


def _shapes(protocol: Any, counts: Mapping[str, Counts]) -> list[str]:
    from triptych.beta_vae.shapes.grid import Grid

    if not (project.prepared(protocol.dataset) / "card.json").is_file():
        return []
    try:
        protocol.metrics.check(Grid(_prepared(protocol.dataset).factors, merge_poses=protocol.metrics.merge_poses))
    except ParamsError as error:
        return [str(error)]
    return []


RULES = {"objects": _objects, "digits": _digits, "streets": _streets, "shapes": _shapes}
