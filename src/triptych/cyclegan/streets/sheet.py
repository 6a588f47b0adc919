"""One sheet across all systems, as in the paper's figures 5 and 7: a row an input, a column a system."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from triptych.cyclegan.gan.streams import StreetData

TILE, GAP, HEAD = 96, 2, 30  # pixels
Column = tuple[str, np.ndarray]  # title, uint8 (n, 3, h, w)


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
    columns = [("input", inputs), *outputs.items(), ("truth", truth)]
    _save([(title, _tiles(images)) for title, images in columns], path)
    to = "Labels to photo" if way == "to_photo" else "Photo to labels"
    goal = _tiles(truth).astype(float)
    errors = {title: float(np.abs(_tiles(images) - goal).mean()) for title, images in outputs.items()}
    return {
        "caption": f"{to}: a row an input, a column a system, the truth at the right. {len(scenes)} scenes, evenly "
        "spread over the split, the same for all; nothing is picked.",
        "numbers": {f"{title}/mean_abs_error_grey_levels": round(value, 2) for title, value in errors.items()},
    }


def _translate(system: nn.Module, way: str, scenes: StreetData, device: torch.device) -> np.ndarray:
    at_size = scenes.labels_at if way == "to_photo" else scenes.photos_at
    with torch.inference_mode():
        return getattr(system.eval(), way)(at_size(system.config.pixels).to(device)).cpu().numpy()


def _tiles(images: np.ndarray) -> np.ndarray:
    """uint8 (n, 3, h, w) -> (n, TILE, TILE, 3). Pixels stay sharp when they are enlarged."""
    from PIL import Image

    grows = images.shape[-1] <= TILE
    how = Image.Resampling.NEAREST if grows else Image.Resampling.BOX
    pictures = (Image.fromarray(np.ascontiguousarray(i.transpose(1, 2, 0))) for i in images)
    return np.stack([np.asarray(p.resize((TILE, TILE), how)) for p in pictures])


def _save(columns: list[Column], path: Path) -> None:
    """Columns under their titles; input and truth stand a little apart."""
    from PIL import Image, ImageDraw

    step, apart = TILE + GAP, 3 * GAP
    rows = len(columns[0][1])
    picture = Image.new("RGB", (len(columns) * step + 2 * apart, HEAD + rows * step), "white")
    draw = ImageDraw.Draw(picture)
    for k, (title, tiles) in enumerate(columns):
        x = k * step + apart * ((k > 0) + (k == len(columns) - 1))
        draw.multiline_text((x, 1), _wrapped(title), fill="black", spacing=2)
        for row, tile in enumerate(tiles):
            picture.paste(Image.fromarray(tile), (x, HEAD + row * step))
    path.parent.mkdir(parents=True, exist_ok=True)
    # 256 colours: a third of the bytes, and no difference that one would see
    picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def _wrapped(title: str, width: int = 14) -> str:
    """feature_loss_gan -> two lines of at most 14 letters, which fit over a column."""
    import textwrap

    return "\n".join(textwrap.wrap(title.replace("_", " "), width)[:2])
