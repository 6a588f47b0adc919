"""The foot of the page: from when the results are, of which code, on which machine, and how long they took."""

from __future__ import annotations

import subprocess
from pathlib import Path

from triptych.base.files import read_json
from triptych.report.load import Inputs, duration


def foot(inputs: Inputs) -> dict[str, str]:
    """What -> text; what is not known is left out. Dates are those of commits, so that the same files have the same
    foot."""
    files = sorted(inputs.root.glob("runs/*/*/*/cost.json"))
    costs = [read_json(file) for file in files if inputs.covers(file.parent)]
    told = {}
    changed = _git(inputs.root, "status", "--porcelain", "--", "results")
    if not changed and (date := _git(inputs.root, "log", "-1", "--format=%cs", "--", "results")):
        told["results of"] = date
    commits = list(dict.fromkeys(str(c["commit"]) for c in costs if c.get("commit")))
    if commits:
        days = {c: _git(inputs.root, "show", "-s", "--format=%cs", c) for c in commits[:3]}
        shown = ", ".join(f"{c[:10]} ({day})" if day else c[:10] for c, day in days.items())
        told["code"] = shown + (f" and {len(commits) - 3} more" if len(commits) > 3 else "")
    versions = sorted({str(c["torch"]) for c in costs if c.get("torch")})
    if versions:
        told["torch"] = ", ".join(versions)
    devices = sorted({device for cost in inputs.costs.values() for device in cost.devices})
    if devices:
        told["device"] = ", ".join(devices)
    precisions = sorted({text for cost in inputs.costs.values() for text in cost.precisions})
    if precisions:
        told["precision"] = " and ".join(precisions)
    if inputs.costs:
        total = duration(sum(cost.seconds for cost in inputs.costs.values()))
        told["time of the tables' rows"] = (
            f"{total} one after another ({len(inputs.costs)} row{'s' if len(inputs.costs) != 1 else ''})"
        )
    return told


def _git(root: Path, *arguments: str) -> str:
    """What git says of the project's folder; "" without git, or where it knows nothing."""
    if not (root / ".git").exists():
        return ""
    try:
        run = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout.strip()
