"""A command in a fork of this process, which has all libraries imported: a case costs a tenth of a second, not five."""

from __future__ import annotations

import hashlib
import io
import os
import re
import runpy
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from campaign.trials import ROOT, Trial

SECONDS = 180  # after which a case counts as one that hangs
LINES = 24  # a message longer than this is not clear
LEFT = re.compile(r"^(data/prepared|results|models|reports)/")
ALLOWED = re.compile(r"^(runs|checkpoints|\.dvc|mlflow\.db|\.output)")


@dataclass(frozen=True)
class Case:
    """A malformed input: `spoil` makes it in a copy of a small project, `command` meets it, and the message must match
    `says`. A command is a stage with its key, or `triptych` and what follows."""

    name: str
    spoil: Callable[[Path], object]
    command: Sequence[str]
    says: str
    env: Mapping[str, str] = field(default_factory=dict)


def trial(kind: str, case: Case, make: Callable[[Path], object]) -> Trial:
    def run(folder: Path) -> str:
        make(folder)
        case.spoil(folder)
        before = contents(folder)
        code, said = attempt(case.command, folder, case.env)
        return verdict(case.says, code, said) or lost(before, contents(folder))

    return Trial(kind, case.name, run)


def verdict(says: str, code: int | None, said: str) -> str:
    """What is not clear about the end of a command; "" if nothing."""
    end = " | ".join(said.strip().splitlines()[-3:])[-300:]
    if code is None:
        return f"hangs: {end}"
    if code == 0:
        return f"accepted: {end}"
    if code < 0:
        return f"ended by signal {-code}: {end}"
    if "Traceback (most recent call last)" in said:
        return f"traceback: {end}"
    if len(said.strip().splitlines()) > LINES:
        return f"{len(said.strip().splitlines())} lines: {end}"
    if not re.search(says, said, re.S):
        return f"does not say {says!r}: {end}"
    return ""


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not ALLOWED.match(str(path.relative_to(folder)))
    }


def lost(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    gone = [name for name, digest in before.items() if after.get(name) != digest]
    new = [name for name in after if name not in before and LEFT.match(name)]
    return f"lost or changed: {', '.join(gone)}" if gone else f"left behind: {', '.join(new)}" if new else ""


def attempt(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    log: Path | None = None,
    prepare: Callable[[], object] = lambda: None,
) -> tuple[int | None, str]:
    """(exit status, both streams) of a command in `folder`; the status is None if it did not end."""
    log = log or folder / ".output"
    pid = start(command, folder, env, log, prepare)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), log.read_text(errors="replace")
        time.sleep(0.01)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None, log.read_text(errors="replace")


def start(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    log: Path | None = None,
    prepare: Callable[[], object] = lambda: None,
) -> int:
    """Begin a command in a fork that does `prepare` first; its process. Its output goes to `.output` if nothing else is
    said."""
    pid = os.fork()
    if pid == 0:
        os._exit(_child(command, folder, env, log or folder / ".output", prepare))
    return pid


def _child(
    command: Sequence[str], folder: Path, env: Mapping[str, str], log: Path, prepare: Callable[[], object]
) -> int:
    os.setpgid(0, 0)
    to = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(to, 1)
    os.dup2(to, 2)
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(n, "w", closefd=False), write_through=True) for n in (1, 2))
    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith(("TRIPTYCH_", "MLFLOW_"))]:
        del os.environ[name]
    os.environ.update({"TRIPTYCH_TRACKING": "off", **env})
    if (folder / "published").is_dir():  # the case's own published numbers
        files = resources.files
        resources.files = lambda package: folder / "published" if package == "triptych.published" else files(package)
    try:
        prepare()
        if command[0] == "triptych":
            from triptych.cli import main

            return main(command[1:])
        script = ROOT / "stages" / f"{command[0]}.py"
        sys.argv[:] = [str(script), *command[1:]]
        runpy.run_path(str(script), run_name="__main__")
        return 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
