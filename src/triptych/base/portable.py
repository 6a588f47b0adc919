"""The portable mode: one instruction set and one thread for every library that computes, so that another CPU model
rounds as this one does.

$TRIPTYCH_PORTABLE = 1 switches it on. It must come before torch or NumPy is imported: `import triptych` does it.
"""

from __future__ import annotations

import os

VARIABLE = "TRIPTYCH_PORTABLE"
SETTINGS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own kernels
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # its convolutions
    "MKL_CBWR": "COMPATIBLE",  # its matrix products; the one setting that MKL promises to keep on CPUs of other makers
    "OPENBLAS_CORETYPE": "Haswell",  # NumPy's and SciPy's matrix products
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""Variables of the environment, for x86-64 CPUs with AVX2 (from 2013 on)."""


def settle() -> None:
    """Set the variables if the mode is on."""
    if is_on():
        os.environ.update(SETTINGS)


def is_on() -> bool:
    """Whether $TRIPTYCH_PORTABLE is set to something but 0."""
    return os.environ.get(VARIABLE, "0") not in ("", "0")
