"""A system's features of a whole set, wherever they fit: the device, the memory, or a file that is mapped."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from triptych.dcgan.objects.parts.system import FeatureSystem
from triptych.dcgan.svm.newton import Rows
from triptych.engine.parallel import at_once

SHARE = 0.4  # of the free memory that one set's features may take, of all processes together
BLOCK = 250  # images at a time


@torch.inference_mode()
def adapt_and_extract(system: FeatureSystem, images: np.ndarray, device: torch.device, order: np.ndarray) -> Rows:
    """`system.adapt` to the training images of the classification set, uint8 (N, C, H, W), and their features, those of
    `order` in that order (n, d): computed once, and not first for the standardizer and then again."""
    system.adapt(images, device, standardize=False)
    rows = extract(system.features, images, device, order)
    if system.standardizer is not None:
        blocks = [torch.as_tensor(rows[start : start + BLOCK]) for start in range(0, len(rows), BLOCK)]  # views
        system.standardizer.fit(block.to(device) for block in blocks)
        for block in blocks:
            block.copy_(system.standardizer(block.to(device)))
    return rows


@torch.inference_mode()
def extract(
    features: Callable[[Tensor], Tensor],
    images: np.ndarray,
    device: torch.device,
    order: np.ndarray | None = None,
    batch_size: int = BLOCK,
) -> Rows:
    """`features` of uint8 `images` (N, C, H, W), those of `order` in that order -> (N, d) float32.

    A tensor on `device` if it fits there, else an array in memory or, failing that, of an unnamed temporary file."""
    rows = np.arange(len(images)) if order is None else order
    out: Rows | None = None
    for start in range(0, len(rows), batch_size):
        batch = torch.from_numpy(np.array(images[rows[start : start + batch_size]]))
        part = features(batch.to(device)).float()
        if out is None:
            out = _room((len(rows), part.shape[1]), device)
        out[start : start + len(part)] = part if isinstance(out, Tensor) else part.cpu().numpy()
    return out


def _room(shape: tuple[int, int], device: torch.device) -> Rows:
    needed = 4 * shape[0] * shape[1]
    memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / at_once()
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else memory
    if needed < SHARE * free:
        return torch.empty(shape, device=device)
    if needed < SHARE * memory:
        return np.empty(shape, dtype=np.float32)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)
