"""Does the order of the rows agree with the paper's? Spearman's rank correlation, a metric at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from triptych.published import Column, Published
from triptych.report.load import judged_on, on_one_set

FEWEST = 3  # rows below which an order says nothing


def spearman(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's ρ, ties given their mean rank; None for fewer than `FEWEST` pairs or if one side is
    constant."""
    if len(a) < FEWEST or len(set(a)) == 1 or len(set(b)) == 1:
        return None
    from scipy.stats import spearmanr

    rho = float(spearmanr(a, b).statistic)
    return None if math.isnan(rho) else rho


def order_lines(
    published: Published,
    columns: Sequence[Column],
    systems: Sequence[str],
    results: Mapping[str, Mapping[str, Any]],
    who: str,
) -> list[str]:
    """One sentence a metric, then one that says on which data the two orders are. Rows the paper does not rank (floors,
    ceilings, numbers of other papers) are left out; where some that it does rank are no contenders (they see the pairs,
    or the truth), ρ is given without them, too. Of rows on different data, those on the commonest are compared."""
    lines, used = [], set()
    results = on_one_set(results)
    for column in columns:
        metric = column.metric
        pairs = {
            s: (published.systems[s].values[metric].value, results[s]["metrics"][metric]["mean"])
            for s in systems
            if s in results
            and metric in results[s]["metrics"]
            and s in published.systems
            and published.systems[s].ranked
            and metric in published.systems[s].values
        }
        rho = spearman(*zip(*pairs.values())) if pairs else None
        if rho is not None:
            lines.append(f"{column.title}: ρ = {rho:.2f} over {len(pairs)} rows")
            rivals = [pair for s, pair in pairs.items() if published.systems[s].contender]
            if len(rivals) < len(pairs) and (among := spearman(*zip(*rivals)) if rivals else None) is not None:
                lines[-1] += f" ({among:.2f} over the {len(rivals)} contenders)"
            used |= set(pairs)
    if not lines:
        return []
    return [
        f"Order of the rows, {who} against the paper's (Spearman): {'; '.join(lines)}. "
        + data_sentence(published, {s: results[s] for s in used}, who)
    ]


def data_sentence(published: Published, results: Mapping[str, Mapping[str, Any]], who: str) -> str:
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
