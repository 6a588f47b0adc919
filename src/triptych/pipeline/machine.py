"""The machine that computes, as far as it decides the last digits: processor, its instructions, versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

LIBRARIES = ("numpy", "scipy", "scikit-learn")  # that compute, beside torch


def machine() -> dict[str, Any]:
    """For cost.json. `instructions`: the set that torch's CPU kernels use ("AVX512"); `amx`: whether there are matrix
    units, None where that is not known."""
    about = _about_the_processor()
    flags = about.get("flags")
    return {
        "cpu": about.get("model name") or platform.processor() or platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "amx": None if flags is None else "amx_tile" in flags.split(),
        "python": platform.python_version(),
        **{name: found for name in LIBRARIES if (found := _version(name))},
    }


def in_words(cost: Mapping[str, Any]) -> str:
    """Of a cost.json: "AMD EPYC, AVX512, no AMX, 1 thread; torch 2.9.0, numpy 2.3.1, …"; "" of an older one."""
    told = cost.get("machine")
    if not told:
        return ""
    amx = {True: ", AMX", False: ", no AMX", None: ""}[told.get("amx")]
    threads = cost.get("threads", 1)
    versions = {"torch": cost.get("torch"), "Python": told.get("python"), **{n: told.get(n) for n in LIBRARIES}}
    known = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
    return f"{told['cpu']}, {told['instructions']}{amx}, {threads} thread{'s' * (threads != 1)}; {known}"


def _about_the_processor() -> dict[str, str]:
    """/proc/cpuinfo of the first core; {} where there is none (not Linux)."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
