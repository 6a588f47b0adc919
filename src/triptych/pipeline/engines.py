"""Where stages run: on this machine, a stage a core or a GPU. `pipeline.cluster` is the same for several machines."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from typing import Protocol

import psutil

from triptych.base.errors import thread_count, thread_variables
from triptych.pipeline.launcher import Job, Launcher

Ended = tuple[str, int]  # the stage's name, its exit status
FLOOR_MB = 500  # free memory below which no further stage begins
GRACE = 10.0  # seconds that a stopped stage gets to end by itself


class Engine(Protocol):
    """What the runner needs. All methods but `wake` are called from one thread."""

    slots: int

    def has_room(self, needed_mb: float) -> bool: ...
    def start(self, job: Job, ready: int) -> None: ...  # `ready`: stages that could start now, with this one
    def wait(self, seconds: float) -> Ended | None: ...  # the next job that has ended; None if none did in that time
    def wake(self) -> None: ...  # end a `wait`; safe in a signal handler
    def stop(self) -> None: ...  # end what runs; `wait` still tells of it
    def close(self) -> None: ...


class Local:
    """Processes of this machine. The stages that run at once share the cores, each by its $TRIPTYCH_WORKERS, unless
    that is set already; on GPUs each stage sees one of them."""

    def __init__(self, jobs: int | None = None, preload: bool = True):
        self._ended: queue.SimpleQueue[Ended | None] = queue.SimpleQueue()
        self._cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._gpus = gpus()
        self.slots = jobs or len(self._gpus) or max(1, self._cores // thread_count())
        self._launcher = Launcher(preload, thread_variables(thread_count()))
        self._running: dict[str, tuple[int, str | None]] = {}  # cores, GPU

    def has_room(self, needed_mb: float) -> bool:
        if not self._running:
            return True
        if len(self._running) >= self.slots or (self._free_cores() < 1 and self.slots <= self._cores):
            return False
        return psutil.virtual_memory().available / 2**20 > max(FLOOR_MB, needed_mb)

    def _free_cores(self) -> int:
        return self._cores - sum(cores for cores, _ in self._running.values())

    def start(self, job: Job, ready: int) -> None:
        at_once = max(1, min(ready, self.slots - len(self._running)))
        cores = max(1, self._free_cores() // at_once)
        env = {"TRIPTYCH_WORKERS": os.environ.get("TRIPTYCH_WORKERS") or str(cores)}
        gpu = None
        if self._gpus:
            used = [gpu for _, gpu in self._running.values()]
            gpu = min(self._gpus, key=used.count)
            env["CUDA_VISIBLE_DEVICES"] = gpu
        self._running[job.name] = cores, gpu
        self._launcher.start(replace(job, env={**job.env, **env}), lambda code: self._ended.put((job.name, code)))

    def wait(self, seconds: float) -> Ended | None:
        try:
            ended = self._ended.get(timeout=seconds)
        except queue.Empty:
            return None
        if ended is not None:
            del self._running[ended[0]]
        return ended

    def wake(self) -> None:
        self._ended.put(None)

    def stop(self) -> None:
        stop_all(self._launcher)

    def close(self) -> None:
        self._launcher.close()


def stop_all(launcher: Launcher) -> None:
    """SIGTERM to all, so that a stage can write its last checkpoint; SIGKILL to those that do not end."""
    launcher.stop(signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while launcher.busy and time.monotonic() < deadline:
        time.sleep(0.05)
    launcher.stop(signal.SIGKILL)


def gpus() -> list[str]:
    """The GPUs that stages may use, as CUDA_VISIBLE_DEVICES names them; none if $TRIPTYCH_DEVICE is a CPU. Asks
    nvidia-smi, because this process must not open CUDA."""
    if os.environ.get("TRIPTYCH_DEVICE", "cuda").partition(":")[0] != "cuda":
        return []
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [name for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    answer = subprocess.run(command, capture_output=True, text=True)
    return answer.stdout.split() if answer.returncode == 0 else []
