"""Starting commands in processes that do not outlive this one: the side of `fork_server` that asks."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from triptych.pipeline import fork_server

Done = Callable[[int], None]


@dataclass(frozen=True)
class Job:
    """A stage's command. `env` is laid over the environment of where it runs."""

    name: str
    argv: list[str]
    cwd: str
    log: str
    lock: str
    script: bool = False  # `python stages/X.py ...`, which may be a fork of the server
    env: dict[str, str] = field(default_factory=dict)


class Launcher:
    """A fork server, started with the first command. `environment` is for its libraries, which read the number of
    threads when they are imported. Threads may share it."""

    def __init__(self, preload: bool, environment: dict[str, str]):
        self._preload, self._environment = preload, environment
        self._server: subprocess.Popen | None = None
        self._waiting: dict[int, Done] = {}
        self._mutex = threading.Lock()
        self._last = 0

    def start(self, job: Job, done: Done) -> None:
        """Begin; `done(exit status)` is called in another thread (negative: the number of the signal that ended it)."""
        env = {**os.environ, **self._environment, **job.env}
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', os.defpath)}"  # `python` is this one
        request = {"argv": job.argv, "cwd": job.cwd, "env": env, "log": job.log, "lock": job.lock, "script": job.script}
        with self._mutex:
            if self._server is None:
                self._begin()
            self._last += 1
            self._waiting[self._last] = done
            self._send({"id": self._last, **request})

    @property
    def busy(self) -> bool:
        """Whether a command runs."""
        return bool(self._waiting)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send the signal to all processes of all commands."""
        with self._mutex:
            if self._server is not None:
                self._send({"stop": int(number)})

    def close(self) -> None:
        """End what still runs, and the server."""
        with self._mutex:
            server, self._server = self._server, None
        if server is not None:
            server.stdin.close()
            server.wait()

    def _begin(self) -> None:
        command = [sys.executable, "-P", fork_server.__file__, *(["--preload"] if self._preload else [])]
        self._server = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **self._environment},
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(self._server,), daemon=True).start()

    def _send(self, message: dict) -> None:
        try:
            self._server.stdin.write(json.dumps(message).encode() + b"\n")
            self._server.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # it is dead; `_read` says so to all who wait

    def _read(self, server: subprocess.Popen) -> None:
        for line in server.stdout:
            reply = json.loads(line)
            with self._mutex:
                done = self._waiting.pop(reply["id"])
            done(reply["code"])
        server.wait()
        with self._mutex:
            if self._server is server:
                self._server = None
            left, self._waiting = list(self._waiting.values()), {}
        for done in left:
            done(-signal.SIGKILL)


def is_held(lock: Path) -> bool:
    """Whether a process still runs the stage of that lock file."""
    try:
        with open(lock, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    return False
