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


def autocast(device: torch.device) -> AbstractContextManager:
    """bfloat16 on CUDA; float32 on a CPU, where bfloat16 without the instructions for it is many times slower."""
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def allow_fast_arithmetic() -> None:
    """On CUDA, for this process: TF32 products, and for each convolution the kernel that a trial finds fastest."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
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
    return "bf16 autocast, TF32" if device.type == "cuda" else "float32"


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
