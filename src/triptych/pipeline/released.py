"""`triptych released`: the network behind the DCGAN paper's CIFAR-10 row, as its authors published it, on CIFAR-10,
beside a network of random weights. Nothing is trained but the linear stage: about half an hour on two cores.

In a folder of its own. 170 MB of images and 19 MB of weights are downloaded to data/raw, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from triptych.base import project
from triptych.base.files import read_json
from triptych.pipeline.demo import run_chains, write_params

ROWS = ("dcgan_released", "dcgan_untrained")
PAPER = {"accuracy": 82.8, "accuracy_few": 73.8}  # Radford et al. 2015, Table 1
CHANGES: dict[str, Any] = {
    "profile": "released",
    "data.objects.source": "torchvision",
    "objects.unlabelled": "objects",  # no row learns from it
    "objects.seeds": [0],
    "objects.probe.costs": [3e-5, 1e-4, 3e-4],
    "objects.systems.dcgan_released.weights": None,
}


def run_released(folder: Path) -> Iterator[str]:
    """Run both rows in `folder`, with the settings of the profile workstation, and tell of each as it ends. Raises
    UserError: no connection, or a stage that fails."""
    root = project.root()
    write_params(folder, root / "params" / "workstation.yaml", CHANGES)
    (root / "data" / "raw").mkdir(parents=True, exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    if not (folder / "data" / "raw").exists():
        (folder / "data" / "raw").symlink_to(root / "data" / "raw")
    list(run_chains(folder, [["prepare objects"]]))
    for row, _ in zip(ROWS, run_chains(folder, [[f"features {row}", f"probe {row}"] for row in ROWS]), strict=True):
        yield told(row, read_json(folder / "results" / "objects" / f"{row}.json"))


def told(row: str, result: dict[str, Any]) -> str:
    """A row beside the paper's own."""
    here = ", ".join(f"{100 * result['metrics'][metric]['mean']:.1f} %" for metric in PAPER)
    paper = ", ".join(f"{value} %" for value in PAPER.values())
    return f"{row}, all labels and 400 a class: {here}; the paper's DCGAN: {paper}"
