"""Load: a class folder with 100,000 files, a set larger than memory, 200 runs into one store from four processes."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from campaign import child
from campaign.malformed.archives import png
from campaign.malformed.own import use
from campaign.trials import Trial
from triptych.base.results import write_result
from triptych.pipeline.history import add_rows, history_file

FILES, RUNS, PROCESSES = 100_000, 200, 4


def many_files(folder: Path) -> dict[str, Any]:
    """Most are hard links to one image; what is measured is names and reading."""
    for at in ("train/a", "train/b", "test/a", "test/b"):
        (folder / "own" / at).mkdir(parents=True)
        (folder / "own" / at / "0.png").write_bytes(png())
    there = folder / "own/train/a"
    for n in range(1, FILES):
        if n % 10_000 == 0:
            shutil.copy(there / "0.png", there / f"{n}.png")
        else:
            os.link(there / f"{n // 10_000 * 10_000}.png", there / f"{n}.png")
    use(folder, "objects")
    began = time.monotonic()
    code, said = child.attempt(("triptych", "check"), folder, {})
    checked = time.monotonic()
    if code:
        return {"wrong": f"check ends with {code}: {said[-300:]}"}
    code, said = child.attempt(("prepare", "objects"), folder, {})
    if code:
        return {"wrong": f"prepare ends with {code}: {said[-300:]}"}
    rows = json.loads((folder / "data/prepared/objects/card.json").read_text())["splits"]["train"]
    figures = {"files": rows, "s to check": round(checked - began), "s to prepare": round(time.monotonic() - checked)}
    return {"wrong": "" if rows == FILES + 1 else f"{rows} images", **figures}


def larger_than_memory(folder: Path) -> dict[str, Any]:
    """A prepared set whose images are a sparse file of twice the memory: a training copies them, and says that it
    cannot."""
    from campaign.malformed import trained

    trained.make(folder)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    rows = 2 * memory // (3 * 32 * 32)
    file = folder / "data/prepared/objects_unlabelled/train/images.npy"
    images = np.lib.format.open_memmap(file, "w+", np.uint8, (rows, 3, 32, 32))
    images[:500] = np.random.default_rng(0).integers(0, 255, (500, 3, 32, 32), np.uint8)
    images.flush()
    del images
    labels = file.with_name("labels.npy")
    if labels.is_file():
        labels.unlink()
    card = folder / "data/prepared/objects_unlabelled/card.json"
    told = json.loads(card.read_text())
    told["splits"]["train"] = rows
    card.write_text(json.dumps(told))
    began = time.monotonic()
    code, said = child.attempt(("features", "dcgan"), folder, {"TRIPTYCH_WORKERS": "1"})
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    figures = {"GB of images": round(rows * 3072 / 2**30), "GB of memory": round(memory / 2**30),
               "GB that the process took": round(peak, 1), "s": round(time.monotonic() - began)}  # fmt: skip
    return {"wrong": child.verdict("not enough memory", code, said) if code else "", **figures}


def projects(folder: Path) -> list[Path]:
    """One folder a process, each with its share of the runs: as four machines that share a store."""
    made = []
    for process in range(PROCESSES):
        root = folder / f"project{process}"
        root.mkdir()
        (root / "params.yaml").write_text("profile: smoke\n")
        for n in range(RUNS // PROCESSES):
            at = root / "runs/objects" / f"row{process}_{n}" / "features"
            add_rows(history_file(at, 0), [(step, "loss", 1 / (step + 1)) for step in range(20)])
            run = {"profile": "smoke", "status": "finished", "stage": "features", "params": {"objects.seeds": [0]}}
            (at / "run.json").write_text(json.dumps({**run, "datasets": [], "results": [f"row{process}_{n}"]}))
            cost = {"began": 1.7e9 + n, "ended": 1.7e9 + n + 9, "seconds": 9.0, "device": "cpu"}
            (at / "cost.json").write_text(json.dumps(cost))
            write_result(root / f"results/objects/row{process}_{n}.json", table="objects", system=f"row{process}_{n}",
                         profile="smoke", data={}, seeds=[0], metrics={"accuracy": [0.5]})  # fmt: skip
        made.append(root)
    return made


def at_once(roots: list[Path], uri: str) -> str:
    """What is wrong with four syncs at the same time."""
    command = ("triptych", "sync-mlflow", "--uri", uri)
    pids = [child.start(command, root, {"TRIPTYCH_TRACKING": "on"}) for root in roots]
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    wrong = [(root / ".output").read_text()[-300:] for root, code in zip(roots, codes) if code]
    return " | ".join(wrong)


def counted(uri: str) -> dict[str, int]:
    from mlflow.tracking import MlflowClient

    client, found, page = MlflowClient(uri), [], None
    experiment = client.get_experiment_by_name("objects").experiment_id
    while page is None or page.token:
        page = client.search_runs([experiment], "", max_results=1000, page_token=page and page.token)
        found += page
    main = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
    judged = [run for run in main if run.data.metrics.get("accuracy") == 0.5]
    return {"runs": len(main), "runs of seeds": len(found) - len(main), "finished": sum(
        run.info.status == "FINISHED" for run in found), "with their number": len(judged)}  # fmt: skip


RIGHT = {"runs": RUNS, "runs of seeds": RUNS, "finished": 2 * RUNS, "with their number": RUNS}


def one_sqlite_file(folder: Path) -> dict[str, Any]:
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    from mlflow.tracking import MlflowClient

    MlflowClient(uri).search_experiments()
    roots, began = projects(folder), time.monotonic()
    wrong = at_once(roots, uri)
    again = at_once(roots, uri)  # what one could not send is sent now; nothing twice
    found = counted(uri)
    told = "" if found == RIGHT else f"{found}"
    return {"wrong": again or told, "s": round(time.monotonic() - began), "at once": wrong or "all sent", **found}


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A server of Debian's PostgreSQL on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    tools = max(Path("/usr/lib/postgresql").glob("*/bin"))
    user = pwd.getpwnam("postgres")
    shutil.chown(folder, user.pw_uid, user.pw_gid)
    options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": folder}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([tools / "initdb", "-D", folder / "db", "-A", "trust"], check=True, **options, **quiet)
    command = [tools / "postgres", "-D", folder / "db", "-p", str(port), "-k", folder, "-h", "127.0.0.1"]
    server = subprocess.Popen(command, **options, **quiet)
    try:
        ready = [tools / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
        while subprocess.run(ready, **quiet).returncode:
            time.sleep(0.2)
        subprocess.run([tools / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "mlflow"], check=True)
        yield f"postgresql://postgres@127.0.0.1:{port}/mlflow"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


@contextmanager
def mlflow_server(store: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--port", str(port), "--workers",
               "1", "--artifacts-destination", str(folder / "files")]  # fmt: skip
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", port)):
                if server.poll() is not None:
                    raise RuntimeError(f"mlflow server ends with {server.returncode}")
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}", server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def a_server(folder: Path) -> dict[str, Any]:
    """200 runs from four processes into `mlflow server` on PostgreSQL, which dies in the middle and comes back."""
    roots = projects(folder)
    (folder / "postgres").mkdir()
    folder.chmod(0o755)
    with postgresql(folder / "postgres") as store:
        began = time.monotonic()
        with mlflow_server(store, folder) as (uri, server):
            pids = [child.start(("triptych", "sync-mlflow", "--uri", uri), root, {"TRIPTYCH_TRACKING": "on"})
                    for root in roots]  # fmt: skip
            time.sleep(60)
            os.killpg(server.pid, signal.SIGKILL)
            codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        told = [(root / ".output").read_text() for root in roots]
        unclear = [child.verdict("MLflow at", code, said) for code, said in zip(codes, told) if code]
        with mlflow_server(store, folder) as (uri, _):
            wrong = at_once(roots, uri)
            found = counted(uri)
        seconds = round(time.monotonic() - began)
    wrong = wrong or " | ".join(filter(None, unclear)) or ("" if found == RIGHT else f"{found}")
    return {"wrong": wrong, "s": seconds, "cut off when the server died": sum(map(bool, codes)), **found}


def trials() -> Iterator[Trial]:
    import mlflow.tracking  # noqa: F401

    import triptych.tracking.sync  # noqa: F401

    yield Trial("a folder of 100,000 files", f"{FILES} files in one class", many_files)
    yield Trial("a set larger than memory", "a sparse file of twice the memory", larger_than_memory)
    yield Trial("200 runs by four processes at once", "one SQLite file", one_sqlite_file)
    if any(Path("/usr/lib/postgresql").glob("*/bin")) and importlib.util.find_spec("psycopg"):
        yield Trial("200 runs by four processes at once", "mlflow server on PostgreSQL, killed in between", a_server)
    else:
        print("skipped: mlflow server on PostgreSQL (apt install postgresql; pip install 'psycopg[binary]')")
