"""Street scenes with pixel labels, a stand-in for Cityscapes: its classes, colours and point of view.

A label map comes from a laid-out street (perspective, occlusion by depth); the photo of it adds what labels do not say:
sun or an overcast sky by day, colours, windows, foliage, shadows, haze. So a photo has one label map, a label map many
photos.
"""

from __future__ import annotations

import zlib

import numpy as np
from pydantic import Field

from triptych.base.config import Strict
from triptych.data.drawn.streets.layout import lay_out
from triptych.data.drawn.streets.light import draw_light
from triptych.data.drawn.streets.shade import label_map, photo, rasterise
from triptych.data.format import Split
from triptych.data.label_classes import CITYSCAPES

_BATCH = 16  # scenes shaded together


class Config(Strict):
    """How many scenes, and how they are seen."""

    train: int = Field(300, gt=0)
    val: int = Field(100, gt=0)
    seed: int = Field(0, ge=0)
    supersample: int = Field(2, gt=0, le=8)  # photo pixels are averages of supersample² shaded points
    sunny: float = Field(0.6, ge=0, le=1)  # share of scenes with direct sun


def render(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """Splits `train` and `val`: photos uint8 (N, 3, size, size), raw label ids uint8 (N, size, size).

    Scene i of a split depends on (seed, split, i) alone: a larger set begins with the smaller one.
    """
    splits = {}
    for name, count in (("train", config.train), ("val", config.val)):
        images, labels = draw(config, name, np.arange(count), size)
        splits[name] = Split(images=images, label_maps=labels)
    card = {
        "title": "rendered streets",
        "source": "rendered",
        "licence": "drawn by this project, under its licence",
        "made_by": "triptych.data.drawn.streets",
        "classes": CITYSCAPES,
    }
    return splits, card


def draw(config: Config, split: str, index: np.ndarray, size: int, looks: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Photos uint8 (n, 3, size, size) and label maps uint8 (n, size, size) of the scenes `index` of a split.

    `looks` draws the same streets again in other colours, light and weather: same label maps, other photos.
    """
    batches = np.split(index, range(_BATCH, len(index), _BATCH))
    blocks = [_draw_block(config, split, batch, size, looks) for batch in batches]
    photos, labels = zip(*blocks)
    return np.concatenate(photos), np.concatenate(labels)


def _draw_block(config: Config, split: str, index: np.ndarray, size: int, looks: int) -> tuple[np.ndarray, np.ndarray]:
    rasters, lights, noise = [], [], []
    for i in index.tolist():
        key = [config.seed, zlib.crc32(split.encode()), i]
        layout, appearance = np.random.default_rng([*key, 0]), np.random.default_rng([*key, 1, looks])
        light = draw_light(appearance, config.sunny)
        scene = lay_out(layout, appearance, light.shift)
        rasters.append(rasterise(scene, size * config.supersample))
        lights.append(light)
        noise.append(appearance.standard_normal((3, size, size), np.float32))
    labels = np.stack([label_map(raster, size) for raster in rasters])
    return photo(rasters, lights, size, np.stack(noise)), labels
