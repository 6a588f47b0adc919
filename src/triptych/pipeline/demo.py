"""`triptych demo`: one row a paper at a tiny scale, in about two minutes, in a folder of its own.

The stages are those of the pipeline. Their parameters are those of the project with the changes below, so that the
numbers say that everything works, and nothing more.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from triptych.base import project
from triptych.base.errors import UserError
from triptych.base.files import read_yaml

CHANGES: dict[str, Any] = {
    "profile": "demo",
    "data.faces.rendered.train": 1500,
    "data.faces.rendered.test": 50,
    "data.objects.rendered.train": 1000,
    "data.objects.rendered.test": 500,
    "data.streets.rendered.train": 100,
    "data.streets.rendered.val": 20,
    "data.shapes.rendered.orientation_every": 5,
    "objects.unlabelled": "faces",  # so that the samples can be recognised
    "objects.seeds": [0],
    "objects.probe.validation": 300,
    "objects.probe.per_class": 50,
    "objects.systems.dcgan.net": "svhn32",  # the quickest of the three nets
    "objects.systems.dcgan.width": 24,
    "objects.systems.dcgan.lr": 5e-4,
    "objects.systems.dcgan.batch_size": 32,
    "objects.systems.dcgan.steps": 900,
    "streets.seeds": [0],
    "streets.fcn.steps": 60,
    "streets.systems.cyclegan.epochs": 6,
    "shapes.seeds": [0],
    "shapes.metrics.classifier_seeds": 1,
    "shapes.systems.beta_vae.steps": 2500,
}
CHAINS = (  # stages of one paper, one after the other; the last one's row is printed, the picture named
    (("prepare objects", "prepare faces", "features dcgan", "probe dcgan"), "objects/dcgan/features/samples.png"),
    (
        ("prepare streets", "fcn", "translate cyclegan", "fcn_score cyclegan"),
        "streets/cyclegan/translate/translations.png",
    ),
    (("prepare shapes", "represent beta_vae", "disentangle beta_vae"), "shapes/beta_vae/represent/traversals.png"),
)


def run_demo(folder: Path) -> list[Path]:
    """Run the demo in `folder` and return its three pictures. Raises UserError with the log of a stage that fails."""
    write_params(folder, project.params(), CHANGES)
    for said in run_chains(folder, [stages for stages, _ in CHAINS]):
        print(said, flush=True)
    return [folder / "outputs" / picture for _, picture in CHAINS]


def write_params(folder: Path, file: Path, changes: Mapping[str, Any]) -> None:
    """The parameters of `file` with `changes` (dotted key -> value) become those of `folder`. Raises UserError for a
    key that is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    params = read_yaml(file)
    for key, value in changes.items():
        _set(params, key, value, file)
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True, sort_keys=False))


def run_chains(folder: Path, chains: Sequence[Sequence[str]]) -> Iterator[str]:
    """Run chains of stages ("probe dcgan") in the project `folder`, one a core at a time; of each, the first line that
    its last stage says. Raises UserError with what a stage said that fails."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2) as pool:
        for done in [pool.submit(_chain, folder, stages) for stages in chains]:
            yield done.result()


def _chain(folder: Path, stages: Sequence[str]) -> str:
    environment = os.environ | {"TRIPTYCH_ROOT": str(folder), "TRIPTYCH_TRACKING": "off", "TRIPTYCH_WORKERS": "1"}
    for stage in stages:
        script, *key = stage.split()
        command = [sys.executable, str(project.root() / "stages" / f"{script}.py"), *key]
        print(f"{stage} …", flush=True)
        ran = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
        if ran.returncode:
            raise UserError(f"stage {stage!r} failed:\n{(ran.stdout + ran.stderr)[-3000:]}")
    return ran.stdout.strip().splitlines()[0]


def _set(params: dict[str, Any], key: str, value: Any, file: Path) -> None:
    *sections, last = key.split(".")
    for section in sections:
        params = params[section]
    if last not in params and last != "profile":
        raise UserError(f"{file.name} has no {key}, which is to be changed: git checkout {file}")
    params[last] = value
