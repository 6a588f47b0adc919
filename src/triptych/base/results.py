"""The one place that knows the schema of results/<table>/<system>.json.

    {"table", "system", "profile", "data": {role: description}, "seeds": [...],
     "metrics": {name: {"mean", "std", "n", "values", "trainings"}}, "notes": [...]}

`trainings` says how many trainings the values of a metric are of: those of one training stand side by side, in the
order of the seeds, so that of 15 values of 3 trainings the sixth is of the second seed's first draw. It is null where
the values were chosen among those of all trainings (a best half). `training_means` reads this; files that were written
before there was a `trainings` are read, too.

The file holds no clock and no machine: the same inputs on the same machine give the same bytes. Times and devices
lie beside it, in runs/<table>/<system>/. Fractions are stored as fractions (0.828, not 82.8).
"""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """What a protocol's `evaluate` returns of one row: metric -> one value per seed, draw or replica; and notes.

    `trainings`: how many the row is of, if not one for each seed (1 for a system that learns nothing and was judged
    once). `pooled`: metrics whose values were chosen among those of all trainings.
    """

    metrics: Mapping[str, Sequence[float]]
    notes: Sequence[str] = ()
    trainings: int | None = None
    pooled: Collection[str] = ()


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Mean and sample standard deviation (n - 1; 0 for a single value) of one number per seed, draw or replica."""
    values = [float(v) for v in values]
    if not values or not all(map(math.isfinite, values)):
        raise ValueError(f"a result must be made of finite numbers, got {values}")
    n = len(values)
    mean = math.fsum(values) / n
    std = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1)) if n > 1 else 0.0
    return {"mean": _digits(mean), "std": _digits(std), "n": n, "values": [_digits(v) for v in values]}


def _digits(value: float) -> float:
    """Six significant figures: what a number may lose of itself does not depend on its size."""
    return float(f"{value:.6g}")


def write_result(
    path: str | Path,
    *,
    table: str,
    system: str,
    profile: str,
    data: Mapping[str, str],
    seeds: Sequence[int],
    metrics: Mapping[str, Sequence[float]],
    notes: Sequence[str] = (),
    trainings: int | None = None,
    pooled: Collection[str] = (),
    **extra: Any,
) -> dict[str, Any]:
    """Write one row of a table. A study may keep its rows in folders: the row faces_vae is the file faces/vae.json.
    `metrics`: name -> one value per seed/draw/replica; `trainings` and `pooled` as in `Result`. `extra` keys are
    kept as given (`device`, `seconds`, `params` in paper-scale results that are kept in git). Returns what was written.
    """
    result = {
        "table": table,
        "system": system.replace("/", "_"),
        "profile": profile,
        "data": dict(data),
        "seeds": list(seeds),
        "metrics": {
            name: summary(values)
            | {"trainings": None if name in pooled else _trainings(len(values), trainings or len(seeds))}
            for name, values in metrics.items()
        },
        "notes": list(notes),
        **extra,
    }
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return result


def _trainings(values: int, trainings: int) -> int | None:
    """Of how many trainings `values` numbers are: fewer than trainings are one each; what cannot be divided is not
    known."""
    count = min(values, trainings)
    return count if count and values % count == 0 else None


def trainings_of(result: Mapping[str, Any], metric: str) -> int | None:
    """How many trainings the values of a metric are of; None where no value is of one training alone.

    Older files do not say: as many as there are seeds, then, but for the Higgins metric's best halves."""
    number = result["metrics"][metric]
    if "trainings" in number:
        return number["trainings"]
    if "higgins_all" in result["metrics"] and re.fullmatch(r"higgins(_\d+)?", metric):
        return None
    return _trainings(number["n"], len(result.get("seeds", [])))


def training_values(result: Mapping[str, Any], metric: str) -> list[list[float]]:
    """A list for each training, in the order of the seeds, of its values, one a draw; [] where that is not known."""
    count, values = trainings_of(result, metric), result["metrics"][metric].get("values", [])
    if not count or not values:
        return []
    draws = len(values) // count
    return [values[i * draws : (i + 1) * draws] for i in range(count)]


def training_means(result: Mapping[str, Any], metric: str) -> list[float]:
    """The mean of each training's values; [] where it is not known which are whose."""
    return [statistics.fmean(values) for values in training_values(result, metric)]


def spread(metric: str, values: Sequence[float], trainings: int, kind: str, each: str = "draw") -> str:
    """What the standard deviation of a metric pools, if it pools: `values` are fractions, as many for each of the
    `trainings` (or what else `kind` calls them), one after the other. Empty if there is one of either.

    Draws of labels (or what else `each` calls them) for one network share its luck, so that the ± of all values is not
    that of a mean over them.
    """
    draws = len(values) // trainings
    if trainings < 2 or draws < 2:
        return ""
    groups = [values[i * draws : (i + 1) * draws] for i in range(trainings)]
    between = statistics.stdev(map(statistics.fmean, groups))
    within = math.sqrt(statistics.fmean(map(statistics.variance, groups)))
    return (
        f"{metric}: {len(values)} values, {trainings} {kind}s × {draws} {each}s; standard deviation between the "
        f"{kind}s' means {100 * between:.2g} %, within one {100 * within:.2g} %"
    )


def chosen(name: str, values: Sequence[float], tried: Sequence[float]) -> str:
    """What validation chose for each seed, and what from: values, or the two bounds of a range. A choice at an end of
    what was tried is called one: beyond it there may be a better one.

        C: 0.001, 0.01, of 0.0001 to 0.01 (0.01 is an end of the grid)
    """
    shown = ", ".join(f"{value:.4g}" for value in values)
    low, high = min(tried), max(tried)
    if low == high:
        return f"{name}: {low:.4g}, given"
    hit = [end for end in (low, high) if any(math.isclose(end, value, rel_tol=1e-5) for value in values)]
    ends = hit if len(tried) > 2 else []  # of two values each is an end
    said = " and ".join(f"{end:.4g}" for end in ends)
    kind = {0: "", 1: f" ({said} is an end of the grid)", 2: f" ({said} are its ends)"}[len(ends)]
    return f"{name}: {shown}, of {low:.4g} to {high:.4g}{kind}"


def read_results(folder: str | Path, table: str | None = None) -> list[dict[str, Any]]:
    """All results under `folder`/<table>/, sorted by table and system."""
    files = sorted(Path(folder).glob(f"{table or '*'}/*.json"))
    return [json.loads(file.read_text()) for file in files]
