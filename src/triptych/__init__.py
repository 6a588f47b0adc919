"""Triptych: DCGAN, CycleGAN and beta-VAE, reproduced behind one pipeline.

    import triptych
    translator = triptych.load("streets/cyclegan")        # a trained system of a table

Names are imported when they are first used, so that `import triptych` costs nothing. It
settles the instruction set before a library is loaded that computes (base/portable.py).
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from triptych.base import portable

if sys.argv and Path(sys.argv[0]).parent.name == "stages" and importlib.util.find_spec("torch") is None:
    sys.exit(  # `python` on the PATH is another one than that of `dvc`
        f"error: {sys.executable} has no torch. Activate the environment first (. .venv/bin/activate), or call "
        ".venv/bin/triptych repro, which needs no activation"
    )
portable.settle()

_WHERE = {
    "load": "triptych.pipeline.systems",
    "load_params": "triptych.pipeline.params",
    "Dataset": "triptych.data.format",
    "LinearSVM": "triptych.dcgan.svm.svm",
}

__all__ = [*_WHERE]


def __getattr__(name: str) -> Any:
    import importlib

    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'triptych' has no attribute {name!r}")
