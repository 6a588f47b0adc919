"""Stages on several machines, through Dask (`pip install 'triptych[cluster]'`). All see the project at the same path.

Any scheduler, and workers that take one stage a thread (one worker a GPU, with its CUDA_VISIBLE_DEVICES):

    DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0 dask scheduler
    dask worker tcp://HOST:8786 --nthreads 1 --no-nanny --memory-limit 0
    triptych repro --scheduler tcp://HOST:8786

Dask must run each stage at most once, but by default it repeats the tasks of a lost worker, finished or not. Therefore
Dask does not know which stages depend on each other, results are fetched and released at once, a scheduler that repeats
tasks is refused, and a stage's processes end with its worker. Whoever reaches the scheduler can run code: keep it in a
private network.
"""

from __future__ import annotations

import os
import queue
import shutil
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from triptych.base.errors import UserError, thread_count, thread_variables
from triptych.pipeline.engines import GRACE, Ended, Engine, Local
from triptych.pipeline.launcher import Job, Launcher

PASSED_ON = ("TRIPTYCH_", "MLFLOW_", "DVC_")  # of this process's environment
SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-ttl": None,  # a host that seems dead may come back, with its stage
    "distributed.worker.memory.target": False,  # a worker's own memory says nothing of its stage's
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "logging": {"distributed": "critical"},
}


class Dask:
    """The workers of a scheduler, as an engine of the runner."""

    def __init__(self, client: Any, preload: bool = True, close: Callable[[], None] = lambda: None):
        self._client, self._preload, self._close_cluster = client, preload, close
        self._run = uuid.uuid4().hex[:8]
        self._ended: queue.SimpleQueue[Ended | None] = queue.SimpleQueue()
        self._running: set[str] = set()
        allowed = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.allowed_failures)
        if allowed:
            raise UserError(
                f"the scheduler may run a stage {allowed + 1} times, at the same time too: start it with "
                "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0"
            )
        if blind := [worker for worker, there in client.run(os.path.isdir, os.getcwd()).items() if not there]:
            raise UserError(f"these workers have no folder {os.getcwd()}: {', '.join(blind)}")

    @property
    def slots(self) -> int:
        if self._client.status != "running":
            raise UserError("the connection to the scheduler is lost; the same command goes on once it is back")
        return sum(self._client.nthreads().values())

    def has_room(self, needed_mb: float) -> bool:
        return len(self._running) < self.slots

    def start(self, job: Job, ready: int) -> None:
        env = {key: value for key, value in os.environ.items() if key.startswith(PASSED_ON)}
        job = replace(job, env={**env, **job.env})
        stages = Counter()  # at once on each host, which share its cores
        for worker, count in self._client.nthreads().items():
            stages[_host(worker)] += count
        self._running.add(job.name)
        key = f"{job.name}-{self._run}-{uuid.uuid4().hex[:8]}"
        future = self._client.submit(
            run_job, job, self._run, self._preload, dict(stages), key=key, pure=False, retries=0
        )
        future.add_done_callback(lambda done: self._take(job.name, done))

    def _take(self, name: str, future: Any) -> None:
        try:
            code = future.result() if future.status == "finished" else -signal.SIGKILL  # worker or scheduler lost
        except Exception:
            code = -signal.SIGKILL
        future.release()  # else it would run again if the worker that holds it is lost
        self._ended.put((name, code))

    def wait(self, seconds: float) -> Ended | None:
        try:
            ended = self._ended.get(timeout=seconds)
        except queue.Empty:
            return None
        if ended is not None:
            self._running.discard(ended[0])
        return ended

    def wake(self) -> None:
        self._ended.put(None)

    def stop(self) -> None:
        """Cancelling a running task would only forget it: signals end it."""
        self._client.run(signal_stages, self._run, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while self._running and time.monotonic() < deadline:
            self.wait(0.1)
        self._client.run(signal_stages, self._run, signal.SIGKILL)

    def close(self) -> None:
        if self._client.status == "running":
            self._client.run(end_run, self._run)
        self._client.close()
        self._close_cluster()


def choose(jobs: int | None, preload: bool, scheduler: str | None = None, on_slurm: str | None = None) -> Engine:
    """The engine that was asked for: this machine, a scheduler's address, or "key=value,..." for SLURM jobs. Raises
    UserError if there is none."""
    if scheduler is not None:
        return connect(scheduler, preload)
    if on_slurm is not None:
        pairs = [pair.partition("=") for pair in on_slurm.split(",")]
        return slurm({key: value for key, _, value in pairs}, preload)
    return Local(jobs, preload)


def connect(address: str, preload: bool = True) -> Dask:
    """The engine at a scheduler's address. Raises UserError if it cannot be used."""
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=10, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise UserError(f"no Dask scheduler at {address}: {error}") from None
    return Dask(client, preload)


def slurm(options: dict[str, str], preload: bool = True) -> Dask:
    """The engine on SLURM jobs, of which `jobs` (default 1) are asked for; each runs a stage at a time."""
    options = dict(options)
    jobs = options.pop("jobs", "1")
    if not jobs.isdigit():
        raise UserError(f"--slurm jobs={jobs}: must be a number")
    cluster = slurm_cluster(options)
    if shutil.which("sbatch") is None:
        cluster.close()
        raise UserError("--slurm: there is no sbatch on this machine; run this where SLURM jobs can be submitted")
    cluster.scale(jobs=int(jobs))
    client = _distributed().Client(cluster, set_as_default=False)
    return Dask(client, preload, cluster.close)


def slurm_cluster(options: dict[str, str]) -> Any:
    """dask-jobqueue's cluster for `options`: cores, memory and walltime of a job, and gpus, queue, account, interface
    where the site wants them. Its `job_script()` is what is submitted. Raises UserError for other options."""
    _distributed()
    from dask_jobqueue import SLURMCluster

    known = {"cores": "1", "memory": "4GB", "walltime": "24:00:00", "gpus": "", "queue": None, "account": None}
    known["interface"] = None
    if wrong := set(options) - set(known):
        raise UserError(f"--slurm: unknown {', '.join(sorted(wrong))}; there are jobs, {', '.join(known)}")
    given = {**known, **options}
    return SLURMCluster(
        cores=1,  # stages at a time in a job
        processes=1,
        job_cpu=int(given["cores"]),
        memory=given["memory"],
        walltime=given["walltime"],
        queue=given["queue"],
        account=given["account"],
        interface=given["interface"],
        nanny=False,
        worker_extra_args=["--memory-limit", "0"],
        job_extra_directives=[f"--gres=gpu:{given['gpus']}"] if given["gpus"] else [],
        job_script_prologue=[f"cd {os.getcwd()}"],
        log_directory=".dvc/tmp/triptych",
        local_directory=os.environ.get("TMPDIR", "/tmp"),
        scheduler_options={"dashboard": False, "dashboard_address": ":0"},
        silence_logs="critical",
    )


def _distributed() -> Any:
    try:
        import dask

        dask.config.set(SETTINGS)
        import distributed

        on_ctrl_c = signal.getsignal(signal.SIGINT)
        import dask_jobqueue  # noqa: F401  (it makes Ctrl-C a sys.exit)

        signal.signal(signal.SIGINT, on_ctrl_c)
    except ImportError as error:
        raise UserError(f"several machines need Dask ({error}): pip install 'triptych[cluster]'") from None
    return distributed


# -- on a worker -----------------------------------------------------------------------------------------------

_launchers: dict[str, Launcher] = {}


def run_job(job: Job, run: str, preload: bool, stages: dict[str, int]) -> int:
    """The exit status of a stage that is run here. `stages`: how many may run at once on each host."""
    from distributed import get_worker

    cores = len(os.sched_getaffinity(0)) // stages.get(_host(get_worker().address), 1)
    launcher = _launchers.setdefault(run, Launcher(preload, thread_variables(thread_count())))
    code: queue.SimpleQueue[int] = queue.SimpleQueue()
    launcher.start(replace(job, env={"TRIPTYCH_WORKERS": str(max(1, cores)), **job.env}), code.put)
    return code.get()


def signal_stages(run: str, number: int) -> None:
    if run in _launchers:
        _launchers[run].stop(number)


def end_run(run: str) -> None:
    if launcher := _launchers.pop(run, None):
        launcher.close()


def _host(address: str) -> str:
    return address.rpartition(":")[0]
