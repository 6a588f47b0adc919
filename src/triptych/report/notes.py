"""What a row has to say beside its numbers: caveats become notes on the cell that they concern, the rest (how many
features, which C was chosen, how many draws) stands with the row's settings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

MOST = 3  # notes of one row; what is beyond them stands with its settings
RECALLED = "Quoted from memory of the publication, not looked up again."
SIGNS = {RECALLED: "R"}

_CAVEAT = re.compile(
    r"authors|(?<!as in the )paper|original|published|reconstruction|collapsed:|also chose|does not settle"
    r"|converged: (\d+) of (?!\1\b)"
)


@dataclass(frozen=True)
class Cell:
    """`notes`: texts; `marks`: their signs after the text, once the table is numbered."""

    text: str
    bold: bool = False
    notes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


def is_caveat(note: str) -> bool:
    """Whether a stage's note says how a row differs from the paper's, or that it failed; else it is a fact."""
    return bool(_CAVEAT.search(note))


def metric_of(note: str, titles: Mapping[str, str], shown: Collection[str] | None = None) -> str | None:
    """The metric that a note begins with ("higgins: …", also of "to_photo/higgins"), the first that is shown; None if
    it begins with none."""
    name, colon, _ = note.partition(": ")
    about = [metric for metric in titles if metric == name or metric.endswith(f"/{name}")] if colon else []
    return next((metric for metric in about if shown is None or metric in shown), about[0] if about else None)


def note_text(note: str, titles: Mapping[str, str], shown: Collection[str]) -> str | None:
    """A stage's note as the reader gets it. One that begins with a metric is about that column: the column's title
    stands there, and a table without the column goes without the note (None)."""
    metric = metric_of(note, titles, shown)
    if metric is None:
        return note
    return f"{titles[metric]}: {note.partition(': ')[2]}" if metric in shown else None


def facts(
    results: Mapping[str, Mapping[str, Any]], titles: Mapping[str, str]
) -> tuple[list[str], dict[str, list[str]]]:
    """What the rows' notes say beside the caveats: of all rows, and {row: its own}."""
    told = {
        row: [text for note in result.get("notes", []) if not is_caveat(note) or len(results) > 1
              and all(note in other.get("notes", []) for other in results.values())
              if (text := note_text(note, titles, titles))]
        for row, result in results.items()
    }  # fmt: skip
    every = [text for text in next(iter(told.values()), []) if len(told) > 1 and all(text in t for t in told.values())]
    own = {row: [text for text in texts if text not in every] for row, texts in told.items()}
    return every, {row: texts for row, texts in own.items() if texts}


def caveats(results: Mapping[str, Mapping[str, Any]], row: str) -> list[str]:
    """The notes of a row that stand in the table: not those that all rows have."""
    notes = [note for note in results[row].get("notes", []) if is_caveat(note)]
    return [
        note for note in notes
        if len(results) < 2 or not all(note in other.get("notes", []) for other in results.values())
    ]  # fmt: skip


def numbered(rows: Iterable[Any]) -> tuple[list[Any], tuple[tuple[str, str], ...], dict[str, list[str]]]:
    """Rows (with `system`, `name` and `cells`) whose notes have signs, numbered as one reads; (sign, text) of each; and
    row -> the notes for which there is no place: a row keeps its first ones, `MOST` at most. What was recalled is
    always marked."""
    signs: dict[str, str] = {}

    def sign(text: str) -> str:
        number = str(1 + sum(used.isdigit() for used in signs.values()))
        return signs.setdefault(text, SIGNS.get(text, number))

    def marked(cell: Cell, kept: Collection[str]) -> Cell:
        signed = (sign(text) for text in cell.notes if text in kept or text in SIGNS)
        return replace(cell, marks=tuple(sorted(signed, key=_number)))

    done, beyond = [], {}
    for row in rows:
        texts = [text for cell in (row.name, *row.cells) for text in cell.notes if text not in SIGNS]
        kept = (every := list(dict.fromkeys(texts)))[:MOST]
        if every != kept:
            beyond[row.system] = every[MOST:]
        name, *cells = (marked(cell, kept) for cell in (row.name, *row.cells))
        done.append(replace(row, name=name, cells=tuple(cells)))
    ordered = sorted(((sign, text) for text, sign in signs.items()), key=lambda n: (not n[0].isdigit(), _number(n[0])))
    return done, tuple(ordered), beyond


def _number(sign: str) -> int:
    return int(sign) if sign.isdigit() else 0
