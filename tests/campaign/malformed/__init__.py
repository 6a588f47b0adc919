"""Malformed inputs by kind: each must end in one clear message and a status that is not 0, and nothing may be lost."""

from __future__ import annotations

import gc
import importlib
import pkgutil
from collections.abc import Iterator

import triptych
from campaign import child
from campaign.malformed import archives, environment, files, images, labels, params, published, stores, weights
from campaign.trials import Trial

KINDS = {
    "params": params,
    "archives": archives,
    "images": images,
    "labels": labels,
    "prepared data and weights": weights,
    "published values": published,
    "files of stages": files,
    "environment": environment,
    "store addresses": stores,
}


def trials() -> Iterator[Trial]:
    import mlflow.tracking  # noqa: F401  (forks have it then, and code that is edited meanwhile is not read)

    for module in pkgutil.walk_packages(triptych.__path__, "triptych."):
        importlib.import_module(module.name)
    gc.freeze()
    for kind, module in KINDS.items():
        for case in module.cases():
            yield child.trial(kind, case, module.make)
