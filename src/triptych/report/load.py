"""What the report reads: results, costs, parameters. Files only; what is missing is simply not there."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triptych.base.config import ParamsError, Strict, validate
from triptych.base.files import FileError, read_json, read_yaml
from triptych.pipeline.history import read_history
from triptych.published import TABLES, load

Results = dict[str, dict[str, dict[str, Any]]]  # table -> system -> result


@dataclass(frozen=True)
class Cost:
    """Seconds of all stages of a system, the devices they ran on, and in which precision."""

    seconds: float
    devices: tuple[str, ...]
    precisions: tuple[str, ...] = ()

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

    def covers(self, run: Path) -> bool:
        """Whether a stage's folder under runs/ is of this report: it ended well, ran under this profile with the values
        that params.yaml has, or with those values under another (then DVC did not run it again), and its data and seeds
        are those of the row's result. What a user ran with other values says nothing of the numbers that are shown."""
        file = run / "run.json"
        if not file.is_file():
            return False
        told = read_json(file)
        values, mine = told.get("params", {}), self.params.get("profile") == self.profile
        if told.get("status", "finished") != "finished":
            return False
        if mine and not all(_value(self.params, key) == value for key, value in values.items()):
            return False
        if told.get("profile") != self.profile and not (mine and values):
            return False
        table, system = run.parts[-3:-1]
        rows = [self.results.get(table, {}).get(row) for row in told.get("results") or [system]]
        return all(_agrees(told, run / "cost.json", row) for row in rows if row)


def _agrees(told: Mapping[str, Any], cost: Path, result: Mapping[str, Any]) -> bool:
    """Whether a run's data and seeds are those of a result."""
    data, seeds = told.get("data", {}), read_json(cost).get("seeds") if cost.is_file() else None
    same = all(data[role] == result["data"][role] for role in set(data) & set(result["data"]))
    return same and (seeds is None or set(result.get("seeds", [])) <= set(seeds))


def read_inputs(root: Path, profile: str) -> Inputs:
    """Everything under `root`. Raises FileError naming a file that is there and is not what it should be."""
    kept = _kept(root, profile)
    found = _results(root / "results")
    results: Results = {table: {} for table in TABLES}
    others = {}
    for table, systems in found.items():
        for system, result in systems.items():
            if result["profile"] == profile:
                results.setdefault(table, {})[system] = result
            else:
                others[table, system] = str(result["profile"])
    params = _params(root / "params.yaml")
    if params.get("profile") == profile:
        _forget_removed(results, params)
    for table, systems in _results(root / "reports" / profile / "results").items():
        results[table] = systems | results.get(table, {})
    inputs = Inputs(root, profile, params, results, kept, others)
    inputs.costs.update(_costs(inputs))
    return inputs


def _kept(root: Path, profile: str) -> Results:
    """The results that are kept in git for other profiles; of a row in several, that of the first."""
    found: Results = {}
    for folder in sorted(root.glob("reports/*/results")):
        if folder.parent.name != profile:
            for table, systems in _results(folder).items():
                found[table] = systems | found.get(table, {})
    return found


def _forget_removed(results: Results, params: Mapping[str, Any]) -> None:
    """Leave out systems that params.yaml has no more: DVC does not remove their files. Rows that a protocol makes by
    itself (ceilings, floors) are in no params.yaml."""
    for table in TABLES:
        systems = (params.get(table) or {}).get("systems")
        if isinstance(systems, Mapping):
            made = {name for name, system in load(table).systems.items() if system.reference}
            results[table] = {s: r for s, r in results[table].items() if s in systems or s in made}


def on_one_set(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The results that can be compared: those judged on the data that most were judged on."""
    sets = [judged_set(result) for result in results.values()]
    commonest = max(sets, key=sets.count, default=None)
    return {s: result for s, result in results.items() if judged_set(result) == commonest}


def profile_of(file: Path) -> str:
    """The `profile` of a parameter file. Raises FileError if it is not there."""
    if not file.is_file():
        raise FileError(f"no {file}: run this in the project's folder, or say --profile")
    profile = _params(file).get("profile")
    if not isinstance(profile, str):
        raise FileError(f"{file}: profile: missing; give it a name, or say --profile")
    return profile


def data_titles(data: Mapping[str, str]) -> dict[str, str]:
    """{"test": "rendered objects (test, n=2000)"} -> {"test": "rendered objects"}."""
    return {role: re.sub(r" \([^()]*n=\d+\)$", "", text) for role, text in data.items()}


def judged_on(result: Mapping[str, Any]) -> str:
    """Title of the data that a result was measured on."""
    titles = data_titles(result["data"])
    return titles.get("test") or next(iter(titles.values()), "unnamed data")


def judged_set(result: Mapping[str, Any]) -> str:
    """The data that a result was measured on, as the result describes it, and which they are if that is known: two that
    differ are not one set."""
    described = result["data"].get("test") or next(iter(result["data"].values()), "unnamed data")
    return f"{described}, data {result['cards']}" if "cards" in result else described


def cards_of_runs(inputs: Inputs) -> dict[tuple[str, str], str]:
    """(table, row) -> eight hex digits that stand for the cards of all data that its run used: the same description may
    be of other images, drawn with another seed."""
    found = {}
    for file in sorted((inputs.root / "runs").glob("*/*/*/run.json")):
        told = read_json(file)
        table, used = file.parts[-4], sorted({(d["name"], d["digest"]) for d in told.get("datasets", [])})
        for row in told.get("results", []):
            result = inputs.results.get(table, {}).get(row)
            if used and result and _agrees(told, file.with_name("cost.json"), result):
                found[table, row] = hashlib.sha256(json.dumps(used).encode()).hexdigest()[:8]
    return found


def kept_name(results: Mapping[str, Mapping[str, Any]]) -> str:
    """What results of other profiles, kept in git, are called: "ours (workstation)"."""
    return f"ours ({' and '.join(dict.fromkeys(str(result['profile']) for result in results.values()))})"


def whose(who: str, results: Mapping[str, Mapping[str, Any]]) -> str:
    """Over a column: "ours, rendered objects"; where its rows were judged on several sets, that it is the row's own."""
    titles = list(dict.fromkeys(judged_on(result) for result in results.values()))
    if not titles:
        return f"{who} (nothing run)"
    return f"{who}, {titles[0]}" if len(titles) == 1 else f"{who}, data of the row"


def duration(seconds: float) -> str:
    """12.3 -> "12 s"; 200 -> "3.3 min"; 9000 -> "2.5 h"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


def histories(inputs: Inputs, table: str, system: str) -> dict[str, list[dict[str, Any]]]:
    """Stage -> rows {"seed", "step", "metric", "value"}, for the stages of this report that left a curve."""
    folders = sorted((inputs.root / "runs" / table / system).glob("*"))
    read = {folder.name: read_history(folder) for folder in folders if inputs.covers(folder)}
    return {stage: rows for stage, rows in read.items() if rows}


class _Number(Strict, extra="allow"):
    mean: float
    std: float
    n: int
    values: list[float] = []


class _Result(Strict, extra="allow"):
    profile: str
    data: dict[str, str]
    metrics: dict[str, _Number]
    seeds: list[int] = []
    notes: list[str] = []


def _results(folder: Path) -> Results:
    found: Results = {}
    for file in sorted(folder.glob("*/**/*.json")):
        result = read_json(file)
        try:
            validate(_Result, result, "")
        except ParamsError as error:
            raise FileError(f"{file} is not a result; run its stage again:\n{error}") from None
        table, *row = file.relative_to(folder).with_suffix("").parts  # of a study, rows may lie in folders
        found.setdefault(table, {})["_".join(row)] = result
    return found


def _costs(inputs: Inputs) -> dict[tuple[str, str], Cost]:
    costs = {}
    for table, systems in inputs.results.items():
        for system, result in systems.items():
            files = sorted((inputs.root / "runs" / table / system).glob("*/cost.json"))
            own = "seconds" in result  # a kept result carries its cost: runs/ is of another machine
            parts = [result] if own else [read_json(file) for file in files if inputs.covers(file.parent)]
            if parts:
                seconds = sum(float(part.get("seconds", 0)) for part in parts)
                costs[table, system] = Cost(seconds, _told(parts, "device"), _told(parts, "precision"))
    return costs


def _told(parts: Sequence[Mapping[str, Any]], key: str) -> tuple[str, ...]:
    """The different values of `key`, in order, of the parts that have one."""
    return tuple(dict.fromkeys(str(part[key]) for part in parts if part.get(key)))


def _value(params: Any, key: str) -> Any:
    """The value at a dotted key; None if there is none."""
    for step in key.split("."):
        params = params.get(step) if isinstance(params, Mapping) else None
    return params


def _params(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    values = read_yaml(file)
    return values if isinstance(values, dict) else {}
