"""Independent pieces of work, the seeds of a system above all, at the same time: one forked process with one thread
each. The nets of a laptop run are too small to keep two threads busy; two processes are (1.4 to 2 times faster).
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

import torch

from triptych.base.errors import UserError, number_from_environment, thread_count

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

_at_once = 1  # set in the processes that `fork_map` starts


class Vanished(UserError, RuntimeError):
    """A process ended without a result and without an error."""


def workers_for(jobs: int, device: torch.device) -> int:
    """How many processes to use for `jobs` jobs: as many as there are cores, or as $TRIPTYCH_WORKERS says.

    It is 1 (this process does one job after the other) on a GPU, under torchrun, where forking is not safe, and where
    $TRIPTYCH_THREADS asks for several threads, which a fork could not have.
    """
    if device.type != "cpu" or sys.platform != "linux" or int(os.environ.get("WORLD_SIZE", 1)) > 1:
        return 1
    if thread_count() > 1:
        return 1
    cores = len(os.sched_getaffinity(0))
    return max(1, int(min(jobs, number_from_environment("TRIPTYCH_WORKERS", cores))))


def at_once() -> int:
    """How many processes share this machine's memory: 1, or in a job of `fork_map` its number of workers."""
    return _at_once


def one_by_one(items: Sequence[Item], work: Callable[[Item], Outcome]) -> list[Outcome]:
    """The plain way to do `work` for each item; `Stage.for_each` is a faster one."""
    return [work(item) for item in items]


def fork_map(work: Callable[[Item], Outcome], items: Sequence[Item], workers: int) -> list[Outcome]:
    """[work(item) for item in items], `workers` of them at a time, each in a forked process of its own.

    `work` sees all that this process has; what it changes is lost, except files. Results and errors must be
    picklable. The first error ends the other jobs and is raised here. A process that vanishes (it was killed, or
    there was not enough memory) raises Vanished. No process outlives this one.
    """
    context = multiprocessing.get_context("fork")
    waiting = list(enumerate(items))
    running: dict[Connection, tuple[int, Any]] = {}
    results: dict[int, Outcome] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                index, item = waiting.pop(0)
                here, there = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(work, item, there, os.getpid(), workers), daemon=True)
                process.start()
                there.close()  # so that the end of the process is seen as the end of the pipe
                running[here] = index, process
            for pipe in wait(list(running)):
                index, process = running[pipe]
                outcome, error = _receive(pipe, process, items[index])
                if error is not None:
                    raise error
                results[index] = outcome
                process.join()
                del running[pipe]
    finally:
        for _, process in running.values():
            process.kill()
            process.join()
    return [results[index] for index in range(len(items))]


def _receive(pipe: Connection, process: Any, item: Any) -> tuple[Any, BaseException | None]:
    try:
        return pipe.recv()
    except EOFError:
        process.join()
        text = f"the process for {item!r} ended without a result (exit code {process.exitcode})"
        if process.exitcode == -signal.SIGKILL:
            text += ": killed; if there was not enough memory, set TRIPTYCH_WORKERS=1 and start again"
        raise Vanished(text) from None


def _child(work: Callable[[Any], Any], item: Any, pipe: Connection, parent: int, workers: int) -> None:
    global _at_once
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: not to outlive a parent that is killed
    if os.getppid() != parent:  # it was killed before that
        os._exit(1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it ends this process
    one_thread()
    _at_once = workers
    try:
        pipe.send((work(item), None))
    except BaseException as error:
        pipe.send((None, _portable(error)))
    pipe.close()
    sys.stdout.flush()
    os._exit(0)  # the parent's clean-up is not this process's


def one_thread() -> None:
    """Limit this process to one thread: several threads in each of several processes only get in each other's way, and
    after a fork OpenMP cannot start any."""
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def _portable(error: BaseException) -> BaseException:
    """The error itself if it survives the pipe, else its text. A note shows where it arose."""
    text = "".join(traceback.format_exception(error))
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(text)
    copy.add_note(text)
    return copy


__all__ = ["at_once", "fork_map", "one_by_one", "one_thread", "workers_for"]
