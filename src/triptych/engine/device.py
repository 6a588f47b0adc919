"""Where things run, and in which precision. The device is never a parameter of a result: it comes from the
environment, and cost.json names it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from triptych.base.errors import UserError


def default_device() -> torch.device:
    """$TRIPTYCH_DEVICE if set; else a GPU if there is one; else the CPU. "cuda" without a number is this process's
    GPU: LOCAL_RANK under torchrun, else the first."""
    name = os.environ.get("TRIPTYCH_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise UserError(f"TRIPTYCH_DEVICE = {name!r}: no such device; give it cpu, cuda or cuda:<number>")
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return device


LARGE = 200_000  # numbers of a layer's weight from which bfloat16 pays on a CPU with AMX


def wanted_precision() -> str:
    """$TRIPTYCH_PRECISION: `float32`, `bfloat16`, or `auto` (bfloat16 where it is fast). Unset: `auto` on CUDA,
    `float32` on a CPU, so that results of one machine are those of another as far as they can be."""
    wanted = os.environ.get("TRIPTYCH_PRECISION", "")
    if wanted not in ("", "auto", "float32", "bfloat16"):
        raise UserError(f"TRIPTYCH_PRECISION = {wanted!r}: give it auto, float32 or bfloat16")
    return wanted


def autocast(device: torch.device, module: nn.Module | None = None) -> AbstractContextManager:
    """The forward pass of `module` in bfloat16 or float32, as `wanted_precision` says.

    On a CPU `auto` takes bfloat16 for nets with a layer of LARGE weights or more, if the CPU has matrix units (AMX):
    DCGAN's step is then 1.2 times as fast at width 16, 2.1 at 32, 2.4 at 64, a CycleGAN of width 8 not at all. Without
    the units bfloat16 is many times slower than float32.
    """
    wanted = wanted_precision()
    if device.type == "cuda":
        fast = wanted != "float32"
    else:
        fast = wanted == "bfloat16" or (wanted == "auto" and has_matrix_units() and _largest_weight(module) >= LARGE)
    return torch.autocast(device.type, dtype=torch.bfloat16) if fast else nullcontext()


def has_matrix_units() -> bool:
    """Whether this CPU multiplies matrices of bfloat16 in hardware (AMX)."""
    known = getattr(torch.cpu, "_is_amx_tile_supported", None)  # not in every version of torch
    return known is not None and bool(known())


def _largest_weight(module: nn.Module | None) -> int:
    return 0 if module is None else max((p.numel() for p in module.parameters()), default=0)


def allow_fast_arithmetic() -> None:
    """On CUDA, for this process: TF32 products unless float32 is asked for, and for each convolution the kernel that a
    trial finds fastest."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = wanted_precision() != "float32"
    torch.backends.cudnn.benchmark = True


@contextmanager
def exact_products() -> Iterator[None]:
    """float32 products in float32: training may have allowed the tensor cores' 10-bit mantissas (TF32)."""
    allowed = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = allowed


def precision(device: torch.device) -> str:
    """What `autocast` and `allow_fast_arithmetic` make of the arithmetic, in words for cost.json and the report."""
    wanted = wanted_precision()
    if device.type == "cuda":
        return "float32" if wanted == "float32" else "bf16 autocast, TF32"
    if wanted == "auto" and has_matrix_units():
        return f"bf16 autocast of nets with a layer of {LARGE:,} weights, float32 of others"
    return "bf16 autocast" if wanted == "bfloat16" else "float32"


def prepare(module: nn.Module, device: torch.device) -> nn.Module:
    """Move to the device, convolution weights as channels-last (faster on CPU and on tensor cores)."""
    return module.to(device=device, memory_format=torch.channels_last)


@torch.inference_mode()
def inference(
    function: Callable[[Tensor], Tensor], images: np.ndarray | Tensor, device: torch.device, batch_size: int = 256
) -> Tensor:
    """Apply `function` to `images` (N, ...) batch by batch on `device`; results concatenated, on the CPU."""
    out = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        batch = torch.from_numpy(np.array(batch)) if isinstance(batch, np.ndarray) else batch
        out.append(function(batch.to(device)).float().cpu())
    return torch.cat(out)
