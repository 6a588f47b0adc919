"""From the bytes of a label map to class ids, and from ids to the picture that shows them in their colours.

A label map is resized to the nearest pixel: ids are never blended. Pairs of photo and label map are `prepared_as` png,
i.e. without loss, or as CycleGAN's authors did, jpeg_bicubic: the label map is drawn in its colours and resized like a
photo, which blends them at borders, and both pictures pass through a JPEG file, which changes colours a little. Class
ids stay nearest: they are what is scored.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from PIL import Image

from triptych.data.format import DataError
from triptych.data.label_classes import Classes, known_ids, unknown_ids
from triptych.data.sources.pixels import Crop, planes, readable, window

PreparedAs = Literal["png", "jpeg_bicubic"]
MADE_BY = {  # what a card's `made_by` adds to "photos bicubic, labels nearest"
    "png": "",
    "jpeg_bicubic": ", label images bicubic, photos and label images through JPEG (quality 100, 4:4:4)",
}
PNG = b"\x89PNG\r\n\x1a\n"


def label_map(data: bytes, name: str, classes: Classes, size: int | None = None, crop: Crop = "none") -> np.ndarray:
    """An index image's bytes -> (size, size) uint8 class ids, nearest; with size None (H, W), only cropped.

    The values of a grey image are ids, of 1 to 8 bits. A palette image is read by its colours, unless its palette says
    the same as its values do, or is a grey ramp. Raises DataError naming `name` if it is not a whole image of this
    kind, holds ids that `classes` lacks, or colours that no class has.
    """
    with readable(name), Image.open(io.BytesIO(data)) as image:
        ids = _ids(image, data, name, classes)
    if unknown := unknown_ids(ids, known_ids(classes)):
        raise DataError(f"{name} holds the class ids {unknown}, which are not in the class table: correct `classes`")
    whole = Image.fromarray(ids)
    box = window(whole.size, crop)
    if size is None:
        return np.array(whole.crop(tuple(round(side) for side in box)))
    return np.array(whole.resize((size, size), Image.NEAREST, box=box))


def _ids(image: Image.Image, data: bytes, name: str, classes: Classes) -> np.ndarray:
    if image.mode not in ("1", "L", "P") or image.format == "JPEG":
        raise DataError(
            f"{name} is a {image.format} with {image.mode} pixels: a label map must be a PNG with one "
            "8-bit channel (or a palette) whose values are class ids"
        )
    values = np.array(image).astype(np.uint8)
    if image.mode == "P":
        return _by_palette(values, image.getpalette("RGB") or [], name, classes)
    bits = data[24] if data.startswith(PNG) and image.mode == "L" else 8
    return values // (255 // (2**bits - 1))  # a grey PNG of fewer bits comes spread over 0 … 255


def _by_palette(values: np.ndarray, palette: list[int], name: str, classes: Classes) -> np.ndarray:
    colours = [tuple(palette[at : at + 3]) for at in range(0, len(palette) - 2, 3)]
    used = np.unique(values).tolist()
    by_id = {c["id"] % 256: tuple(c["colour"]) for c in classes}
    grey = len(colours) > 1 and all(colour == (i, i, i) for i, colour in enumerate(colours))
    if grey or all(i < len(colours) and by_id.get(i) == colours[i] for i in used):
        return values
    # of classes that share a colour the scored one
    id_of = {tuple(c["colour"]): c["id"] % 256 for c in sorted(classes, key=lambda c: -c["train_id"])}
    table = np.zeros(256, np.uint8)
    for i in used:
        if i >= len(colours) or colours[i] not in id_of:
            shown = f"the colour {list(colours[i])}" if i < len(colours) else "no colour"
            raise DataError(
                f"{name} has a palette, and its value {i} has {shown} there, which no class has: give the classes the "
                "palette's colours, or save the ids as a PNG with one 8-bit channel"
            )
        table[i] = id_of[colours[i]]
    return table[values]


def label_image(ids: np.ndarray, classes: Sequence[Mapping[str, Any]], size: int, crop: Crop = "none") -> np.ndarray:
    """Class ids (H, W), all of `classes` -> (3, size, size) uint8: drawn in their colours, then resized bicubic."""
    palette = np.zeros((256, 3), np.uint8)
    for c in classes:
        palette[c["id"] % 256] = c["colour"]
    image = Image.fromarray(palette[ids])
    return planes(image.resize((size, size), Image.BICUBIC, box=window(image.size, crop)))
