"""Translations in both directions beside their inputs and the truth, always of the same scenes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from triptych.cyclegan.gan.streams import StreetData

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
    panels = [[_column(images) for images in both[way]] for way in WAYS]
    _save(panels, path)
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
    show: Callable[[Path], None] = lambda _: None,
) -> Callable[..., None]:
    """A `Replica.callback`: one sheet per call, `step_000500.png`, …, each passed to
    `show`. While one way is not trained yet its name says so: `step_000500_to_labels_untrained.png`."""
    folder.mkdir(parents=True, exist_ok=True)

    def draw(step: int, still: str = "") -> None:
        was_training = system.training
        path = folder / f"{f'step_{step:06d} {still}'.strip().replace(' ', '_')}.png"
        draw_translations(system.eval(), data, path, device)
        system.train(was_training)
        show(path)

    return draw


def _column(images: Tensor) -> np.ndarray:
    """uint8 (n, 3, S, S) -> one picture of n rows with a white line between them."""
    ruled = torch.nn.functional.pad(images, (0, 0, 0, 1), value=255)
    return ruled.permute(0, 2, 3, 1).flatten(0, 1).numpy()[:-1]


def _save(panels: list[list[np.ndarray]], path: Path) -> None:
    """Columns side by side under their names, a gap between the two directions."""
    from PIL import Image, ImageDraw

    scale = max(1, 128 // panels[0][0].shape[1])
    height, width = (side * scale for side in panels[0][0].shape[:2])
    gap, head = 3, 30
    across = 2 * len(COLUMNS) * (width + gap) + 3 * gap
    picture = Image.new("RGB", (across, head + height), "white")
    draw = ImageDraw.Draw(picture)
    x = 0
    for title, columns in zip(WAYS.values(), panels):
        draw.text((x, 1), title.replace("→", "->"), fill="black")
        for name, column in zip(COLUMNS, columns):
            draw.text((x, 15), name, fill="dimgrey")
            enlarged = column.repeat(scale, axis=0).repeat(scale, axis=1)
            picture.paste(Image.fromarray(enlarged), (x, head))
            x += width + gap
        x += 3 * gap
    path.parent.mkdir(parents=True, exist_ok=True)
    # 256 colours: a third of the bytes, and no difference that one would see
    picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
