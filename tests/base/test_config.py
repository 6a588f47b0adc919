"""Errors of parameters name the key, the value and what is allowed."""

import math

import pytest
from pydantic import Field, ValidationError, model_validator

from triptych.base.config import ParamsError, Seeds, Strict, validate


class Inner(Strict):
    rate: float = Field(gt=0)


class Outer(Strict):
    width: int = Field(ge=1, le=512)
    mode: str = "both"
    inner: Inner = Inner(rate=1.0)
    maybe: Inner | None = None
    low: int = 0
    high: int = 1

    @model_validator(mode="after")
    def ordered(self):
        if self.low > self.high:
            raise ValueError(f"low = {self.low} must not be above high = {self.high}")
        return self


@pytest.mark.parametrize(
    "values, expected",
    [
        ({"widht": 3, "width": 3}, ["t.widht", "unknown key", "did you mean 'width'", "inner"]),
        ({"width": 0}, ["t.width = 0", "greater than or equal to 1"]),
        ({"width": "12"}, ["t.width = '12'", "valid integer"]),
        ({"width": 1.5}, ["t.width = 1.5", "integer"]),
        ({"width": True}, ["t.width = True", "integer"]),
        ({"width": 1, "inner": {"rate": math.inf}}, ["t.inner.rate = inf", "finite"]),
        ({"width": 1, "inner": {"rate": math.nan}}, ["t.inner.rate = nan", "finite"]),
        ({}, ["t.width", "missing"]),
        ({"width": 1, "inner": {"rate": -1.0}}, ["t.inner.rate = -1.0", "greater than 0"]),
        ({"width": 1, "inner": {"rat": 1.0}}, ["t.inner.rat", "did you mean 'rate'"]),
        ({"width": 1, "maybe": {"rat": 1.0}}, ["t.maybe.rat", "did you mean 'rate'"]),
        ({"width": 1, "low": 5}, ["low = 5 must not be above high = 1"]),
        ([1], ["t = [1]", "must be a section", "width"]),
    ],
)
def test_message_names_key_value_and_range(values, expected):
    with pytest.raises(ParamsError) as caught:
        validate(Outer, values, "t")
    for part in expected:
        assert part in str(caught.value)


class Protocol(Strict):
    seeds: Seeds = [0, 1]


@pytest.mark.parametrize(
    "seeds, expected",
    [([], "at least 1"), ([0, -1], "t.seeds.1 = -1"), ([3, 0, 3], "t.seeds = [3, 0, 3]: the seeds must differ")],
)
def test_seeds_are_distinct_and_not_negative(seeds, expected):
    assert validate(Protocol, {"seeds": [2, 0]}, "t").seeds == [2, 0]
    with pytest.raises(ParamsError, match=expected.replace("[", r"\[")):
        validate(Protocol, {"seeds": seeds}, "t")


def test_all_wrong_keys_are_named_at_once():
    with pytest.raises(ParamsError) as caught:
        validate(Outer, {"width": 0, "mode": 3, "x": 1}, "t")
    assert len(str(caught.value).splitlines()) == 3


def test_whole_numbers_serve_as_floats_and_a_section_cannot_be_changed():
    section = validate(Inner, {"rate": 2}, "t")
    assert section.rate == 2.0
    with pytest.raises(ValidationError, match="frozen"):
        section.rate = 3.0
