"""Python scripts in processes of their own that need not import torch: on Linux, forks of the pipeline's server."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from triptych.pipeline.launcher import Job, Launcher


@dataclass
class Running:
    code: Future[int]
    log: Path

    def end(self, status: int = 0) -> str:
        """What it wrote, once it is over. Fails if the exit status is another one."""
        code, said = self.code.result(timeout=600), self.log.read_text()
        assert code == status, f"exit status {code}\n{said[-4000:]}"
        return said


class Scripts:
    """The environment of a script is that of the tests, with `env` over it. `folder` is for logs."""

    def __init__(self, folder: Path):
        self._folder, self._count = folder, itertools.count()
        self._launcher = Launcher(preload=True, environment={})
        self._processes: list[subprocess.Popen] = []  # where there is no fork server

    def start(self, *command: object, cwd: Path, **env: str) -> Running:
        """`python *command`, in the background."""
        name, argv = f"script{next(self._count)}", ["python", *map(str, command)]
        log, lock = (self._folder / f"{name}.{kind}" for kind in ("log", "lock"))
        running = Running(Future(), log)
        if sys.platform == "linux":
            job = Job(name, argv, str(cwd), str(log), str(lock), script=True, env=env)
            self._launcher.start(job, running.code.set_result)
        else:
            with open(log, "w") as out:
                process = subprocess.Popen(
                    [sys.executable, *argv[1:]], cwd=cwd, env=os.environ | env, stdout=out, stderr=subprocess.STDOUT
                )
            self._processes.append(process)
            threading.Thread(target=lambda: running.code.set_result(process.wait()), daemon=True).start()
        return running

    def run(self, *command: object, cwd: Path, status: int = 0, **env: str) -> str:
        return self.start(*command, cwd=cwd, **env).end(status)

    def run_two(self, *command: object, cwd: Path, **env: str) -> list[str]:
        """Twice at the same time, as `torchrun --nproc-per-node=2` does it; what each wrote."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        env |= {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        both = [self.start(*command, cwd=cwd, RANK=rank, LOCAL_RANK=rank, **env) for rank in "01"]
        return [one.end() for one in both]

    def kill(self) -> None:
        """SIGKILL to all that run."""
        self._launcher.stop(signal.SIGKILL)
        for process in self._processes:
            process.kill()

    def close(self) -> None:
        self._launcher.close()
