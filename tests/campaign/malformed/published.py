"""The YAML files of published numbers and claims, edited by hand; met by `triptych report`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from campaign.child import Case
from campaign.malformed import trained
from campaign.trials import ROOT

REPORT = ("triptych", "report")
BROKEN = {"no bytes": b"", "a list": b"- 1\n", "a tab": b"table: x\n\tclaim: y\n", "no UTF-8": b"table: \xff\xfe\n"}
CHANGES = (  # what is wrong: file, text in it, text instead, what the message says
    ("a misspelt key", "digits.yaml", "title: House numbers with 1000 labels", "titel: House numbers", "titel"),
    ("a number that is text", "digits.yaml", "value: 0.7793", "value: high", "value"),
    ("a decimal comma", "digits.yaml", "value: 0.7793", "value: 0,7793", "digits"),
    ("a negative spread", "digits.yaml", "spread: 0.0008", "spread: -0.0008", "spread"),
    ("an unknown unit", "digits.yaml", "title: test error, unit: percent", "title: test error, unit: promille", "unit"),
    ("an anchor that is not there", "digits.yaml", "origin: &k14", "origin: *k15", "digits|k15"),
    ("no columns", "digits.yaml", "columns:\n", "colums:\n", "colums"),
    ("a name is missing", "digits.yaml", "    name: KNN\n", "", "name"),
)  # fmt: skip


def make(folder: Path) -> None:
    trained.make(folder)
    shutil.copytree(ROOT / "src" / "triptych" / "published", folder / "published",
                    ignore=shutil.ignore_patterns("*.py", "__pycache__"))  # fmt: skip


def cases() -> Iterator[Case]:
    for file in ("objects", "claims", "papers", "studies"):
        for name, data in BROKEN.items():
            yield Case(f"{file}.yaml: {name}", _written(file, data), REPORT, file)
    for name, file, old, new, says in CHANGES:
        yield Case(f"{file}: {name}", _replaced(file, old, new), REPORT, says)


def _written(file: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "published" / f"{file}.yaml").write_bytes(data)


def _replaced(file: str, old: str, new: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        text = (folder / "published" / file).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        (folder / "published" / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil
