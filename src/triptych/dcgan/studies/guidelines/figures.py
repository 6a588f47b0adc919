"""The picture of the guidelines' study: what each variant's generators make."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from triptych.dcgan.studies.guidelines.protocol import Run
from triptych.draw.sheets import Panel, save_sheet


def draw_variants(runs: Sequence[Run], real: np.ndarray, path: Path, each: int = 5) -> dict[str, Any]:
    """A strip of samples for each variant, `each` from every seed (three at most), under one of real images: the
    first ones of fixed codes, none picked. Returns {"caption", "numbers"}.
    """
    variants = list(dict.fromkeys(r.variant for r in runs))
    seeds = list(dict.fromkeys(r.seed for r in runs))[:3]
    rows = [("real images", real[: each * len(seeds)], False)]
    for name in variants:
        mine = [r for r in runs if r.variant == name and r.seed in seeds]
        collapsed = any(r.numbers["collapsed"] for r in mine)
        title = name.replace("_", " ").replace("relu", "ReLU")
        rows.append((title, np.concatenate([r.samples[:each] for r in mine]), collapsed))
    tiles = np.stack([images for _, images, _ in rows])
    bad = {name for name, _, collapsed in rows if collapsed}
    save_sheet([Panel(tiles, rows=[name for name, *_ in rows], marked=bad)], path)
    shares = {n: np.mean([r.numbers["collapsed"] for r in runs if r.variant == n]) for n in variants}
    return {
        "caption": f"Samples with each guideline left out in turn: {each} of each of {len(seeds)} seeds, from codes "
        "drawn once. A name in red: at least one of the runs shown has collapsed.",
        "numbers": {f"collapsed_{name}": round(float(share), 4) for name, share in shares.items()},
    }
