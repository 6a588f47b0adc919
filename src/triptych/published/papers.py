"""The three papers as the report tells of them: which tables and data belong to which."""

from __future__ import annotations

from functools import cache
from importlib import resources

from triptych.base.config import Strict, validate
from triptych.base.files import parse_yaml
from triptych.pipeline.registry import TABLES


class Paper(Strict):
    """`datasets`: what the names of the prepared data shown in this paper's section begin with, beside its tables'."""

    key: str
    title: str
    cite: str
    claim: str
    datasets: list[str]

    @property
    def tables(self) -> list[str]:
        """The paper's tables, in the order of the report."""
        return [name for name, table in TABLES.items() if table.paper == self.key]


@cache
def load_papers() -> dict[str, Paper]:
    """papers.yaml, in its order."""
    raw = parse_yaml(resources.files(__package__).joinpath("papers.yaml").read_text(encoding="utf-8"))
    return {key: validate(Paper, {"key": key, **values}, f"papers.yaml: {key}") for key, values in raw.items()}


def paper_of(dataset: str) -> str | None:
    """The key of the paper that a dataset belongs to, by what its name begins with ("objects_unlabelled" -> "objects");
    None if to none."""
    owners = (p.key for p in load_papers().values() if dataset.startswith((*p.tables, *p.datasets)))
    return next(owners, None)
