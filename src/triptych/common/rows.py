"""The rows of a table: one module a system, found by its name in params.yaml.

A row's module has a `Config` (its parameters) and a `System` (an `engine.system.System`, built as
`System(config, spec)`). Adding a row to a table is adding such a file and a section in params.yaml.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from torch import nn

from triptych.base.config import ParamsError, Strict

if TYPE_CHECKING:
    from triptych.data.spec import Spec


def row_names(package: str) -> list[str]:
    """The systems of a package of rows: its modules, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(importlib.import_module(package).__path__))


def row_module(package: str, system: str, where: str = "systems") -> ModuleType:
    """The module of a system. Raises ParamsError naming the ones there are, and `where` the name was found."""
    if system not in row_names(package):
        raise ParamsError(f"{where}.{system}: no such system; there are {', '.join(row_names(package))}")
    return importlib.import_module(f"{package}.{system}")


def build_row(package: str, system: str, config: Strict, spec: Spec, seed: int) -> nn.Module:
    """A fresh system; its initial weights depend on `seed` alone."""
    torch.manual_seed(seed)
    return row_module(package, system).System(config, spec)
