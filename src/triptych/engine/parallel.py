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
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

import torch

from triptych.base.errors import UserError, number_from_environment, thread_count

Item = TypeVar("Item")
Result = TypeVar("Result")
Send = Callable[[Any], None]


class Vanished(UserError, RuntimeError):
    """A process ended without a result and without an error."""


def workers_for(jobs: int, device: torch.device) -> int:
    """How many processes to use: as many as there are cores, or as $TRIPTYCH_WORKERS says; 1 (this process, one job
    after the other) on a GPU, under torchrun, where there is no safe fork, and where $TRIPTYCH_THREADS asks for several
    threads, which a fork could not have."""
    if device.type != "cpu" or sys.platform != "linux" or int(os.environ.get("WORLD_SIZE", 1)) > 1:
        return 1
    if thread_count() > 1:
        return 1
    cores = len(os.sched_getaffinity(0))
    return max(1, int(min(jobs, number_from_environment("TRIPTYCH_WORKERS", cores))))


def odd_ones(jobs: int, workers: int) -> int:
    """How many jobs to begin at once beside the first `workers` ones, and to let share their cores: those that would be
    left over in the end, when some cores have nothing to do. 5 jobs of equal length then take 5/2 of one's time on 2
    cores, not 3. None where $TRIPTYCH_WORKERS says how many processes there may be."""
    return 0 if os.environ.get("TRIPTYCH_WORKERS") else jobs % workers


_running_at_once = 1  # processes like this one, in a job and in the one that forked it


def at_once() -> int:
    """How many jobs run at the same time as this one, with it: what memory has to be shared by."""
    return _running_at_once


def one_by_one(items: Sequence[Item], work: Callable[[Item], Result]) -> list[Result]:
    """The plain way to do `work` for each item; `Stage.for_each` is a faster one."""
    return [work(item) for item in items]


def fork_map(
    work: Callable[[Item, Send], Result],
    items: Sequence[Item],
    workers: int,
    receive: Callable[[int, Any], None],
    guard: Callable[[], AbstractContextManager] = nullcontext,
) -> list[Result]:
    """[work(item, send) for item in items], `workers` of them at a time in processes of their own; in the beginning,
    the odd ones beside them.

    What a job passes to `send` reaches `receive(index of the item, message)` in this process, in the order it was
    sent. Results, messages and errors must be picklable. The first error ends the other jobs and is raised here; a
    process that vanishes (out of memory, kill) raises Vanished. No process outlives this one. `guard()` is held
    whenever a process is forked: of this process's other threads none may then hold a lock that a job needs.
    """
    context = multiprocessing.get_context("fork")
    waiting = list(enumerate(items))
    running: dict[Connection, tuple[int, Any]] = {}
    results: dict[int, Result] = {}
    global _running_at_once
    first = _running_at_once = min(len(items), workers + odd_ones(len(items), workers))
    try:
        while waiting or running:
            while waiting and len(running) < (workers if results else first):
                index, item = waiting.pop(0)
                here, there = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(work, item, there, os.getpid()), daemon=True)
                with guard():
                    process.start()
                there.close()  # so that the end of the process is seen as the end of the pipe
                running[here] = index, process
            for pipe in wait(list(running)):
                index, process = running[pipe]
                kind, content = _next_message(pipe, process, items[index])
                if kind == "sent":
                    receive(index, content)
                elif kind == "error":
                    raise content
                else:
                    results[index] = content
                    process.join()
                    del running[pipe]
    finally:
        _running_at_once = 1
        for _, process in running.values():
            process.kill()
            process.join()
    return [results[index] for index in range(len(items))]


def _next_message(pipe: Connection, process: Any, item: Any) -> tuple[str, Any]:
    try:
        return pipe.recv()
    except EOFError:
        process.join()
        text = f"the process for {item!r} ended without a result (exit code {process.exitcode})"
        if process.exitcode == -signal.SIGKILL:
            text += ": killed; if there was not enough memory, set TRIPTYCH_WORKERS=1 and start again"
        raise Vanished(text) from None


def _child(work: Callable, item: Any, pipe: Connection, parent: int) -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: not to outlive a parent that is killed
    if os.getppid() != parent:  # it was killed before that
        os._exit(1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it ends this process
    one_thread()
    try:
        message = "result", work(item, lambda content: pipe.send(("sent", content)))
        pipe.send(message)
    except BaseException as error:
        pipe.send(("error", _portable(error)))
    pipe.close()
    sys.stdout.flush()
    os._exit(0)  # the parent's clean-up (tracking, progress bars) is not this process's


def one_thread() -> None:
    """Several threads in each of several processes only get in each other's way; and after a fork OpenMP cannot start
    any."""
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def _portable(error: BaseException) -> BaseException:
    """The error itself where it survives the pipe; its text where not. What was not foreseen shows where it arose."""
    text = "".join(traceback.format_exception(error))
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(text)
    copy.add_note(text)
    return copy


__all__ = ["at_once", "fork_map", "one_by_one", "one_thread", "workers_for"]
