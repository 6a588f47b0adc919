"""Pairs of photo and label map: do they show the same pixels, and do the ids mean what `classes` says?

A camera may store a photo lying on its side, with an EXIF tag that says how to turn it; a label map was drawn either on
the photo as it is stored or on the turned one. The sizes tell which, where they differ; else nothing does.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from triptych.data.format import DataError
from triptych.data.label_classes import CITYSCAPES, IGNORE, Classes
from triptych.data.sources.label_maps import label_map
from triptych.data.sources.layout import Part
from triptych.data.sources.pixels import Crop, cores, readable, window
from triptych.data.sources.trees import Tree

ORIENTATION = 0x0112  # the EXIF tag; 1 is upright, 5 … 8 exchange width and height


@dataclass(frozen=True)
class Pair:
    """What was found in one pair: is the photo to be turned as its EXIF tag says, (width, height) of the label map, and
    how many of its pixels have each id (256,)."""

    turn: bool
    wh: tuple[int, int]
    counts: np.ndarray


def survey(part: Part, tree: Tree, classes: Classes) -> list[Pair]:
    """Each pair of `part`, read once. Raises DataError: a photo and its label map differ in size, a turned photo does
    not tell which way its label map is, ids that `classes` lacks."""

    def one(files: tuple[str, str]) -> Pair:
        (photo, photo_name), (labels, label_name) = ((tree.read(file), tree.where(file)) for file in files)
        ids = label_map(labels, label_name, classes)
        wh = ids.shape[::-1]
        turn = _turned(photo, photo_name, wh, _orientation(labels, label_name)[1])
        return Pair(turn, wh, np.bincount(ids.ravel(), minlength=256))

    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(one, zip(part.photos, part.label_maps)))


def truth_shape(split: str, part: Part, pairs: Sequence[Pair], crop: Crop) -> tuple[int, int]:
    """(H, W) of the split's label maps after the crop. Raises DataError if they differ."""
    (usual, n), *others = Counter(pair.wh for pair in pairs).most_common()
    if others:
        odd = next(file for file, pair in zip(part.label_maps, pairs) if pair.wh != usual)
        raise DataError(
            f"the label maps of {split!r} differ in size, so they cannot be kept at full size as the truth: {n} of "
            f"{len(pairs)} are {usual[0]} x {usual[1]}, {odd} is not. Take the odd ones away, or take {split!r} out of "
            "`truth`: then results are compared at the images' size"
        )
    left, top, right, bottom = window(usual, crop)
    return (bottom - top, right - left)


def notes(pairs: Sequence[Pair], classes: Classes) -> list[str]:
    """Which classes occur, and the share of void; for the card. Raises DataError if the ids are Cityscapes' train ids
    and `classes` its raw ones."""
    counts = np.sum([pair.counts for pair in pairs], 0)
    ids = set(np.flatnonzero(counts).tolist())
    if classes is CITYSCAPES and ids <= {*range(19), IGNORE}:
        raise DataError(
            f"the label maps hold the ids {sorted(ids)}: these are Cityscapes' train ids (0 … 18, and 255 for void), "
            "not its raw ids (road is 7, car 26). Set `classes: cityscapes_train_ids`. If they are raw ids all the "
            "same, give `classes` as a list"
        )
    scored = {c["id"] % 256: c["name"] for c in classes if c["train_id"] != IGNORE}
    void = 1 - counts[list(scored)].sum() / counts.sum()
    there = [name for i, name in scored.items() if counts[i]]
    absent = [name for i, name in scored.items() if not counts[i]]
    said = [
        f"{void:.1%} of the label maps' pixels are void. Scored classes that occur: {', '.join(there) or 'none'}"
        + (f"; that do not: {', '.join(absent)}" if absent else "")
    ]
    if void > 0.5:
        said.append("Warning: more than half of the label maps' pixels are void. Are the ids those of `classes`?")
    return said


def _turned(photo: bytes, name: str, label_wh: tuple[int, int], label_orientation: int) -> bool:
    wh, orientation = _orientation(photo, name)
    upright = wh[::-1] if orientation >= 5 else wh
    if label_orientation != 1:
        raise DataError(f"the label map of {name} has an EXIF orientation ({label_orientation}): save it without")
    if label_wh not in (wh, upright):
        turned = f" ({upright} when turned as its EXIF tag says)" if upright != wh else ""
        raise DataError(f"{name} is {wh}{turned}, its label map {label_wh} pixels: they must be equal")
    if orientation != 1 and wh == upright:
        raise DataError(
            f"{name} has an EXIF orientation ({orientation}), and its size does not tell whether the label map was "
            "drawn on the photo as it is stored or as it is shown: save the photo upright, without EXIF orientation"
        )
    return label_wh != wh


def _orientation(data: bytes, name: str) -> tuple[tuple[int, int], int]:
    """(width, height) as stored, and the EXIF orientation, 1 if there is none."""
    with readable(name), Image.open(io.BytesIO(data)) as image:
        orientation = image.getexif().get(ORIENTATION, 1)
        return image.size, orientation if orientation in range(2, 9) else 1
