"""Files of stages that were damaged or edited; met by `triptych report` and `triptych sync-mlflow`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from campaign.child import Case
from campaign.malformed.trained import make
from campaign.malformed.weights import _json as edited

__all__ = ["cases", "make"]
REPORT, SYNC = ("triptych", "report"), ("triptych", "sync-mlflow", "--uri", "sqlite:///mlflow.db")
RESULT, RUN = "results/objects/dcgan.json", "runs/objects/dcgan/features/run.json"
BROKEN = {
    "no bytes": b"", "half a file": b'{"table": "objects", "system"', "no UTF-8": b'{"table": "\xff\xfe"}',
    "text": b"<html>", "a list": b"[1, 2]", "a number": b"3", "null": b"null",
    "a conflict of git": b"<<<<<<< HEAD\n{}\n",
}  # fmt: skip
EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no profile": lambda d: d.pop("profile"),
    "no data": lambda d: d.pop("data"),
    "no metrics": lambda d: d.pop("metrics"),
    "data is a list": lambda d: d.update(data=["objects"]),
    "metrics is a list": lambda d: d.update(metrics=[0.5]),
    "a metric is a number": lambda d: d["metrics"].update(accuracy=0.5),
    "a metric without a mean": lambda d: d["metrics"]["accuracy"].pop("mean"),
    "a mean that is text": lambda d: d["metrics"]["accuracy"].update(mean="high"),
    "a mean that is null": lambda d: d["metrics"]["accuracy"].update(mean=None),
    "a spread that is text": lambda d: d["metrics"]["accuracy"].update(std="low"),
    "values that are text": lambda d: d["metrics"]["accuracy"].update(values=["a", "b"]),
    "values are one number": lambda d: d["metrics"]["accuracy"].update(values=0.5),
    "n is text": lambda d: d["metrics"]["accuracy"].update(n="two"),
    "seeds are text": lambda d: d.update(seeds="01"),
    "notes are a number": lambda d: d.update(notes=3),
}


def cases() -> Iterator[Case]:
    for name, data in BROKEN.items():
        yield Case(f"a result: {name}", _bytes(RESULT, data), REPORT, r"dcgan\.json")
    for name, edit in EDITS.items():
        yield Case(f"a result: {name}", edited(RESULT, edit), REPORT, r"dcgan\.json")
    for name in ("no bytes", "half a file", "a list"):
        yield Case(f"a kept result: {name}", _bytes("reports/paper/results/objects/dcgan.json", BROKEN[name]), REPORT,
                   r"dcgan\.json")  # fmt: skip
    for file in ("run.json", "cost.json"):
        for name in ("no bytes", "half a file", "no UTF-8", "a list"):
            spoil = _bytes(f"runs/objects/dcgan/features/{file}", BROKEN[name])
            yield Case(f"{file}: {name}", spoil, REPORT, file)
            yield Case(f"{file}, for MLflow: {name}", spoil, SYNC, file)
    for name, line in {"half a line": '{"step": 1, "met', "no step": '{"metric": "a", "value": 1}', "a list": "[1]",
                       "a value that is text": '{"step": 1, "metric": "a", "value": "low"}'}.items():  # fmt: skip
        yield Case(f"a history: {name}", _line(line), REPORT, r"seed0\.jsonl")
        yield Case(f"a history, for MLflow: {name}", _line(line), SYNC, r"seed0\.jsonl")
    for name, data in {"half a file": b"[{", "a list of numbers": b"[1, 2]", "an object": b"{}"}.items():
        spoil = _bytes("outputs/objects/dcgan/features/figures.json", data)
        yield Case(f"figures.json: {name}", spoil, REPORT, r"figures\.json")


def _bytes(file: str, data: bytes) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(data)

    return spoil


def _line(line: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        file = next((folder / "runs/objects/dcgan/features/history").glob("seed0.jsonl"))
        file.write_text(file.read_text() + line + "\n")

    return spoil
