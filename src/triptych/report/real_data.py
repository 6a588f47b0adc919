"""The results that are kept in reports/workstation/, as text: the README of that folder, and the tables of
docs/real_data.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from triptych.pipeline.registry import STUDIES
from triptych.published import TABLES, Published
from triptych.published import load as load_published
from triptych.report.formats import bar, to_markdown
from triptych.report.load import Inputs, Results, duration, judged_on, read_inputs
from triptych.report.notes import numbered
from triptych.report.studies import load_studies, study_tables
from triptych.report.table import Table, build_tables
from triptych.report.verdict import verdicts

PROFILE = "workstation"


def kept_inputs(root: Path, profile: str) -> Inputs:
    """The results of `profile` that are kept under `root`, without rows or results of another."""
    inputs = read_inputs(root, profile)
    return Inputs(root, profile, {}, inputs.results, {}, costs=inputs.costs)


def tables(root: Path) -> str:
    """Every table and study of the kept results, with the papers' numbers beside them, and the machine that they are
    of."""
    inputs = kept_inputs(root, PROFILE)
    printed = {table: partial(_tables_of_what_ran, load_published(table)) for table in TABLES}
    printed |= {key: partial(study_tables, key, study) for key, study in load_studies().items()}
    blocks = [
        "\n\n".join([_ran(results), to_markdown(made(inputs)).strip(), *_came_out({key: results})])
        for key, made in printed.items()
        if (results := inputs.results.get(key))
    ]
    return "\n\n".join(blocks) or "No run of the profile `workstation` is kept yet."


def _tables_of_what_ran(published: Published, inputs: Inputs) -> list[Table]:
    """The rows that ran, where they have a number; each table names the others below it."""
    found = []
    for table in build_tables(published, inputs):
        rows, notes, _ = numbered(row for row in table.rows if row.ran)
        if rows and any(head.kind != "info" for head in table.heads):
            found.append(replace(table, rows=tuple(rows), notes=notes))
    return found


def to_readme(profile: str, results: Results) -> str:
    """README.md of reports/<profile>/, where a run was collected."""
    lines = [
        f"# Results of the profile `{profile}`, kept in git",
        "",
        "Collected by `python -m triptych.report.collect`, which writes this page, too. Each file under `results/`",
        "has the device, the seconds, the versions, the commit and all parameters of its row; `curves/` has the",
        "histories, `figures/` charts and pictures of drawn data, `params.yaml` the whole profile as the last piece",
        "of it was run.",
        "",
        "| | rows | data | computing time | commit |",
        "| --- | ---: | --- | ---: | --- |",
    ]
    ran = {key: results[key] for key in [*TABLES, *STUDIES] if results.get(key)}
    lines += [_line(key, rows) for key, rows in ran.items()]
    lines += ["", "## What came out", "", *(_came_out(ran) or ["No claim has all its rows yet."])]
    return "\n".join(lines) + "\n"


def _came_out(ran: Mapping[str, Results]) -> list[str]:
    """The claims of which all rows ran, as a table; none, no table."""
    told = [v for key, rows in ran.items() for v in verdicts(key, rows) if v.word != "not run"]
    rows = [bar([v.claim.says, v.paper, v.here, v.data, f"**{v.word}** ({v.how_sure})"]) for v in told]
    head = ["| the paper says | the paper | here | data | verdict |", bar(["---"] * 5)]
    return ["\n".join([*head, *rows])] if rows else []


def _line(key: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    data = ", ".join(dict.fromkeys(judged_on(result) for result in rows.values() if result["data"])) or "–"
    time = duration(sum(result.get("seconds", 0) for result in rows.values()))
    return bar([f"`{key}`", str(len(rows)), data, time, ", ".join(commit[:10] for commit in _all(rows, "commit"))])


def _ran(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Data, machine and commits of some rows."""
    data = ", ".join(dict.fromkeys(text for result in rows.values() for text in result["data"].values()))
    told = {"Data": data, "machine": "; ".join(_all(rows, "machine")), "commit": ", ".join(_all(rows, "commit"))}
    return ". ".join(f"{what.capitalize()}: {text}" for what, text in told.items() if text) + "."


def _all(rows: Mapping[str, Mapping[str, Any]], key: str) -> list[str]:
    """The different values of `key`; a row of several stages may have several, with commas between."""
    values = (part for result in rows.values() for part in str(result.get(key) or "").split("; "))
    return list(dict.fromkeys(filter(None, values)))
