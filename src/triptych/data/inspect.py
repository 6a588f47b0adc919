"""Looking at a prepared dataset: a contact sheet, and the numbers of the standard it is held to."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from triptych.data.format import Dataset, Split
from triptych.data.label_classes import colourise
from triptych.draw.sheets import Panel, save_sheet

MOST_CLASSES = 20  # rows of a sheet
WIDTH = 1024  # pixels of a sheet, or less


@dataclass(frozen=True)
class Standard:
    """What was measured of a dataset, and the limits that it is held to (none where the data are not drawn here)."""

    measures: Mapping[str, float]
    limits: Mapping[str, tuple[float, float]]

    @property
    def missed(self) -> list[str]:
        """The metrics that lie outside their limits."""
        return [
            k for k, (low, high) in self.limits.items() if k in self.measures and not low <= self.measures[k] <= high
        ]

    def __str__(self) -> str:
        lines = [f"{k} = {v:.4g}" for k, v in self.measures.items()]
        if self.measures and self.limits:
            said = [f"{k} = {self.measures[k]:.4g} is not in {list(self.limits[k])}" for k in self.missed]
            lines.append("the standard is " + (f"not met: {', '.join(said)}" if said else "met"))
        return "\n".join(lines)


def inspect(dataset: Dataset, out: Path, seed: int = 0) -> Standard:
    """Write `out`/sheet.png and `out`/standard.json. Nothing is measured where the dataset has no standard, or lacks
    the arrays that the standard needs, as a user's own images may."""
    out.mkdir(parents=True, exist_ok=True)
    contact_sheet(dataset, out / "sheet.png")
    found = _measured(dataset, seed)
    described = {
        "title": dataset.card["title"],
        "splits": dataset.card["splits"],
        "measures": {k: round(float(v), 5) for k, v in found.measures.items()},
        "limits": {k: list(limits) for k, limits in found.limits.items()},
        "missed": found.missed,
        "notes": dataset.card.get("notes", []),
    }
    (out / "standard.json").write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n")
    return found


def _measured(dataset: Dataset, seed: int) -> Standard:
    code = f"triptych.data.checks.{dataset.path.name}"
    if importlib.util.find_spec(code) is None:
        return Standard({}, {})
    check = importlib.import_module(code)
    first = dataset[next(iter(dataset.card["splits"]))]
    if any(getattr(first, array) is None for array in check.NEEDS):
        return Standard({}, {})
    return Standard(check.measure(dataset, seed), check.LIMITS if dataset.card["source"] == "rendered" else {})


def contact_sheet(dataset: Dataset, path: Path, columns: int = 16, rows: int = 8) -> None:
    """A grid of images of the first split: a row per class where there are labels (of many classes
    MOST_CLASSES, spread evenly), label maps under their photos where there are such, two unpaired domains one above the
    other, else images spread evenly over the set. Small images are enlarged, pixels kept sharp."""
    first = next(iter(dataset.card["splits"]))
    if {"trainA", "trainB"} <= set(dataset.card["splits"]):
        halves = [_tiles(dataset, dataset[split], columns, rows // 2) for split in ("trainA", "trainB")]
        width = min(half.shape[1] for half in halves)
        tiles = np.concatenate([half[:, :width] for half in halves])
    else:
        tiles = _tiles(dataset, dataset[first], columns, rows)
    _, across, _, height, width = tiles.shape
    save_sheet([Panel(tiles)], path, tile=height * max(1, WIDTH // (across * width)), gap=0)


def _tiles(dataset: Dataset, split: Split, columns: int, rows: int) -> np.ndarray:
    """(rows, columns, C, H, W) uint8."""
    if split.label_maps is not None:
        columns = min(columns // 2, len(split))
        chosen = _spread(len(split), columns * rows // 2)
        photos = np.asarray(split.images[chosen])
        if split.label_images is not None:
            maps = np.asarray(split.label_images[chosen])
        else:
            maps = colourise(np.asarray(split.label_maps[chosen]), dataset.card["classes"])
        pairs = [x[i : i + columns] for i in range(0, len(chosen), columns) for x in (photos, maps)]
        return np.stack([p for p in pairs if len(p) == columns])
    if split.labels is not None:
        labels = np.asarray(split.labels)
        shown = np.linspace(0, dataset.n_classes - 1, min(MOST_CLASSES, dataset.n_classes)).round().astype(int)
        per_class = [np.flatnonzero(labels == c)[:columns] for c in shown]
        per_class = [rows_of for rows_of in per_class if len(rows_of) == columns]
        if per_class:
            return np.stack([np.asarray(split.images[np.sort(rows_of)]) for rows_of in per_class])
    columns = min(columns, len(split))
    chosen = _spread(len(split), columns * max(1, min(rows, len(split) // columns)))
    images = np.asarray(split.images[chosen])
    scale = 255 if split.factors is not None and images.max() <= 1 else 1
    return (images * np.uint8(scale)).reshape(-1, columns, *images.shape[1:])


def _spread(n: int, count: int) -> np.ndarray:
    """`count` different, sorted rows, spread pseudo-randomly (so that a grid of factors shows all of them)."""
    return np.sort(np.random.default_rng(0).choice(n, size=min(count, n), replace=False))
