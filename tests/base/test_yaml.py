"""Parameters mean to us what they mean to DVC, and are the same after they were written and read."""

import math
from pathlib import Path

import pytest
import yaml
from dvc.utils.serialize import dumps_yaml, loads_yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from triptych.base.files import parse_yaml, read_yaml

ROOT = Path(__file__).resolve().parents[2]
PROFILES = [ROOT / "params.yaml", *sorted((ROOT / "params").glob("*.yaml"))]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=8)
)  # fmt: skip
names = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
sections = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=12
)


def same(a, b) -> bool:
    """Equal, and of the same kind: 1 is neither True nor 1.0."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("file", PROFILES, ids=lambda file: file.stem)
def test_the_profiles_are_read_as_dvc_reads_them(file):
    assert same(read_yaml(file), loads_yaml(file.read_text()))


@pytest.mark.parametrize(
    "text",
    ["010", "0o10", "0x1F", "yes", "no", "on", "y", "1e-3", "1E5", "-2e+1", ".5", "2.", "1:30", "~", "null", "Null",
     "", "True", "true", "TRUE", ".inf", "-.Inf", ".nan", "+1", "-0", "00", "1.0e-05", "0.10", "'010'", "1e", "e3",
     "-7", "5.", "off"],
)  # fmt: skip
def test_a_scalar_means_what_it_means_to_dvc(text):
    assert same(parse_yaml(f"a: {text}\n"), loads_yaml(f"a: {text}\n"))


@settings(deadline=None)
@given(st.from_regex(r"[-+]?[0-9.][0-9._eExXoO+-]{0,6}", fullmatch=True))
@example("1_000")
@example("-.5e3")
@example("._")
def test_what_is_read_as_a_number_is_the_number_that_dvc_reads(text):
    """What is a text here (`1_000`) is no parameter's value: they are not converted. DVC stops at `._`."""
    ours = parse_yaml(f"a: {text}\n")["a"]
    assert isinstance(ours, str) or ("_" not in text and same(ours, loads_yaml(f"a: {text}\n")["a"]))


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(names, sections, max_size=4))
def test_what_dvc_writes_is_read_as_it_was_and_what_pyyaml_writes_as_dvc_reads_it(params):
    """PyYAML leaves the text "08" without quotes: no number in YAML 1.1, eight in 1.2."""
    assert same(parse_yaml(dumps_yaml(params)), params)
    text = yaml.safe_dump(params, sort_keys=False, allow_unicode=True)
    assert same(parse_yaml(text), loads_yaml(text))


def test_a_merged_key_may_be_given_anew():
    assert parse_yaml("x: &a {k: 1, l: 2}\ny: {<<: *a, k: 3}")["y"] == {"k": 3, "l": 2}
