"""The papers' numbers as data: one YAML file a table, every number with its paper, table and column.

Values and spreads are fractions (0.828, not 82.8). A number marked `recalled` is quoted from memory of the
publication and was not looked up again.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from pydantic import Field

from triptych.base.config import Strict, validate
from triptych.pipeline.registry import TABLES
from triptych.published.files import read_published

__all__ = ["TABLES", "Published", "load"]


class Number(Strict):
    """One published number. Paper, table and column are those of its table's column unless given here."""

    value: float
    spread: float | None = Field(default=None, ge=0)
    recalled: bool = False
    bold: bool = False  # printed bold in the paper
    decimals: int | None = Field(default=None, ge=0, le=6)  # printed with; else as its column
    paper: str | None = None
    table: str | None = None
    column: str | None = None
    origin: str | None = None  # where the paper itself has the number from


class Target(Strict):
    """The best value of a metric for which neither the highest nor the lowest is best."""

    target: float


class Column(Strict):
    """One metric: how it is headed, shown and compared, and where the paper prints it (`paper` None: nowhere).

    `better: none`: no value is set bold. `ceiling`: the row with the highest number that any other can reach; ours are
    then also shown as shares of it.
    """

    metric: str
    title: str
    group: str = ""
    unit: Literal["percent", "fraction"]
    decimals: int = Field(ge=0, le=6)
    spread_decimals: int | None = Field(default=None, ge=0, le=6)  # of a published ±; else `decimals`
    better: Literal["higher", "lower", "none"] | Target
    ceiling: str | None = None
    paper: str | None = None
    table: str | None = None
    column: str | None = None

    @property
    def scale(self) -> int:
        """What a fraction is multiplied by where it is shown."""
        return 100 if self.unit == "percent" else 1


class System(Strict):
    """One row. `ranked`: takes part in the rank correlation; `contender`: may be set bold as the best; `reference`:
    made by the protocol itself, so that params.yaml does not name it; `untrained`: the row of the same net without
    training."""

    name: str
    untrained: str | None = None
    notes: list[str] = []
    ranked: bool = True
    contender: bool = True
    reference: bool = False
    values: dict[str, Number] = {}


class View(Strict):
    """A table as printed: some systems, some metrics, in this order. `table` names the paper's table where it
    is not that of the columns (an ablation that repeats the columns of the main table). `paper` false: ours alone."""

    key: str
    title: str
    metrics: list[str]
    systems: list[str]
    table: str | None = None
    paper: bool = True


class Elsewhere(Strict):
    """A published number that belongs beside the table but is no row of it."""

    name: str
    paper: str
    table: str
    column: str
    value: float
    spread: float | None = None
    recalled: bool = False
    unit: Literal["percent", "fraction"] = "percent"
    decimals: int = Field(default=2, ge=0, le=6)


class Published(Strict):
    """Everything published for one table. `paper_data` is the paper's test data; `same_data` lists the titles of
    prepared datasets whose numbers may be read beside the paper's as a reproduction. `links`: publication -> URL."""

    table: str
    title: str
    claim: str
    paper: str
    paper_data: str
    same_data: list[str]
    links: dict[str, str]
    columns: list[Column]
    views: list[View] = []
    notes: list[str] = []
    systems: dict[str, System]
    elsewhere: list[Elsewhere] = []

    @property
    def titles(self) -> dict[str, str]:
        """Metric -> its column's title."""
        return {column.metric: column.title for column in self.columns}

    def column(self, metric: str) -> Column:
        """The column of a metric. Raises KeyError."""
        for column in self.columns:
            if column.metric == metric:
                return column
        raise KeyError(f"table {self.table} has no column {metric!r}")

    def source(self, system: str, metric: str) -> str:
        """Where a number is printed: "paper, table, column (from where that paper has it)"."""
        number, column = self.systems[system].values[metric], self.column(metric)
        place = [number.paper or column.paper, number.table or column.table, number.column or column.column]
        text = ", ".join(part for part in place if part)
        return f"{text} (from {number.origin})" if number.origin else text

    def link(self, publication: str) -> str:
        """The address of a publication named in this table. Raises KeyError."""
        return self.links[publication]


@cache
def load(table: str) -> Published:
    """The published numbers of one table. Raises KeyError, ParamsError (a malformed file)."""
    if table not in TABLES:
        raise KeyError(f"no published table {table!r}; there are {', '.join(TABLES)}")
    return validate(Published, read_published(table), f"published.{table}")
