"""Where things run. The device is never a parameter of a result: it comes from the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn


def default_device() -> torch.device:
    """$TRIPTYCH_DEVICE if set; else this process's GPU (LOCAL_RANK under torchrun); else the CPU."""
    name = os.environ.get("TRIPTYCH_DEVICE")
    if name:
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device("cpu")


def autocast(device: torch.device) -> AbstractContextManager:
    """bfloat16 on CUDA; float32 on a CPU, where bfloat16 without the instructions for it is many times slower."""
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def prepare(module: nn.Module, device: torch.device) -> nn.Module:
    """Move to the device, convolution weights as channels-last (faster on CPU and on tensor cores)."""
    return module.to(device=device, memory_format=torch.channels_last)


@torch.inference_mode()
def inference(
    function: Callable[[Tensor], Tensor],
    images: np.ndarray | Tensor,
    device: torch.device,
    batch_size: int = 256,
) -> Tensor:
    """Apply `function` to `images` (N, ...) batch by batch on `device`; results concatenated, on the CPU."""
    out = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        batch = torch.from_numpy(np.array(batch)) if isinstance(batch, np.ndarray) else batch
        out.append(function(batch.to(device)).float().cpu())
    return torch.cat(out)
