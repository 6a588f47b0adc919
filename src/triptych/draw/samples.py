"""Pictures of what a GAN makes, each with numbers that say how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from triptych.base.pixels import unit
from triptych.draw.sheets import Panel, grid, save_sheet

COUNTED = 256  # images that the numbers are from
COLLAPSED = 0.25  # a diversity ratio below it counts as mode collapse


class Sampler(Protocol):
    """What draws images from codes."""

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
    shown_beside = {"real images": shown, "samples": samples}
    save_sheet([Panel(grid(images[: side * side], side), title) for title, images in shown_beside.items()], path)
    return {
        "caption": "Real images (left) and samples from codes that were drawn once (right).",
        "numbers": {"diversity_ratio": round(ratio, 4), "collapsed": float(ratio < COLLAPSED)},
    }


def mean_distance(images: Tensor) -> float:
    """Mean Euclidean distance between two different images of (n, C, H, W), pixels scaled to [0, 1]."""
    return float(torch.nn.functional.pdist(unit(images).flatten(1)).mean())
