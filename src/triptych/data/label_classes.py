"""Classes of label maps: the Cityscapes table, and the ways between raw ids, colours and train ids.

A class is `{"id", "name", "train_id", "colour"}`, as in a dataset's card, and may have a "category". The raw `id` is
what a label map stores (as uint8, so that id -1 is stored as 255), `train_id` numbers the classes that are scored from
0, and 255 there means that the class is ignored in scoring. `category` names the group that a class is in. Any such
list works here, not only the Cityscapes one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

IGNORE = 255

Classes = Sequence[Mapping[str, Any]]

# id, name, category, train id, colour, as in cityscapesScripts helpers/labels.py. Colours are not unique: polegroup has
# that of pole, license plate that of car. (The official train id of license plate is -1: ignored, like 255.)
_CITYSCAPES = [
    (-1, "license plate", "vehicle", IGNORE, (0, 0, 142)),
    (0, "unlabeled", "void", IGNORE, (0, 0, 0)),
    (1, "ego vehicle", "void", IGNORE, (0, 0, 0)),
    (2, "rectification border", "void", IGNORE, (0, 0, 0)),
    (3, "out of roi", "void", IGNORE, (0, 0, 0)),
    (4, "static", "void", IGNORE, (0, 0, 0)),
    (5, "dynamic", "void", IGNORE, (111, 74, 0)),
    (6, "ground", "void", IGNORE, (81, 0, 81)),
    (7, "road", "flat", 0, (128, 64, 128)),
    (8, "sidewalk", "flat", 1, (244, 35, 232)),
    (9, "parking", "flat", IGNORE, (250, 170, 160)),
    (10, "rail track", "flat", IGNORE, (230, 150, 140)),
    (11, "building", "construction", 2, (70, 70, 70)),
    (12, "wall", "construction", 3, (102, 102, 156)),
    (13, "fence", "construction", 4, (190, 153, 153)),
    (14, "guard rail", "construction", IGNORE, (180, 165, 180)),
    (15, "bridge", "construction", IGNORE, (150, 100, 100)),
    (16, "tunnel", "construction", IGNORE, (150, 120, 90)),
    (17, "pole", "object", 5, (153, 153, 153)),
    (18, "polegroup", "object", IGNORE, (153, 153, 153)),
    (19, "traffic light", "object", 6, (250, 170, 30)),
    (20, "traffic sign", "object", 7, (220, 220, 0)),
    (21, "vegetation", "nature", 8, (107, 142, 35)),
    (22, "terrain", "nature", 9, (152, 251, 152)),
    (23, "sky", "sky", 10, (70, 130, 180)),
    (24, "person", "human", 11, (220, 20, 60)),
    (25, "rider", "human", 12, (255, 0, 0)),
    (26, "car", "vehicle", 13, (0, 0, 142)),
    (27, "truck", "vehicle", 14, (0, 0, 70)),
    (28, "bus", "vehicle", 15, (0, 60, 100)),
    (29, "caravan", "vehicle", IGNORE, (0, 0, 90)),
    (30, "trailer", "vehicle", IGNORE, (0, 0, 110)),
    (31, "train", "vehicle", 16, (0, 80, 100)),
    (32, "motorcycle", "vehicle", 17, (0, 0, 230)),
    (33, "bicycle", "vehicle", 18, (119, 11, 32)),
]

CITYSCAPES: list[dict[str, Any]] = [
    {"id": i, "name": name, "category": category, "train_id": train_id, "colour": list(rgb)}
    for i, name, category, train_id, rgb in _CITYSCAPES
]


def known_ids(classes: Classes) -> np.ndarray:
    """(256,) bool: the ids of `classes` as label maps store them (-1 as 255)."""
    known = np.zeros(256, bool)
    known[[c["id"] % 256 for c in classes]] = True
    return known


def unknown_ids(label_maps: np.ndarray, known: np.ndarray) -> list[int]:
    """The ids in uint8 `label_maps` that are not `known` (256,), sorted."""
    if known[label_maps].all():
        return []
    return sorted(set(np.unique(label_maps).tolist()) - set(np.flatnonzero(known).tolist()))


CITYSCAPES_TRAIN_IDS: list[dict[str, Any]] = [
    {**c, "id": c["train_id"]} for c in CITYSCAPES if c["train_id"] != IGNORE
] + [{"id": IGNORE, "name": "void", "train_id": IGNORE, "colour": [0, 0, 0]}]
"""The same for label maps that store train ids (files `*_labelTrainIds.png`): 0 … 18, and 255 for void."""


def evaluated(classes: Classes) -> list[Mapping[str, Any]]:
    """The classes that are scored, by train id. Raises ValueError unless these are 0, 1, 2, …, each once."""
    scored = sorted((c for c in classes if c["train_id"] != IGNORE), key=lambda c: c["train_id"])
    found = [c["train_id"] for c in scored]
    if not found or found != list(range(len(found))):
        raise ValueError(f"train ids must be 0 … K-1, each once, or {IGNORE} for ignored classes; found {found}")
    return scored


def colourise(label_maps: np.ndarray, classes: Classes) -> np.ndarray:
    """Raw ids, uint8 (N, H, W) -> RGB, uint8 (N, 3, H, W). ValueError on an id that `classes` lacks."""
    table = np.zeros((256, 3), np.uint8)
    for c in classes:
        table[c["id"] % 256] = c["colour"]
    _refuse_unknown(label_maps, classes)
    return np.stack([table[:, channel][label_maps] for channel in range(3)], axis=1)


def train_ids(label_maps: np.ndarray, classes: Classes) -> np.ndarray:
    """Raw ids, uint8 (N, H, W) -> train ids, uint8 (N, H, W); 255 = ignore.

    Raises ValueError on an id that `classes` lacks.
    """
    table = np.full(256, IGNORE, np.uint8)
    for c in classes:
        table[c["id"] % 256] = c["train_id"]
    _refuse_unknown(label_maps, classes)
    return table[label_maps]


def nearest_class(
    colours: np.ndarray | torch.Tensor, classes: Classes, block: int = 1 << 20
) -> np.ndarray | torch.Tensor:
    """RGB, uint8 (N, 3, H, W) -> train ids, uint8 (N, H, W): the scored class whose colour is nearest (L2).

    Ignored classes are no candidates; of equally near ones the lowest train id wins. An array gives an array,
    a tensor a tensor on its device. About `block` pixels are compared at a time, which bounds the memory.
    """
    if isinstance(colours, np.ndarray):
        return nearest_class(torch.from_numpy(np.ascontiguousarray(colours)), classes, block).numpy()
    colour_list = [c["colour"] for c in evaluated(classes)]
    palette = torch.tensor(colour_list, dtype=torch.float32, device=colours.device)
    n, _, height, width = colours.shape
    out = torch.empty((n, height, width), dtype=torch.uint8, device=colours.device)
    step = max(1, block // (height * width))
    for at in range(0, n, step):
        pixels = colours[at : at + step].movedim(1, -1).float()
        # |x - c|² less the |x|² that all classes share: whole numbers below 2^24, so float32 is exact. (A
        # matrix product would not be: it may round to TF32 on the way.)
        distance = palette.square().sum(1) - 2 * sum(pixels[..., k, None] * palette[:, k] for k in range(3))
        out[at : at + step] = distance.argmin(-1).to(torch.uint8)
    return out


def _refuse_unknown(label_maps: np.ndarray, classes: Classes) -> None:
    if unknown := unknown_ids(label_maps, known_ids(classes)):
        raise ValueError(f"the label maps hold the ids {unknown}, which are not among the classes")
