"""Where systems are found, and how a trained one is saved and loaded.

A system is one module in its table's package, with a `Config` (its parameters) and a `System` (an `nn.Module` built
as `System(config, spec)`). Adding a row to a table is adding such a file and a section in params.yaml.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import shutil
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from triptych.base.config import ParamsError, Strict, validate
from triptych.base.errors import UserError
from triptych.base.files import read_json
from triptych.data.spec import Spec

PACKAGES = {
    "objects": "triptych.dcgan.objects.rows",
    "digits": "triptych.dcgan.digits.rows",
    "streets": "triptych.cyclegan.streets.rows",
    "shapes": "triptych.beta_vae.shapes.rows",
}


class NotTrained(UserError, FileNotFoundError):
    """There is no saved system of that name and seed."""


def names(table: str) -> list[str]:
    """The systems that a table can have: the public modules of its package."""
    package = importlib.import_module(PACKAGES[table])
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def module(table: str, system: str) -> ModuleType:
    """The module of a system. Raises ParamsError naming the ones there are."""
    if system not in names(table):
        raise ParamsError(f"{table}.systems.{system}: no such system; there are {', '.join(names(table))}")
    return importlib.import_module(f"{PACKAGES[table]}.{system}")


def build(table: str, system: str, config: Strict, spec: Spec, seed: int) -> nn.Module:
    """A fresh system; its initial weights depend on `seed` alone."""
    torch.manual_seed(seed)
    return module(table, system).System(config, spec)


def save(system: nn.Module, folder: Path, *, table: str, name: str, config: Strict, spec: Spec) -> None:
    """Write weights.safetensors and config.json to `folder`, in one step."""
    from safetensors.torch import save as as_bytes

    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in system.state_dict().items()}
    (unfinished / "weights.safetensors").write_bytes(as_bytes(tensors))  # its save_file hides that a disk is full
    described = {"table": table, "system": name, "config": config.model_dump(), "spec": asdict(spec)}
    (unfinished / "config.json").write_text(json.dumps(described, indent=1) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def load(name: str, seed: int = 0, root: str | Path = "models", device: str | torch.device = "cpu") -> nn.Module:
    """A trained system, in eval mode: `load("streets/cyclegan")`. Reads tensors and JSON; unpickles nothing.

    `root` holds `<table>/<system>/seed<seed>/`, as the pipeline writes it. Raises NotTrained, naming the seeds
    there are.
    """
    from safetensors.torch import load_file

    folder = Path(root) / name / f"seed{seed}"
    if not folder.is_dir():
        there = sorted(p.name for p in folder.parent.glob("seed*"))
        hint = f"there are {', '.join(there)}" if there else f"nothing is trained there yet; run `dvc repro` for {name}"
        raise NotTrained(f"no trained system at {folder}: {hint}")
    described = read_json(folder / "config.json")
    code = module(described["table"], described["system"])
    config = validate(code.Config, described["config"], f"{folder}/config.json")
    spec = Spec(**{**described["spec"], "image_shape": tuple(described["spec"]["image_shape"])})
    system = code.System(config, spec)
    # strict=False would hide a mismatch; buffers whose size depends on the fit are resized by the system's own hook
    system.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
    return system.to(device).eval()
