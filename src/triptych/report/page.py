"""The HTML page: everything in one file, no script needed to read it; links are to publications alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import count
from typing import Any

from triptych.published import Published
from triptych.published.papers import Paper
from triptych.report.curves import Chart
from triptych.report.figures import DataSheet, Figure, show_number, words
from triptych.report.load import Inputs, data_titles, judged_on, kept_name
from triptych.report.outcomes import Outcome
from triptych.report.settings import Settings
from triptych.report.studies import Study
from triptych.report.table import Table

FILES = ("page.html", "page.css", "page.js")


Told = Sequence[tuple[str, Settings, Sequence[str]]]  # of rows: name, parameters, facts


@dataclass(frozen=True)
class TableSection:
    """One task: its printed tables, each with its dot chart, then pictures and loss curves of its systems."""

    published: Published
    tables: Sequence[Table]
    charts: Mapping[str, Chart]  # table key -> dot chart
    overview: Sequence[Figure]  # pictures outside the fold
    figures: Sequence[Figure]
    curves: Sequence[Chart]
    ran: int
    total: int
    data: str
    what: Sequence[str]
    settings: Told
    came_out: Sequence[str] = ()


@dataclass(frozen=True)
class StudySection:
    key: str
    study: Study
    tables: Sequence[Table]
    figures: Sequence[Figure]
    settings: Told
    came_out: Sequence[str] = ()


@dataclass(frozen=True)
class PaperSection:
    paper: Paper
    tables: Sequence[TableSection]
    studies: Sequence[StudySection]
    sheets: Sequence[tuple[DataSheet, Figure | None]]
    honesty: Sequence[str]

    @property
    def about(self) -> dict[str, str]:
        """Table or study -> the id of its section."""
        tables = {s.published.table: f"table-{s.published.table}" for s in self.tables}
        return tables | {s.key: f"study-{s.key}" for s in self.studies}


@dataclass(frozen=True)
class Page:
    """`kept`: the profiles whose results are kept in git beside those of `profile`."""

    profile: str
    papers: Sequence[PaperSection]
    sheets: Sequence[tuple[DataSheet, Figure | None]]  # of no paper
    foot: Mapping[str, str]
    outcomes: Sequence[Outcome] = ()
    kept: str = ""


def render(page: Page) -> str:
    """The page as HTML."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters["number"] = show_number
    environment.filters["words"] = words
    environment.filters["of"] = lambda n, what: f"{n} {what}{'' if n == 1 else 's'}"
    environment.filters["elsewhere"] = show_elsewhere
    seen: set[str] = set()
    environment.globals["first_time"] = lambda key: key not in seen and not seen.add(key)
    counts = {"Table": count(1), "Figure": count(1)}
    environment.globals["number_of"] = lambda kind: f"{kind} {next(counts[kind])}"
    files = {name: resources.files(__package__).joinpath(name).read_text(encoding="utf-8") for name in FILES}
    template = environment.from_string(files["page.html"])
    return template.render(page=page, style=files["page.css"], script=files["page.js"], json=json.dumps)


def show_elsewhere(number: Any) -> str:
    scale, sign = (100, " %") if number.unit == "percent" else (1, "")
    spread = "" if number.spread is None else f" ± {number.spread * scale:.{number.decimals}f}"
    return f"{number.value * scale:.{number.decimals}f}{spread}{sign}"


def what_was_run(published: Published, inputs: Inputs) -> list[str]:
    """Sentences: on which data, with how many repetitions, at which scale."""
    lines = []
    for results, scale in (
        (inputs.results.get(published.table, {}), f"profile {inputs.profile}"),
        (kept := inputs.kept.get(published.table, {}), f"{kept_name(kept)}, kept in git"),
    ):
        if not results:
            continue
        roles: dict[str, dict[str, None]] = {}
        for result in results.values():
            for role, title in data_titles(result["data"]).items():
                roles.setdefault(role, {})[title] = None
        data = "; ".join(f"{role}: {', '.join(titles)}" for role, titles in roles.items())
        counts = sorted({m["n"] for r in results.values() for m in r["metrics"].values()})
        total = len({*published.systems, *results})  # a user's own systems are not among the published
        lines.append(f"{len(results)} of {total} systems ({scale}). Data: {data}. ")
        if counts == [1]:
            lines[-1] += "Each number is of a single run (n = 1)."
        elif counts:
            spread = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
            lines[-1] += (
                f"A number is the mean ± standard deviation over n = {spread} values (seeds, label draws or replicas)."
            )
        devices = sorted({str(r["device"]) for r in results.values() if r.get("device")})
        precisions = {str(r["precision"]) for r in results.values() if r.get("precision")}  # a kept result says it
        if results is inputs.results.get(published.table):
            costs = [inputs.costs.get((published.table, system)) for system in results]
            precisions |= {text for cost in costs if cost for text in cost.precisions}
        if devices:
            lines[-1] += f" Device: {', '.join(devices)}."
        if precisions:
            lines[-1] += f" Precision: {' and '.join(sorted(precisions))}."
    return lines or ["Nothing of this table has been run yet."]


def honesty(published: Published, inputs: Inputs) -> str:
    """What the numbers of a table are, and what they are not."""
    results = {**inputs.kept.get(published.table, {}), **inputs.results.get(published.table, {})}
    titles = list(dict.fromkeys(judged_on(result) for result in results.values()))
    if not titles:
        return f"{published.title}: no number of ours yet; the published column stands alone."
    other = [title for title in titles if title not in published.same_data]
    if not other:
        return (
            f"{published.title}: ours is measured on {published.paper_data}, the paper's data. Where scale "
            "or training differ from the paper's, the parameters of the run say so."
        )
    return (
        f"{published.title}: this is the paper's comparison, every system by one protocol, on "
        f"{', '.join(other)}. It is not a reproduction of the paper's numbers, which are on "
        f"{published.paper_data}: read down a column of ours, never across to the paper's."
    )
