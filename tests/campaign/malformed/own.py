"""What the cases of images, labels and archives share: a dataset of one's own, met by `prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

OBJECTS, STREETS = ("prepare", "objects"), ("prepare", "streets")


def use(folder: Path, dataset: str, **options: Any) -> None:
    """A params.yaml of one dataset, whose images lie in the folder `own` if nothing else is said."""
    section = {"source": "folder", "pixels": 16, "folder": {"path": "own", **options}}
    (folder / "params.yaml").write_text(yaml.safe_dump({"profile": "smoke", "data": {dataset: section}}))
    kept = folder / "data" / "prepared" / dataset
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "card.json").write_text("{}")  # of an earlier time: it must survive
