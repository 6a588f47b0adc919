"""What `triptych.tracking.run` does in its thread: opening a store, creating a run, sending batches. Imports of
MLflow (about 1.5 s) are inside the functions."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

METRICS_A_BATCH, PARAMS_A_BATCH = 1000, 100  # MLflow's limits
MAX_PARAM, MAX_TAG = 6000, 5000
STAGE_FILES = ("run.json", "history.jsonl", "cost.json")
_QUIET = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "GIT_PYTHON_REFRESH": "quiet",
}


@contextlib.contextmanager
def store_lock(uri: str) -> Iterator[None]:
    """Held while a local sqlite store is created or read for a decision; nothing for a server."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    from filelock import FileLock

    file = Path(uri.removeprefix("sqlite:///"))
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock", timeout=120):
        yield


def import_client() -> type:
    """MlflowClient, imported quietly, set up to give up early on a server that does not answer."""
    for key, value in _QUIET.items():
        os.environ.setdefault(key, value)
    import logging

    logging.getLogger("alembic").setLevel(logging.WARNING)
    from mlflow.tracking import MlflowClient

    return MlflowClient


def experiment_id(client: Any, name: str) -> str:
    """The experiment of a table, created (or brought back from deletion) if need be."""
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name, artifact_location=_beside(client.tracking_uri, name))
        except Exception:  # another process on the same server was first
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id


def _beside(uri: str, name: str) -> str | None:
    """Where files of an experiment go: beside a local sqlite file, wherever the process runs; else a server decides."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).absolute().parent / "mlruns" / name).as_uri()


def files_hash(files: list[Path]) -> str:
    """One hash of the names and contents of the files that exist; "" if none does."""
    digest, any_file = hashlib.sha256(), False
    for file in files:
        if file.is_file():
            any_file = True
            digest.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest() if any_file else ""


def folder_hash(folder: Path) -> str:
    return files_hash([folder / name for name in STAGE_FILES])


def process_start(pid: int) -> str:
    """When a process began, in clock ticks since boot ("" if unknown): tells a reused number from the old
    process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def is_alive(pid: str, started: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    now = process_start(int(pid))
    return not (started and now and started != now)


def fail_the_dead(client: Any, experiment: str, run_name: str | None = None, stage: str | None = None) -> None:
    """Set FAILED every RUNNING run of this host whose process is gone (of one system's stage, or of all)."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'", max_results=1000):
        tags = run.data.tags
        ours = tags.get("triptych.host") == socket.gethostname() and "triptych.pid" in tags
        same = run_name is None or (run.info.run_name == run_name and tags.get("stage", "") == stage)
        if ours and same and not is_alive(tags["triptych.pid"], tags.get("triptych.pid_start", "")):
            client.set_tag(run.info.run_id, "triptych.error", f"process {tags['triptych.pid']} was killed")
            client.set_terminated(run.info.run_id, "FAILED")


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """results-like metrics -> flat names: the mean under the metric's own name, its spread under
    <name>_std."""
    flat: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            flat[name] = float(value["mean"])
            if value.get("n", 1) > 1:
                flat[f"{name}_std"] = float(value["std"])
        else:
            flat[name] = float(value)
    return flat


def log_params(client: Any, run_id: str, params: Mapping[str, Any]) -> None:
    from mlflow.entities import Param

    items = [Param(str(k)[:250], _text(v)[:MAX_PARAM]) for k, v in params.items()]
    for at in range(0, len(items), PARAMS_A_BATCH):
        client.log_batch(run_id, params=items[at : at + PARAMS_A_BATCH])


def log_points(client: Any, run_id: str, points: list[tuple[str, float, int, float]]) -> None:
    """`points`: (metric, value, step, seconds since the epoch)."""
    from mlflow.entities import Metric

    items = [Metric(name, value, int(when * 1000), step) for name, value, step, when in points]
    for at in range(0, len(items), METRICS_A_BATCH):
        client.log_batch(run_id, metrics=items[at : at + METRICS_A_BATCH])


def log_datasets(client: Any, run_id: str, datasets: Mapping[str, Any]) -> None:
    """Role -> card (or a line of text) as MLflow dataset inputs, the role as their context."""
    if not datasets:
        return
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = []
    for role, card in datasets.items():
        card = dict(card) if isinstance(card, Mapping) else {"title": str(card)}
        text = json.dumps(card, sort_keys=True, ensure_ascii=False, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        source = json.dumps({"source": str(card.get("source", "")), "made_by": str(card.get("made_by", ""))})
        profile = json.dumps({k: card[k] for k in ("splits", "image_shape") if k in card})
        entity = Dataset(str(card.get("title", role))[:500], digest, "triptych", source, profile=profile)
        inputs.append(DatasetInput(entity, tags=[InputTag("mlflow.data.context", role)]))
    client.log_inputs(run_id, datasets=inputs)


def git_commit(folder: Path) -> str:
    """The commit of the code that runs, "" outside git."""
    try:
        out = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, timeout=5, check=True
        )
        return out.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


@dataclass
class Sender:
    """The open end of one run: `open` creates it, `send` handles a batch of events and says whether it
    ended."""

    uri: str
    experiment: str
    run_name: str
    params: dict[str, Any]
    tags: dict[str, str]
    datasets: dict[str, Any]
    folder: Path
    client: Any = field(default=None, init=False)
    run_id: str = field(default="", init=False)

    def open(self) -> None:
        began = int(time.time() * 1000)
        connect = import_client()
        with store_lock(self.uri):  # the first client of a fresh sqlite file makes its tables; two break it
            self.client = connect(self.uri)
            experiment = experiment_id(self.client, self.experiment)
            fail_the_dead(self.client, experiment, self.run_name, self.tags.get("stage", ""))
        pid = os.getpid()
        tags = {k: str(v)[:MAX_TAG] for k, v in self.tags.items()} | {
            "triptych.host": socket.gethostname(),
            "triptych.pid": str(pid),
            "triptych.pid_start": process_start(pid),
            "mlflow.source.name": f"triptych {self.tags.get('stage', '')}".strip(),
            "mlflow.source.type": "LOCAL",
        }
        if commit := git_commit(Path.cwd()):
            tags["mlflow.source.git.commit"] = commit
        run = self.client.create_run(experiment, start_time=began, tags=tags, run_name=self.run_name)
        self.run_id = run.info.run_id
        log_params(self.client, self.run_id, self.params)
        log_datasets(self.client, self.run_id, self.datasets)

    def send(self, events: list[tuple]) -> bool:
        points = [event[1:] for event in events if event[0] == "point"]
        log_points(self.client, self.run_id, points)
        for event in events:
            if event[0] == "artifact" and event[1].is_file():
                self.client.log_artifact(self.run_id, str(event[1]))
        kind, *rest = events[-1]
        if kind == "finish":
            now = time.time()
            log_points(self.client, self.run_id, [(k, v, 0, now) for k, v in numbers(rest[0]).items()])
            self.client.set_tag(self.run_id, "triptych.hash", folder_hash(self.folder))
            self.client.set_terminated(self.run_id, "FINISHED")
        elif kind == "fail":
            self.client.set_tag(self.run_id, "triptych.error", rest[0][:MAX_TAG])
            self.client.set_terminated(self.run_id, "FAILED")
        return kind in {"finish", "fail"}
