"""The papers' claims as data: what each says in plain words, and in a form that numbers can be held against.

A claim is about the rows of one table or study. It `shows` if all its conditions are met; where the paper says how
far one row is ahead, the conditions `order` ask for the order alone.
"""

from __future__ import annotations

from functools import cache

from pydantic import Field, model_validator

from triptych.base.config import Strict, validate
from triptych.pipeline.registry import STUDIES, TABLES
from triptych.published.files import read_published


class Other(Strict):
    """A number of another row, another metric, or both; what is not given is that of the condition's left side."""

    row: str | None = None
    metric: str | None = None


class Condition(Strict):
    """`row`'s mean of `metric` lies above (below, near) each of the others: a row's name, a number, or an `Other`.

    `by`: by at least so much (negative: short of it by no more than that); for `near`, within so much. In the units of
    results/: percents are fractions.
    """

    row: str
    metric: str
    above: list[float | str | Other] = []
    below: list[float | str | Other] = []
    near: list[float | str | Other] = []
    by: float = 0

    @model_validator(mode="after")
    def _one_side(self) -> Condition:
        if sum(map(bool, (self.above, self.below, self.near))) != 1:
            raise ValueError("a condition has one of above, below and near")
        if self.near and self.by <= 0:
            raise ValueError("near needs `by`, the distance that is still near")
        return self

    @property
    def kind(self) -> str:
        """above, below or near."""
        return "above" if self.above else "below" if self.below else "near"

    @property
    def others(self) -> list[float | str | Other]:
        """What the left side is held against."""
        return self.above or self.below or self.near


class Claim(Strict):
    """`about`: the table or study; `where` it stands in the paper; `paper_says`: its numbers, where the published table
    of this project does not have them; `headline`: it stands in the README, too."""

    id: str
    paper: str
    about: str
    where: str
    says: str
    paper_says: str = ""
    headline: bool = False
    shows: list[Condition] = Field(min_length=1)
    order: list[Condition] = []


class Place(Strict):
    """A table's own row, the metrics that it is ranked by, among which `rows` (default: all that the paper ranks and
    that compete with it), its floors, and the ceilings of metrics."""

    own: str
    metrics: list[str]
    rows: list[str] | None = None
    floors: list[str] = []
    ceilings: dict[str, str] = {}


class Claims(Strict):
    """claims.yaml."""

    places: dict[str, Place]
    claims: list[Claim]

    @model_validator(mode="after")
    def _known(self) -> Claims:
        ids = [claim.id for claim in self.claims]
        if len(set(ids)) < len(ids):
            raise ValueError("two claims have one id")
        wrong = [claim.id for claim in self.claims if claim.about not in TABLES and claim.about not in STUDIES]
        wrong += [table for table in self.places if table not in TABLES]
        if wrong:
            raise ValueError(f"no such table or study: {', '.join(wrong)}")
        return self


@cache
def load_claims() -> Claims:
    """claims.yaml, checked. Raises ParamsError."""
    return validate(Claims, read_published("claims"), "published.claims")


def claims_about(key: str) -> list[Claim]:
    """The claims about a table or study, in the order of the file."""
    return [claim for claim in load_claims().claims if claim.about == key]
