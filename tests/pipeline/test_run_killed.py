"""However a run ends: no stage goes on writing, nothing that was done is done again, and the bytes are the same."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from toy import Toy, gone, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are watched through /proc")


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path / "toy")


@pytest.fixture(scope="module")
def lock(tmp_path_factory):
    """The dvc.lock that DVC itself writes for train@a and then the rest."""
    serial = Toy(tmp_path_factory.mktemp("serial") / "toy")
    serial.serial("train@a")
    serial.serial()
    return serial.read("dvc.lock")


@pytest.mark.parametrize("preload", [False, True])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_killed(toy, lock, number, preload):
    toy.repro("train@a")
    toy.write("hold", "")
    process = toy.begin("train", "--jobs", "3", preload=preload)
    stages = toy.wait_for("b", "c", "d")
    process.send_signal(number)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number), said
    until(lambda: all(map(gone, stages)), 5)
    if number != signal.SIGKILL:
        assert "the same command goes on" in said
    (toy.root / "hold").unlink()
    said = toy.repro("--jobs", "3")
    assert "train@a started" not in said and "train@b started" in said
    assert toy.changed() == [] and toy.read("dvc.lock") == lock


def test_what_was_done_before_a_kill_is_not_done_again(toy):
    toy.replace("stages/train.py", 'os.path.exists("hold")', 'os.path.exists(f"hold-{name}")')
    toy.write("hold-d", "")
    process = toy.begin("train", "--jobs", "4")
    toy.wait_for("a", "b", "c", "d")
    seen = []
    while not {"train@a", "train@b", "train@c"} <= set(seen):
        line = process.stdout.readline()
        seen += [word for word in line.split() if " + " in line]
    process.kill()
    process.communicate()
    assert not {"train@a", "train@b", "train@c"} & set(toy.changed())
    (toy.root / "hold-d").unlink()
    said = toy.repro("train")
    for system in "abc":
        assert f"train@{system} started" not in said
    assert "train@d started" in said and "train@" not in " ".join(toy.changed())


def test_a_killed_stage_is_a_failed_stage(toy):
    toy.write("hold", "")
    process = toy.begin("train@a", "train@b", "--jobs", "2")
    first, _ = toy.wait_for("a", "b")
    os.kill(first, signal.SIGKILL)
    until(lambda: gone(first), 5)
    (toy.root / "hold").unlink()
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 1 and "x train@a  killed" in said and "+ train@b" in said


def test_a_killed_fork_server_takes_its_stages_along(toy):
    toy.write("hold", "")
    process = toy.begin("train@a", "train@b", "--jobs", "2")
    stages = toy.wait_for("a", "b")
    os.kill(parent(stages[0]), signal.SIGKILL)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 1 and "x train@a  killed" in said and "x train@b  killed" in said
    assert all(map(gone, stages))


def test_a_stage_that_still_runs_is_not_begun_a_second_time(toy, monkeypatch):
    import fcntl

    monkeypatch.setattr("triptych.pipeline.run.LOCK_SECONDS", 1)
    toy.repro("prepare")
    with open(toy.root / ".dvc/tmp/triptych/train@a.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = toy.repro("train@a", "train@b", status=1)
    assert "x train@a  a process of an earlier run still runs it" in said and "+ train@b" in said
    assert not (toy.root / "begun-a").exists()


def parent(process: int) -> int:
    with open(f"/proc/{process}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])
