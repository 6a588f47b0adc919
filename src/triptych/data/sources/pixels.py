"""From the bytes of an image file to uint8 arrays of the wanted size, many at a time.

Photos are resized with a filter that is widened when it shrinks (antialiased), label maps to the nearest
pixel. `crop="centre"` takes the largest central square, i.e. shorter side -> size, then a centre crop;
`crop="none"` resizes both sides to `size` and ignores the aspect; a number takes the central square of so
many pixels.

Pairs of photo and label map are `prepared_as` png, i.e. without loss, or as CycleGAN's authors did, jpeg_bicubic:
the label map is drawn in its colours and resized like a photo, which blends them at borders, and both pictures
pass through a JPEG file, which changes colours a little. Class ids stay nearest: they are what is scored.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps

from triptych.data.format import Chunks, DataError
from triptych.data.label_classes import unknown_ids

Crop = Literal["centre", "none"] | int  # an int: the central square of so many pixels
PreparedAs = Literal["png", "jpeg_bicubic"]
MADE_BY = {  # what a card's `made_by` adds to "photos bicubic, labels nearest"
    "png": "",
    "jpeg_bicubic": ", label images bicubic, photos and label images through JPEG (quality 100, 4:4:4)",
}
FILTERS = {"box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pnm")
TASK = 64  # images a thread decodes per task: small images would otherwise cost more to hand out than to decode
BLOCK = 2**26  # bytes of a block of rows


def is_image(file: str) -> bool:
    return file.lower().endswith(SUFFIXES)


def photo(
    data: bytes,
    name: str,
    size: int,
    crop: Crop = "centre",
    *,
    grey: bool = False,
    resample: str = "bicubic",
    upright: bool = False,
    shrink_on_load: bool = False,
) -> np.ndarray:
    """An image file's bytes -> (3, size, size) uint8 RGB, or (1, size, size) if `grey`.

    `upright` turns the image as its EXIF tag says. `shrink_on_load` (not together with it) lets the JPEG
    decoder drop frequencies down to twice the wanted size: 1.7 times faster at 500 x 375 -> 32, different
    by about one grey level (box) or a quarter (others) on average.
    Raises DataError naming `name` if it is not a whole 8-bit image.
    """
    with _readable(name), Image.open(io.BytesIO(data)) as image:
        if image.mode[0] in "IF":
            raise DataError(f"{name} has {image.mode} pixels: save it with 8 bits per channel")
        mode = "L" if grey else "RGB"
        if upright:
            image = ImageOps.exif_transpose(image)
        box, width = window(image.size, crop), image.width
        if shrink_on_load and (drafted := image.draft(mode, (2 * size, 2 * size))):
            exact_width = drafted[1][2]  # before it was rounded up to whole pixels
            box = tuple(side * exact_width / width for side in box)
        image = image.convert(mode)
        if isinstance(crop, int):  # cut first: no pixel beyond the square may count
            image, box = image.crop(box), None
        return planes(image.resize((size, size), FILTERS[resample], box=box))


def label_map(data: bytes, name: str, size: int | None, crop: Crop = "none") -> np.ndarray:
    """An index image's bytes -> (size, size) uint8 class ids, nearest; with size None (H, W), only cropped.

    Raises DataError naming `name` if it is not a whole one-channel 8-bit image.
    """
    with _readable(name), Image.open(io.BytesIO(data)) as image:
        if image.mode not in ("L", "P") or image.format == "JPEG":
            raise DataError(
                f"{name} is a {image.format} with {image.mode} pixels: a label map must be a PNG with one "
                "8-bit channel (or a palette) whose values are class ids"
            )
        box = window(image.size, crop)
        if size is None:
            return np.array(image.crop(tuple(round(side) for side in box)))
        return np.array(image.resize((size, size), Image.NEAREST, box=box))


def label_image(ids: np.ndarray, classes: Sequence[Mapping[str, Any]], size: int, crop: Crop = "none") -> np.ndarray:
    """Class ids (H, W), all of `classes` -> (3, size, size) uint8: drawn in their colours, then resized bicubic."""
    palette = np.zeros((256, 3), np.uint8)
    for c in classes:
        palette[c["id"] % 256] = c["colour"]
    image = Image.fromarray(palette[ids])
    return planes(image.resize((size, size), Image.BICUBIC, box=window(image.size, crop)))


def through_jpeg(pixels: np.ndarray) -> np.ndarray:
    """(3 or 1, H, W) uint8 -> the same as a JPEG file of quality 100 without chroma subsampling keeps it."""
    file = io.BytesIO()
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    image.save(file, "JPEG", quality=100, subsampling=0)
    return planes(Image.open(file))


def checked_ids(ids: np.ndarray, known: np.ndarray, name: str) -> np.ndarray:
    """`ids`, unless one is not `known` (256,): then DataError."""
    if unknown := unknown_ids(ids, known):
        raise DataError(f"{name} holds the class ids {unknown}, which are not in the class table: correct `classes`")
    return ids


def window(wh: tuple[int, int], crop: Crop) -> tuple[float, float, float, float]:
    """The part of an image (width, height) that is used: (left, top, right, bottom) in pixels."""
    if crop == "none":
        return (0, 0, *wh)
    side = min(wh) if crop == "centre" else crop
    left, top = (wh[0] - side) // 2, (wh[1] - side) // 2
    return (left, top, left + side, top + side)


def planes(image: Image.Image) -> np.ndarray:
    """PIL image -> (C, H, W) uint8."""
    array = np.array(image)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def image_wh(data: bytes, name: str) -> tuple[int, int]:
    """(width, height) from the header alone."""
    with _readable(name), Image.open(io.BytesIO(data)) as image:
        return image.size


def decoded(items: Sequence[Any], decode: Callable[[Any], np.ndarray], shape: tuple[int, ...]) -> Chunks:
    """The rows `decode(item)`, uint8 of `shape`, as Chunks: made in threads, in order, a block at a time."""
    return Chunks((len(items), *shape), "uint8", _blocks(items, decode, shape))


def _blocks(items: Sequence[Any], decode: Callable, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    rows = max(1, BLOCK // math.prod(shape))
    with ThreadPoolExecutor(_cores()) as pool:
        for start in range(0, len(items), rows):
            yield _block(items[start : start + rows], decode, shape, pool)


def _block(items: Sequence[Any], decode: Callable, shape: tuple[int, ...], pool: ThreadPoolExecutor) -> np.ndarray:
    block = np.empty((len(items), *shape), np.uint8)
    task = max(1, min(TASK, len(items) // (4 * _cores())))

    def fill(start: int) -> None:
        for row in range(start, min(start + task, len(items))):
            block[row] = decode(items[row])

    for _ in pool.map(fill, range(0, len(items), task)):
        pass  # asking for each result raises the first error
    return block


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """What Pillow raises on a file that is no image, or only the first half of one -> DataError."""
    try:
        yield
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
    ) as error:
        raise DataError(f"{name} cannot be read as an image: {error}. Replace it or take it away") from error
