"""A user's own images: a folder or an archive, in one of the layouts of `layout.py`.

Pairs of photo and label map can also be stored as CycleGAN's authors did (`prepared_as: jpeg_bicubic`, see
`pixels.py`).
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from triptych.base.config import Strict
from triptych.data.format import DataError, Split, file_sha256
from triptych.data.label_classes import CITYSCAPES, evaluated, known_ids
from triptych.data.sources import layout
from triptych.data.sources.camvid_classes import CAMVID
from triptych.data.sources.layout import Part
from triptych.data.sources.pixels import (
    MADE_BY,
    PreparedAs,
    checked_ids,
    decoded,
    image_wh,
    label_image,
    label_map,
    photo,
    through_jpeg,
    window,
)
from triptych.data.sources.trees import Tree, open_tree


class LabelClass(Strict):
    """One class of the label maps. `train_id` counts the scored classes from 0; 255 is not scored."""

    id: int = Field(ge=0, le=255)
    name: str
    train_id: int = Field(ge=0, le=255)
    colour: list[Annotated[int, Field(ge=0, le=255)]] = Field(min_length=3, max_length=3)


class Config(Strict):
    """Where the images are, what to call them, and how they become squares."""

    path: str | None = None  # a folder, or a .zip, .tar, .tar.gz, .tar.xz, .tar.bz2
    title: str | None = None  # what tables call the data; the path's name if absent
    licence: str = "not stated"
    crop: Literal["centre", "none"] = "centre"  # none: squeeze both sides to the size
    grey: bool = False  # one channel instead of three
    labels: bool = True  # False: class folders are mere folders, the set is unlabelled
    splits: dict[str, str] | None = None  # split -> its folder ("." for everything), if not called train, val, test
    limit_per_class: int | None = Field(None, gt=0)  # per split; of all images where there are no classes
    classes: Literal["camvid", "cityscapes"] | list[LabelClass] | None = None  # of the label maps
    prepared_as: PreparedAs = "png"  # of pairs; jpeg_bicubic: as CycleGAN's authors, see pixels.py
    truth: list[str] = ["val", "test"]  # the splits whose label maps are kept at full size too

    @field_validator("classes")
    @classmethod
    def _classes_can_be_told_apart(cls, classes: str | list[LabelClass] | None) -> str | list[LabelClass] | None:
        if isinstance(classes, list):
            scored = evaluated([c.model_dump() for c in classes])
            for what, values in (("id", [c.id for c in classes]), ("colour", [tuple(c["colour"]) for c in scored])):
                twice = next((value for value in values if values.count(value) > 1), None)
                if twice is not None:
                    raise ValueError(f"two classes have the {what} {twice}: neither could be told from the other")
        return classes

    @field_validator("splits")
    @classmethod
    def _splits_have_known_names(cls, splits: dict[str, str] | None) -> dict[str, str] | None:
        known = sorted(set(layout.SPLIT_NAMES.values()))
        for name in splits or ():
            if name not in known:
                raise ValueError(f"there is no split {name!r}; there are {', '.join(known)}")
        return splits


def load(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """Splits as found, (n, 3 or 1, size, size), photos antialiased bicubic, label maps nearest; the card's.

    `labels` for class folders, `label_maps` and `truth` for pairs; with jpeg_bicubic also `label_images`, (n, 3,
    size, size), and the photos pass through JPEG. Raises DataError: no such path, no layout that is known, an image
    or archive that cannot be read, label ids that are not among `classes`, jpeg_bicubic for images without pairs.
    """
    if config.path is None:
        raise DataError("source is `folder`, but folder.path is null: set it to a folder of images or an archive")
    tree = open_tree(config.path)
    found = layout.parts(tree.name, tree.files, config.splits, config.labels)
    if config.limit_per_class:
        found = {split: _limited(part, config.limit_per_class) for split, part in found.items()}
    if config.prepared_as == "jpeg_bicubic":
        _check_all_are_pairs(found, config)
    names = sorted({name for part in found.values() for name in part.classes or ()})
    classes = _class_table(config, found)
    splits = {split: _split(split, part, tree, config, size, names, classes) for split, part in found.items()}
    card = _card(Path(config.path).expanduser(), config, size)
    if names:
        card["class_names"] = names
    if classes:
        card["classes"] = classes
        card["files"] = {split: [Path(f).stem for f in part.photos] for split, part in found.items()}
    return splits, card


def _split(
    split: str,
    part: Part,
    tree: Tree,
    config: Config,
    size: int,
    names: list[str],
    classes: list[dict[str, Any]],
) -> Split:
    jpeg = config.prepared_as == "jpeg_bicubic"

    def image(file: str) -> np.ndarray:
        # A label map is not turned with its photo's EXIF tag, so neither is the photo.
        upright = part.label_maps is None
        pixels = photo(tree.read(file), tree.where(file), size, config.crop, grey=config.grey, upright=upright)
        return through_jpeg(pixels) if jpeg else pixels

    images = decoded(part.photos, image, (1 if config.grey else 3, size, size))
    if part.label_maps is not None:
        _check_pair_sizes(part, tree)
        known = known_ids(classes)
        one = functools.partial(_labels, tree, crop=config.crop, known=known)

        def drawn(file: str) -> np.ndarray:
            whole = _labels(tree, file, None, "none", known)
            return through_jpeg(label_image(whole, classes, size, config.crop))

        truth_shape = _common_shape(part, tree, config) if split in config.truth else None
        return Split(
            images,
            label_maps=decoded(part.label_maps, functools.partial(one, size=size), (size, size)),
            truth=decoded(part.label_maps, functools.partial(one, size=None), truth_shape) if truth_shape else None,
            label_images=decoded(part.label_maps, drawn, (3, size, size)) if jpeg else None,
        )
    if part.classes is not None:
        return Split(images, labels=np.array([names.index(c) for c in part.classes], np.int64))
    return Split(images)


def _labels(tree: Tree, file: str, size: int | None, crop: str, known: np.ndarray) -> np.ndarray:
    return checked_ids(label_map(tree.read(file), tree.where(file), size, crop), known, tree.where(file))


def _check_all_are_pairs(found: dict[str, Part], config: Config) -> None:
    others = [split for split, part in found.items() if part.label_maps is None]
    if others:
        raise DataError(
            f"prepared_as = jpeg_bicubic is for pairs, and in {config.path} the split {others[0]!r} has no photo/ with "
            "label/: set prepared_as: png"
        )


def _check_pair_sizes(part: Part, tree: Tree) -> None:
    for file, labels in zip(part.photos, part.label_maps):
        sizes = [image_wh(tree.read(f), tree.where(f)) for f in (file, labels)]
        if sizes[0] != sizes[1]:
            raise DataError(f"{tree.where(file)} is {sizes[0]}, its label map {sizes[1]} pixels: they must be equal")


def _common_shape(part: Part, tree: Tree, config: Config) -> tuple[int, int] | None:
    """(H, W) of the label maps after the crop, or None if they differ: then no truth at full size is kept."""
    sizes = {image_wh(tree.read(f), tree.where(f)) for f in part.label_maps}
    if len(sizes) > 1:
        return None
    left, top, right, bottom = window(sizes.pop(), config.crop)
    return (bottom - top, right - left)


def _limited(part: Part, limit: int) -> Part:
    """The first `limit` of each class; of all where there are no classes."""
    seen: dict[str, int] = {}
    keep = []
    for row, name in enumerate(part.classes or [""] * len(part.photos)):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] <= limit:
            keep.append(row)
    pick = lambda values: None if values is None else [values[row] for row in keep]  # noqa: E731
    return Part(pick(part.photos), pick(part.classes), pick(part.label_maps))


def _class_table(config: Config, found: dict[str, Part]) -> list[dict[str, Any]]:
    if all(part.label_maps is None for part in found.values()):
        return []
    if config.classes is None:
        raise DataError(
            f"{config.path} holds label maps: say what their ids mean with `classes`: camvid, cityscapes, or "
            "a list of {id, name, train_id, colour}"
        )
    if config.classes == "camvid":
        return CAMVID
    if config.classes == "cityscapes":
        return CITYSCAPES
    return [c.model_dump() for c in config.classes]


def _card(path: Path, config: Config, size: int) -> dict[str, Any]:
    how = "central square" if config.crop == "centre" else "whole image, aspect ignored"
    card = {
        "title": config.title or path.name,
        "source": "folder",
        "licence": config.licence,
        "made_by": f"read from {path.name}; {how}, {size} px, photos bicubic, label maps nearest"
        + MADE_BY[config.prepared_as],
    }
    if path.is_file():
        card["archive"] = {"name": path.name, "sha256": file_sha256(path)}
    return card
