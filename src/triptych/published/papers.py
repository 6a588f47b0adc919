"""The three papers as the report tells of them: which tables and data belong to which."""

from __future__ import annotations

from functools import cache

from triptych.base.config import Strict, validate
from triptych.pipeline.registry import TABLES
from triptych.published.files import read_published


class _Entry(Strict):
    title: str
    cite: str
    claim: str
    datasets: list[str]


class Paper(_Entry):
    """`datasets`: what the names of the prepared data shown in this paper's section begin with, beside its tables'."""

    key: str

    @property
    def tables(self) -> list[str]:
        """The paper's tables, in the order of the report."""
        return [name for name, table in TABLES.items() if table.paper == self.key]


@cache
def load_papers() -> dict[str, Paper]:
    """papers.yaml, in its order."""
    raw = read_published("papers")
    papers = {key: validate(_Entry, section, f"papers.yaml: {key}") for key, section in raw.items()}
    return {key: Paper(key=key, **dict(paper)) for key, paper in papers.items()}


def paper_of(dataset: str) -> str | None:
    """The key of the paper that a dataset belongs to, by what its name begins with ("objects_unlabelled" -> "objects");
    None if to none."""
    owners = (p.key for p in load_papers().values() if dataset.startswith((*p.tables, *p.datasets)))
    return next(owners, None)
