"""What a report keeps of the one before it: pictures, curves and costs of rows that did not run on this machine.

reports/<profile>/made.json names each with a digest of the results that it belongs to. As long as those are the same
file, it is still theirs: whoever runs one row again and writes the report does not lose the pictures of the others.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image

from triptych.base.files import read_json
from triptych.report.figures import Figure, Picture
from triptych.report.load import Cost, Inputs, cards_of_runs

FILE = "made.json"


def digest(inputs: Inputs, group: str, item: str) -> str:
    """Of the result of a row; of all results of its table for what is of no row; "" of data."""
    results = inputs.results.get(group, {})
    of = {row: {k: v for k, v in result.items() if k != "cards"} for row, result in results.items()}
    of = of.get(item, of)
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:16] if of else ""


def kept_costs(inputs: Inputs, out: Path) -> dict[tuple[str, str], Cost]:
    """The costs in the report before this one, of rows that have none here and whose results are the same."""
    found = {}
    for name, told in _before(out).get("costs", {}).items():
        table, system = name.split("/", 1)
        here = system in inputs.results.get(table, {}) and (table, system) not in inputs.costs
        if here and _same(inputs, name, told):
            found[table, system] = Cost(told["seconds"], tuple(told["devices"]), tuple(told["precisions"]))
    return found


def tell_cards(inputs: Inputs, out: Path) -> None:
    """Let each result say on which data it is (`cards`): as the report before this one knew of the same result, or as
    the run here does."""
    here = cards_of_runs(inputs)
    kept = {name: told["cards"] for name, told in _before(out).get("data", {}).items() if _same(inputs, name, told)}
    for table, rows in inputs.results.items():
        for row, result in rows.items():
            if cards := kept.get(f"{table}/{row}") or here.get((table, row)):
                rows[row] = {**result, "cards": cards}


def _same(inputs: Inputs, name: str, told: Mapping[str, Any]) -> bool:
    return told["of"] == digest(inputs, *name.split("/", 1))


def kept_figures(inputs: Inputs, out: Path, made: Iterable[str]) -> dict[str, Figure]:
    """File -> the figures in the report before this one that are not among those `made` now, whose results are the
    same."""
    made, found = set(made), {}
    for file, told in _before(out).get("figures", {}).items():
        path = out / "figures" / file
        if file not in made and path.is_file() and told["of"] == digest(inputs, told["group"], told["item"]):
            data = path.read_bytes()
            about = {key: told[key] for key in ("group", "item", "name", "caption", "numbers", "frames", "row")}
            with Image.open(io.BytesIO(data)) as image:
                uri = "data:image/webp;base64," + base64.b64encode(data).decode()
                found[file] = Figure(Picture(png=b"", **about), uri, *image.size)
    return found


def kept_charts(inputs: Inputs, out: Path, made: Iterable[str]) -> dict[tuple[str, str], str]:
    """Table, system -> SVG of the training curves in the report before this one, likewise."""
    made = set(made)
    return {
        tuple(told["row"]): (out / "figures" / file).read_text(encoding="utf-8")
        for file, told in _before(out).get("curves", {}).items()
        if file not in made and (out / "figures" / file).is_file() and told["of"] == digest(inputs, *told["row"])
    }


def remember(inputs: Inputs, out: Path, figures: Mapping[str, Figure], curves: Mapping[str, tuple[str, str]]) -> None:
    """Write made.json, and remove from figures/ what is not of this report. `curves`: file -> table, system."""
    told: dict[str, Any] = {"figures": {}, "curves": {}, "costs": {}, "data": {}}
    for file, figure in figures.items():
        about = asdict(figure.picture)
        del about["png"]
        told["figures"][file] = {**about, "of": digest(inputs, about["group"], about["item"])}
    for file, row in curves.items():
        told["curves"][file] = {"row": row, "of": digest(inputs, *row)}
    for (table, system), cost in sorted(inputs.costs.items()):
        told["costs"][f"{table}/{system}"] = {**asdict(cost), "of": digest(inputs, table, system)}
    for table, rows in inputs.results.items():
        for row, result in rows.items():
            if "cards" in result:
                told["data"][f"{table}/{row}"] = {"cards": result["cards"], "of": digest(inputs, table, row)}
    out.mkdir(parents=True, exist_ok=True)
    (out / FILE).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _before(out: Path) -> dict[str, Any]:
    return read_json(out / FILE) if (out / FILE).is_file() else {}
