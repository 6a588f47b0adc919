"""The first table of the page: each claim of the papers, and what came out here."""

from __future__ import annotations

from dataclasses import dataclass

from triptych.pipeline.registry import STUDIES
from triptych.published import TABLES
from triptych.report.load import Inputs, duration
from triptych.report.verdict import Verdict, sides_of, verdicts


@dataclass(frozen=True)
class Outcome:
    """A claim of a paper, and what became of it here. `kept`: with the results that are kept in git."""

    verdict: Verdict
    kept: str
    time: str


def outcomes(inputs: Inputs) -> list[Outcome]:
    """Table by table, in the order of claims.yaml. Claims of a study of which nothing ran are left out."""
    found = []
    for key in [*TABLES, *STUDIES]:
        kept = {v.claim.id: v for v in verdicts(key, inputs.kept.get(key, {}))}
        ran = inputs.results.get(key, {})
        found += [_outcome(v, kept[v.claim.id], inputs) for v in verdicts(key, ran) if ran or key in TABLES]
    return found


def study_sentences(inputs: Inputs, key: str) -> list[str]:
    """What came out of a study: its claims and their verdicts."""
    told = verdicts(key, inputs.results.get(key, {}))
    return [f"{v.claim.says} → {v.word}: {v.here}." for v in told if v.word != "not run"]


def _outcome(verdict: Verdict, kept: Verdict, inputs: Inputs) -> Outcome:
    claim = verdict.claim
    rows = {row for condition in [*claim.order, *claim.shows] for row, _ in sides_of(condition)}
    costs = [inputs.costs[claim.about, row] for row in rows if (claim.about, row) in inputs.costs]
    return Outcome(
        verdict,
        kept=f"{kept.here} ({kept.data}): {kept.word}" if kept.word != "not run" else "",
        time=duration(sum(cost.seconds for cost in costs)) if costs and verdict.word != "not run" else "–",
    )
