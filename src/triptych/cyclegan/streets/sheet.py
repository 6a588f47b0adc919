"""One sheet across all systems, as in the paper's figures 5 and 7: a row an input, a column a system."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from triptych.cyclegan.streets.data import StreetData
from triptych.draw.sheets import Panel, resized, save_sheet

TILE = 96  # pixels
WORDS = {
    "gan": "GAN", "cogan": "CoGAN", "bigan": "BiGAN", "ali": "ALI", "simgan": "SimGAN", "cyclegan": "CycleGAN",
    "unet": "U-Net",
}  # fmt: skip


def draw_system_sheet(
    systems: Mapping[str, nn.Module],
    data: StreetData,
    way: Literal["to_photo", "to_labels"],
    path: Path,
    device: torch.device,
    n: int = 4,
) -> dict[str, Any]:
    """`systems`: column title -> trained system. Columns: input, one a system, truth; `n` rows, spread over `data`.

    Returns {"caption", "numbers"}: mean |output - truth| in grey levels over these rows, a system each.
    """
    scenes = data.spread(n)
    inputs, truth = (scenes.labels, scenes.photos) if way == "to_photo" else (scenes.photos, scenes.labels)
    outputs = {title: _translate(system, way, scenes, device) for title, system in systems.items()}
    panels = [{"input": inputs}, outputs, {"truth": truth}]
    save_sheet([_panel(columns) for columns in panels], path, tile=TILE)
    to = "Labels to photo" if way == "to_photo" else "Photo to labels"
    goal = resized(truth, TILE).astype(float)
    errors = {title: float(np.abs(resized(images, TILE) - goal).mean()) for title, images in outputs.items()}
    return {
        "caption": f"{to}: a row an input, a column a system, the truth at the right. {len(scenes)} scenes, evenly "
        "spread over the split, the same for all; nothing is picked.",
        "numbers": {f"{title}/mean_abs_error_grey_levels": round(value, 2) for title, value in errors.items()},
    }


def _translate(system: nn.Module, way: str, scenes: StreetData, device: torch.device) -> np.ndarray:
    at_size = scenes.labels_at if way == "to_photo" else scenes.photos_at
    with torch.inference_mode():
        return getattr(system.eval(), way)(at_size(system.config.pixels).to(device)).cpu().numpy()


def _panel(columns: Mapping[str, np.ndarray]) -> Panel:
    """Title -> uint8 (n, 3, h, w): a column each, all of one size."""
    tiles = np.stack([resized(images, TILE) for images in columns.values()], axis=1)
    return Panel(tiles, columns=[wrapped(title) for title in columns])


def wrapped(title: str, width: int = 14) -> str:
    """feature_loss_gan -> "feature loss" and "GAN": two lines of at most 14 letters, which fit over a column."""
    words = " ".join(WORDS.get(word, word) for word in title.split("_"))
    return "\n".join(textwrap.wrap(words, width)[:2])
