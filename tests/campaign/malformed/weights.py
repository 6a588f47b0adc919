"""Prepared data and trained weights that were damaged since they were written; met by `probe` and `features`."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from campaign.child import Case
from campaign.malformed.trained import make

__all__ = ["cases", "make"]
PROBE, LEARN = ("probe", "dcgan"), ("features", "dcgan")
WEIGHTS, CONFIG = "models/objects/dcgan/seed1/weights.safetensors", "models/objects/dcgan/seed1/config.json"
DATA = "data/prepared/objects"


def cases() -> Iterator[Case]:
    where, at = r"seed1", r"data/prepared/objects"
    for name, change in _bytes().items():
        yield Case(f"weights: {name}", _file(WEIGHTS, change), PROBE, where)
    yield Case("weights: a tensor is missing", _tensors(lambda t: t.pop(list(t)[-1])), PROBE, where)
    yield Case("weights: a tensor too many", _tensors(lambda t: t.update(more=torch.zeros(2))), PROBE, where)
    yield Case("weights: another shape", _tensors(lambda t: t.update({next(iter(t)): torch.zeros(2, 2)})), PROBE, where)
    yield Case("weights: not finite", _tensors(lambda t: [v.fill_(float("nan")) for v in t.values()
                                                          if v.is_floating_point()]), PROBE, "")  # fmt: skip
    yield Case("weights: gone", lambda f: (f / WEIGHTS).unlink(), PROBE, where)
    yield Case("weights: a folder", lambda f: [(f / WEIGHTS).unlink(), (f / WEIGHTS).mkdir()], PROBE, where)
    yield Case("weights: of no seed", lambda f: (f / "models/objects/dcgan/seed1").rename(f / "seed1"), PROBE, "seed0")
    yield Case("weights: never trained", lambda f: (f / "models").rename(f / "old"), PROBE, "dvc repro")
    for name, change in _bytes().items():
        yield Case(f"config: {name}", _file(CONFIG, change), PROBE, where)
    for name, (edit, says) in {
        "no spec": (lambda d: d.pop("spec"), where),
        "no table": (lambda d: d.pop("table"), where),
        "another system": (lambda d: d.update(system="dcgna"), "dcgna"),
        "an unknown key": (lambda d: d["config"].update(widht=4), "widht"),
        "another width": (lambda d: d["config"].update(width=8), where),
        "images of another size": (lambda d: d["spec"].update(image_shape=[3, 64, 64]), ""),
        "a spec of words": (lambda d: d["spec"].update(image_shape="large"), where),
    }.items():
        yield Case(f"config: {name}", _json(CONFIG, edit), PROBE, says)
    for name, change in _bytes().items():
        yield Case(f"images.npy: {name}", _file(f"{DATA}/train/images.npy", change), PROBE, at)
    for name, array in {
        "objects of Python": np.array([{"a": 1}], object),
        "fractions": np.zeros((300, 3, 32, 32), np.float64),
        "fewer images": np.zeros((3, 3, 32, 32), np.uint8),
        "three dimensions": np.zeros((300, 32, 32), np.uint8),
        "a size of its own": np.zeros((300, 3, 16, 16), np.uint8),
    }.items():
        yield Case(f"images.npy: {name}", _array(f"{DATA}/train/images.npy", array), PROBE, at)
    for name, array in {
        "fewer labels": np.zeros(3, np.int64),
        "a class beyond all": np.full(300, 99, np.int64),
        "negative": np.full(300, -1, np.int64),
        "fractions": np.full(300, 0.5),
        "words": np.array(["cat"] * 300),
    }.items():
        yield Case(f"labels.npy: {name}", _array(f"{DATA}/train/labels.npy", array), PROBE, at)
    yield Case("labels.npy: gone", lambda f: (f / DATA / "train/labels.npy").unlink(), PROBE, "labels")
    for name, change in _bytes().items():
        yield Case(f"card.json: {name}", _file(f"{DATA}/card.json", change), PROBE, at)
    for key in ("splits", "title", "image_shape", "class_names"):
        yield Case(f"card.json: no {key}", _json(f"{DATA}/card.json", lambda d, key=key: d.pop(key)), PROBE, at)
    yield Case("data: never prepared", lambda f: (f / "data").rename(f / "old"), LEARN, "dvc repro prepare@")
    yield Case("data: a split is gone", lambda f: (f / DATA / "test").rename(f / "test"), PROBE, "test")


def _bytes() -> dict[str, Callable[[bytes], bytes]]:
    return {
        "no bytes": lambda _: b"",
        "half of it": lambda data: data[: len(data) // 2],
        "text": lambda _: b"<html>404</html>",
        "a pickle": lambda _: pickle.dumps({"a": [1, 2, 3]}),
        "a changed beginning": lambda data: bytes([data[0] ^ 0xFF]) + data[1:],
    }


def _file(file: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_bytes(change((folder / file).read_bytes()))


def _tensors(edit: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        tensors = {key: value.clone() for key, value in load_file(folder / WEIGHTS).items()}
        edit(tensors)
        save_file(tensors, folder / WEIGHTS)

    return spoil


def _json(file: str, edit: Callable[[dict[str, Any]], Any]) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        values = json.loads((folder / file).read_text())
        edit(values)
        (folder / file).write_text(json.dumps(values))

    return spoil


def _array(file: str, array: np.ndarray) -> Callable[[Path], object]:
    return lambda folder: np.save(folder / file, array, allow_pickle=array.dtype == object)
