"""A system's features of a whole set, wherever they fit: the device, the memory, or a file that is mapped."""

from __future__ import annotations

import os
import tempfile

import numpy as np
import torch
from torch import nn

from triptych.dcgan.svm_newton import Rows

SHARE = 0.4  # of the free memory that one set's features may take


@torch.inference_mode()
def extract(
    system: nn.Module,
    images: np.ndarray,
    device: torch.device,
    order: np.ndarray | None = None,
    batch_size: int = 250,
) -> Rows:
    """`system.features` of uint8 `images` (N, C, H, W), those of `order` in that order -> (N, d) float32.

    A tensor on `device` if it fits there, else an array in memory or, failing that, of an unnamed temporary
    file.
    """
    rows = np.arange(len(images)) if order is None else order
    out: Rows | None = None
    for start in range(0, len(rows), batch_size):
        batch = torch.from_numpy(np.array(images[rows[start : start + batch_size]]))
        part = system.features(batch.to(device)).float()
        if out is None:
            out = _room((len(rows), part.shape[1]), device)
        out[start : start + len(part)] = part if isinstance(out, torch.Tensor) else part.cpu().numpy()
    return out


def _room(shape: tuple[int, int], device: torch.device) -> Rows:
    needed = 4 * shape[0] * shape[1]
    memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else memory
    if needed < SHARE * free:
        return torch.empty(shape, device=device)
    if needed < SHARE * memory:
        return np.empty(shape, dtype=np.float32)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)
