"""Systems by table and name: building one, saving a trained one, loading it again."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from triptych.base import project
from triptych.base.config import Strict, validate
from triptych.base.errors import NotTrained
from triptych.base.files import FileError, emptied, read_json
from triptych.common.rows import build_row, row_module, row_names
from triptych.data.spec import Spec
from triptych.pipeline.perturb import perturb
from triptych.pipeline.registry import TABLES


def names(table: str) -> list[str]:
    """The systems that a table can have."""
    return row_names(TABLES[table].rows)


def module(table: str, system: str) -> ModuleType:
    """The module of a system. Raises ParamsError naming the ones there are."""
    return row_module(TABLES[table].rows, system, f"{table}.systems")


def build(table: str, system: str, config: Strict, spec: Spec, seed: int) -> nn.Module:
    """A fresh system; its initial weights depend on `seed` alone (and on what `triptych replicate` does to them)."""
    built = build_row(TABLES[table].rows, system, config, spec, seed)
    perturb(built, seed)
    return built


def save(system: nn.Module, folder: Path, *, table: str, name: str, config: Strict, spec: Spec) -> None:
    """Write weights.safetensors and config.json to `folder`, in one step."""
    from safetensors.torch import save as as_bytes

    unfinished = folder.with_name(f".{folder.name}.unfinished")
    emptied(unfinished)
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in system.state_dict().items()}
    (unfinished / "weights.safetensors").write_bytes(as_bytes(tensors))  # its save_file hides that a disk is full
    described = {"table": table, "system": name, "config": config.model_dump(), "spec": asdict(spec)}
    (unfinished / "config.json").write_text(json.dumps(described, indent=1) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def load(name: str, seed: int = 0, root: str | Path | None = None, device: str | torch.device = "cpu") -> nn.Module:
    """A trained system, in eval mode: `load("streets/cyclegan")`. Reads tensors and JSON; unpickles nothing.

    `root` holds `<table>/<system>/seed<seed>/`, as the pipeline writes it; by default the project's models/. Raises
    NotTrained, naming the seeds there are; FileError for files that are damaged or do not fit each other.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = (project.root() / "models" if root is None else Path(root)) / name / f"seed{seed}"
    if not folder.is_dir():
        there = sorted(p.name for p in folder.parent.glob("seed*"))
        hint = f"there are {', '.join(there)}" if there else f"nothing is trained there yet; run `dvc repro` for {name}"
        raise NotTrained(f"no trained system at {folder}: {hint}")
    system = _described(folder / "config.json")
    try:
        # strict=False would hide a mismatch; buffers whose size depends on the fit are resized by the system's own hook
        system.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
    except (SafetensorError, OSError, RuntimeError) as error:
        why = " ".join(str(error).split())[:300]
        raise FileError(
            f"the weights in {folder} are missing, damaged or not those of its config.json ({why}): train it again"
        ) from None
    return system.to(device).eval()


def _described(file: Path) -> nn.Module:
    """The untrained system of a config.json."""
    described = read_json(file)
    try:
        table, system, config, spec = (described[key] for key in ("table", "system", "config", "spec"))
        channels, height, width = map(int, spec["image_shape"])
        spec = Spec(**{**spec, "image_shape": (channels, height, width)})
        if table not in TABLES:
            raise ValueError(f"there is no table {table!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{file} does not describe a system ({error!r}): train it again") from None
    code = module(table, system)
    return code.System(validate(code.Config, config, f"{file}"), spec)
