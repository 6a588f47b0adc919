"""Where the project is, and every path in it.

    data/raw/                                   what was downloaded, or placed by hand
    data/prepared/<dataset>/                    stage prepare
    models/<table>/<system>/seed<seed>/         trained systems
    models/evaluators/<name>/                   networks that judge, rows of no table
    results/<table>/<system>.json               numbers, in git
    metrics/<table>/<system>.json               the few of them that `dvc metrics show` tells, in git
    runs/<table>/<system>/<stage>/              history, cost and parameters of one execution
    outputs/<table>/<system>/<stage>/           pictures
    checkpoints/<table>/<system>/<stage>/       what a killed training goes on from
    reports/<profile>/                          tables, figures, one page

All paths are absolute, so that they stay right where a process changes its folder.
"""

from __future__ import annotations

import os
from pathlib import Path

from triptych.base.errors import UserError

PARAMS = "params.yaml"
"""The file that makes a folder a project."""


def root() -> Path:
    """The project's folder: $TRIPTYCH_ROOT, else the nearest folder at or above the current one that holds a
    params.yaml. Raises UserError if there is none."""
    named = os.environ.get("TRIPTYCH_ROOT")
    if named:
        folder = Path(named).expanduser().absolute()
        if not (folder / PARAMS).is_file():
            raise UserError(f"TRIPTYCH_ROOT = {named!r}: there is no {PARAMS} in that folder")
        return folder
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / PARAMS).is_file():
            return folder
    raise UserError(f"no {PARAMS} in {here} or above: run this in the project's folder, or set TRIPTYCH_ROOT to it")


def inside(path: str | Path) -> Path:
    """A path as params.yaml names it: `~` is the home folder, a relative path starts at the project's folder."""
    path = Path(path).expanduser()
    return path if path.is_absolute() else root() / path


def params() -> Path:
    """The parameter file."""
    return root() / PARAMS


def raw(*parts: str) -> Path:
    """Downloaded files: `raw("cityscapes")`."""
    return root().joinpath("data", "raw", *parts)


def prepared(dataset: str = "") -> Path:
    """The folder of a prepared dataset; without a name the folder of them all."""
    return root() / "data" / "prepared" / dataset


def models(table: str, system: str, seed: int | None = None) -> Path:
    """The folder of one trained system; without a seed that of all its seeds."""
    folder = root() / "models" / table / system
    return folder if seed is None else folder / f"seed{seed}"


def evaluator(name: str) -> Path:
    """The folder of a network that judges systems."""
    return root() / "models" / "evaluators" / name


def results(table: str, system: str) -> Path:
    """The JSON file of one row; of a study, rows may lie in folders: `results("traversals", "faces/vae")`."""
    return root() / "results" / table / f"{system}.json"


def metrics(table: str, system: str) -> Path:
    """The JSON file with the main numbers of one row."""
    return root() / "metrics" / table / f"{system}.json"


def runs(table: str, system: str, stage: str) -> Path:
    """Histories, cost and parameters of one stage."""
    return root() / "runs" / table / system / stage


def outputs(table: str, system: str, stage: str = "") -> Path:
    """The pictures of one stage; without a stage those of all stages of the system."""
    return root() / "outputs" / table / system / stage


def checkpoints(table: str, system: str, stage: str) -> Path:
    """What a killed stage goes on from; gone when it has ended."""
    return root() / "checkpoints" / table / system / stage


def reports(profile: str) -> Path:
    """Tables, figures and the page of one profile."""
    return root() / "reports" / profile
