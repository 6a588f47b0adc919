"""The one place that imports MLflow: opening a store, making runs, sending what is in them.

MLFLOW_TRACKING_URI=...     another store than sqlite:///mlflow.db in the project's folder
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from triptych.base.errors import UserError

METRICS_A_BATCH, PARAMS_A_BATCH = 1000, 100  # MLflow's limits
MAX_PARAM, MAX_TAG, MAX_NOTE = 6000, 5000, 5000
ID, PART, PROCESS = "triptych.id", "triptych.part", "triptych.process"
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "GIT_PYTHON_REFRESH": "quiet",
}
Point = tuple[str, float, int, float]  # metric, value, step, seconds since the epoch


class StoreError(UserError):
    """The MLflow store cannot be used. The message says why, and what to do."""


def store_uri(root: Path) -> str:
    """MLFLOW_TRACKING_URI, else the file mlflow.db in the project's folder. Raises StoreError for an invalid
    address."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root.absolute() / 'mlflow.db'}"
    check_uri(uri)
    return uri


def check_uri(uri: str) -> None:
    """Raises StoreError for a mistyped address, and for MLflow's old file store."""
    if uri.startswith("sqlite:") and not uri.startswith("sqlite:///"):
        right = f"sqlite:///{uri.removeprefix('sqlite:').lstrip('/')}"
        raise StoreError(f"{uri} is no SQLite address: it needs three slashes, {right}")
    if uri in ("sqlite:///", "sqlite:///:memory:"):
        raise StoreError(f"{uri} is a store in memory, gone when the command ends: use sqlite:///mlflow.db")
    if uri.startswith("sqlite:///") and Path(uri.removeprefix("sqlite:///")).is_dir():
        raise StoreError(f"{uri} is a folder: give a file in it, {uri.rstrip('/')}/mlflow.db")
    if "://" not in uri and uri != "databricks" or uri.startswith("file:"):
        raise StoreError(f"{uri} is a folder, which MLflow no longer develops as a store: use sqlite:///mlflow.db")


@contextlib.contextmanager
def store_errors(uri: str) -> Iterator[None]:
    """Turn every error of a store into a StoreError of one line."""
    try:
        yield
    except UserError:
        raise
    except ModuleNotFoundError as error:
        what = "MLflow" if error.name == "mlflow" else f"what {uri.partition(':')[0]} needs"
        raise StoreError(f"{what} is not installed: pip install {error.name}") from None
    except Exception as error:  # MLflow's, SQLAlchemy's, requests', a file system's
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
        raise StoreError(f"MLflow at {uri} failed ({reason})") from error


@contextlib.contextmanager
def store_lock(root: Path) -> Iterator[None]:
    """A lock: one process of a project at a time decides what the store lacks and writes it."""
    from filelock import FileLock

    with FileLock(root / "mlflow.db.lock", timeout=600):
        yield


class Store:
    """An open MLflow store. `name` of an experiment: the table."""

    def __init__(self, uri: str):
        for key, value in SETTINGS.items():
            os.environ.setdefault(key, value)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        from mlflow.tracking import MlflowClient

        self.uri, self.client = uri, MlflowClient(uri)
        self.experiments: dict[str, str] = {}

    def experiment(self, name: str, note: str = "") -> str:
        """The id of an experiment. Creates it, or restores a deleted one, if necessary."""
        if name not in self.experiments:
            found = self.client.get_experiment_by_name(name)
            if found is None:
                tags = {"mlflow.note.content": note, "mlflow.experimentKind": "custom_model_development"}
                self.experiments[name] = self.client.create_experiment(name, self._beside(name), tags)
            else:
                if found.lifecycle_stage == "deleted":
                    self.client.restore_experiment(found.experiment_id)
                self.experiments[name] = found.experiment_id
        return self.experiments[name]

    def _beside(self, name: str) -> str | None:
        """Where an experiment's files go: beside a local SQLite file, wherever this process runs; else the server
        decides."""
        if not self.uri.startswith("sqlite:///"):
            return None
        return (Path(self.uri.removeprefix("sqlite:///")).absolute().parent / "mlruns" / name).as_uri()

    def runs(self, experiment: str, query: str) -> list[Any]:
        """All runs of an experiment's id that a query finds."""
        found, page = [], None
        while page is None or page.token:
            page = self.client.search_runs([experiment], query, page_token=page and page.token)
            found += page
        return found

    def create(self, experiment: str, name: str, began: float, tags: Mapping[str, str]) -> Any:
        """A new run, RUNNING since `began`."""
        short = {key: str(value)[:MAX_TAG] for key, value in tags.items()}
        return self.client.create_run(experiment, int(began * 1000), short, name)

    def end(self, run: Any, status: str, when: float | None = None) -> None:
        """Close a run: FINISHED or FAILED."""
        self.client.set_terminated(run.info.run_id, status, int((when or time.time()) * 1000))

    def tag(self, run: Any, **tags: str) -> None:
        """Set tags; `__` in a name stands for a dot."""
        for key, value in tags.items():
            self.client.set_tag(run.info.run_id, key.replace("__", "."), str(value)[:MAX_TAG])

    def params(self, run: Any, params: Mapping[str, Any]) -> None:
        """Log parameters; what is no text is written as JSON."""
        from mlflow.entities import Param

        texts = {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in params.items()}
        items = [Param(key[:250], text[:MAX_PARAM]) for key, text in texts.items()]
        for start in range(0, len(items), PARAMS_A_BATCH):
            self.client.log_batch(run.info.run_id, params=items[start : start + PARAMS_A_BATCH])

    def points(self, run: Any, points: Iterable[Point]) -> None:
        """Add points to curves."""
        from mlflow.entities import Metric

        items = [Metric(name, value, int(when * 1000), step) for name, value, step, when in points]
        for start in range(0, len(items), METRICS_A_BATCH):
            self.client.log_batch(run.info.run_id, metrics=items[start : start + METRICS_A_BATCH])

    def datasets(self, run: Any, used: Iterable[Mapping[str, Any]]) -> None:
        """Log the datasets in a run.json. A dataset has one name, one digest, and all its roles as its context: of
        several inputs with the same name and digest MLflow keeps only the first."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        same: dict[str, list[Mapping[str, Any]]] = {}
        for one in used:
            same.setdefault(one["digest"], []).append(one)
        inputs = []
        for digest, (one, *more) in same.items():
            source = json.dumps({"source": one["source"], "prepared": f"data/prepared/{one['name']}"})
            profile = json.dumps({part["split"]: part["rows"] for part in (one, *more)})
            roles = ", ".join(part["role"] for part in (one, *more))
            entity = Dataset(one["title"][:500], digest, "triptych", source, profile=profile)
            inputs.append(DatasetInput(entity, [InputTag("mlflow.data.context", roles)]))
        if inputs:
            self.client.log_inputs(run.info.run_id, datasets=inputs)

    def files(self, run: Any, files: Iterable[Path], folder: str | None = None) -> None:
        """Attach files."""
        for file in files:
            self.client.log_artifact(run.info.run_id, str(file), folder)
