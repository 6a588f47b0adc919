"""A copy of the project at smoke scale, taken through a real `triptych repro` once for all tests here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ["dvc.yaml", "params", "stages", "src", ".dvcignore", ".gitignore"]


@dataclass
class Project:
    """A project folder that commands are run in, as a user would."""

    root: Path
    environment: dict[str, str]

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            command,
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
        )
        if check and result.returncode:
            raise AssertionError(f"{' '.join(command)}\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}")
        return result

    def dvc(self, *arguments: str, **options) -> str:
        return self.run(sys.executable, "-m", "dvc", *arguments, **options).stdout

    def triptych(self, *arguments: str, **options) -> str:
        return self.run(sys.executable, "-m", "triptych.cli", *arguments, **options).stdout

    def params(self) -> str:
        return (self.root / "params.yaml").read_text()


def make_project(root: Path) -> Project:
    """The working tree at smoke scale, without git (as from a ZIP), with an own tracking store."""
    root.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, root / name, **({"symlinks": True} if source.is_dir() else {}))
    shutil.copy(ROOT / "params" / "smoke.yaml", root / "params.yaml")
    environment = {
        **os.environ,
        "PYTHONPATH": str(root / "src"),  # the copy's code, also where the project is installed
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
        "OMP_NUM_THREADS": "1",
    }
    for name in ("MLFLOW_TRACKING_URI", "TRIPTYCH_DEVICE", "TRIPTYCH_TRACKING", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(name, None)
    shutil.copytree(ROOT / ".dvc/plots", root / ".dvc/plots")  # templates of dvc.yaml's plots
    (root / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    return Project(root, environment)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("pipeline") / "triptych")
    if sys.platform == "linux":
        project.triptych("repro", "--jobs", "3")
    else:
        project.dvc("repro")
    return project
