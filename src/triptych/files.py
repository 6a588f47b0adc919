"""Reading the small files that stages leave behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from triptych.errors import UserError


class FileError(UserError):
    """A file is there and cannot be read as what it should be. The message names it and says what to do."""


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
