"""Addresses of MLflow stores that are mistyped, closed, or no store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from campaign.child import Case
from campaign.malformed.trained import make as make_trained

FAILS = "MLflow|mlflow|SQLite|installed|MLFLOW_TRACKING_URI"
ADDRESSES = (
    "sqlite://mlflow.db", "sqlite:mlflow.db", "sqlite:///", "sqlite:///text.db",
    "sqlite:///folder", "sqlite:///old.db", "mlruns", "/no/such/folder", "file:mlruns", "C:\\mlruns", "http://",
    "http://127.0.0.1:9", "https://127.0.0.1:9", "http://127.0.0.1:99999", "http://no-such-host.invalid",
    "htp://127.0.0.1:5000", "postgresql://127.0.0.1:9/mlflow", "postgresql+nothing://127.0.0.1/mlflow",
    "mysql://root@127.0.0.1:9/mlflow", "oracle://x", "s3://bucket/mlflow", " ", "://", "127.0.0.1:5000",
)  # fmt: skip


def make(folder: Path) -> None:
    make_trained(folder)
    (folder / "text.db").write_text("this is no database\n" * 100)
    (folder / "folder").mkdir()
    (folder / "old.db").write_bytes(b"SQLite format 3\0" + b"\0" * 2000)


def cases() -> Iterator[Case]:
    for address in ADDRESSES:
        command = ("triptych", "sync-mlflow", "--uri", address)
        yield Case(f"--uri {address!r}", lambda folder: None, command, FAILS)
    for address in ("mlruns", "http://127.0.0.1:9"):
        env = {"MLFLOW_TRACKING_URI": address, "TRIPTYCH_TRACKING": "on"}
        yield Case(f"MLFLOW_TRACKING_URI={address}", lambda folder: None, ("triptych", "sync-mlflow"), FAILS, env)
        yield Case(f"ui, MLFLOW_TRACKING_URI={address}", lambda folder: None, ("triptych", "ui"), FAILS, env)
