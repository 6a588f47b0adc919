"""Parts of `triptych repro`: the fork server, the schedule, shares of cores, GPUs and memory, what a person reads."""

from __future__ import annotations

import io
import json
import os
import queue
import shutil
import signal
import sys
import time

import psutil
import pytest
from toy import Toy, gone, until

from triptych.base.errors import thread_variables
from triptych.pipeline import engines
from triptych.pipeline.engines import Local
from triptych.pipeline.launcher import Job, Launcher, is_held
from triptych.pipeline.progress import Progress, duration, result
from triptych.pipeline.run import forget_half_written, the_only_one
from triptych.pipeline.schedule import Cost, Schedule, data_first, read_cost

# -- the fork server -------------------------------------------------------------------------------------------

TRAINING = """
import atexit, multiprocessing, random, sys
import numpy as np
import torch
from helper import SIZE

atexit.register(lambda: print("the end"))
assert __name__ == "__main__" and sys.argv == ["stages/train.py", "7"], (__name__, sys.argv)
assert multiprocessing.get_start_method() == "fork"
torch.manual_seed(int(sys.argv[1]))
net = torch.nn.Sequential(torch.nn.Conv2d(3, SIZE, 3), torch.nn.Flatten(), torch.nn.Linear(SIZE * 36, 1))
optimizer = torch.optim.Adam(net.parameters())
loader = torch.utils.data.DataLoader(list(torch.randn(32, 3, 8, 8)), batch_size=8, num_workers=1)
for batch in loader:
    optimizer.zero_grad()
    net(batch).square().mean().backward()
    optimizer.step()
matrix = np.random.default_rng(0).normal(size=(64, 64))
with open("weights", "wb") as file:
    file.write(b"".join(p.detach().numpy().tobytes() for p in net.parameters()) + np.linalg.svd(matrix)[0].tobytes())
print("threads", torch.get_num_threads())
sys.exit(3)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "stages").mkdir()
    return tmp_path


def do(launcher, folder, text, *arguments, name="train", **env) -> tuple[int, str]:
    """Exit status and log of a stage script."""
    (folder / f"stages/{name}.py").write_text(text)
    argv = ["python", f"stages/{name}.py", *arguments]
    code: queue.SimpleQueue[int] = queue.SimpleQueue()
    launcher.start(Job(name, argv, str(folder), str(folder / "log"), str(folder / "lock"), True, env), code.put)
    return code.get(timeout=120), (folder / "log").read_text()


@pytest.fixture(scope="module")
def preloaded():
    launcher = Launcher(True, thread_variables(1))
    yield launcher
    launcher.close()


def test_a_fork_gives_the_bytes_of_a_new_python(folder, preloaded):
    (folder / "stages/helper.py").write_text("SIZE = 4\n")
    plain = Launcher(False, thread_variables(1))
    seen = []
    for launcher in (plain, preloaded):
        status, log = do(launcher, folder, TRAINING, "7")
        assert status == 3 and log == "threads 1\nthe end\n"
        seen.append((folder / "weights").read_bytes())
    plain.close()
    assert seen[0] == seen[1]


def test_the_server_keeps_no_module_of_the_project(folder, preloaded):
    text = "import sys\nassert not [m for m in sys.modules if 'triptych' in m]\nimport helper\nprint(helper.SIZE)"
    for size in (1, 2):
        (folder / "stages/helper.py").write_text(f"SIZE = {size}\n")
        os.utime(folder / "stages/helper.py", (size, size))
        assert do(preloaded, folder, text) == (0, f"{size}\n")


KILLED = "import os; os.kill(os.getpid(), 9)"


@pytest.mark.parametrize("text, status", [("raise ValueError(3)", 1), ("exit('why')", 1), (KILLED, -9)])
def test_the_way_a_script_ends_is_told(folder, preloaded, text, status):
    code, log = do(preloaded, folder, text)
    assert code == status
    assert ("ValueError: 3" in log) == ("ValueError" in text) and ("why" in log) == ("why" in text)


def test_environment_and_lock_belong_to_the_stage(folder, preloaded):
    text = "import os, time\nprint(os.environ['MINE'])\nopen('begun', 'w')\n"
    text += "while os.path.exists('hold'): time.sleep(0.02)"
    (folder / "hold").touch()
    (folder / "stages/train.py").write_text(text)
    code: queue.SimpleQueue[int] = queue.SimpleQueue()
    job = Job("train", ["python", "stages/train.py"], str(folder), str(folder / "log"), str(folder / "lock"), True)
    preloaded.start(Job(**{**vars(job), "env": {"MINE": "5"}}), code.put)
    until((folder / "begun").exists)
    assert is_held(folder / "lock")
    (folder / "hold").unlink()
    assert code.get(timeout=30) == 0 and not is_held(folder / "lock")
    assert (folder / "log").read_text() == "5\n"


def test_a_stage_that_does_not_heed_sigterm_is_killed(folder, monkeypatch):
    monkeypatch.setattr(engines, "GRACE", 0.3)
    text = "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    text += "open('begun', 'w').write(str(os.getpid()))\ntime.sleep(60)"
    (folder / "stages/train.py").write_text(text)
    engine = Local(1, preload=False)
    job = Job("train", ["python", "stages/train.py"], str(folder), str(folder / "log"), str(folder / "lock"), True)
    engine.start(job, 1)
    process = int(until(lambda: (folder / "begun").read_text()))
    engine.stop()
    assert engine.wait(10) == ("train", -signal.SIGKILL) and gone(process)
    engine.close()


# -- shares ----------------------------------------------------------------------------------------------------


class Recorder:
    """In place of a launcher: what was started, and with which environment."""

    busy = False

    def __init__(self, *_):
        self.env = {}

    def start(self, job, done):
        self.env[job.name], self.done = job.env, done


@pytest.fixture
def machine(monkeypatch):
    def make(cores, jobs=None, gpus="", free_mb=10**6):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
        monkeypatch.delenv("TRIPTYCH_DEVICE", raising=False)
        monkeypatch.delenv("TRIPTYCH_WORKERS", raising=False)
        monkeypatch.setattr(engines, "Launcher", Recorder)
        memory = psutil.virtual_memory()._replace(available=free_mb * 2**20)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
        return Local(jobs)

    return make


def start(engine, name, ready):
    engine.start(Job(name, [], "", "", ""), ready)
    return engine._launcher.env[name]


def test_stages_that_run_at_once_share_the_cores(machine):
    engine = machine(8, jobs=4)
    given = [int(start(engine, f"s{i}", ready=9 - i)["TRIPTYCH_WORKERS"]) for i in range(4)]
    assert given == [2, 2, 2, 2] and not engine.has_room(0)
    engine = machine(8)
    assert start(engine, "last", ready=1)["TRIPTYCH_WORKERS"] == "8"
    assert not engine.has_room(0)  # it has all of them


def test_a_stage_waits_for_the_memory_that_it_took_last_time(machine):
    engine = machine(4, free_mb=2000)
    assert engine.has_room(10**6)  # nothing runs: waiting would not help
    start(engine, "a", ready=4)
    assert engine.has_room(1500) and not engine.has_room(2500)
    engine = machine(4, free_mb=300)
    start(engine, "a", ready=4)
    assert not engine.has_room(0)


def test_each_gpu_gets_a_stage(machine):
    engine = machine(8, gpus="2,5")
    assert engine.slots == 2
    assert start(engine, "a", 3)["CUDA_VISIBLE_DEVICES"] == "2" and start(engine, "b", 2)["CUDA_VISIBLE_DEVICES"] == "5"
    engine._launcher.done(0)
    assert engine.wait(1) == ("b", 0)
    assert start(engine, "c", 1)["CUDA_VISIBLE_DEVICES"] == "5"


# -- schedule and words ----------------------------------------------------------------------------------------


def test_a_training_waits_for_the_data_of_its_judge():
    needs = {
        "prepare@images": set(),
        "features@a": {"prepare@images"},
        "prepare@judged": set(),
        "probe@a": {"features@a", "prepare@judged"},
        "prepare@others": set(),
        "inspect@others": {"prepare@others"},
        "report": {"probe@a", "inspect@others"},
    }
    waits = data_first(needs)
    assert waits["features@a"] == {"prepare@images", "prepare@judged"}
    assert {name: of for name, of in waits.items() if name != "features@a"} == {
        name: of for name, of in needs.items() if name != "features@a"
    }


def test_long_chains_begin_first_and_the_rest_is_foretold():
    needs = {"data": set(), "short": {"data"}, "long": {"data"}, "score": {"long"}, "unknown": set()}
    costs = dict.fromkeys(needs, Cost(10.0)) | {"long": Cost(40.0), "unknown": Cost()}
    schedule = Schedule(needs, costs)
    assert schedule.chain == {"data": 60, "long": 50, "short": 10, "score": 10, "unknown": 17.5}
    assert schedule.left(["long", "score"], {"short": 4.0}, slots=2) == 50  # the chain, not (6 + 50) / 2
    assert schedule.left(["short", "score"], {"long": 35.0}, slots=1) == 25
    assert Schedule(needs, dict.fromkeys(needs, Cost())).left(["data"], {}, 1) is None


def test_the_last_cost_is_read_where_there_is_one(tmp_path):
    assert read_cost([tmp_path / "no", tmp_path]) == Cost()
    (tmp_path / "cost.json").write_text(json.dumps({"seconds": 2.5, "peak_memory_mb": 300}))
    assert read_cost([tmp_path / "no", tmp_path]) == Cost(2.5, 300)
    (tmp_path / "cost.json").write_text('{"seconds": 2')
    assert read_cost([tmp_path]) == Cost()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_one_line_is_written_again_and_again(tmp_path):
    log = tmp_path / "probe.log"
    log.write_text("objects/a: accuracy = 0.5 ± 0.1 (n=2)\nepoch 1\nobjects/a: few = 0.3\nobjects/b: few = 1\n")
    progress = Progress(12, Terminal())
    progress.started("probe@a")
    progress.status({"probe@a": 5.0, "fcn": 70.0}, left=4000.0)
    line = "0/12 done, about 1 h 6 min left, running fcn 1 min 10 s, probe@a 5 s"
    assert progress.stream.getvalue().rstrip().endswith(line[: shutil.get_terminal_size().columns - 1])
    progress.finished("probe@a", 65, log)
    last = progress.stream.getvalue().rpartition("\x1b[K")[2]
    assert last == "+ probe@a  1 min 5 s  objects/a: accuracy = 0.5 ± 0.1 (n=2); few = 0.3; objects/b: few = 1\n"
    log.write_text("".join(f"objects/a: m{i} = {i}.5\n" for i in range(9)))
    assert result(log) == "  objects/a: m0 = 0.5; m1 = 1.5; m2 = 2.5; m3 = 3.5; 5 more"
    assert [duration(s) for s in (0.4, 59.6, 3599, 3661)] == ["0 s", "1 min 0 s", "59 min 59 s", "1 h 1 min"]


def test_the_same_failure_is_shown_once(tmp_path):
    progress = Progress(3, io.StringIO())
    for name in "ab":
        log = tmp_path / name
        log.write_text("\n".join(f"line {i}" for i in range(50)) + "\nerror: lr = 9")
        progress.failed(name, "failed", log)
    said = progress.stream.getvalue()
    assert said.count("| error: lr = 9") == 1 and "the same as a" in said and str(tmp_path / "b") in said
    assert "line 31" in said and "line 30" not in said


@pytest.mark.slow
def test_four_at_a_time_are_faster_than_one(tmp_path):
    """Stages that sleep, so that it holds on a machine of any size. A loose bound: DVC's own work is serial."""
    seconds = {}
    for jobs in ("4", "1"):
        toy = Toy(tmp_path / jobs)
        toy.repro("prepare")
        toy.env["NAP"] = "5"
        began = time.monotonic()
        toy.repro("train", "--jobs", jobs)
        seconds[jobs] = time.monotonic() - began
    print(f"4 stages of 5 s: {seconds['1']:.1f} s one by one, {seconds['4']:.1f} s at once", file=sys.stderr)
    assert seconds["1"] / seconds["4"] > 2


@pytest.mark.parametrize(("text", "kept"), [("", True), ('{"a.py": {"read": []}}', True), ('{"a.py": {"re', False)])
def test_half_of_dvcs_list_of_readers_and_writers_is_forgotten_and_a_whole_one_is_not(tmp_path, text, kept):
    file = tmp_path / "rwlock"
    file.write_text(text)
    (tmp_path / "triptych").mkdir()
    with the_only_one(tmp_path / "triptych"):
        assert file.exists() is kept
    forget_half_written(tmp_path / "nothing")
