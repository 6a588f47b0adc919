"""Does the portable mode (base/portable.py) give the same bytes on another CPU model? A few small rows are trained and
judged in it and, for the cost, without it; their hashes stand in reports/portable.json with the CPU's name, so that a
run on another machine answers.

All is done in temporary folders, at the scale of params/smoke.yaml. Another CPU model can be emulated (qemu-user), some
fifty times slower: it has that model's instructions and maker, so that libraries choose their kernels as on it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from triptych.base import portable, project
from triptych.base.errors import UserError
from triptych.base.files import read_json

ROWS: dict[str, tuple[str, ...]] = {  # in this order: later ones use what earlier ones made
    "objects/kmeans_1layer": (
        "prepare objects",
        "prepare objects_unlabelled",
        "features kmeans_1layer",
        "probe kmeans_1layer",
    ),
    "objects/dcgan": ("features dcgan", "probe dcgan"),
    "streets/cyclegan": ("prepare streets", "fcn", "translate cyclegan", "fcn_score cyclegan"),
    "shapes/pca": ("prepare shapes", "represent pca", "disentangle pca"),
    "shapes/beta_vae": ("represent beta_vae", "disentangle beta_vae"),
}
TRAINS = ("features", "translate", "represent")  # the stages that an emulated CPU runs
MODES = {"portable": "1", "ordinary": "0"}


def try_here(rows: Sequence[str] = tuple(ROWS), emulated: str | None = None) -> dict[str, Any]:
    """This machine's entry: its processor and libraries, the seconds of each mode, and for each row and mode the hashes
    of its weights and result. `emulated`: a CPU model of qemu-x86_64 ("Haswell") that trains instead. Raises UserError
    if a stage fails, or if there is no emulator."""
    import torch

    from triptych.pipeline.machine import machine

    emulator: list[str] = []
    if emulated:
        if not shutil.which("qemu-x86_64"):
            raise UserError("qemu-x86_64 is not installed: it emulates other CPU models (Debian: qemu-user)")
        emulator = ["qemu-x86_64", "-cpu", emulated]
    found: dict[str, Any] = {"machine": machine() | {"torch": torch.__version__}, "seconds": {}, "rows": {}}
    if emulated:
        found["machine"] |= {"cpu": f"{emulated}, emulated", "instructions": "its own", "amx": None}
    for mode, value in MODES.items():
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="triptych-portable-") as folder:
            shutil.copy(project.root() / "params" / "smoke.yaml", Path(folder) / "params.yaml")
            for row in rows:
                for stage in ROWS[row]:
                    _run(stage, folder, value, emulator)
                found["rows"].setdefault(row, {})[mode] = hashes(Path(folder), row)
        found["seconds"][mode] = round(time.monotonic() - started)
    return found


def _run(stage: str, folder: str, value: str, emulator: Sequence[str]) -> None:
    script, *key = stage.split()
    told = {"TRIPTYCH_ROOT": folder, "TRIPTYCH_TRACKING": "off", "TRIPTYCH_WORKERS": "1", portable.VARIABLE: value}
    left = {name: text for name, text in os.environ.items() if name not in portable.SETTINGS}
    command = [
        *(emulator if script in TRAINS else ()),
        sys.executable,
        project.root() / "stages" / f"{script}.py",
        *key,
    ]
    if subprocess.run(command, cwd=project.root(), env=left | told, stdout=sys.stderr).returncode:
        raise UserError(f"stage {stage} failed; what it said stands above")


def hashes(folder: Path, row: str) -> dict[str, str]:
    """`weights` of all files of the row's models, `result` of its metrics: the first 16 digits of SHA-256."""
    models = sorted(path for path in (folder / "models" / row).rglob("*") if path.is_file())
    metrics = read_json(folder / "results" / f"{row}.json")["metrics"]
    return {
        "weights": _digest(*(path.read_bytes() for path in models)),
        "result": _digest(json.dumps(metrics, sort_keys=True).encode()),
    }


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def comparison(here: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    """A line for each row, mode and machine that is known: same bytes or not."""
    seconds = here["seconds"]
    lines = [f"portable mode: {seconds['portable']} s, ordinary: {seconds['ordinary']} s, start of processes included"]
    for other in others:
        told = other["machine"]
        lines.append(f"beside {told['cpu']}, {told['instructions']}, torch {told['torch']}:")
        for row, modes in here["rows"].items():
            for mode, mine in modes.items():
                theirs = other["rows"].get(row, {}).get(mode)
                equal = "not tried there" if theirs is None else _told(mine, theirs)
                lines.append(f"  {row:24}{mode:10}{equal}")
    return "\n".join(lines)


def _told(mine: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    return ", ".join(f"{what} {'same' if mine[what] == theirs[what] else 'other'}" for what in ("weights", "result"))


def portable_mode(record: bool, emulated: str | None = None) -> str:
    """What `triptych portable` prints; with `record`, this machine's entry takes its place in reports/portable.json."""
    path = project.root() / "reports" / "portable.json"
    known = read_json(path, list) if path.is_file() else []
    here = try_here(emulated=emulated)
    text = comparison(here, known)
    if record:
        others = [entry for entry in known if entry["machine"] != here["machine"]]
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps([*others, here], indent=1, ensure_ascii=False) + "\n")
    return text
