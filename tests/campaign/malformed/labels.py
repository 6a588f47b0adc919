"""Label maps that do not fit their photos or their classes; met by `prepare streets`."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from own_images import pairs
from PIL import Image

from campaign.child import Case
from campaign.malformed.own import STREETS, use

LABEL, PHOTO = "own/train/label/0.png", "own/train/photo/0.jpg"
A, B = {"id": 0, "name": "road", "train_id": 0, "colour": [9, 9, 9]}, {"id": 3, "name": "sky", "train_id": 1,
                                                                    "colour": [1, 2, 3]}  # fmt: skip


def make(folder: Path) -> None:
    pairs(folder / "own")
    use(folder, "streets", classes="camvid")


def image(array: Any, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    (array if isinstance(array, Image.Image) else Image.fromarray(array)).save(file, kind, **options)
    return file.getvalue()


def ids(value: int = 3, wh: tuple[int, int] = (24, 12), dtype: type = np.uint8) -> np.ndarray:
    return np.full(wh[::-1], value, dtype)


def contents() -> Iterator[tuple[str, str, bytes, str]]:
    """(what is wrong, the file, its bytes, what the message says)"""
    there = r"0\.(png|jpg)"
    for value in (12, 50, 100, 200, 254):
        yield f"the id {value}", LABEL, image(ids(value)), there
    for wh in ((12, 24), (23, 12), (1, 1), (240, 120)):
        yield f"{wh[0]} x {wh[1]} pixels for 24 x 12", LABEL, image(ids(3, wh)), there
    yield "colours", LABEL, image(np.stack([ids()] * 3, -1)), "RGB"
    yield "colours and alpha", LABEL, image(np.stack([ids()] * 4, -1)), "RGBA"
    yield "grey and alpha", LABEL, image(Image.fromarray(ids()).convert("LA")), "LA"
    yield "16 bits", LABEL, image(ids(3, dtype=np.uint16)), "I;16"
    yield "JPEG called .png", LABEL, image(ids(), "JPEG"), "JPEG"
    yield "a palette of other colours", LABEL, _palette([(1, 1, 1), (7, 7, 200), (9, 0, 0), (4, 4, 4)]), "palette"
    yield "a palette too short", LABEL, _palette([(128, 0, 0)]), "palette"
    yield "cut off", LABEL, image(ids())[:50], there
    yield "no bytes", LABEL, b"", there
    yield "text", LABEL, b"road road sky", there
    yield "a photo that is cut off", PHOTO, image(np.zeros((12, 24, 3), np.uint8), "JPEG")[:200], there
    exif = Image.Exif()
    exif[0x0112] = 6
    square = Image.new("RGB", (12, 12))
    yield "a label map with an EXIF turn", LABEL, image(ids(), exif=exif), "EXIF"
    yield "a turned photo of another size", PHOTO, image(square, "JPEG", exif=exif), there


def _palette(colours: list[tuple[int, int, int]]) -> bytes:
    indexed = Image.fromarray(ids(), "P")
    indexed.putpalette([channel for colour in colours for channel in colour])
    return image(indexed)


CLASSES: dict[str, tuple[Any, str]] = {
    "classes are missing": (None, "say what their ids mean"),
    "classes of another set": ("cityscapes_train_idz", "classes"),
    "raw ids called train ids": ("cityscapes", "train_id|ids"),
    "no classes": ([], "classes|train ids"),
    "all void": ([{**A, "train_id": 255}], "train ids"),
    "a gap in the train ids": ([A, {**B, "train_id": 2}], "train ids"),
    "a train id twice": ([A, {**B, "train_id": 0}], "train ids"),
    "an id twice": ([A, {**B, "id": 0}], "the id 0"),
    "a colour twice": ([A, {**B, "colour": [9, 9, 9]}], "the colour"),
    "an id of 256": ([A, {**B, "id": 256}], "id"),
    "a colour of two channels": ([A, {**B, "colour": [1, 2]}], "colour"),
    "a colour of 300": ([A, {**B, "colour": [300, 0, 0]}], "colour"),
    "a class without a name": ([A, {k: v for k, v in B.items() if k != "name"}], "name"),
    "an id that is missing": ([A, B], r"class ids \[11\]"),
    "a word for a class": ([A, "sky"], "classes"),
}


def cases() -> Iterator[Case]:
    for name, file, data, says in contents():
        yield Case(name, _written(file, data), STREETS, says)
    for name, (classes, says) in CLASSES.items():
        yield Case(name, _classes(classes), STREETS, says)
    yield Case("a label map is gone", lambda f: (f / LABEL).unlink(), STREETS, "no partner")
    yield Case("a photo is gone", lambda f: (f / PHOTO).unlink(), STREETS, "no partner")
    yield Case("two photos of one name", lambda f: (f / PHOTO.replace("jpg", "bmp")).write_bytes(
        image(ids(), "BMP")), STREETS, "no partner or two")  # fmt: skip
    yield Case("no val", lambda f: (f / "own/val").rename(f / "elsewhere"), STREETS, "'val'")


def _written(file: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_bytes(data)


def _classes(classes: Any) -> Callable[[Path], object]:
    return lambda folder: use(folder, "streets", classes=classes)
