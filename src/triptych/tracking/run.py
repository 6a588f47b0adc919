"""The one place that knows MLflow. Training never waits for it: calls put an event on a queue, a thread
sends.

    TRIPTYCH_TRACKING=off       no tracking (files in runs/ and results/ are written all the same)
    MLFLOW_TRACKING_URI=...     another store than sqlite:///mlflow.db in the project's root

One experiment a table, one run a stage execution. A run ends FINISHED or FAILED, also when the process is
interrupted or terminated; a run whose process was killed outright is set FAILED by the next one of the same
stage.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import signal
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from triptych.base.errors import UserError, number_from_environment
from triptych.tracking.signals import deaf_to_signals, exit_on_terminate

PERIOD = 2.0  # seconds between two batches of points
SHORT = 20.0  # seconds: a run that ends well within them is not worth those of importing MLflow (see `defer`)
_live: weakref.WeakSet[Tracker] = weakref.WeakSet()
_told: set[str] = set()
_opening = threading.Lock()  # held by a thread while it imports MLflow


def enabled() -> bool:
    """False if TRIPTYCH_TRACKING=off or MLflow is not installed (which is said once)."""
    if os.environ.get("TRIPTYCH_TRACKING", "").lower() in {"off", "0", "false", "no"}:
        return False
    from importlib.util import find_spec

    if find_spec("mlflow") is None:
        _say("tracking: MLflow is not installed, runs are recorded in runs/ only")
        return False
    return True


class StoreError(UserError):
    """The MLflow store does not answer, or answers with an error."""


class Tracker:
    """One MLflow run. Begun by `start`; a context manager, or ended by `finish` or `fail`. Without a start
    every call does nothing."""

    def __init__(self) -> None:
        # seconds that `finish` waits for the store; only ever used up by a store that hangs
        self.patience = number_from_environment("TRIPTYCH_TRACKING_PATIENCE", 60)
        self._events: queue.SimpleQueue = queue.SimpleQueue()
        self._done = threading.Event()
        self._open = False

    def start(
        self,
        experiment: str,
        run_name: str,
        params: Mapping[str, Any],
        tags: Mapping[str, str] | None = None,
        datasets: Mapping[str, Any] | None = None,
        folder: str | Path | None = None,
        uri: str | None = None,
        defer: bool = False,
    ) -> Tracker:
        """Begin the run; returns this tracker, at once: when there is something to send, the thread imports MLflow
        and reaches the store.

        `experiment`: the table. `run_name`: the system. `params`: flat or nested, logged flat under the names
        of params.yaml. `tags`: `stage` (expected), `profile`, `data_source`, `parent_stage`, ... `datasets`:
        role -> card of a prepared dataset, or a line of text. `folder`: where this stage writes its files, by
        default runs/<experiment>/<run_name>/<stage>. `uri`: the store, by default as the module says. `defer`:
        a run that ends well without a single point of a curve, or within `SHORT` seconds, is not worth the seconds of
        importing MLflow: a copy of its files waits in mlflow.db.waiting/ for the next `sync`.
        """
        if not enabled():
            return self
        from triptych.tracking.store import Sender

        tags = dict(tags or {})
        sender = Sender(
            uri=uri or store_uri(),
            experiment=experiment,
            run_name=run_name,
            params=flatten(params),
            tags=tags,
            datasets=dict(datasets or {}),
            folder=Path(folder or Path("runs", experiment, run_name, tags.get("stage", ""))).absolute(),
        )
        self._open = True
        _live.add(self)
        _watch_process()
        threading.Thread(target=_work, args=(sender, self._events, self._done, defer), daemon=True).start()
        return self

    def log(self, metric: str, value: float, step: int) -> None:
        """Add a point to a curve. Costs a queue put."""
        if self._open:
            self._events.put(("point", metric, float(value), int(step), time.time()))

    def artifact(self, path: str | Path) -> None:
        """Attach a file; it is read when the thread gets to it."""
        if self._open:
            self._events.put(("artifact", Path(path).absolute()))

    def finish(self, metrics: Mapping[str, Any] | None = None) -> None:
        """End FINISHED, with the final numbers: name -> value, or name -> {"mean", "std", "n"} as in
        results/.

        Call it when the files of the stage are written: the run is marked with their hash, by which `sync`
        knows it again. Waits for the store, at most `patience` seconds.
        """
        self._end(("finish", dict(metrics or {})), self.patience)

    def fail(self, error: BaseException | str) -> None:
        """End FAILED, with the error as a tag."""
        text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        with deaf_to_signals() if self._open else contextlib.nullcontext():  # a second one must not cut the wait short
            self._end(("fail", text), self.patience / 2)

    def _end(self, event: tuple, patience: float) -> None:
        if not self._open:
            return
        self._open = False
        _live.discard(self)
        self._events.put(event)
        if not self._done.wait(patience):
            warn(f"the MLflow store did not answer within {patience:.0f} s; `triptych sync-mlflow` catches up")

    def __enter__(self) -> Tracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.fail(error)
        else:
            self.finish()


@contextlib.contextmanager
def safe_to_fork() -> Iterator[None]:
    """While this is held no thread is in the middle of an import, whose locks a forked process would wait for."""
    with _opening:
        yield


def store_uri(root: str | Path | None = None) -> str:
    """MLFLOW_TRACKING_URI, else sqlite:///<root>/mlflow.db. `root`: by default the nearest folder above the
    current one that holds a params.yaml, else the current one."""
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        return uri
    here = Path(root or Path.cwd()).absolute()
    if root is None:
        here = next((p for p in [here, *here.parents] if (p / "params.yaml").is_file()), here)
    return f"sqlite:///{here / 'mlflow.db'}"


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} -> {"a.b": 1}. Lists stay values."""
    flat: dict[str, Any] = {}
    for key, value in params.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def curve_name(metric: str, seed: int) -> str:
    """The name of one seed's curve; the MLflow UI puts the seeds of a metric into one group."""
    return f"{metric}/seed{seed}"


def sync(root: str | Path, uri: str | None = None) -> int:
    """Fill the store from the files under `root`: mlflow.db.waiting/, runs/, results/ and reports/paper/results/.
    Returns the number of runs added. What was logged while it ran, or by an earlier sync, is known by the hash of its
    files and is not added again. Raises StoreError if the store cannot be reached."""
    from triptych.tracking.store import import_client
    from triptych.tracking.sync import sync_files

    uri = uri or store_uri(root)
    try:
        import_client()
    except ImportError:
        raise StoreError("MLflow is not installed: pip install mlflow") from None
    from mlflow.exceptions import MlflowException

    try:
        return sync_files(Path(root).absolute(), uri)
    except (MlflowException, OSError) as error:  # a connection refused or too slow is an OSError
        raise StoreError(f"MLflow at {uri} failed ({_reason(error)})") from error


def catch_up(root: str | Path) -> None:
    """`sync` at the end of a pipeline: adds what stages left to it. A store that cannot be reached is a warning."""
    if not enabled():
        return
    try:
        sync(root)
    except Exception as error:
        warn(f"{error}; `triptych sync-mlflow` catches up")


def warn(text: str) -> None:
    """One line on stderr; the same line is not repeated."""
    _say(f"warning: {text}")


def _reason(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__


def _say(line: str) -> None:
    if line not in _told:
        _told.add(line)
        print(line, file=sys.stderr, flush=True)


def _work(sender: Any, events: queue.SimpleQueue, done: threading.Event, defer: bool) -> None:
    """The thread: send what is on the queue every `PERIOD` seconds until the run ends. The first error ends
    the sending, with one warning, and never the training."""
    began = time.monotonic()
    try:
        waiting = [events.get()]  # until there is something to tell the processor belongs to the training
        while defer and waiting[-1][0] not in {"finish", "fail"}:
            curves = any(event[0] == "point" for event in waiting)
            try:
                waiting.append(events.get(timeout=max(0.0, began + SHORT - time.monotonic()) if curves else None))
            except queue.Empty:
                break
        if defer and waiting[-1][0] == "finish":
            from triptych.tracking.sync import leave

            leave(sender.folder, judged=bool(waiting[-1][1]))
            return
        with _opening:
            sender.open()
        ended = False
        while not ended:
            batch, waiting = waiting or [events.get()], []
            deadline = time.monotonic() + PERIOD
            while batch[-1][0] not in {"finish", "fail"} and (left := deadline - time.monotonic()) > 0:
                with contextlib.suppress(queue.Empty):
                    batch.append(events.get(timeout=left))
            ended = sender.send(batch)
    except Exception as error:
        warn(f"MLflow at {sender.uri} failed ({_reason(error)}); training goes on, `triptych sync-mlflow` catches up")
    finally:
        done.set()


_watching = False


def _watch_process() -> None:
    """Once: see to it that runs left open are marked FAILED however the process ends (bar SIGKILL)."""
    global _watching
    if _watching:
        return
    _watching = True
    # MLflow imports this in our thread; too late there if the main thread is already on its way out
    import concurrent.futures.thread  # noqa: F401

    previous = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        previous(kind, error, trace)
        _fail_all(f"{kind.__name__}: {error}")

    sys.excepthook = hook
    atexit.register(_fail_all, "the process ended before the run did")
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, exit_on_terminate)


def _fail_all(reason: str) -> None:
    for tracker in list(_live):
        tracker.fail(reason)
