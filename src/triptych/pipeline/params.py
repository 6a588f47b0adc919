"""params.yaml -> validated, typed objects.

Everything is checked at once and before any work: every stage calls `load_params`, so a typo in any section stops
the pipeline at its first stage. Each system's parameters are declared in the system's own file.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triptych.base import project
from triptych.base.config import ParamsError, ProtocolSection, Strict, validate
from triptych.base.files import FileError, read_yaml
from triptych.data.prepare import DatasetConfig
from triptych.pipeline.registry import STUDIES, TABLES
from triptych.pipeline.systems import module


@dataclass(frozen=True)
class Table:
    """One table's section: how systems are judged, and each system's parameters, in the table's order."""

    protocol: ProtocolSection
    systems: dict[str, Strict]


@dataclass(frozen=True)
class Params:
    """A whole parameter file, checked."""

    profile: str
    data: dict[str, DatasetConfig]
    tables: dict[str, Table]
    studies: dict[str, ProtocolSection]
    raw: dict[str, Any]  # as read, for logging under the same names

    def dataset(self, name: str) -> DatasetConfig:
        """The section of a dataset. Raises ParamsError naming those there are."""
        if name not in self.data:
            raise ParamsError(_absent(f"data.{name}", "data", self.data))
        return self.data[name]

    def flat(self, *sections: str) -> dict[str, Any]:
        """The values below the dotted `sections`, keyed by their full dotted names. Raises ParamsError for a section
        that is not there."""
        out: dict[str, Any] = {}
        for section in sections:
            node, above = self.raw, ""
            for step in section.split("."):
                if not isinstance(node, dict) or step not in node:
                    raise ParamsError(_absent(section, above, node))
                node, above = node[step], f"{above}.{step}".strip(".")
            _flatten(node, section, out)
        return out


def load_params(path: str | Path | None = None) -> Params:
    """Read and check a parameter file, the project's by default. Raises ParamsError with one line per wrong key."""
    path = project.params() if path is None else Path(path)
    if not path.is_file():
        raise ParamsError(f"{path} not found")
    try:
        raw = read_yaml(path)
    except FileError as error:
        raise ParamsError(str(error)) from None
    try:
        return _check(raw)
    except ParamsError as error:
        raise ParamsError(f"{path}:\n{error}") from None


def _check(raw: Any) -> Params:
    if not isinstance(raw, dict):
        raise ParamsError("must hold sections: profile, data, " + ", ".join(TABLES))
    problems: list[str] = []
    allowed = ["profile", "data", *TABLES, *STUDIES]
    for key in raw:
        if key not in allowed:
            problems.append(f"{key}: unknown section; allowed: {', '.join(allowed)}")
    if not isinstance(raw.get("profile"), str) or not re.fullmatch(r"[a-z0-9_-]+", raw["profile"]):
        problems.append(f"profile = {raw.get('profile')!r}: must be a name of lower-case letters, digits, - and _")
    problems += _wrong_names(raw)
    data = {
        k: _try(problems, validate, DatasetConfig, v, f"data.{k}") for k, v in _section(raw, "data", problems).items()
    }
    tables = {k: _try(problems, _table, k, raw[k], data) for k in TABLES if k in raw}
    studies = {k: _try(problems, _protocol, k, STUDIES[k].protocol, raw[k], data) for k in STUDIES if k in raw}
    if problems:
        raise ParamsError("\n".join(f"  {line}" for text in problems for line in text.splitlines()))
    return Params(raw["profile"], data, tables, studies, raw)


def _wrong_names(node: Any, where: str = "") -> list[str]:
    """Keys that cannot be names of files, or steps of a dotted name."""
    if not isinstance(node, dict):
        return []
    wrong = [
        f"{where}{key}: the name becomes a file's: it is to be of letters, digits, _ and -"
        for key in node
        if not re.fullmatch(r"\w[\w-]*", str(key))
    ]
    return wrong + [line for key, value in node.items() for line in _wrong_names(value, f"{where}{key}.")]


def _table(name: str, raw: Any, data: dict[str, DatasetConfig]) -> Table:
    if not isinstance(raw, dict) or not isinstance(raw.get("systems"), dict):
        raise ParamsError(f"{name}: must be a section with the systems of the table under the key `systems`")
    problems: list[str] = []
    rest = {k: v for k, v in raw.items() if k != "systems"}
    protocol = _try(problems, _protocol, name, TABLES[name].protocol, rest, data)
    systems = {k: _try(problems, _system, name, k, v) for k, v in raw["systems"].items()}
    if problems:
        raise ParamsError("\n".join(problems))
    return Table(protocol, systems)


def _protocol(name: str, code: str, raw: Any, data: dict[str, DatasetConfig]) -> ProtocolSection:
    """The `Protocol` of module `code`, if the datasets that it uses are there."""
    protocol = validate(importlib.import_module(code).Protocol, raw, name)
    for key in protocol.datasets():
        if key not in data:
            raise ParamsError(f"{name} uses the dataset {key!r}, which is not under `data`: {', '.join(data)}")
    pixels = {key: data[key].pixels for key in protocol.same_pixels() if data[key] is not None}
    if len(set(pixels.values())) > 1:
        told = ", ".join(f"data.{key}.pixels = {value}" for key, value in pixels.items())
        raise ParamsError(f"{name} needs images of one size for learning and judging; {told}")
    return protocol


def _system(table: str, name: str, raw: Any) -> Strict:
    return validate(module(table, name).Config, {} if raw is None else raw, f"{table}.systems.{name}")


def _section(raw: dict, key: str, problems: list[str]) -> dict:
    value = raw.get(key)
    if not isinstance(value, dict):
        problems.append(f"{key}: must be a section")
        return {}
    return value


def _try(problems: list[str], function, *args):
    try:
        return function(*args)
    except ParamsError as error:
        problems.append(str(error))
        return None


def _absent(section: str, above: str, node: Any) -> str:
    there = ", ".join(map(str, node)) if isinstance(node, dict) and node else "nothing"
    return f"params.yaml has no section {section}; {f'under {above}' if above else 'in it'} there is: {there}"


def _flatten(node: Any, key: str, out: dict[str, Any]) -> None:
    if isinstance(node, dict):
        for k, v in node.items():
            _flatten(v, f"{key}.{k}", out)
    else:
        out[key] = node
