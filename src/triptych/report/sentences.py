"""One sentence a metric: where the paper has its own row, where it stands here, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triptych.published import Published
from triptych.published.claims import load_claims
from triptych.report.rank import Standing, standing
from triptych.report.words import Words, words_of


def table_sentences(published: Published, results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Of a table, a sentence for each of the metrics by which claims.yaml ranks its own row; [] if that row, or all
    others, did not run."""
    place = load_claims().places.get(published.table)
    found = [standing(published, results, metric) for metric in place.metrics] if place else []
    words = words_of(published.table)
    return [sentence(one, words) for one in found if one is not None]


def sentence(one: Standing, words: Words) -> str:
    """Accuracy, all labels: DCGAN is 2nd of 5 in the paper and 4th here with 67.0 % against 87.8 % (K-means). …"""
    title, name = words.metric(one.metric), words.row(one.row)
    here = "and here too" if one.here == one.paper else f"and {ordinal(one.here)} here"
    text = f"{title[0].upper()}{title[1:]}: {name} is {ordinal(one.paper)} of {one.rows} in the paper {here}"
    if one.lowest < one.highest:
        text += f" ({ordinal(one.lowest)} to {ordinal(one.highest)} by single seeds)"
    text += (
        f" with {words.number(one.metric, one.mean)}; the best other row, {words.row(one.rival)}, has "
        f"{words.number(one.metric, one.rival_mean)}."
    )
    if one.under:
        floors = ", ".join(f"{words.row(row)} ({words.number(one.metric, mean)})" for row, mean in one.under)
        text += f" It does not pass the floor: {floors}."
    if one.ceiling:
        text += f" The ceiling, {words.row(one.ceiling[0])}, has {words.number(one.metric, one.ceiling[1])}."
    return text


def ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 4th, … 11th, …"""
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
