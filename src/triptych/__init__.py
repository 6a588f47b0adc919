"""Triptych: DCGAN, CycleGAN and beta-VAE, reproduced behind one pipeline.

    import triptych
    translator = triptych.load("streets/cyclegan")        # a trained system of a table

Names are imported when they are first used, so that `import triptych` costs nothing. It
settles the instruction set before a library is loaded that computes (base/portable.py).
"""

from __future__ import annotations

from typing import Any

from triptych.base import portable

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
