"""Trials: each in a folder of its own, told apart by name, written down as soon as it is over, so that a campaign that
was ended goes on where it was."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "reports" / "reliability.json"
BEGUN = ROOT / "build" / "campaign"


@dataclass(frozen=True)
class Trial:
    """`run(folder)` -> what is wrong, "" if all is as it should be; or a dict of figures, with "wrong" among them."""

    kind: str
    name: str
    run: Callable[[Path], str | dict[str, Any]]


def campaign(part: str, trials: Iterable[Trial], only: str = "") -> dict[str, Any]:
    """Run what the log of `part` does not know yet, and write its figures into reports/reliability.json, with how many
    trials are `left`. With `only`, a pattern of names, some are run and nothing is written."""
    log = BEGUN / f"{part}.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() and not only else []
    known = {(one["kind"], one["name"]) for one in done}
    todo = [trial for trial in trials if (trial.kind, trial.name) not in known]
    todo = [trial for trial in todo if re.search(only, f"{trial.kind}: {trial.name}")]
    for left, trial in zip(range(len(todo) - 1, -1, -1), todo):
        with tempfile.TemporaryDirectory(prefix="campaign-", ignore_cleanup_errors=True) as folder:
            try:
                outcome = trial.run(Path(folder))
            except Exception as error:  # the trial itself did not come to its end
                outcome = f"{type(error).__name__}: {error}"
        told = {"wrong": outcome} if isinstance(outcome, str) else outcome
        told["wrong"] = told["wrong"].replace(folder, ".")
        done.append({"kind": trial.kind, "name": trial.name, **told})
        print(f"{'x' if told['wrong'] else '+'} {trial.kind}: {trial.name}  {told['wrong']}".rstrip(), flush=True)
        if not only:
            with open(log, "a") as file:
                file.write(json.dumps(done[-1], ensure_ascii=False) + "\n")
            counted = json.loads(FIGURES.read_text()) if FIGURES.is_file() else {}
            counted[part] = {**summary(done), "left": left}
            FIGURES.write_text(json.dumps(counted, indent=1, ensure_ascii=False) + "\n")
    if not only:
        log.unlink(missing_ok=True)
    return summary(done)


def summary(done: list[dict[str, Any]]) -> dict[str, Any]:
    """{"date", "hardware", "kinds": {kind: {"tried", "right", "wrong": {name: why}, "figures": {name: {...}}}}}."""
    kinds: dict[str, Any] = {}
    for one in done:
        kind = kinds.setdefault(one["kind"], {"tried": 0, "right": 0, "wrong": {}, "figures": {}})
        kind["tried"] += 1
        kind["right"] += not one["wrong"]
        if one["wrong"]:
            kind["wrong"][one["name"]] = one["wrong"]
        if figures := {key: value for key, value in one.items() if key not in ("kind", "name", "wrong")}:
            kind["figures"][one["name"]] = figures
    return {"date": f"{datetime.date.today()}", "hardware": hardware(), "kinds": kinds}


def hardware() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores ({model[1] if model else platform.machine()}), {memory:.0f} GB of memory"


def kept(name: str, make: Callable[[Path], None]) -> Path:
    """A folder that several parts use, made once for one state of the code."""
    code = (*(ROOT / "src").rglob("*.py"), *(ROOT / "stages").glob("*.py"), ROOT / "params" / "smoke.yaml")
    state = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(code))).hexdigest()[:12]
    folder = BEGUN / f"{name}-{state}"
    if not folder.is_dir():
        for old in BEGUN.glob(f"{name}-*"):
            shutil.rmtree(old)
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        make(part)
        part.rename(folder)
    return folder


COPIED = ["dvc.yaml", "params", "stages", "src", ".dvcignore", ".gitignore"]


def copy_project(folder: Path) -> Path:
    """The working tree at smoke scale, without git, as from a ZIP."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(source, folder / name)
    shutil.copy(ROOT / "params" / "smoke.yaml", folder / "params.yaml")
    (folder / ".dvc").mkdir(exist_ok=True)
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    return folder
