"""Results + published numbers -> tables ready to print. One `Table` here is one printed table: csv, md, tex
and HTML are four spellings of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from triptych.published import Column, Published, System, View
from triptych.published.claims import load_claims
from triptych.report.best import goodness, level_with_best
from triptych.report.load import (
    Inputs,
    Results,
    data_titles,
    duration,
    judged_on,
    judged_set,
    kept_name,
    on_one_set,
    whose,
)
from triptych.report.notes import RECALLED, Cell, caveats, metric_of, note_text, numbered
from triptych.report.rank import order_lines
from triptych.report.spread import cell_text, count_text, spread_of


@dataclass(frozen=True)
class Head:
    """A column's heading: the metric, whose number on which data, of how many values. `kind`: paper, ours, kept or
    info."""

    metric: str
    whose: str
    kind: str
    n: str = ""
    marks: tuple[str, ...] = ()

    @property
    def under(self) -> str:
        """What stands below the metric."""
        return f"{self.whose} (n\u00a0=\u00a0{self.n})" if self.n else self.whose


@dataclass(frozen=True)
class Row:
    system: str
    name: Cell
    cells: tuple[Cell, ...]
    ran: bool


@dataclass(frozen=True)
class Table:
    """`first`: heads the rows' names. `beyond`: row -> notes that the table has no place for."""

    key: str
    title: str
    heads: tuple[Head, ...]
    rows: tuple[Row, ...]
    notes: tuple[tuple[str, str], ...]  # (mark, text)
    order: tuple[str, ...]  # how the rows' order agrees with the paper's
    missing: tuple[str, ...]  # what was not run, and why
    first: str = "system"
    beyond: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def common(self) -> str:
        """What heads all columns, where it is the same for each (there is no paper's)."""
        under = {head.under for head in self.heads if head.kind != "info"}
        return under.pop() if len(under) == 1 and len(self.heads) > 2 else ""


def names_of(tables: Iterable[Table]) -> dict[str, str]:
    """System -> how its row is called."""
    return {row.system: row.name.text for table in tables for row in table.rows}


def build_tables(published: Published, inputs: Inputs) -> list[Table]:
    """The printed tables of one task, in the paper's order; systems the paper does not know come last in
    the first table of their metrics."""
    known, table = published.systems, published.table
    present = dict.fromkeys([*inputs.wanted(table), *inputs.results.get(table, {}), *inputs.kept.get(table, {})])
    extra = [s for s in present if s not in known]
    rows = {**known, **{name: System(name=name, ranked=False) for name in extra}}
    whole = {"title": published.title, "metrics": [c.metric for c in published.columns], "systems": list(known)}
    views = published.views or [View(key=table, **whole)]
    home = {tuple(view.metrics): n for n, view in reversed(list(enumerate(views)))}  # the first with its metrics
    tables = []
    for n, view in enumerate(views):
        added = extra if home[tuple(view.metrics)] == n else []
        tables.append(_Builder(published, inputs, view, [*view.systems, *added], rows).build())
    return tables


def show(value: float, spread: float | None, column: Column, decimals: int | None = None) -> str:
    """A number and its ± in the column's unit (without the % sign, which is in the heading)."""
    text = f"{value * column.scale:.{column.decimals if decimals is None else decimals}f}"
    if spread is None:
        return text
    spread_digits = column.decimals if column.spread_decimals is None else column.spread_decimals
    return f"{text} ± {spread * column.scale:.{spread_digits}f}"


def heading(column: Any) -> str:
    """Of a column of the published tables, or of a study."""
    return f"{column.title} (%)" if column.unit == "percent" else column.title


class _Builder:
    def __init__(
        self, published: Published, inputs: Inputs, view: View, systems: Sequence[str], rows: Mapping[str, System]
    ):
        self.published, self.inputs, self.view, self.rows = published, inputs, view, rows
        self.systems = list(systems)
        table = published.table
        self.ours = {s: r for s, r in inputs.results.get(table, {}).items() if s in self.systems}
        self.kept = {s: r for s, r in inputs.kept.get(table, {}).items() if s in self.systems}
        self.same = set(on_one_set(self.ours))
        place = load_claims().places.get(table)
        self.floors = place.floors if place else []
        self.columns = [c for m in view.metrics if self._used(c := published.column(m))]

    def build(self) -> Table:
        parts = [part for column in self.columns for part in self._metric(column)]
        data_differ = len({judged_on(r) for r in self.ours.values()}) > 1
        info = [(Head("data", "", "info"), self._data)] if data_differ else []
        costed = any((self.published.table, s) in self.inputs.costs for s in self.ours)
        info += [(Head("cost", "", "info"), self._cost)] if costed else []
        rows = []
        for system in self.systems:
            cells = [cells[system] for _, cells in parts] + [Cell(show(system)) for _, show in info]
            name = Cell(self.rows[system].name, notes=self._about_row(system))
            rows.append(Row(system, name, tuple(cells), system in self.ours or system in self.kept))
        order = order_lines(self.published, self.columns, self.systems, self.ours, "ours")
        order += order_lines(self.published, self.columns, self.systems, self.kept, kept_name(self.kept))
        marked, notes, beyond = numbered(rows)
        return Table(
            key=self.view.key,
            title=self.view.title,
            heads=tuple([head for head, _ in parts] + [head for head, _ in info]),
            rows=tuple(marked),
            notes=notes,
            order=tuple(order),
            missing=tuple(self._missing()),
            beyond=beyond,
        )

    def _used(self, column: Column) -> bool:
        """A column is printed if the paper or a result of ours has a number for it."""
        results = [*self.ours.values(), *self.kept.values()]
        published = any(column.metric in self.rows[s].values for s in self.systems)
        return published or any(column.metric in r["metrics"] for r in results)

    def _metric(self, column: Column) -> list[tuple[Head, dict[str, Cell]]]:
        """The columns of one metric: the paper's, ours and ours at paper scale, each of ours with its share of the
        ceiling where there is one."""
        parts = []
        title = heading(column)
        if self.view.paper and any(column.metric in self.rows[s].values for s in self.systems):
            parts.append((Head(title, f"paper, {self.published.paper_data}", "paper"), self._paper_cells(column)))
        ours, n = self._our_cells(column, self.ours, reasons=True)
        parts.append((Head(title, whose("ours", self.ours), "ours", n), ours))
        parts += self._gained(column)
        parts += self._of_ceiling(column, self.ours, self.inputs.results, "ours", "ours")
        if self.kept:
            kept, n = self._our_cells(column, self.kept, reasons=False)
            name = kept_name(self.kept)
            parts.append((Head(title, whose(name, self.kept), "kept", n), kept))
            parts += self._of_ceiling(column, self.kept, self.inputs.kept, name, "kept")
        return parts

    def _gained(self, column: Column) -> list[tuple[Head, dict[str, Cell]]]:
        """What training adds to a row whose untrained twin ran on the same data; no column where there is none."""
        twins = {
            s: self.rows[s].untrained for s in self.systems if self.rows[s].untrained in self.same & set(self.ours)
        }
        cells = {system: Cell("–") for system in self.systems}
        for system, twin in twins.items():
            pair = [self.ours[row] for row in (system, twin) if row in self.same]
            if len(pair) == 2 and column.better != "none" and all(column.metric in r["metrics"] for r in pair):
                scale = -column.scale if column.better == "lower" else column.scale
                trained, fresh = (r["metrics"][column.metric]["mean"] for r in pair)
                cells[system] = Cell(f"{scale * (trained - fresh):+.{column.decimals}f}")
        ran = any(cell.text != "–" for cell in cells.values())
        return [(Head(heading(column), "ours, gained by training", "ours"), cells)] if ran else []

    def _of_ceiling(
        self, column: Column, results: Mapping[str, Any], everything: Results, who: str, kind: str
    ) -> list[tuple[Head, dict[str, Cell]]]:
        """Our numbers in percent of the ceiling row's, which need not be in this view; of rows judged on its data."""
        ceiling = everything.get(self.published.table, {}).get(column.ceiling or "", {})
        top = ceiling.get("metrics", {}).get(column.metric, {}).get("mean")
        if not top or not self.view.paper:
            return []
        cells = {system: Cell("–") for system in self.systems}
        for system, result in results.items():
            number = result["metrics"].get(column.metric)
            if number and judged_set(result) == judged_set(ceiling):
                cells[system] = Cell(f"{100 * number['mean'] / top:.0f}")
        name = self.published.systems[column.ceiling].name
        return [(Head(heading(column), f"{who}, % of {name}", kind), cells)]

    def _paper_cells(self, column: Column) -> dict[str, Cell]:
        numbers = {s: self.rows[s].values[column.metric] for s in self.systems if column.metric in self.rows[s].values}
        texts = {s: show(n.value, n.spread, column, n.decimals) for s, n in numbers.items()}
        marked = {s for s, n in numbers.items() if n.bold}
        bold = marked or self._best({s: n.value for s, n in numbers.items()}, column)
        cells = {}
        for system in self.systems:
            number = numbers.get(system)
            notes = (RECALLED,) if number and number.recalled else ()
            cells[system] = Cell(texts.get(system, "–"), system in bold, notes)
        return cells

    def _our_cells(self, column: Column, results: Mapping[str, Any], reasons: bool) -> tuple[dict[str, Cell], str]:
        """Our numbers and, for the head, how many values most of them are the mean of; the others say it themselves."""
        numbers = {s: r["metrics"][column.metric] for s, r in results.items() if column.metric in r["metrics"]}
        contenders = [s for s in self.systems if self.rows[s].contender]
        bold = level_with_best(on_one_set({s: results[s] for s in numbers}), column, contenders, self.floors)
        spreads = {s: spread_of(results[s], column.metric) for s in numbers}
        counts = [count_text(spread) for spread in spreads.values()]
        usual = max(counts, key=counts.count, default="")
        titles = self.published.titles
        cells = {}
        for system in self.systems:
            if system in numbers:
                size = column.better == "none" and spreads[system].std == 0  # of a net, say: the same in each training
                spread = spreads[system]
                mean = show(spread.mean, None, column)
                text = mean if size else cell_text(spread, column.scale, column.decimals)
                text += "" if (n := count_text(spread)) == usual else f" (n = {n})"
                mine = [note for note in caveats(results, system) if metric_of(note, titles) == column.metric]
                notes = tuple(text for note in mine if (text := note_text(note, titles, titles)))
                cells[system] = Cell(text, system in bold, notes)
            else:
                cells[system] = Cell("–" if system in results or not reasons else "not run")
        return cells, usual

    def _best(self, values: Mapping[str, float], column: Column) -> set[str]:
        """Systems that look best at the printed precision, among the contenders; none if there is no
        contest."""
        good = {
            s: round(column.scale * goodness(v, column), column.decimals)
            for s, v in values.items()
            if self.rows[s].contender
        }
        contest = len(good) > 1 and column.better != "none"
        return {s for s, v in good.items() if v == max(good.values())} if contest else set()

    def _about_row(self, system: str) -> tuple[str, ...]:
        """Caveats of the whole row: that it is on other data, what is published of it, what its stages say."""
        texts = []
        if system in self.ours and system not in self.same:
            texts.append(
                f"Judged on {judged_set(self.ours[system])}, not on what most rows are: neither ranked nor bold."
            )
        texts += self.rows[system].notes
        titles = self.published.titles
        for results in (self.ours, self.kept):
            if system in results:
                texts += [note for note in caveats(results, system) if metric_of(note, titles) is None]
        return tuple(dict.fromkeys(texts))

    def _data(self, system: str) -> str:
        if system not in self.ours:
            return "–"
        return "; ".join(f"{role}: {title}" for role, title in data_titles(self.ours[system]["data"]).items())

    def _cost(self, system: str) -> str:
        cost = self.inputs.costs.get((self.published.table, system))
        return duration(cost.seconds) if cost else "–"

    def _missing(self) -> list[str]:
        wanted = self.inputs.wanted(self.published.table)
        reasons: dict[str, list[str]] = {}
        for system in self.systems:
            if system in self.ours:
                continue
            other = self.inputs.others.get((self.published.table, system))
            if other:
                reason = f"its result is of profile {other!r}, not {self.inputs.profile!r}"
            elif wanted and system not in wanted:
                reason = "not in params.yaml"
            else:
                reason = "no result yet"
            reasons.setdefault(reason, []).append(self.rows[system].name)
        return [f"Not run ({reason}): {', '.join(names)}." for reason, names in reasons.items()]
