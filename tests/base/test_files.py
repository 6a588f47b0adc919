"""What parameter files and JSON files say, and what is no such file."""

import pytest

from triptych.base.files import FileError, parse_jsonl, parse_yaml, read_json, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [("010", 10), ("0x1F", 31), ("0o17", 15), ("-7", -7), ("1e-4", 1e-4), ("5.", 5.0), (".inf", float("inf")),
     ("true", True), ("yes", "yes"), ("off", "off"), ("1:30", "1:30"), ("1_000", "1_000"), ("~", None)],
)  # fmt: skip
def test_values_are_those_of_yaml_1_2_as_for_dvc(text, value):
    found = parse_yaml(f"key: {text}")["key"]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: 1\na: 2\n", "the key 'a' stands twice"), ("x: {b: {c: 1, c: 1}}", "the key 'c' stands twice"),
     ("[" * 3000, "nested too deep"), ("? [a]\n: 1\n", "unhashable key")],
)  # fmt: skip
def test_a_file_that_says_two_things_is_refused(tmp_path, text, message):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(FileError, match=rf"params\.yaml is not valid YAML.*{message}|{message}"):
        read_yaml(tmp_path / "params.yaml")


def test_a_merged_key_may_be_given_anew():
    assert parse_yaml("x: &a {k: 1, l: 2}\ny: {<<: *a, k: 3}")["y"] == {"k": 3, "l": 2}


@pytest.mark.parametrize(
    ("text", "message"), [("[1]", "holds no JSON object"), ("{", "not valid JSON"), ("[" * 99_999, "not valid JSON")]
)
def test_json_of_another_kind_is_named(tmp_path, text, message):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(FileError, match=rf"run\.json.*{message}"):
        read_json(tmp_path / "run.json")


@pytest.mark.parametrize("line", ["[1]", '{"a": ', "\xff"])
def test_a_line_that_is_no_object_is_named(tmp_path, line):
    with pytest.raises(FileError, match=r"x\.jsonl, line 2"):
        parse_jsonl(f'{{"a": 1}}\n{line}\n'.encode("latin-1"), tmp_path / "x.jsonl")
