"""The picture of the guidelines' study: what each variant's generators make."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from triptych.dcgan.studies.guidelines.protocol import Run
from triptych.draw.samples import sheet

INCHES = 8.6


def draw_variants(runs: Sequence[Run], real: np.ndarray, path: Path, each: int = 5) -> dict[str, Any]:
    """A strip of samples for each variant, `each` from every seed (three at most), under one of real images: the
    first ones of fixed codes, none picked. Returns {"caption", "numbers"}.
    """
    from matplotlib.figure import Figure

    from triptych.draw.style import INK, VERMILION, to_png

    variants = list(dict.fromkeys(r.variant for r in runs))
    seeds = list(dict.fromkeys(r.seed for r in runs))[:3]
    rows = [("real images", real[: each * len(seeds)], False)]
    for name in variants:
        mine = [r for r in runs if r.variant == name and r.seed in seeds]
        bad = any(r.numbers["collapsed"] for r in mine)
        rows.append((name.replace("_", " "), np.concatenate([r.samples[:each] for r in mine]), bad))
    strips = [sheet(torch.from_numpy(np.array(images)), each * len(seeds)) for _, images, _ in rows]
    height, width = strips[0].shape[:2]
    label = 0.19  # of the picture's width
    tall = INCHES * (1 - label) * len(rows) * (height + 3) / width
    figure = Figure(figsize=(INCHES, tall), facecolor="white")
    for i, ((name, _, bad), strip) in enumerate(zip(rows, strips)):
        bottom = 1 - (i + 1) / len(rows)
        axes = figure.add_axes((label, bottom, 1 - label, 0.97 / len(rows)))
        axes.imshow(strip, interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        colour = VERMILION if bad else INK
        figure.text(label - 0.01, bottom + 0.5 / len(rows), name, ha="right", va="center", size=8, color=colour)
    path.write_bytes(to_png(figure, colours=256))
    shares = {n: np.mean([r.numbers["collapsed"] for r in runs if r.variant == n]) for n in variants}
    return {
        "caption": f"Samples with each guideline left out in turn: {each} of each of {len(seeds)} seeds, from codes "
        "drawn once. A name in red: at least one of the runs shown has collapsed.",
        "numbers": {f"collapsed_{name}": round(float(share), 4) for name, share in shares.items()},
    }
