"""The order of a table's rows, ours against the paper's: the place of the paper's own row, and Spearman's rank
correlation with its exact p, a metric at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import Any, Literal

import numpy as np

from triptych.base.results import training_means
from triptych.published import Column, Published
from triptych.published.claims import load_claims
from triptych.report.best import goodness
from triptych.report.load import judged_on, on_one_set

FEWEST = 3  # rows below which an order says nothing
LEVEL = 0.05  # of the two-sided test of an order
EXACT = 9  # rows up to which every order is looked at
ORDERS = 100_000  # that are drawn where there are more

Results = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Order:
    """Spearman's ρ over `n` rows. `p`: how often a random order agrees, or disagrees, as well."""

    rho: float
    p: float
    n: int

    @property
    def word(self) -> Literal["similar order", "reversed", "cannot be told"]:
        """What may be said of the order."""
        if self.p > LEVEL:
            return "cannot be told"
        return "similar order" if self.rho > 0 else "reversed"

    def __str__(self) -> str:
        return f"ρ = {self.rho:.2f} over {self.n} rows (p = {self.p:.2g})"


def spearman(a: Sequence[float], b: Sequence[float]) -> Order | None:
    """Ties are given their mean rank. None for fewer than `FEWEST` pairs or if one side is constant."""
    if len(a) < FEWEST or len(set(a)) == 1 or len(set(b)) == 1:
        return None
    from scipy.stats import rankdata

    ranks = [tuple((2 * rankdata(side)).astype(int).tolist()) for side in (a, b)]  # doubled: a mean rank may be a half
    return Order(float(np.corrcoef(*ranks)[0, 1]), _p(*ranks), len(a))


def _p(a: Sequence[int], b: Sequence[int]) -> float:
    """Two-sided p of ρ: the share of the orders of `b` whose |ρ| is at least as large."""
    at_hand = abs(int(_centred(a) @ _centred(b)))
    return float((_by_chance(tuple(sorted(a)), tuple(sorted(b))) >= at_hand).mean())


@cache
def _by_chance(a: tuple[int, ...], b: tuple[int, ...]) -> np.ndarray:
    """|Covariance| of `a` with each order of `b`: with up to 9 rows of all, else of some that are drawn."""
    if len(b) <= EXACT:
        orders = np.array(list(permutations(range(len(b)))), np.int8)
    else:
        orders = np.random.default_rng(0).permuted(np.tile(np.arange(len(b)), (ORDERS, 1)), axis=1)
    return np.abs(_centred(b)[orders] @ _centred(a))


def _centred(ranks: Sequence[int]) -> np.ndarray:
    """Whole numbers that sum to 0, in the proportions of the ranks' distances from their mean."""
    return np.array(ranks) * len(ranks) - sum(ranks)


@dataclass(frozen=True)
class Standing:
    """The own row's place among the paper's rows that ran, and what lies around it. `lowest`, `highest`: its best and
    worst place with the trainings of a single seed. `rival`: the best of the others, of ours. `under`: the floors that
    the own row does not pass."""

    metric: str
    row: str
    rows: int
    paper: int
    here: int
    lowest: int
    highest: int
    mean: float
    rival: str
    rival_mean: float
    under: tuple[tuple[str, float], ...]
    ceiling: tuple[str, float] | None


def standing(published: Published, results: Results, metric: str) -> Standing | None:
    """Of a table's own row (claims.yaml says which) on one metric; None if it, or all others, did not run. Rows that
    the paper does not rank count neither there nor here; those judged on other data than most are left out."""
    place, results = load_claims().places.get(published.table), on_one_set(results)
    if place is None:
        return None
    rivals = [s for s in place.rows or published.systems if published.systems[s].contender]
    ranked = {s: results[s] for s in ranked_rows(published, results, metric) if s in rivals}
    if place.own not in ranked or len(ranked) < 2:
        return None
    own, column = place.own, published.column(metric)
    paper = {s: published.systems[s].values[metric].value for s in ranked}
    means = {s: r["metrics"][metric]["mean"] for s, r in ranked.items()}
    trained = {s: training_means(r, metric) for s, r in ranked.items()}
    places = []
    for n in range(len(trained[own])):
        single = {s: each[n] if n < len(each) else means[s] for s, each in trained.items()}
        places.append(_rank(own, single, column))
    rival = max((s for s in means if s != own), key=lambda s: goodness(means[s], column))
    floors = {s: results[s]["metrics"][metric]["mean"] for s in place.floors if _has(results, s, metric)}
    top = place.ceilings.get(metric, "")
    here = _rank(own, means, column)
    return Standing(
        metric=metric,
        row=own,
        rows=len(ranked),
        paper=_rank(own, paper, column),
        here=here,
        lowest=min([here, *places]),
        highest=max([here, *places]),
        mean=means[own],
        rival=rival,
        rival_mean=means[rival],
        under=tuple((s, m) for s, m in floors.items() if goodness(means[own], column) <= goodness(m, column)),
        ceiling=(top, results[top]["metrics"][metric]["mean"]) if _has(results, top, metric) else None,
    )


def ranked_rows(published: Published, results: Results, metric: str) -> list[str]:
    """Rows that the paper ranks by a metric, and that ran; in its order."""
    return [
        s for s, row in published.systems.items() if row.ranked and metric in row.values and _has(results, s, metric)
    ]


def _has(results: Results, system: str, metric: str) -> bool:
    return system in results and metric in results[system]["metrics"]


def _rank(own: str, values: Mapping[str, float], column: Column) -> int:
    """1 + how many are better; equals share the better place."""
    mine = goodness(values[own], column)
    return 1 + sum(goodness(value, column) > mine for value in values.values())


def order_lines(
    published: Published, columns: Sequence[Column], systems: Sequence[str], results: Results, who: str
) -> list[str]:
    """One sentence a metric, then one that says on which data the two orders are. Rows the paper does not rank (floors,
    ceilings, numbers of other papers) are left out; where some that it does rank are no contenders (they see the pairs,
    or the truth), ρ is given without them, too. Of rows on different data, those on the commonest are compared."""
    told: dict[str, Order] = {}
    used: set[str] = set()
    results = on_one_set({s: r for s, r in results.items() if s in systems})
    for column in (column for column in columns if column.better != "none"):
        metric = column.metric
        pairs = {
            s: (published.systems[s].values[metric].value, results[s]["metrics"][metric]["mean"])
            for s in ranked_rows(published, results, metric)
        }
        order = spearman(*zip(*pairs.values())) if pairs else None
        if order is not None:
            told[column.title] = order
            rivals = [pair for s, pair in pairs.items() if published.systems[s].contender]
            if len(rivals) < len(pairs) and (among := spearman(*zip(*rivals)) if rivals else None) is not None:
                told[f"{column.title}, contenders alone"] = among
            used |= set(pairs)
    if not told:
        return []
    words = {order.word for order in told.values()}
    each = [f"{what}: {order}" if len(words) == 1 else f"{what}: {order.word}, {order}" for what, order in told.items()]
    return [
        f"Order of the rows, {who} against the paper's{f': {words.pop()}' if len(words) == 1 else ''} (Spearman). "
        f"{'; '.join(each)}. " + data_sentence(published, {s: results[s] for s in used}, who)
    ]


def data_sentence(published: Published, results: Results, who: str) -> str:
    """Says whether our numbers are on the paper's data."""
    titles = dict.fromkeys(judged_on(result) for result in results.values())
    other = [title for title in titles if title not in published.same_data]
    subject = f"{who[0].upper()}{who[1:]}"
    if not other:
        return f"{subject} is on the paper's data, {published.paper_data}."
    return (
        f"{subject} is on {', '.join(other)}, the paper's numbers on {published.paper_data}: "
        "only the order can be compared, not the values."
    )
