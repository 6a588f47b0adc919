"""The verdicts in README.md and docs/findings.md, written anew from results/: `python -m triptych.report.findings`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from triptych.base import project
from triptych.published.claims import load_claims
from triptych.published.papers import load_papers
from triptych.report.load import profile_of, read_inputs
from triptych.report.verdict import Results, Verdict, verdicts

START, END = "<!-- verdicts: generated -->", "<!-- end -->"


def write_findings(root: Path) -> list[Path]:
    """Fill the blocks of README.md (the headlines) and docs/findings.md (all claims) from the results of the profile in
    params.yaml. Returns their paths. Raises FileError, and ValueError if a page has no block."""
    results = read_inputs(root, profile_of(root / "params.yaml")).results
    pages = {root / "README.md": headlines(results), root / "docs" / "findings.md": verdict_table(results)}
    for page, block in pages.items():
        page.write_text(filled(page.read_text(encoding="utf-8"), block), encoding="utf-8")
    return list(pages)


def headlines(results: Mapping[str, Results]) -> str:
    """The claims that a first reader asks about, one Markdown table, each with its first metric."""
    lines = ["| the papers say | there | here | verdict |", "| --- | --- | --- | --- |"]
    for v in _all(results):
        if v.claim.headline:
            here = f"{_first(v.here)}; {v.data}" if v.data else _first(v.here)
            sure = f" ({v.how_sure})" if v.how_sure else ""
            lines.append(f"| {v.claim.says} | {_first(v.paper)} | {here} | **{v.word}**{sure} |")
    return "\n".join(lines)


def _first(text: str) -> str:
    return text.partition(";")[0]


def _all(results: Mapping[str, Results]) -> list[Verdict]:
    """Every claim's verdict, in the order of claims.yaml."""
    abouts = dict.fromkeys(claim.about for claim in load_claims().claims)
    return [v for about in abouts for v in verdicts(about, results.get(about, {}))]


def verdict_table(results: Mapping[str, Results]) -> str:
    """All claims, a Markdown table a paper, in the order of claims.yaml."""
    found, blocks = _all(results), []
    for key, paper in load_papers().items():
        rows = [_row(v) for v in found if v.claim.paper == key]
        head = f"| {paper.title} says | in the paper | here | data | verdict |\n| --- | --- | --- | --- | --- |"
        blocks.append("\n".join([head, *rows]))
    return "\n\n".join(blocks)


def _row(verdict: Verdict) -> str:
    sure = f" ({verdict.how_sure})" if verdict.how_sure else ""
    said = f"{verdict.claim.says} ({verdict.claim.where})"
    return "| " + " | ".join([said, verdict.paper, verdict.here, verdict.data, f"**{verdict.word}**{sure}"]) + " |"


def filled(page: str, block: str) -> str:
    """The page with another text between the two marks. Raises ValueError if they are not there."""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"the page has no block {START} … {END}")
    return f"{before}{START}\n\n{block}\n\n{END}{after}"


if __name__ == "__main__":
    print(*write_findings(project.root()))
