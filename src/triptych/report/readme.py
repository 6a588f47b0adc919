"""README.md of a report: what a forge shows of it."""

from __future__ import annotations

from triptych.report.formats import bar
from triptych.report.page import Page


def to_readme(page: Page) -> str:
    """What came out, and where the rest is."""
    lines = [f"# Triptych, report of the profile {page.profile}", ""]
    lines += ["The whole report is [index.html](index.html), one file to open in a browser.", ""]
    if page.outcomes:
        lines += ["## What came out", "", *_outcomes(page), ""]
    lines += ["## Tables", "", bar(["", "ran", "our data", "the paper's data", "files"]), bar(["---"] * 5)]
    for paper in page.papers:
        for s in paper.tables:
            title = f"{paper.paper.title}: {s.published.title}"
            files = _files(s.published.table)
            lines.append(bar([title, f"{s.ran} of {s.total}", s.data, s.published.paper_data, files]))
    lines += ["", "Every number, a training or draw a row: [results_long.csv](tables/results_long.csv).", ""]
    studies = [study for paper in page.papers for study in paper.studies]
    if studies:
        lines += ["## Studies", "", *(f"- {s.study.title}: {_files(s.key)}" for s in studies), ""]
    if page.foot:
        lines += ["## From", "", *(f"- {what}: {text}" for what, text in page.foot.items()), ""]
    return "\n".join(lines)


def _files(key: str) -> str:
    return ", ".join(f"[{kind}](tables/{key}.{kind})" for kind in ("md", "csv", "tex"))


def _outcomes(page: Page) -> list[str]:
    heads = ["the paper says", "the paper", "here", "data", "verdict", "how sure"]
    heads += [f"profile {page.kept}"] if page.kept else []
    lines = [bar(heads), bar(["---"] * len(heads))]
    for o in page.outcomes:
        kept = [o.kept] if page.kept else []
        v = o.verdict
        lines.append(bar([v.claim.says, v.paper, v.here, v.data, f"**{v.word}**", v.how_sure, *kept]))
    return lines
