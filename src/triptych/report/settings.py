"""What the rows of a table were run with: the parameters that the stages of this report wrote down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triptych.base.files import read_json
from triptych.report.load import Inputs
from triptych.report.notes import facts
from triptych.report.table import Table, names_of

Settings = dict[str, str]  # parameter -> value, as in params.yaml


def settings_of(inputs: Inputs, table: str) -> tuple[Settings, dict[str, Settings]]:
    """Of all rows together (protocol, seeds), and {system: its own}, without the names of table and system."""
    shared: Settings = {}
    own: dict[str, Settings] = {}
    for file in sorted((inputs.root / "runs" / table).glob("*/*/run.json")):
        if not inputs.covers(file.parent):
            continue
        system = file.parents[1].name
        mine = f"{table}.systems.{system}."
        for key, value in read_json(file).get("params", {}).items():
            if key.startswith(mine):
                own.setdefault(system, {})[key.removeprefix(mine)] = _shown(value)
            elif not key.startswith(f"{table}.systems."):  # a sheet of all systems has the settings of all
                shared[key.removeprefix(f"{table}.")] = _shown(value)
    told, of_rows = _from_params(inputs, table)
    ran = inputs.results.get(table, {})
    return told | shared, {row: values for row, values in {**of_rows, **own}.items() if row in ran or row in own}


def told_of_rows(
    inputs: Inputs, table: str, tables: Sequence[Table], titles: Mapping[str, str], names: Mapping[str, str]
) -> list[tuple[str, Settings, list[str]]]:
    """For the fold "Settings of every row": name, parameters and facts, first of all rows, then of each of the printed
    `tables`. `names`: of rows by another name than there, or that are in none."""
    shared, own = settings_of(inputs, table)
    every, facts_of = facts(inputs.results.get(table, {}), titles)
    beyond = {row: texts for printed in tables for row, texts in printed.beyond.items()}
    told = [("all rows", shared, every)] if shared or every else []
    for row, name in (names_of(tables) | names).items():
        lines = list(dict.fromkeys([*beyond.get(row, []), *facts_of.get(row, [])]))
        if lines or own.get(row):
            told.append((name, own.get(row, {}), lines))
    return told


def _from_params(inputs: Inputs, table: str) -> tuple[Settings, dict[str, Settings]]:
    """The same, as params.yaml has it: for rows whose runs are not on this machine."""
    if inputs.params.get("profile") != inputs.profile:
        return {}, {}
    section = dict(inputs.params.get(table) or {})
    systems = section.pop("systems", None) or {}
    return _flat(section), {name: _flat(values or {}) for name, values in systems.items()}


def _flat(values: Mapping[str, Any], before: str = "") -> Settings:
    found: Settings = {}
    for key, value in values.items():
        found |= _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {before + key: _shown(value)}
    return found


def _shown(value: Any) -> str:
    """As YAML has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:.12g}" if isinstance(value, float) else str(value)
