"""`make bench`: the speed of what is slow, each beside what a reader would otherwise run, on one machine.

    python benchmarks/speed [--out FOLDER] [--quick] [--only ROW ...] [--against COMMIT]

writes FOLDER/cpu.json and cpu.md (gpu.json and gpu.md where there is a GPU); FOLDER is reports/speed. It takes about
ten minutes. `--quick` runs all of it at tiny sizes, to see that it works. `--against COMMIT` also times `make repro`
and `make test`, here and in a worktree of an older commit (rows `pipeline` and `tests`); that takes hours.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import judges
import running
import torch
import training
from growth import growth
from measure import ROOT, about_the_machine, matrix_rate
from words import page

from triptych.base.errors import limit_threads
from triptych.engine.device import default_device, has_matrix_units

ORDER = [
    *("pipeline", "tests", "stage_start", "nothing_to_do", "parallel_sleep"),
    *("dcgan_step", "dcgan_wide_step", "cyclegan_step", "vae_stack", "vae_stack_alone", "higgins", "svm"),
]
NO_LIBRARY = "disentanglement-lib is not installed"
LONG = "hours: `python benchmarks/speed --against COMMIT`"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/speed", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "speed")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="these (or `growth`) only; other rows stay")
    parser.add_argument("--against", metavar="COMMIT", help="also `make repro` and `make test` beside this commit's")
    arguments = parser.parse_args()
    os.environ["TRIPTYCH_TRACKING"] = "off"
    limit_threads()
    device = default_device()
    name = "gpu" if device.type == "cuda" else "cpu"
    found = measure(arguments, device)
    if arguments.only and (arguments.out / f"{name}.json").exists():
        found = joined(json.loads((arguments.out / f"{name}.json").read_text()), found)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    (arguments.out / f"{name}.md").write_text(page(found), encoding="utf-8")
    print(arguments.out / f"{name}.md")


def measure(arguments: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    machine, rate = about_the_machine(device), matrix_rate(device)
    rows: list[dict[str, Any]] = []
    missing: dict[str, str] = {} if arguments.against else dict.fromkeys(["pipeline", "tests"], LONG)
    todo = parts(arguments.quick, rate, device)
    if arguments.only:
        todo = {name: work for name, work in todo.items() if name in arguments.only}
    if arguments.against:
        todo["pipeline"] = lambda: running.against(arguments.against)
    for name, work in todo.items():
        print(f"{name} ...", flush=True)
        measured = work()
        if measured is None:
            missing[name] = NO_LIBRARY
        else:
            found = measured if isinstance(measured, list) else [measured]
            rows += [row | {"load": round(os.getloadavg()[0], 1)} for row in found]
    curves = [] if arguments.only and "growth" not in arguments.only else growth(arguments.quick, device)
    return {"machine": machine, "matrix_rate": rate, "rows": rows, "missing": missing, "growth": curves}


def joined(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The rows of `before`, those that are measured again in their places."""
    rows = {row["name"]: row for row in [*before["rows"], *now["rows"]]}
    ordered = sorted(rows.values(), key=lambda row: ORDER.index(row["name"]))
    missing = {name: why for name, why in (before["missing"] | now["missing"]).items() if name not in rows}
    return now | {"rows": ordered, "missing": missing, "growth": now["growth"] or before["growth"]}


def parts(quick: bool, rate: float, device: torch.device) -> dict[str, Callable[[], Any]]:
    """Row -> what measures it; sizes and rounds are for ten minutes on two cores."""
    full = not quick
    rounds = 5 if full else 1
    steps = 1000 if device.type == "cuda" else 20  # a GPU records its steps first, which takes a while
    steps = steps if full else 2

    def wide() -> dict[str, Any]:
        """bfloat16 where the CPU has the units for it."""
        os.environ["TRIPTYCH_PRECISION"] = "auto" if has_matrix_units() else "float32"
        try:
            width, batch = (64, 64) if full else (2, 4)
            return training.dcgan("dcgan_wide_step", width, batch, min(steps, 2), 3 if full else 1, rate, device)
        finally:
            del os.environ["TRIPTYCH_PRECISION"]

    return {
        "dcgan_step": lambda: training.dcgan("dcgan_step", 32 if full else 2, 16, steps, rounds, rate, device),
        "dcgan_wide_step": wide,
        "cyclegan_step": lambda: training.cyclegan(64 if full else 32, steps, rounds, rate, device),
        "vae_stack": lambda: training.vaes(128 if full else 8, 32, 10 if full else 2, 3 * steps, rounds, rate, device),
        "higgins": lambda: judges.metric(10_000 if full else 200, 3 if full else 1),
        "svm": lambda: judges.svm(5000 if full else 60, 32 if full else 1, 1),
        "parallel_sleep": lambda: running.parallel_sleep(12 if full else 2, 4.0 if full else 0.1, 1),
        "stage_start": lambda: running.stage_start(5 if full else 1),
        "nothing_to_do": lambda: running.nothing_to_do(100 if full else 2, 5 if full else 1),
    }


if __name__ == "__main__":
    main()
