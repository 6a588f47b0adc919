"""Work in forked processes: results in order, errors and deaths reported, no orphans."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from triptych.base.config import ParamsError
from triptych.engine import parallel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")


def test_results_are_in_order_and_each_item_has_a_process_of_its_own_with_one_thread():
    """Which computes after the parent used several."""
    torch.randn(300, 300) @ torch.randn(300, 300)
    conv, image = torch.nn.Conv2d(3, 8, 3), torch.randn(4, 3, 32, 32)
    expected = conv(image).detach()

    def work(item):
        time.sleep(0.05 * (3 - item))
        return item * 10, os.getpid(), torch.get_num_threads(), conv(image).detach().numpy()

    values, processes, threads, outputs = zip(*parallel.fork_map(work, [0, 1, 2], 2))
    assert values == (0, 10, 20) and threads == (1, 1, 1)
    assert len({os.getpid(), *processes}) == 4
    for output in outputs:
        assert torch.allclose(torch.from_numpy(output), expected, atol=1e-5)


def test_an_error_is_raised_as_it_is_and_ends_the_others(tmp_path):
    def work(item):
        if item == "bad":
            raise ParamsError("lr = 7: too much")
        time.sleep(60)
        (tmp_path / "late").touch()

    start = time.monotonic()
    with pytest.raises(ParamsError, match="lr = 7"):
        parallel.fork_map(work, ["good", "bad"], 2)
    assert time.monotonic() - start < 30 and not (tmp_path / "late").exists()


def test_an_error_that_cannot_be_pickled_arrives_as_text_and_a_killed_process_is_named():
    class Odd(Exception):
        def __init__(self, a, b):
            super().__init__("odd one")

    def work(item):
        raise Odd(1, 2)

    with pytest.raises(RuntimeError, match="odd one"):
        parallel.fork_map(work, [0], 1)
    with pytest.raises(RuntimeError, match=r"process for 'seed 1'.*memory"):
        parallel.fork_map(lambda item: os.kill(os.getpid(), signal.SIGKILL), ["seed 1"], 1)


def test_no_process_outlives_a_killed_parent(tmp_path):
    script = f"""
import os, pathlib, time
from triptych.engine.parallel import fork_map
def work(item):
    pathlib.Path({str(tmp_path)!r}, str(os.getpid())).touch()
    time.sleep(120)
fork_map(work, [0, 1], 2)
"""
    parent = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    children = [int(p.name) for p in tmp_path.iterdir()]
    assert len(children) == 2
    parent.kill()
    parent.wait()
    while any(map(alive, children)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, children))


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    "cores, jobs, workers", [(2, 1, 1), (2, 2, 2), (2, 5, 2), (4, 7, 4), (4, 2, 2), (1, 3, 1), (16, 2, 2), (16, 10, 10)]
)
def test_a_process_a_core_and_no_more_than_there_are_jobs(monkeypatch, cores, jobs, workers):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.delenv("TRIPTYCH_WORKERS", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert parallel.workers_for(jobs, torch.device("cpu")) == workers
    assert parallel.workers_for(jobs, torch.device("cuda")) == 1
    monkeypatch.setenv("WORLD_SIZE", "2")  # under torchrun, whose processes must all do the same
    assert parallel.workers_for(jobs, torch.device("cpu")) == 1
    monkeypatch.delenv("WORLD_SIZE")
    monkeypatch.setenv("TRIPTYCH_THREADS", "2")  # OpenMP cannot start threads after a fork
    assert parallel.workers_for(jobs, torch.device("cpu")) == 1
    monkeypatch.delenv("TRIPTYCH_THREADS")
    for asked, given in (("1", 1), ("2", 2), ("99", jobs)):
        monkeypatch.setenv("TRIPTYCH_WORKERS", asked)
        assert parallel.workers_for(jobs, torch.device("cpu")) == min(given, jobs)


def test_there_are_as_many_processes_as_workers_and_each_knows_how_many():
    fork = multiprocessing.get_context("fork")
    both, running = fork.Barrier(2, timeout=60), fork.Value("i", 0)

    def work(item):
        with running.get_lock():
            running.value += 1
        both.wait()
        time.sleep(0.05)  # for a third one, if there were one
        seen = running.value
        both.wait()
        with running.get_lock():
            running.value -= 1
        return seen, parallel.at_once()

    assert set(parallel.fork_map(work, range(6), 2)) == {(2, 2)} and parallel.at_once() == 1
