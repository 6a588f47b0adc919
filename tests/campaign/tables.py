"""The tables of docs/reliability.md, from reports/reliability.json."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from campaign.trials import FIGURES, ROOT

PAGE = ROOT / "docs" / "reliability.md"
BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.S)


def write() -> None:
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def filled(page: str) -> str:
    """The page with each `<!-- figures: PART -->` … `<!-- end -->` as the figures have it."""
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))

    def block(found: re.Match) -> str:
        text = table(figures[found[2]]) if found[2] in figures else "Not run yet."
        return f"{found[1]}\n{text}\n\n{found[3]}"

    return BLOCK.sub(block, page)


def table(part: Mapping[str, Any]) -> str:
    """A line a kind, what was not as it should be, and what was measured."""
    rows = [(kind, one["tried"], one["right"]) for kind, one in part["kinds"].items()]
    rows.append(("**all**", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    good, bad = ("clear", "unclear") if "params" in part["kinds"] else ("right", "wrong")
    lines = [f"| kind | tried | {good} | {bad} |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {kind} | {tried} | {right} | {tried - right} |" for kind, tried, right in rows]
    wrong = [f"- {kind}, {name}: {why}" for kind, one in part["kinds"].items() for name, why in one["wrong"].items()]
    measured = [f"- {name}: {_said(f)}" for one in part["kinds"].values() for name, f in one["figures"].items()]
    for title, said in ((f"{bad.capitalize()}:", wrong), ("Measured:", measured)):
        lines += ["", title, "", *said] if said else []
    left = f" {part['left']} trials have not been run yet." if part.get("left") else ""
    return "\n".join([*lines, "", f"{part['date']}, {part['hardware']}.{left}"])


def _said(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in figures.items())
