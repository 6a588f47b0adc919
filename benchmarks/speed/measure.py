"""How things are timed: in turns in one process, medians with quartiles, peak memory, arithmetic as a share of what the
machine can do."""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch.utils.flop_counter import FlopCounterMode

from triptych.engine.device import has_matrix_units
from triptych.pipeline.machine import machine

ROOT = Path(__file__).resolve().parents[2]
Work = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Seconds of each round; the most memory that one took beyond what was there before, None where the system does not
    tell."""

    seconds: list[float]
    peak_mb: float | None

    def quartiles(self, factor: float = 1.0) -> list[float]:
        """[first quartile, median, third quartile] of the seconds times `factor`."""
        return quartiles([factor * s for s in self.seconds])


def quartiles(values: list[float]) -> list[float]:
    return [float(v) for v in np.quantile(values, [0.25, 0.5, 0.75])]


def in_turns(
    ways: Mapping[str, Callable[[], Work]], rounds: int, device: torch.device, wall: bool = False
) -> dict[str, Timing]:
    """Each way makes its work, which is timed without the making. In every round each way has its turn, so that other
    loads of the machine hit all of them; a first round warms up, if there is more than one. On a CPU it is the time of
    this process on the processor, unless `wall` asks for the clock's."""
    clock = time.perf_counter if wall or device.type == "cuda" else time.process_time
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    peaks: dict[str, list[float | None]] = {name: [] for name in ways}
    for number in range(rounds + (rounds > 1)):
        for name, make in ways.items():
            work = make()
            _forget_peak(device)
            before = _memory_mb("VmRSS", device)
            start = clock()
            work()
            _wait(device)
            spent = clock() - start
            peak = _memory_mb("VmHWM", device)
            del work
            if number or rounds == 1:
                seconds[name].append(spent)
                peaks[name].append(None if peak is None else max(0.0, peak - before))
    return {name: Timing(seconds[name], None if None in peaks[name] else round(max(peaks[name]), 1)) for name in ways}


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _forget_peak(device: torch.device) -> None:
    gc.collect()
    _wait(device)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    elif os.path.exists("/proc/self/clear_refs"):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")


def _memory_mb(what: str, device: torch.device) -> float | None:
    """`VmRSS`: now; `VmHWM`: at most since `_forget_peak`. Of a GPU: what torch has allocated there."""
    if device.type == "cuda":
        read = torch.cuda.max_memory_allocated if what == "VmHWM" else torch.cuda.memory_allocated
        return read() / 2**20
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def matrix_rate(device: torch.device, rounds: int = 7, size: int = 2048) -> float:
    """Operations a second of a product of two float32 matrices: the median of `rounds`."""
    a, b = torch.randn(2, size, size, device=device)
    out = a @ b
    timing = in_turns({"product": lambda: lambda: torch.mm(a, b, out=out)}, rounds, device)["product"]
    return 2 * size**3 / timing.quartiles()[1]


def operations(work: Work) -> int:
    """Multiplications and additions in the matrix products and convolutions of `work`, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def compared(
    name: str,
    what: str,
    other_is: str,
    ours: Timing,
    other: Timing,
    device: str,
    *,
    unit: str,
    per: int = 1,
    **more: Any,
) -> dict[str, Any]:
    """A row. `per`: what is in `unit` milliseconds or seconds happens so often in one timing. The ratio is the median
    of the rounds' ratios; above 1 this project is the faster one."""
    factor = (1e3 if unit.startswith("ms") else 1.0) / per
    ratios = quartiles([b / a for a, b in zip(ours.seconds, other.seconds)])
    mine, theirs = ours.quartiles(factor), other.quartiles(factor)
    return {
        "name": name,
        "what": what,
        "other_is": other_is,
        "ours": mine[1],
        "other": theirs[1],
        "ratio": ratios[1],
        "unit": unit,
        "n": len(ours.seconds),
        "device": device,
        "quartiles": {"ours": mine[::2], "other": theirs[::2], "ratio": ratios[::2]},
        "peak_mb": {"ours": ours.peak_mb, "other": other.peak_mb},
        **more,
    }


def shares(row: dict[str, Any], done: int, rate: float) -> dict[str, Any]:
    """`row` with the shares of the matrix rate that both ways use, if one unit, in ms, takes `done` operations."""
    row["share"] = {way: done / (row[way] / 1e3) / rate for way in ("ours", "other")}
    return row


def about_the_machine(device: torch.device) -> dict[str, Any]:
    """Processor, instructions, threads, versions, commit, and what else the machine was doing."""
    return {
        **machine(),
        "amx_in_use": has_matrix_units(),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "cores": psutil.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "commit": commit(),
        "load": round(os.getloadavg()[0], 1),
    }


def commit() -> str | None:
    """The commit that is measured, with + if files differ from it; None outside git."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True).stdout

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks", "examples")
        return git("rev-parse", "--short", "HEAD").strip() + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None
