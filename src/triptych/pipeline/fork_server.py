"""The process that starts stages: a script of its own, run by `pipeline.launcher`; it imports nothing of the project.

With `--preload` it imports torch and the other big libraries once, when it has nothing else to do; a stage script is a
fork that has them (those that are not there yet it imports itself). The project's own modules are left to the stage:
those of the server would be the ones of the moment it began, not those that DVC hashed. All other commands are
started by exec.

Protocol: one JSON object a line. In: {"id", "argv", "cwd", "env", "log", "lock", "script"}, or {"stop": signal number}.
Out: {"id", "code"}. The end of the input is the end of whoever asked: all stages are killed then. No stage outlives the
server (PR_SET_PDEATHSIG), and two never run under one lock file.
"""

import atexit
import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import runpy
import select
import signal
import sys
import threading
import time

LIBRARIES = """
    numpy yaml pydantic PIL.Image tqdm threadpoolctl safetensors.torch requests
    torch torch.distributed torch.func torch.nn.parallel torchvision.datasets torchvision.models
    scipy.linalg scipy.ndimage scipy.stats pandas matplotlib.figure matplotlib.backends.backend_agg
    sklearn.decomposition sklearn.ensemble sklearn.linear_model sklearn.neighbors sklearn.pipeline sklearn.preprocessing
    sklearn.svm
"""
LOCK_SECONDS = 15  # for a stage of a run that was killed a moment ago to be gone
BUSY = 75  # exit status of a stage that did not begin: another process still runs it


def serve(requests: int, replies: int, libraries: list[str]) -> None:
    """Answer requests until their end; import a library whenever there is none."""
    wake_up, signalled = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, int] = {}
    text = b""
    while True:
        ready = select.select([requests, wake_up], [], [], 0 if libraries else None)[0]
        if not ready:
            with contextlib.suppress(ImportError):
                importlib.import_module(libraries.pop(0))
            gc.freeze()
        if wake_up in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake_up, 4096)
        _collect(running, replies)
        if requests not in ready:
            continue
        received = os.read(requests, 1 << 16)
        if not received:
            _signal_all(running, signal.SIGKILL)
            return
        *lines, text = (text + received).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if "stop" in request:
                _signal_all(running, request["stop"])
            else:
                running[_start(request, {requests, replies, wake_up, signalled})] = request["id"]


def _collect(running: dict[int, int], replies: int) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _kill_group(pid, signal.SIGKILL)  # what the stage may have left behind
        code = os.waitstatus_to_exitcode(status)
        os.write(replies, json.dumps({"id": running.pop(pid), "code": code}).encode() + b"\n")


def _signal_all(running: dict[int, int], number: int) -> None:
    for pid in running:
        _kill_group(pid, number)


def _kill_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _start(request: dict, private: set[int]) -> int:
    server = os.getpid()
    pid = os.fork()
    if pid:
        with contextlib.suppress(OSError):  # both set it, so that it is there whoever comes first
            os.setpgid(pid, pid)
        return pid
    code = 1
    try:
        code = _child(request, private, server)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _child(request: dict, private: set[int], server: int) -> int:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor in private:
        os.close(descriptor)
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    _die_with(server)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    lock = _acquire(request["lock"])
    if lock is None:
        return BUSY
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    argv = request["argv"]
    if request["script"] and "--preload" in sys.argv:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return _run_script(argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.set_inheritable(lock, True)  # held until the last process of the stage is gone
    try:
        os.execvpe(argv[0], argv, {**request["env"], "PYTHONUNBUFFERED": "1"})
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
        return 127


def _die_with(server: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != server:
            os._exit(1)


def _acquire(path: str) -> int | None:
    """The descriptor of the locked file; None if another process keeps it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.1)
        except OSError:  # a file system without locks
            return lock


def _run_script(argv: list[str]) -> int:
    """What `python argv...` does from its first line on, to the end."""
    sys.argv[:] = argv
    sys.path.insert(0, os.path.abspath(os.path.dirname(argv[0])))
    sys.stdout.reconfigure(line_buffering=True)
    code = 0
    try:
        runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, int) or end.code is None:
            code = end.code or 0
        else:
            print(end.code, file=sys.stderr)
            code = 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code & 0xFF


def main() -> None:
    requests, replies = os.dup(0), os.dup(1)  # nothing that a library prints may get between the replies
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runner to handle
    serve(requests, replies, LIBRARIES.split() if "--preload" in sys.argv else [])


if __name__ == "__main__":
    main()
