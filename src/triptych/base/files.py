"""Reading small files: parameters, and what stages leave behind."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from triptych.base.errors import UserError

KINDS = {dict: "object", list: "list"}
SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where PyYAML has it: every stage reads params.yaml
DEPTH = 100  # levels of a YAML file


class FileError(UserError):
    """A file is there and cannot be read as what it should be. The message names it and says what to do."""


class _Loader(SafeLoader):
    """YAML 1.2, as DVC reads it: `1e-4` is a number, `010` ten, `yes` and `1:30` are texts (in YAML 1.1 a text, eight,
    true and ninety). A key that stands twice is an error: the first value would be lost."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag.rpartition(":")[2] not in ("bool", "int", "float")]
        for first, found in SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                twice = f"the key {key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, twice, key.start_mark)
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


for _kind, _pattern, _first in (
    ("int", r"[-+]?\d+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),  # before the fractions, which match it too
    (
        "float",
        r"[-+]?(\d+(\.\d*)?([eE][-+]?\d+)?|\.\d+([eE][-+]\d+)?)|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^({_pattern})$"), list(_first))


def _whole_number(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(node.value, {"0o": 8, "0x": 16}.get(node.value[:2], 10))


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


def parse_yaml(text: str) -> Any:
    """Raises yaml.YAMLError."""
    depth = 0
    for event in yaml.parse(text, Loader=SafeLoader):  # one by one: the loader in C calls itself for each level
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH:
            raise yaml.YAMLError("it is nested too deep")
    return yaml.load(text, Loader=_Loader)


def read_yaml(file: Path) -> Any:
    """The content of a YAML file. Raises FileError naming the file if it is not YAML."""
    try:
        content = parse_yaml(file.read_text(encoding="utf-8"))
        json.dumps(content, default=str, skipkeys=True)  # an anchor within itself would have no end: ValueError
    except (yaml.YAMLError, ValueError) as error:
        raise FileError(f"{file} is not valid YAML: {error}") from None
    return content


def read_json(file: Path, kind: type = dict) -> Any:
    """The content of a JSON file. Raises FileError naming the file if it is not JSON, or not of this kind (dict or
    list)."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileError(f"{file} is not valid JSON ({error}): run the stage that writes it again") from None
    if not isinstance(content, kind):
        raise FileError(f"{file} holds no JSON {KINDS[kind]}: run the stage that writes it again")
    return content


def parse_jsonl(text: bytes, file: Path) -> list[dict[str, Any]]:
    """The rows in `text`, which is (a part of) `file`. Raises FileError naming file and line."""
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            if line.strip():
                rows.append(json.loads(line))
        except ValueError as error:
            raise FileError(f"{file}, line {number}: not valid JSON ({error}): run its stage again") from None
        if rows and not isinstance(rows[-1], dict):
            raise FileError(f"{file}, line {number}: no JSON object: run its stage again")
    return rows


def emptied(folder: Path) -> Path:
    """`folder`, new and empty. Raises OSError, which names what could not be deleted."""
    if folder.is_symlink():  # to DVC's cache
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder
