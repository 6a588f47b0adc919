#!/usr/bin/env bash
# dask-jobqueue 0.9.0: importing it replaces the process's Ctrl-C handler. A program that only imports it ends on Ctrl-C
# without KeyboardInterrupt and with exit status 0, so that a script cannot tell an interrupted run from a finished one.
#
# Seen: before the import signal.default_int_handler; after it a function of dask_jobqueue/runner.py. A process that gets
# SIGINT ends with 0 after the import, and with -2 (KeyboardInterrupt) without it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dask-jobqueue==0.9.0 distributed==2026.8.0
"$folder/venv/bin/python" - <<'PYTHON'
import signal
import subprocess
import sys

WAIT = "import signal, time; print('ready', flush=True); time.sleep(60)"


def interrupted(code):
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    return process.wait(30)


before = signal.getsignal(signal.SIGINT)
import dask_jobqueue  # noqa: E402

after = signal.getsignal(signal.SIGINT)
plain, imported = interrupted(WAIT), interrupted(f"import dask_jobqueue; {WAIT}")
print("dask-jobqueue", dask_jobqueue.__version__)
print("handler before:", before.__name__, "after:", after.__code__.co_filename.rpartition("/")[2])
print("exit status after SIGINT: without the import", plain, "with it", imported)
assert before is signal.default_int_handler and after is not before
assert plain != 0 and imported == 0
PYTHON
