"""Translations in both directions beside their inputs and the truth, always on the same validation images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from triptych.cyclegan.data import StreetData, enlarge
from triptych.dcgan.figures import save_sheets, sheet

COLUMNS = ("input", "output", "way back", "truth")


@torch.inference_mode()
def translations(system: nn.Module, data: StreetData, device: torch.device) -> dict[str, list[Tensor]]:
    """{"to_photo", "to_labels"}: images uint8 (n, 3, S, S) of input, output, way back, truth."""
    labels, photos = (torch.from_numpy(np.array(x)).to(device) for x in (data.labels, data.photos))
    made, read = system.to_photo(labels), system.to_labels(photos)
    size = made.shape[-1]
    rows = {
        "to_photo": [
            enlarge(labels, size, "nearest"),
            made,
            system.to_labels(made),
            enlarge(photos, size, "bicubic"),
        ],
        "to_labels": [
            enlarge(photos, size, "bicubic"),
            read,
            system.to_photo(read),
            enlarge(labels, size, "nearest"),
        ],
    }
    return {name: [x.cpu() for x in images] for name, images in rows.items()}


def draw_translations(
    system: nn.Module, data: StreetData, path: Path, device: torch.device, n: int = 8
) -> dict[str, Any]:
    """A sheet of the first `n` scenes of `data`, a row each: labels -> photo on the left, photo -> labels on the right.

    Returns {"caption", "numbers"}: mean |output - truth| in grey levels, each way.
    """
    both = translations(system, data.first(n), device)
    sheets = [sheet(torch.stack(images, 1).flatten(0, 1), len(COLUMNS)) for images in both.values()]
    save_sheets(sheets, path)
    errors = {name: float((x[1].float() - x[3].float()).abs().mean()) for name, x in both.items()}
    return {
        "caption": f"Labels to photo (left) and photo to labels (right), each: {', '.join(COLUMNS)}. "
        "The first scenes of the validation split; nothing is picked.",
        "numbers": {f"{name}/mean_abs_error": round(value, 2) for name, value in errors.items()},
    }
