"""Stages on a Dask scheduler and workers, as on several machines with a shared folder; SLURM's job script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from toy import Toy, gone, until

distributed = pytest.importorskip("distributed")
jobqueue = pytest.importorskip("dask_jobqueue")


class Cluster:
    def __init__(self, folder, env):
        self.folder, self.env, self.processes = folder, {**env, "OMP_NUM_THREADS": "7"}, []
        folder.mkdir()

    def start(self, *command, **env):
        self.processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "dask", *command, "--no-dashboard", "--scheduler-file", "scheduler.json"],
                cwd=self.folder,
                env={**self.env, **env},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        return self.processes[-1]

    def scheduler(self, failures="0"):
        env = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": failures}
        self.start("scheduler", "--host", "127.0.0.1", "--port", "0", **env)
        return until(lambda: json.loads((self.folder / "scheduler.json").read_text() or "{}").get("address"))

    def worker(self):
        return self.start("worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--memory-limit", "0")


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path / "toy")


@pytest.fixture
def cluster(tmp_path, toy):
    cluster = Cluster(tmp_path / "cluster", toy.env)
    yield cluster
    for process in reversed(cluster.processes):
        process.kill()
        process.wait()


def test_two_workers_give_the_lock_of_dvc_repro_and_a_killed_one_fails_its_stage_alone(toy, cluster, tmp_path):
    address = cluster.scheduler()
    workers = [cluster.worker(), cluster.worker()]
    toy.write("hold", "")
    process = toy.begin("train@a", "train@b", "--scheduler", address)
    stages = toy.wait_for("a", "b")
    for stage in stages:
        environment = Path(f"/proc/{stage}/environ").read_text().split("\0")
        assert "OMP_NUM_THREADS=1" in environment and "DVC_ROOT=" + str(toy.root) in environment
    workers[0].kill()
    until(lambda: any(map(gone, stages)), 10)
    assert not all(map(gone, stages))
    (toy.root / "hold").unlink()
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 1 and said.count("killed") == 2, said  # its event, and in the list at the end
    assert ("+ train@a" in said) != ("+ train@b" in said)

    cluster.worker()
    process = toy.begin("--scheduler", address)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0 and toy.changed() == [], said
    serial = Toy(tmp_path / "serial")
    serial.serial()
    lines = toy.read("dvc.lock").splitlines(), serial.read("dvc.lock").splitlines()
    assert sorted(lines[0]) == sorted(lines[1])  # the failed one was written later


def test_ctrl_c_ends_the_stages_on_the_workers(toy, cluster):
    import signal

    address = cluster.scheduler()
    cluster.worker()
    toy.write("hold", "")
    process = toy.begin("train@a", "--scheduler", address)
    stages = toy.wait_for("a")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 130 and "the same command goes on" in said and "Traceback" not in said, said
    assert all(map(gone, stages))


def test_a_scheduler_that_runs_stages_again_is_refused(toy, cluster):
    address = cluster.scheduler(failures="3")
    process = toy.begin("--scheduler", address)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 2 and "ALLOWED_FAILURES=0" in said and "Traceback" not in said


def test_the_slurm_job_script(toy, monkeypatch):
    from triptych.base.errors import UserError
    from triptych.pipeline.cluster import slurm_cluster

    monkeypatch.chdir(toy.root)
    options = {"cores": "8", "memory": "32GB", "walltime": "2-00:00:00", "gpus": "1", "queue": "long"}
    cluster = slurm_cluster(options)
    try:
        script = cluster.job_script()
    finally:
        cluster.close()
    for line in ("-p long", "--cpus-per-task=8", "--mem=30G", "-t 2-00:00:00", "--gres=gpu:1"):
        assert f"#SBATCH {line}" in script
    assert f"cd {toy.root}" in script and sys.executable in script
    assert "--nthreads 1" in script and "--no-nanny" in script and "--memory-limit 0" in script
    with pytest.raises(UserError, match="partition"):
        slurm_cluster({"partition": "long"})


def test_without_slurm_the_command_says_so(toy):
    if any(os.access(f"{folder}/sbatch", os.X_OK) for folder in os.environ["PATH"].split(os.pathsep)):
        pytest.skip("there is SLURM here")
    assert "there is no sbatch" in toy.run(
        sys.executable, "-m", "triptych.cli", "repro", "--slurm", "jobs=2,cores=4", status=2
    )
