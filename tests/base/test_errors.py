"""What a user reads when a stage cannot go on."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.base.errors import UserError, main, number_from_environment


def allocate_too_much():
    torch.empty(2**50)


def raises(error):
    def work():
        raise error

    return work


def said_by(work, monkeypatch, capsys) -> str:
    monkeypatch.setattr(sys, "argv", ["stage.py"])
    with pytest.raises(SystemExit) as end:
        main(work)
    assert end.value.code == 1
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (raises(UserError("lr = -1: must be positive")), ["lr = -1: must be positive"]),
        (allocate_too_much, ["not enough memory", "4503599627370496", "batch_size", "TRIPTYCH_WORKERS"]),
        (lambda: np.empty(2**50), ["not enough memory", "8.00 PiB", "last checkpoint"]),
        (raises(RuntimeError("could not create a primitive")), ["not enough memory", "batch_size"]),
        (raises(SystemError("error return without exception set")), ["not enough memory"]),
        (
            raises(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nMore")),
            ["not enough GPU memory", "20.00 GiB", "batch_size", "TRIPTYCH_DEVICE", "last checkpoint"],
        ),
        (raises(OSError(errno.ENOSPC, "No space left", "models/x")), ["disk full", "models/x", "free some space"]),
        (raises(OSError(errno.ENOSPC, "No space left")), ["disk full: free"]),
        (raises(OSError(errno.EDQUOT, "Disk quota exceeded", "models/x")), ["disk full", "models/x"]),
        (raises(OSError(errno.EROFS, "Read-only file system", "runs/x")), ["runs/x cannot be written (Read-only"]),
        (raises(PermissionError(errno.EACCES, "Permission denied", "data/x")), ["data/x cannot be", "writable"]),
    ],
)
def test_one_message_that_says_what_to_do(work, words, monkeypatch, capsys):
    said = said_by(work, monkeypatch, capsys)
    assert said.strip().count("\n") == 0 and said.strip().startswith("error: ")
    for word in words:
        assert word in said


@pytest.mark.parametrize("error", [RuntimeError("a bug"), FileNotFoundError(2, "no such file", "x"), KeyError("k")])
def test_a_fault_of_the_code_keeps_its_traceback(error, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stage.py"])
    with pytest.raises(type(error)):
        main(raises(error))


@pytest.mark.parametrize(
    ("name", "text"),
    [("TRIPTYCH_THREADS", text) for text in ("two", "0", "-1", "1.5", "nan", "inf", "1e30")]
    + [("TRIPTYCH_WORKERS", "0"), ("WORLD_SIZE", "two"), ("RANK", "-1"), ("LOCAL_RANK", "0.5")],
)
def test_a_variable_that_cannot_be_is_named_before_any_work(name, text, monkeypatch, capsys):
    monkeypatch.setenv(name, text)
    said = said_by(raises(AssertionError("work began")), monkeypatch, capsys)
    assert f"{name} = {text!r}: must be a whole number from" in said


@pytest.mark.parametrize("text", ["nan", "-1", "soon"])
def test_a_number_of_the_environment_is_not_negative(monkeypatch, text):
    monkeypatch.setenv("TRIPTYCH_CHECKPOINT_SECONDS", text)
    with pytest.raises(UserError, match="TRIPTYCH_CHECKPOINT_SECONDS"):
        number_from_environment("TRIPTYCH_CHECKPOINT_SECONDS", 60)


LATE = """
import os, sys, threadpoolctl, torch
from triptych.base.errors import main

def work():
    import scipy.linalg  # brings a BLAS of its own, after the limits are set
    counts = {library["num_threads"] for library in threadpoolctl.threadpool_info()}
    print(torch.get_num_threads(), sorted(counts))

main(work)
"""


@pytest.mark.parametrize("asked", ["", "2"])
def test_every_library_of_a_stage_computes_with_the_same_number_of_threads(tmp_path, asked):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/late.py").write_text(LATE)
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    environment |= {"TRIPTYCH_THREADS": asked, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run(
        [sys.executable, tmp_path / "stages/late.py"], env=environment, capture_output=True, text=True
    )
    count = asked or "1"
    assert done.stdout == f"{count} [{count}]\n", done.stderr
