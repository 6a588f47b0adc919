"""Rendered objects: ten classes of textured, lit, partly hidden things on cluttered backgrounds (CIFAR-10).

As in CIFAR-10 (Krizhevsky 2009) the splits are balanced, the thing fills most of the image, and neither
colour nor place tells its class.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from triptych.data.drawn.noise import Draws, balanced_labels, drawn
from triptych.data.drawn.objects.scene import FIELDS, NUMBERS, Scene, Thing, draw_scenes
from triptych.data.drawn.objects.things import THINGS
from triptych.data.format import Chunks, Split


class Config(Scene):
    """Counts of the splits, a seed, and how hard the scenes are."""

    train: int = Field(gt=0)
    test: int = Field(gt=0)
    seed: int = Field(ge=0)


def render(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """Splits `train` and `test` of (n, 3, `size`, `size`) images with labels, and the card.

    Image i of a split depends on (seed, split, i) only. Images over 1 GiB come as Chunks.
    """
    splits = {}
    for name in ("train", "test"):
        images, labels = draw_set(f"objects/{name}", config, THINGS, config.seed, getattr(config, name), size)
        splits[name] = Split(images, labels=labels)
    card = {
        "title": "rendered objects",
        "source": "rendered",
        "licence": "drawn by this project, under its licence",
        "made_by": "triptych.data.drawn.objects",
        "parameters": config.model_dump(),
        "class_names": [thing.__name__ for thing in THINGS],
    }
    return splits, card


def draw_set(
    name: str, scene: Scene, things: Sequence[Thing], seed: int, n: int, size: int
) -> tuple[np.ndarray | Chunks, np.ndarray]:
    """Images (n, 3, size, size) of the set `name`, classes in equal numbers, and their labels (n,)."""
    labels = balanced_labels(name, seed, n, len(things))

    def draw(rows: range) -> np.ndarray:
        draws = Draws.of(name, seed, rows, numbers=NUMBERS, fields=FIELDS, size=size)
        return draw_scenes(scene, things, labels[rows.start : rows.stop], draws)

    return drawn(draw, n, size), labels
