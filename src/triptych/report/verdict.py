"""Does what a paper claims hold here? Every claim of published/claims.yaml, held against the results.

A claim is looked at in thousands of resamples of the trainings (`resample`). It holds if its conditions are met in at
least 90 % of them, does not show if they are in 10 % or fewer, and cannot be told in between. Of one that asks for a
large lead, the order alone may hold. Where a row that learns was trained once, nothing can be told; of two trainings
the resamples are too sure, for they know no third: `Verdict.how_sure` names the number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from triptych.base.results import training_values, trainings_of
from triptych.published import TABLES, load
from triptych.published.claims import Claim, Condition, Other, claims_about
from triptych.report.load import judged_on, on_one_set
from triptych.report.resample import Resamples, resample
from triptych.report.words import Words, words_of

SURE = 0.9
BEST_HALVES = {"higgins": "higgins_all"}  # chosen among all values of the other: the choice is made in each resample

Word = Literal["holds", "holds in order", "does not show at this scale", "cannot be told", "not run"]
Results = Mapping[str, Mapping[str, Any]]  # row -> results/<table>/<row>.json
Side = tuple[str, str]  # row, metric


@dataclass(frozen=True)
class Verdict:
    """`paper` and `here`: the numbers in words. `rule`: what was asked of the numbers. `trainings`: the fewest of a row
    that learns. `sure`: the share of resamples on the side of `word`, or, where that is "cannot be told", in which the
    claim (its order, if it has one) holds; None where nothing was resampled, and `why` says what is lacking."""

    claim: Claim
    word: Word
    paper: str
    here: str
    rule: str
    data: str
    trainings: int | None = None
    sure: float | None = None
    why: str = ""

    @property
    def how_sure(self) -> str:
        """in all resamples of 3 trainings; in 93 % of the resamples of 2 trainings; one training."""
        if self.sure is None:
            return self.why
        n = f"{self.trainings} trainings" if self.trainings else "the trainings"
        if self.word == "cannot be told":
            return f"holds in {100 * self.sure:.0f} % of the resamples of {n}"
        if self.sure > 0.9995:
            return f"in all resamples of {n}"
        share = "more than 99" if self.sure >= 0.995 else f"{100 * self.sure:.0f}"
        return f"in {share} % of the resamples of {n}"


def verdicts(key: str, results: Results) -> list[Verdict]:
    """Of all claims about a table or study, in the order of claims.yaml. Rows of a table that are judged on other data
    than most are left out, as if they had not run; a study may use several sets."""
    same, words = on_one_set(results) if key in TABLES else results, words_of(key)
    return [judge(claim, same, words) for claim in claims_about(key)]


def judge(claim: Claim, results: Results, words: Words) -> Verdict:
    """One claim, held against rows judged on the same data."""
    every = [*claim.order, *claim.shows]
    sides = list(dict.fromkeys(side for condition in every for side in sides_of(condition)))
    rows = list(dict.fromkeys(row for row, _ in sides))
    told = {
        "claim": claim,
        "paper": claim.paper_says or _published(claim, every, words),
        "rule": rule(claim.shows, words) + (f"; in order: {rule(claim.order, words)}" if claim.order else ""),
        "data": ", ".join(dict.fromkeys(judged_on(results[r]) for r in rows if r in results and results[r]["data"])),
    }
    missing = [side for side in sides if side[1] not in results.get(side[0], {"metrics": {}})["metrics"]]
    if missing:
        lacking = dict.fromkeys(
            words.row(row) if row not in results else f"{words.metric(m)} of {words.row(row)}" for row, m in missing
        )
        return Verdict(word="not run", here="–", why=f"without {', '.join(lacking)}", **told)
    means = {side: results[side[0]]["metrics"][side[1]]["mean"] for side in sides}
    told["here"] = in_numbers(every, means, words)
    learned = [_learned(results[row], metric, claim.about, row) for row, metric in sides]
    told["trainings"] = fewest = min((count for count in learned if count is not None), default=None)
    if fewest in (0, 1):
        why = "one training" if fewest else "how the values lie over the trainings is not known"
        return Verdict(word="cannot be told", why=why, **told)
    values, resampled = _resampled(sides, results)
    shows = resampled.share(_met(claim.shows, values))
    order = resampled.share(_met(claim.order or claim.shows, values))
    if shows >= SURE:
        return Verdict(word="holds", sure=shows, **told)
    if order >= SURE:
        return Verdict(word="holds in order", sure=order, **told)
    if order <= 1 - SURE:
        return Verdict(word="does not show at this scale", sure=1 - order, **told)
    return Verdict(word="cannot be told", sure=order, **told)


def sides_of(condition: Condition) -> list[Side]:
    """(row, metric) of the left side and of all that it is held against, numbers left out."""
    return [(condition.row, condition.metric), *(s for o in condition.others if (s := _side(condition, o)))]


def _side(condition: Condition, other: float | str | Other) -> Side | None:
    if isinstance(other, Other):
        return other.row or condition.row, other.metric or condition.metric
    return (other, condition.metric) if isinstance(other, str) else None


def _source(result: Mapping[str, Any], metric: str) -> str:
    """The metric that has the values of single trainings."""
    whole = BEST_HALVES.get(metric, metric)
    return whole if whole in result["metrics"] else metric


def _learned(result: Mapping[str, Any], metric: str, table: str, row: str) -> int | None:
    """Trainings behind a number, 0 if that is not known; None if nothing was trained for it: a row made by the
    protocol, or one that was judged once for all its seeds."""
    if table in TABLES and row in load(table).systems and load(table).systems[row].reference:
        return None
    count = trainings_of(result, _source(result, metric))
    return None if count == 1 and len(result.get("seeds", [])) > 1 else count or 0


def _resampled(sides: Iterable[Side], results: Results) -> tuple[dict[Side, np.ndarray], Resamples]:
    """(R,) values of each side. Metrics of one row are drawn together: a training takes all its numbers along."""
    groups = {(row, m): training_values(results[row], _source(results[row], m)) for row, m in sides}
    units = {side: f"{side[0]} of {len(groups[side])}" for side in groups}
    resampled = resample({unit: len(groups[side]) for side, unit in units.items()})
    values = {}
    for (row, metric), found in groups.items():
        if metric != _source(results[row], metric):
            values[row, metric] = resampled.best_half(units[row, metric], np.array(found))
        else:
            values[row, metric] = resampled.mean(units[row, metric], np.mean(found, axis=1))
    return values, resampled


def _met(conditions: Iterable[Condition], values: Mapping[Side, np.ndarray]) -> np.ndarray:
    """(R,) whether all conditions are met."""
    met = np.ones(len(next(iter(values.values()))), bool)
    for condition in conditions:
        left = values[condition.row, condition.metric]
        for other in condition.others:
            side = _side(condition, other)
            lead = left - (values[side] if side else other)
            if condition.kind == "near":
                met &= np.abs(lead) <= condition.by
            else:
                met &= (lead if condition.kind == "above" else -lead) > condition.by
    return met


def in_numbers(conditions: Iterable[Condition], means: Mapping[Side, float], words: Words) -> str:
    """The left sides, each against the hardest of what it is held against: "accuracy: 67.0 % against 87.8 % (K-means)".
    Conditions that lack a number are left out."""
    parts: dict[str, None] = {}
    conditions = list(conditions)
    several = len({condition.row for condition in conditions}) > 1
    for condition in conditions:
        left, others = (condition.row, condition.metric), sides_of(condition)[1:]
        if left not in means or any(side not in means for side in others):
            continue
        title = words.metric(condition.metric)
        title = f"{words.row(condition.row)}, {title}" if several else title
        text = f"{title}: {words.number(condition.metric, means[left])}"
        if others:
            hardest = (min if condition.kind == "below" else max)(others, key=means.__getitem__)
            name = words.row(hardest[0]) if hardest[0] != condition.row else words.metric(hardest[1])
            text += f" against {words.number(hardest[1], means[hardest])} ({name})"
        parts[text] = None
    return "; ".join(parts) or "–"


def _published(claim: Claim, conditions: Iterable[Condition], words: Words) -> str:
    if claim.about not in TABLES:
        return "–"
    systems = load(claim.about).systems.items()
    means = {(row, metric): number.value for row, system in systems for metric, number in system.values.items()}
    return in_numbers(conditions, means, words)


def rule(conditions: Iterable[Condition], words: Words) -> str:
    """What is asked of the numbers, in words: "DCGAN's accuracy above that of K-means by 6.0 %"."""
    parts = []
    for c in conditions:
        names = [_name(other, c, words) for other in c.others]
        text = f"{words.row(c.row)}, {words.metric(c.metric)}: {c.kind} {', '.join(names)}"
        if c.by > 0:
            text += f" {'within' if c.kind == 'near' else 'by'} {words.number(c.metric, c.by)}"
        elif c.by < 0:
            text += f", or short of it by no more than {words.number(c.metric, -c.by)}"
        parts.append(text)
    return "; ".join(parts)


def _name(other: float | str | Other, condition: Condition, words: Words) -> str:
    if isinstance(other, str):
        return words.row(other)
    if isinstance(other, Other):
        return ", ".join(
            name(part) for name, part in ((words.row, other.row), (words.metric, other.metric)) if part is not None
        )
    return words.number(condition.metric, other)
