"""The generated parts of the pages in git, written anew: `python -m triptych.report.findings`. The verdicts of
README.md and docs/findings.md come from results/, the tables of docs/chance.md and docs/real_data.md from reports/."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from triptych.base import project
from triptych.base.files import read_json
from triptych.published.claims import load_claims
from triptych.published.papers import load_papers
from triptych.report import real_data
from triptych.report.chance import portable_table, replicate_table
from triptych.report.formats import bar
from triptych.report.load import profile_of, read_inputs
from triptych.report.verdict import Results, Verdict, Word, verdicts

START, END = "<!-- {}: generated -->", "<!-- end -->"


def blocks(root: Path) -> dict[tuple[str, str], str]:
    """What stands in each page's block of each name. Raises FileError."""
    results = read_inputs(root, profile_of(root / "params.yaml")).results
    moved, portable = (read_json(root / "reports" / f"{name}.json", list) for name in ("replicate", "portable"))
    return {
        ("README.md", "verdicts"): headlines(results),
        ("docs/findings.md", "verdicts"): verdict_table(results),
        ("docs/chance.md", "replicate"): replicate_table(moved),
        ("docs/chance.md", "portable"): portable_table(portable),
        ("docs/real_data.md", "workstation"): real_data.tables(root),
    }


def write_findings(root: Path) -> list[Path]:
    """Fill the blocks from the results of the profile in params.yaml. Returns the pages' paths. Raises FileError, and
    ValueError if a page has no block."""
    found = blocks(root)
    for (name, mark), block in found.items():
        page = root / name
        page.write_text(filled(page.read_text(encoding="utf-8"), block, mark), encoding="utf-8")
    return [root / name for name in dict.fromkeys(name for name, _ in found)]


def headlines(results: Mapping[str, Results]) -> str:
    """The claims that a first reader asks about, one Markdown table, each with its first metric; below it, how many of
    all claims have which verdict."""
    lines = ["| the papers say | there | here | verdict |", "| --- | --- | --- | --- |"]
    every = _all(results)
    for v in every:
        if v.claim.headline:
            here = f"{_first(v.here)}; {v.data}" if v.data else _first(v.here)
            lines.append(bar([v.claim.says, _first(v.paper), here, _in_bold(v)]))
    count = Counter(v.word for v in every)
    told = "; ".join(f"{word}: {count[word]}" for word in get_args(Word) if count[word])
    return "\n".join([*lines, "", f"Of all {len(every)} claims ([findings](docs/findings.md)): {told}."])


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
        head = f"| on {paper.title} | in the paper | here | data | verdict |\n| --- | --- | --- | --- | --- |"
        blocks.append("\n".join([head, *rows]))
    return "\n\n".join(blocks)


def _row(v: Verdict) -> str:
    return bar([f"{v.claim.says} ({v.claim.where})", v.paper, v.here, v.data, _in_bold(v)])


def _in_bold(verdict: Verdict) -> str:
    return f"**{verdict.word}**" + (f" ({verdict.how_sure})" if verdict.how_sure else "")


def filled(page: str, block: str, mark: str = "verdicts") -> str:
    """The page with another text in the block of this name. Raises ValueError if there is none."""
    begin = START.format(mark)
    before, start, rest = page.partition(begin)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"the page has no block {begin} … {END}")
    return f"{before}{begin}\n\n{block}\n\n{END}{after}"


if __name__ == "__main__":
    print(*write_findings(project.root()))
