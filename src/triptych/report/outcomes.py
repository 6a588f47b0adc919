"""The first table of the page: each claim of the papers, and what came out here."""

from __future__ import annotations

from triptych.pipeline.registry import STUDIES
from triptych.published import TABLES
from triptych.report.load import Inputs, duration
from triptych.report.page import Outcome
from triptych.report.verdict import Verdict, sides_of, verdicts


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
    ran = kept.word != "not run"
    return Outcome(
        about=claim.about,
        claim=claim.says,
        where=claim.where,
        paper=verdict.paper,
        here=verdict.here,
        kept=f"{kept.here} ({kept.data}): {kept.word}" if ran else "",
        data=verdict.data,
        verdict=verdict.word,
        sure=verdict.how_sure,
        rule=verdict.rule,
        trainings=str(verdict.trainings or "–"),
        time=duration(sum(cost.seconds for cost in costs)) if costs and verdict.word != "not run" else "–",
    )
