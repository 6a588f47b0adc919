"""Pictures of what a GAN makes, each with numbers that say how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from triptych.base.pixels import unit

COUNTED = 256  # images that the numbers are from
COLLAPSED = 0.25  # a diversity ratio below it counts as mode collapse


class Sampler(Protocol):
    def sample(self, n: int, seed: int = 0) -> Tensor:
        """uint8 images (n, C, H, W)."""


def draw_samples(system: Sampler, real: np.ndarray, path: Path, side: int = 8) -> dict[str, Any]:
    """A sheet: side × side real images on the left, as many samples on the right, to `path` (PNG).

    The codes are drawn once, from a fixed seed, and the samples shown are the first ones: nothing is picked.
    Returns {"caption", "numbers"}: the mean distance between two samples over that between two real images
    (`diversity_ratio`), and whether it says that the generator has collapsed.
    """
    rows = np.random.default_rng(0).permutation(len(real))[:COUNTED]
    shown = torch.from_numpy(np.array(real[np.sort(rows)]))
    samples = system.sample(COUNTED, seed=0).cpu()
    ratio = mean_distance(samples) / mean_distance(shown)
    save_sheets([sheet(shown[: side * side], side), sheet(samples[: side * side], side)], path)
    return {
        "caption": "Real images (left) and samples from codes that were drawn once (right).",
        "numbers": {"diversity_ratio": round(ratio, 4), "collapsed": float(ratio < COLLAPSED)},
    }


def mean_distance(images: Tensor) -> float:
    """Mean Euclidean distance between two different images of (n, C, H, W), pixels scaled to [0, 1]."""
    return float(torch.nn.functional.pdist(unit(images).flatten(1)).mean())


def sheet(images: Tensor, columns: int) -> np.ndarray:
    """uint8 (n, C, H, W), one or three channels -> one picture (rows·(H + 1) + 1, columns·(W + 1) + 1, 3)."""
    n, channels, height, width = images.shape
    rows = -(-n // columns)
    out = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1, 3), 255, dtype=np.uint8)
    for i, image in enumerate(images.expand(n, 3, height, width).permute(0, 2, 3, 1).numpy()):
        y, x = (i // columns) * (height + 1) + 1, (i % columns) * (width + 1) + 1
        out[y : y + height, x : x + width] = image
    return out


def save_sheets(sheets: list[np.ndarray], path: Path, gap: int = 8, scale: int = 2) -> None:
    """Pictures of one height side by side, enlarged `scale` times without smoothing, as a PNG."""
    from PIL import Image

    white = np.full((sheets[0].shape[0], gap, 3), 255, dtype=np.uint8)
    parts = [part for s in sheets for part in (white, s)][1:]
    picture = np.concatenate(parts, axis=1).repeat(scale, axis=0).repeat(scale, axis=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, optimize=True)
