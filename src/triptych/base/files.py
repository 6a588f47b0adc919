"""Reading small files: parameters, and what stages leave behind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from triptych.base.errors import UserError


class FileError(UserError):
    """A file is there and cannot be read as what it should be. The message names it and says what to do."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2 floats: `1e-4` is a number, as it is for DVC (YAML 1.1 reads it as text)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$|^[-+]?\.(inf|Inf)$|^\.nan$"),
    list("-+0123456789."),
)


def parse_yaml(text: str) -> Any:
    """Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_Loader)


def read_yaml(file: Path) -> Any:
    """The content of a YAML file. Raises FileError naming the file if it is not YAML."""
    try:
        return parse_yaml(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileError(f"{file} is not valid YAML: {error}") from None


def read_json(file: Path) -> Any:
    """The content of a JSON file. Raises FileError naming the file if it is not JSON."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"{file} is not valid JSON ({error}): run the stage that writes it again") from None


def read_jsonl(file: Path) -> list[dict[str, Any]]:
    """The rows of a file of one JSON object a line; [] if there is no file. Raises FileError naming file and
    line."""
    if not file.is_file():
        return []
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            if line.strip():
                rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise FileError(f"{file}, line {number}: not valid JSON ({error}): run its stage again") from None
    return rows
