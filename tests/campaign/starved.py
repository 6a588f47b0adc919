"""Too little disk or memory, folders that may not be written, a clock that jumps, two runs in one folder, a store that
does not answer. Each must end in one clear message, and the next call with the bytes of an undisturbed one."""

from __future__ import annotations

import errno
import functools
import os
import resource
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from toy import Toy

from campaign import child
from campaign.killed import ENV, REPRO, STAGES, differences, files, toy_env, toy_undisturbed, undisturbed
from campaign.malformed import trained
from campaign.trials import Trial

KIB = 1024
FULL = [(kind, kib) for kind in ("prepare", "features", "probe", "translate", "represent") for kib in (4, 200)]
MEMORY = [(kind, mib) for kind in ("features", "translate", "represent") for mib in (8, 64)]
ON = {"TRIPTYCH_TRACKING": "on"}


@contextmanager
def mounted(*command: str) -> Iterator[None]:
    subprocess.run(["mount", *command], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", command[-1]], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True, capture_output=True)


def full_disk(kind: str, kib: int, folder: Path) -> str:
    """A stage on a disk with so much left; then on one with room."""
    before, after, _ = undisturbed()[kind]
    disk, log = folder / "disk", folder / "log"
    disk.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=1g", "tmpfs", str(disk)):
        shutil.copytree(before, disk, dirs_exist_ok=True)
        used = (os.statvfs(disk).f_blocks - os.statvfs(disk).f_bfree) * os.statvfs(disk).f_bsize
        remount(disk, f"size={used + kib * KIB}")
        rarely = ENV | {"TRIPTYCH_CHECKPOINT_SECONDS": "0.5"}  # a checkpoint that fails is said each time
        code, said = child.attempt(STAGES[kind][-1].split(), disk, rarely, log)
        if code != 0 and (wrong := child.verdict("disk full", code, said)):
            return wrong
        remount(disk, "size=1g")
        code, said = child.attempt(STAGES[kind][-1].split(), disk, ENV, log)
        return f"the next call ends with {code}: {said[-300:]}" if code else differences(files(disk), files(after))


def full_disk_of_command(command: tuple[str, ...], env: dict[str, str], folder: Path) -> str:
    disk, log = folder / "disk", folder / "log"
    disk.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=1g", "tmpfs", str(disk)):
        trained.make(disk)
        used = (os.statvfs(disk).f_blocks - os.statvfs(disk).f_bfree) * os.statvfs(disk).f_bsize
        remount(disk, f"size={used + 64 * KIB}")
        code, said = child.attempt(command, disk, env, log)
        if wrong := child.verdict("disk|full|No space", code, said):
            return wrong
        remount(disk, "size=1g")
        code, said = child.attempt(command, disk, env, log)
        return f"the next call ends with {code}: {said[-300:]}" if code else ""


def little_memory(kind: str, mib: int, folder: Path) -> str:
    before, after, _ = undisturbed()[kind]
    shutil.copytree(before, folder, dirs_exist_ok=True)
    limit = psutil.Process().memory_info().vms + mib * KIB * KIB

    def less() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    code, said = child.attempt(STAGES[kind][-1].split(), folder, ENV, prepare=less)
    if code != 0 and (wrong := child.verdict("memory", code, said)):
        return wrong
    code, said = child.attempt(STAGES[kind][-1].split(), folder, ENV)
    return f"the next call ends with {code}: {said[-300:]}" if code else differences(files(folder), files(after))


def read_only(command: tuple[str, ...], place: str, env: dict[str, str], folder: Path) -> str:
    project, log = folder / "project", folder / "log"
    trained.make(project)
    at = str(project / place)
    os.makedirs(at, exist_ok=True)
    with mounted("--bind", at, at):
        remount(Path(at), "ro,bind")
        before = child.contents(project)
        code, said = child.attempt(command, project, env, log)
        wrong = child.verdict("written|read-only|readonly|Read-only", code, said)
        gone = [name for name, digest in before.items() if child.contents(project).get(name) != digest]
        return wrong or (f"lost or changed: {', '.join(gone)}" if gone else "")


def clock_jumps() -> None:
    """Half a second on, this process's clock is a day behind."""
    real, until = time.time, time.monotonic() + 0.5
    time.time = lambda: real() - (86_400 if time.monotonic() > until else 0)


def jumping_clock(kind: str, folder: Path) -> str:
    before, after, _ = undisturbed()[kind]
    shutil.copytree(before, folder, dirs_exist_ok=True)
    code, said = child.attempt(STAGES[kind][-1].split(), folder, ENV, prepare=clock_jumps)
    return f"ends with {code}: {said[-300:]}" if code else differences(files(folder), files(after))


def jumping_clock_of_command(command: tuple[str, ...], env: dict[str, str], folder: Path) -> str:
    trained.make(folder)
    code, said = child.attempt(command, folder, env, prepare=clock_jumps)
    return f"ends with {code}: {said[-300:]}" if code or "Traceback" in said else ""


def two_at_once(seconds: float, folder: Path) -> str:
    """Two runners in one folder, the second so many seconds after the first: one works, one is refused."""
    toy = Toy(folder / "toy")
    env = toy_env(toy)
    logs = [folder / f"log{n}" for n in range(2)]
    pids = []
    for log in logs:
        pids.append(child.start(REPRO, toy.root, env, log))
        time.sleep(seconds)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    told = [log.read_text() for log in logs]
    late = sorted(codes) == [0, 0] and seconds >= 1  # the first was over: the second found nothing to do
    if not late and (sorted(codes) != [0, 2] or "another `triptych repro` works here" not in told[codes.index(2)]):
        return f"they end with {codes}: {told[0][-200:]} {told[1][-200:]}"
    return differences(files(toy.root), toy_undisturbed()[0])


ANSWERS: dict[str, Callable[[socket.socket], object]] = {
    "never answers": lambda connection: time.sleep(300),
    "stops in mid-answer": lambda c: (c.recv(9999), c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
                                      time.sleep(300)),
    "hangs up": lambda c: c.close(),
    "answers 500": lambda c: (c.recv(9999), c.sendall(b"HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n")),
    "answers 403": lambda c: (c.recv(9999), c.sendall(b"HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n")),
    "answers with a page": lambda c: (c.recv(9999), c.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\r\n<html>sign in<")),
    "answers with other JSON": lambda c: (c.recv(9999), c.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]")),
}  # fmt: skip


def bad_store(answer: Callable[[socket.socket], object] | None, command: tuple[str, ...], folder: Path) -> str:
    """A store that does so at each call; `sync-mlflow` says so, and a run of stages ends as if it were not there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        if answer is None:
            server.close()
        else:
            threading.Thread(target=_serve, args=(server, answer), daemon=True).start()
        env = {**ON, "MLFLOW_TRACKING_URI": uri}
        if command[1] == "repro":
            toy = Toy(folder / "toy")
            (toy.root / "results").mkdir()
            row = '{"profile": "smoke", "data": {}, "metrics": {}}'
            (toy.root / "results/objects").mkdir()
            (toy.root / "results/objects/x.json").write_text(row)
            code, said = child.attempt(command, toy.root, {**toy_env(toy), **env})
            return f"ends with {code}: {said[-300:]}" if code else "" if uri in said else f"says nothing: {said[-300:]}"
        trained.make(folder)
        code, said = child.attempt(command, folder, env)
        return child.verdict(f"MLflow at {uri} failed", code, said)


def _serve(server: socket.socket, answer: Callable[[socket.socket], object]) -> None:
    def one(connection: socket.socket) -> None:
        try:
            answer(connection)
        except OSError:
            pass
        finally:
            connection.close()

    while True:
        try:
            threading.Thread(target=one, args=(server.accept()[0],), daemon=True).start()
        except OSError as error:
            if error.errno in (errno.EBADF, errno.EINVAL):
                return


def trials() -> Iterator[Trial]:
    sync, report = ("triptych", "sync-mlflow"), ("triptych", "report")
    for kind, kib in FULL:
        yield Trial("a disk that is full", f"{kind}, {kib} KiB left", functools.partial(full_disk, kind, kib))
    for command, env in ((report, {}), (sync, ON)):
        run = functools.partial(full_disk_of_command, command, env)
        yield Trial("a disk that is full", f"{command[1]}, 64 KiB left", run)
    for kind, mib in MEMORY:
        yield Trial("too little memory", f"{kind}, {mib} MiB left", functools.partial(little_memory, kind, mib))
    for command, place, env in (
        (("prepare", "objects"), "data/prepared", {}), (("features", "dcgan"), "models", {}),
        (("features", "dcgan"), "runs", {}), (("features", "dcgan"), "outputs", {}),
        (("probe", "dcgan"), "results", {}),
        (report, "reports", {}), (sync, ".", ON),
    ):  # fmt: skip
        run = functools.partial(read_only, command, place, env)
        yield Trial("a folder that is read-only", f"{' '.join(command)}: {place}", run)
    for kind in ("features", "probe"):
        yield Trial("a clock that jumps back", kind, functools.partial(jumping_clock, kind))
    for command in (report, sync):
        yield Trial("a clock that jumps back", command[1], functools.partial(jumping_clock_of_command, command, ON))
    for seconds in (0, 0.2, 1):
        yield Trial("two `triptych repro` in one folder", f"{seconds} s apart", functools.partial(two_at_once, seconds))
    for name, answer in {"refuses": None, **ANSWERS}.items():
        yield Trial("a store that fails", f"sync-mlflow: it {name}", functools.partial(bad_store, answer, sync))
    for name in ("never answers", "hangs up"):
        run = functools.partial(bad_store, ANSWERS[name], REPRO)
        yield Trial("a store that fails", f"repro: it {name}", run)
