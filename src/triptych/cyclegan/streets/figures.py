"""Translations in both directions beside their inputs and the truth, always of the same scenes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from triptych.cyclegan.streets.data import StreetData
from triptych.draw.sheets import Panel, save_sheet

COLUMNS = ("input", "output", "way back", "truth")
WAYS = {"to_photo": "labels → photo", "to_labels": "photo → labels"}


@torch.inference_mode()
def translations(system: nn.Module, data: StreetData, device: torch.device) -> dict[str, list[Tensor]]:
    """{"to_photo", "to_labels"}: images uint8 (n, 3, S, S) of input, output, way back, truth."""
    size = system.config.pixels
    labels, photos = data.labels_at(size).to(device), data.photos_at(size).to(device)
    made, read = system.to_photo(labels), system.to_labels(photos)
    rows = {
        "to_photo": [labels, made, system.to_labels(made), photos],
        "to_labels": [photos, read, system.to_photo(read), labels],
    }
    return {name: [x.cpu() for x in images] for name, images in rows.items()}


def draw_translations(
    system: nn.Module, data: StreetData, path: Path, device: torch.device, n: int = 6
) -> dict[str, Any]:
    """A sheet (PNG) of `n` scenes spread over `data`, a row each: labels -> photo, then photo -> labels.

    Returns {"caption", "numbers"}: mean |output - truth| in grey levels, each way.
    """
    n = max(1, min(n, 4 * 128**2 // system.config.pixels**2))  # larger images, fewer rows: the file stays small
    both = translations(system, data.spread(n), device)
    panels = [Panel(np.stack(both[way], axis=1), title, COLUMNS) for way, title in WAYS.items()]
    save_sheet(panels, path, tile=128)
    errors = {name: float((x[1].float() - x[3].float()).abs().mean()) for name, x in both.items()}
    return {
        "caption": f"Labels to photo (left) and photo to labels (right); columns: {', '.join(COLUMNS)}. "
        f"{len(both['to_photo'][0])} scenes, evenly spread over the split; nothing is picked. First seed.",
        "numbers": {f"{name}/mean_abs_error_grey_levels": round(value, 2) for name, value in errors.items()},
    }


def sheets_during_training(
    system: nn.Module,
    data: StreetData,
    folder: Path,
    device: torch.device,
) -> Callable[..., None]:
    """A `Replica.callback`: one sheet per call, `step_000500.png`, …. While one way is not trained yet its name says
    so: `step_000500_to_labels_untrained.png`."""
    folder.mkdir(parents=True, exist_ok=True)

    def draw(step: int, still: str = "") -> None:
        was_training = system.training
        path = folder / f"{f'step_{step:06d} {still}'.strip().replace(' ', '_')}.png"
        draw_translations(system.eval(), data, path, device)
        system.train(was_training)

    return draw
