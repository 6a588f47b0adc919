"""`triptych repro`: what `dvc repro` does, several stages at a time.

This process alone deals with DVC (`dvc_graph`): what has changed, what the run cache knows, saving, dvc.lock. An engine
runs commands and knows nothing of that. A stage that fails stops those that need it and no other. However the run is
ended, by Ctrl-C, a signal or a kill, no stage goes on writing, and the next call goes on from there: a result is in
dvc.lock as soon as its stage is done.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from triptych.base.errors import UserError
from triptych.pipeline.dvc_graph import Graph, NotRecorded
from triptych.pipeline.fork_server import BUSY, LOCK_SECONDS
from triptych.pipeline.launcher import Job, is_held
from triptych.pipeline.progress import Progress, clock, duration
from triptych.pipeline.schedule import Schedule, data_first, read_cost

if TYPE_CHECKING:
    from triptych.pipeline.engines import Ended, Engine

MEMORY_MARGIN = 1.1


class Runner:
    """One run of the stages in `graph`, on the engine that `make_engine` gives once there is something to do."""

    def __init__(self, graph: Graph, make_engine: Callable[[], Engine], progress: Progress, force: bool = False):
        self.graph, self.make_engine, self.progress, self.force = graph, make_engine, progress, force
        self.engine: Engine | None = None
        self.costs = {name: read_cost(graph.outs(name)) for name in graph}
        self.waits = data_first(graph.needs)
        self.schedule = Schedule(graph.needs, self.costs)
        self.waiting = dict.fromkeys(graph)  # in order; of these, `ready` need nothing any more but room
        self.ready: set[str] = set()
        self.running: dict[str, float] = {}  # since when
        self.done: set[str] = set()
        self.failed: dict[str, str] = {}
        self.stopped = 0  # the signal that asked to end
        self.began = time.monotonic()

    def run(self) -> int:
        """The exit status: 0, 1 if a stage failed, 128 + the signal if one ended the run."""
        with self._signals():
            try:
                self._look()
                while not self.stopped:
                    self._start()
                    if not self.running and not self.ready:
                        break
                    self._show()
                    if ended := self._wait():
                        self._start()  # in the places that are free now: saving results takes a while
                        for name, code in ended:
                            self._ended(name, code)
                        self._look()
                if self.stopped:
                    self._stop()
            finally:
                if self.engine is not None:
                    self.engine.close()
                self.progress.clear()
        return self._summary()

    # -- what can begin --------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Stages whose needs are done are done themselves, if nothing has changed, or ready."""
        with self.graph.locked():
            while not self.stopped and (name := next((n for n in self.waiting if self.waits[n] <= self.done), None)):
                del self.waiting[name]
                try:
                    if self.force or self.graph.changed(name):
                        self.ready.add(name)
                    else:
                        self.done.add(name)
                        self.progress.unchanged()
                except NotRecorded as error:
                    self._fail(name, str(error))

    def _start(self) -> None:
        """The longest chain first, as many as there is room for."""
        if self.ready and self.engine is None:
            self.engine = self.make_engine()
        while self.ready and not self.stopped:
            name = max(self.ready, key=self.schedule.chain.get)
            if not self.engine.has_room((self.costs[name].megabytes or 0.0) * MEMORY_MARGIN):
                return
            self._begin(name)
            if name in self.done:  # from the cache: others may be ready now
                self._look()

    def _begin(self, name: str) -> None:
        file = name.replace("/", "_")
        log, lock = self.graph.folder / f"{file}.log", self.graph.folder / f"{file}.lock"
        while is_held(lock):
            if time.monotonic() - self.began > LOCK_SECONDS:
                self._fail(name, f"a process of an earlier run still runs it (it holds {_short(lock)})")
                return
            time.sleep(0.1)
        ready = len(self.ready)
        self.ready.discard(name)
        try:
            if self.graph.begin(name, self.force):
                self.done.add(name)
                self.progress.restored(name)
                return
        except NotRecorded as error:
            self._fail(name, str(error))
            return
        argv, folder, script = self.graph.command(name)
        self.running[name] = time.monotonic()
        self.engine.start(Job(name, argv, folder, str(log), str(lock), script, self.graph.environment(name)), ready)
        self.progress.started(name)

    # -- what has ended --------------------------------------------------------------------------------------

    def _wait(self) -> list[Ended]:
        """What has ended by now, or ends in the next half second."""
        ended = [self.engine.wait(0.5)]
        while ended[-1] is not None:
            ended.append(self.engine.wait(0.0))
        return ended[:-1]

    def _ended(self, name: str, code: int) -> None:
        seconds = time.monotonic() - self.running.pop(name)
        log = self.graph.folder / f"{name.replace('/', '_')}.log"
        if code:
            self.graph.give_up(name)
            self._fail(name, f"{_reason(code)} after {duration(seconds)}", None if code == BUSY else log)
            return
        try:
            self.graph.finish(name)
        except NotRecorded as error:
            self._fail(name, str(error))
            return
        self.done.add(name)
        self.progress.finished(name, seconds, log)

    def _fail(self, name: str, why: str, log: Path | None = None) -> None:
        self.ready.discard(name)
        self.failed[name] = why
        self.progress.failed(name, why, log and Path(_short(log)))

    def _show(self) -> None:
        now = time.monotonic()
        running = {name: now - since for name, since in self.running.items()}
        left = self.schedule.left([*self.waiting, *self.ready], running, self.engine.slots)
        self.progress.status(running, left)

    # -- the end ---------------------------------------------------------------------------------------------

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first signal asks to end; a second Ctrl-C interrupts at once."""

        def ask(number: int, _: object) -> None:
            if self.stopped and number == signal.SIGINT:
                raise KeyboardInterrupt
            self.stopped = number
            if self.engine is not None:
                self.engine.wake()

        numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
        before = {number: signal.signal(number, ask) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self) -> None:
        if self.running:
            self.progress.say(f"{signal.Signals(self.stopped).name}: ending {', '.join(self.running)}")
            self.engine.stop()
        for name in self.running:
            self.graph.give_up(name)

    def _summary(self) -> int:
        say, seconds = self.progress.say, duration(time.monotonic() - self.began)
        if self.stopped:
            say(f"stopped after {seconds}, {len(self.done)} of {len(self.graph)} stages done; the same command goes on")
            return 128 + self.stopped
        assert self.failed or not self.waiting, f"nobody looked at {', '.join(self.waiting)}"
        if not self.failed:
            say(f"{len(self.graph)} stages are up to date ({seconds})")
            return 0
        say(f"\n{len(self.done)} of {len(self.graph)} stages are up to date ({seconds}). Failed:")
        for name, why in self.failed.items():
            say(f"  {name}: {why}")
        if self.waiting:
            say(f"Not run, because they need a failed one: {', '.join(self.waiting)}")
        say("After the cause is mended, the same command goes on: what is done is not run again.")
        return 1


def _reason(code: int) -> str:
    if code == BUSY:
        return "not begun, because a process of an earlier run still runs it,"
    if code == -signal.SIGKILL:
        return "killed (if there was not enough memory: --jobs 1)"
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"failed with exit status {code}"


def _short(path: Path) -> str:
    return os.path.relpath(path)


@contextmanager
def the_only_one(folder: Path) -> Iterator[None]:
    """Raises UserError while another runner works in this project."""
    with open(folder / "runner.lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = file.read().strip()
            raise UserError(f"another `triptych repro` works here ({who}): wait for its end, or stop it") from None
        file.truncate(0)
        file.write(f"process {os.getpid()}, since {clock()}\n")
        file.flush()
        forget_half_written(folder.parent / "rwlock")
        yield


def forget_half_written(file: Path) -> None:
    """Delete DVC's list of who reads and writes what if it is no JSON: a process that was killed while it wrote it
    leaves half a list, and every later command of DVC would stop there. A list that is being written is waited for."""
    for _ in range(5):
        try:
            json.loads(file.read_text() or "{}")
            return
        except FileNotFoundError:
            return
        except ValueError:
            time.sleep(0.1)
    file.unlink(missing_ok=True)


def list_changes(graph: Graph, force: bool = False) -> list[str]:
    """The stages that would run, or might: whatever needs one that runs."""
    would: list[str] = []
    for name in graph:
        if force or graph.needs[name] & set(would) or graph.changed(name):
            would.append(name)
    return would


def repro(targets: Sequence[str], make_engine: Callable[[], Engine], force: bool = False, dry: bool = False) -> int:
    """Bring `targets` (all stages if none) up to date; `dry` lists what that would take. Returns the exit status.
    Raises UserError if this is no project, if a target is not there, and while another runner works here."""
    graph = Graph(targets)
    if dry:
        would = list_changes(graph, force)
        print("\n".join(would) if would else "nothing to do: all stages are up to date")
        return 0
    with the_only_one(graph.folder):
        return Runner(graph, make_engine, Progress(len(graph)), force).run()
