"""What the report reads: results, costs, parameters. Files only; what is missing is simply not there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triptych.files import FileError, read_json, read_jsonl
from triptych.published import TABLES

Results = dict[str, dict[str, dict[str, Any]]]  # table -> system -> result


@dataclass(frozen=True)
class Cost:
    """Seconds of all stages of a system, and the devices they ran on."""

    seconds: float
    devices: tuple[str, ...]

    def __str__(self) -> str:
        return f"{duration(self.seconds)}, {' + '.join(self.devices)}" if self.devices else duration(self.seconds)


@dataclass(frozen=True)
class Inputs:
    """`results`: those of this profile; `others`: systems whose only result is of another profile -> its
    name; `kept`: paper-scale results kept in git."""

    root: Path
    profile: str
    params: dict[str, Any]
    results: Results
    kept: Results
    others: dict[tuple[str, str], str] = field(default_factory=dict)
    costs: dict[tuple[str, str], Cost] = field(default_factory=dict)

    def wanted(self, table: str) -> list[str]:
        """Systems that params.yaml asks for, in its order; [] if it does not say."""
        section = self.params.get(table)
        systems = section.get("systems") if isinstance(section, Mapping) else None
        return list(systems) if isinstance(systems, Mapping) else []


def read_inputs(root: Path, profile: str) -> Inputs:
    """Everything under `root`. Raises FileError naming a file that is there and is not what it should be."""
    kept = _results(root / "reports" / "paper" / "results")
    found = _results(root / "results")
    results: Results = {table: {} for table in TABLES}
    others = {}
    for table, systems in found.items():
        for system, result in systems.items():
            if result["profile"] == profile:
                results.setdefault(table, {})[system] = result
            else:
                others[table, system] = str(result["profile"])
    if profile == "paper":
        for table, systems in kept.items():
            results[table] = systems | results.get(table, {})
        kept = {}
    return Inputs(root, profile, _params(root / "params.yaml"), results, kept, others, _costs(root, results))


def data_titles(data: Mapping[str, str]) -> dict[str, str]:
    """{"test": "rendered objects (test, n=2000)"} -> {"test": "rendered objects"}."""
    return {role: re.sub(r" \([^()]*n=\d+\)$", "", text) for role, text in data.items()}


def judged_on(result: Mapping[str, Any]) -> str:
    """Title of the data that a result was measured on."""
    titles = data_titles(result["data"])
    return titles.get("test") or next(iter(titles.values()), "unnamed data")


def duration(seconds: float) -> str:
    """12.3 -> "12 s"; 200 -> "3.3 min"; 9000 -> "2.5 h"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


def histories(root: Path, table: str, system: str) -> dict[str, list[dict[str, Any]]]:
    """Stage -> rows {"seed", "step", "metric", "value"}, for the stages that left a curve."""
    files = sorted((root / "runs" / table / system).glob("*/history.jsonl"))
    read = {file.parent.name: read_jsonl(file) for file in files}
    return {stage: rows for stage, rows in read.items() if rows}


def _results(folder: Path) -> Results:
    found: Results = {}
    for file in sorted(folder.glob("*/*.json")):
        result = read_json(file)
        lacking = {"profile", "data", "metrics"} - set(result) if isinstance(result, dict) else {"a JSON object"}
        if lacking:
            raise FileError(f"{file} is not a result: it lacks {', '.join(sorted(lacking))}; run its stage again")
        for name, numbers in result["metrics"].items():
            if not (isinstance(numbers, dict) and {"mean", "std", "n"} <= set(numbers)):
                raise FileError(f"{file}: metric {name!r} lacks mean, std or n; run its stage again")
        found.setdefault(file.parent.name, {})[file.stem] = result
    return found


def _costs(root: Path, results: Results) -> dict[tuple[str, str], Cost]:
    costs = {}
    for table, systems in results.items():
        for system, result in systems.items():
            files = sorted((root / "runs" / table / system).glob("*/cost.json"))
            own = "seconds" in result  # a kept result carries its cost: runs/ is of another machine
            parts = [result] if own else [read_json(file) for file in files]
            if parts:
                devices = dict.fromkeys(str(part["device"]) for part in parts if part.get("device"))
                costs[table, system] = Cost(sum(float(part.get("seconds", 0)) for part in parts), tuple(devices))
    return costs


def _params(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    import yaml

    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise FileError(f"{file} is not valid YAML ({error})") from None
    return values if isinstance(values, dict) else {}
