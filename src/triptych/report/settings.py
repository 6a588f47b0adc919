"""What the rows of a table were run with: the parameters that the stages of this report wrote down."""

from __future__ import annotations

from typing import Any

from triptych.base.files import read_json
from triptych.report.load import Inputs

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
    return shared, own


def _shown(value: Any) -> str:
    """As YAML has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:.12g}" if isinstance(value, float) else str(value)
