"""The one place that knows the schema of results/<table>/<system>.json.

    {"table", "system", "profile", "data": {role: description}, "seeds": [...],
     "metrics": {name: {"mean", "std", "n", "values"}}, "notes": [...]}

The file holds no clock and no machine: the same inputs on the same machine give the same bytes. Times and devices
lie beside it, in runs/<table>/<system>/. Fractions are stored as fractions (0.828, not 82.8).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Mean and sample standard deviation (n - 1; 0 for a single value) of one number per seed, draw or replica."""
    values = [float(v) for v in values]
    if not values or not all(map(math.isfinite, values)):
        raise ValueError(f"a result must be made of finite numbers, got {values}")
    n = len(values)
    mean = math.fsum(values) / n
    std = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1)) if n > 1 else 0.0
    return {"mean": round(mean, 6), "std": round(std, 6), "n": n, "values": [round(v, 6) for v in values]}


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
    **extra: Any,
) -> dict[str, Any]:
    """Write one row of a table. `metrics`: name -> one value per seed/draw/replica. `extra` keys are kept as given
    (`device`, `seconds`, `params` in paper-scale results that are kept in git). Returns what was written."""
    result = {
        "table": table,
        "system": system,
        "profile": profile,
        "data": dict(data),
        "seeds": list(seeds),
        "metrics": {name: summary(values) for name, values in metrics.items()},
        "notes": list(notes),
        **extra,
    }
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return result


def read_results(folder: str | Path, table: str | None = None) -> list[dict[str, Any]]:
    """All results under `folder`/<table>/, sorted by table and system."""
    files = sorted(Path(folder).glob(f"{table or '*'}/*.json"))
    return [json.loads(file.read_text()) for file in files]
