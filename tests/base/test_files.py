"""What parameter files and JSON files say, and what is no such file."""

import pytest

from triptych.base.files import FileError, emptied, parse_jsonl, read_json, read_yaml


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: 1\na: 2\n", "the key 'a' stands twice"), ("x: {b: {c: 1, c: 1}}", "the key 'c' stands twice"),
     ("[" * 1200, "nested too deep"), ("? [a]\n: 1\n", "unhashable key"), ("a: &a {b: *a}\n", "Circular reference")],
)  # fmt: skip
def test_a_file_that_says_two_things_is_refused(tmp_path, text, message):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(FileError, match=rf"params\.yaml is not valid YAML.*{message}|{message}"):
        read_yaml(tmp_path / "params.yaml")


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


def test_an_emptied_folder_is_new_also_where_it_was_a_link(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    (tmp_path / "link").symlink_to("kept")
    for name in ("full", "link", "a/new"):
        folder = emptied(tmp_path / name)
        assert folder.is_dir() and not folder.is_symlink() and not list(folder.iterdir())
    assert (tmp_path / "kept/file").exists()


def test_a_folder_that_cannot_be_emptied_is_an_error(tmp_path, monkeypatch):
    def refused(folder):
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr("shutil.rmtree", refused)
    with pytest.raises(PermissionError, match="Permission denied"):
        emptied(tmp_path)
