"""A user's own images: a folder or an archive, in one of the layouts of `layout.py`.

What the ids in label maps mean is said by `classes`: a name (camvid, cityscapes, cityscapes_train_ids) or a list:

    classes:
      - {id: 0, name: road,     train_id: 0,   colour: [128, 64, 128]}
      - {id: 1, name: building, train_id: 1,   colour: [70, 70, 70]}
      - {id: 2, name: border,   train_id: 255, colour: [0, 0, 0]}

`id` is the value of a pixel in the file. `train_id` numbers the classes that are scored: 0, 1, 2, …, each once; 255 is
void, which no system is scored on. `colour` is the class in pictures, and in label maps with a palette.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from triptych.base import project
from triptych.base.config import Strict
from triptych.data.format import DataError, Split, file_sha256
from triptych.data.label_classes import CITYSCAPES, CITYSCAPES_TRAIN_IDS, evaluated
from triptych.data.sources import layout, pairs
from triptych.data.sources.camvid_classes import CAMVID
from triptych.data.sources.label_maps import MADE_BY, PreparedAs, label_image, label_map
from triptych.data.sources.layout import Part
from triptych.data.sources.pixels import WHITE, Colour, decoded, photo, through_jpeg
from triptych.data.sources.trees import Tree, open_tree

CLASSES = {"camvid": CAMVID, "cityscapes": CITYSCAPES, "cityscapes_train_ids": CITYSCAPES_TRAIN_IDS}
BACKGROUNDS: dict[str, Colour | None] = {"white": WHITE, "black": (0, 0, 0), "refuse": None}
Channel = Annotated[int, Field(ge=0, le=255)]


class LabelClass(Strict):
    """One class of the label maps. `train_id` counts the scored classes from 0; 255 is not scored. Where every scored
    class has a `category`, tables score the categories, too."""

    id: int = Field(ge=0, le=255)
    name: str
    train_id: int = Field(ge=0, le=255)
    colour: list[Channel] = Field(min_length=3, max_length=3)
    category: str | None = None


class Config(Strict):
    """Where the images are, what to call them, and how they become squares."""

    path: str | None = None  # a folder, or a .zip, .tar, .tar.gz, .tar.xz, .tar.bz2
    title: str | None = None  # what tables call the data; the path's name if absent
    licence: str = "not stated"
    crop: Literal["centre", "none"] = "centre"  # none: squeeze both sides to the size
    grey: bool = False  # one channel instead of three
    background: Literal["white", "black", "refuse"] = "white"  # what transparent pixels show; refuse: an error
    labels: bool | None = None  # True: there must be class folders; False: they are mere folders, without labels
    splits: dict[str, str] | None = None  # split -> its folder ("." for everything), if not called train, val, test
    limit_per_class: int | None = Field(None, gt=0)  # per split; of all images where there are no classes
    # what the ids in the label maps mean
    classes: Literal["camvid", "cityscapes", "cityscapes_train_ids"] | list[LabelClass] | None = None
    prepared_as: PreparedAs = "png"  # of pairs; jpeg_bicubic: as CycleGAN's authors, see label_maps.py
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

    @field_validator("splits", "truth")
    @classmethod
    def _splits_have_known_names(cls, named: dict[str, str] | list[str] | None) -> dict[str, str] | list[str] | None:
        known = list(dict.fromkeys(layout.SPLIT_NAMES.values()))
        for name in named or ():
            if name not in known:
                raise ValueError(f"there is no split {name!r}; there are {', '.join(known)}")
        return named


def load(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """Splits as found, (n, 3 or 1, size, size), photos antialiased bicubic, label maps nearest; the card's.

    `labels` for class folders, `label_maps` and `truth` for pairs; with jpeg_bicubic also `label_images`, (n, 3,
    size, size), and the photos pass through JPEG. The card's `notes` say what was not read, and of pairs which classes
    occur and what results are compared with. Raises DataError: no such path, no layout that is known, an image or
    archive that cannot be read, pairs that do not fit each other or their `classes`, jpeg_bicubic for other images.
    """
    tree, found = find(config)
    names = sorted({name for part in found.values() for name in part.classes or ()})
    classes = _class_table(config, found)
    surveys = {split: pairs.survey(part, tree, classes) for split, part in found.items() if part.label_maps is not None}
    said = layout.unread(tree.files) + [f"not followed: the link {link}" for link in tree.skipped]
    if surveys:
        said += pairs.notes([pair for survey in surveys.values() for pair in survey], classes)
    splits = {}
    for split, part in found.items():
        if part.label_maps is None:
            splits[split] = _labelled(part, tree, config, size, names)
        else:
            splits[split] = _paired(split, part, surveys[split], tree, config, size, classes)
            truth = splits[split].truth
            at = f"{size} x {size}" if truth is None else f"{truth.shape[2]} x {truth.shape[1]}, as the files have them"
            said.append(f"{split}: the true label maps are kept at {at}")
    card = _card(project.inside(config.path), config, size)
    if names:
        card["class_names"] = names
    if classes:
        card["classes"] = classes
        card["files"] = {split: [Path(f).stem for f in part.photos] for split, part in found.items()}
    if said:
        card["notes"] = said
    return splits, card


def find(config: Config) -> tuple[Tree, dict[str, Part]]:
    """The files below `config.path`, and which of them belong to each split; no image is opened. Raises DataError."""
    if config.path is None:
        raise DataError("source is `folder`, but folder.path is null: set it to a folder of images or an archive")
    tree = open_tree(project.inside(config.path))
    found = layout.parts(tree.name, tree.files, config.splits, config.labels)
    if config.limit_per_class:
        found = {split: _limited(part, config.limit_per_class) for split, part in found.items()}
    if config.prepared_as == "jpeg_bicubic":
        _check_all_are_pairs(found, config)
    _class_table(config, found)
    return tree, found


def _pixels(config: Config, tree: Tree, file: str, size: int, upright: bool) -> np.ndarray:
    shown = BACKGROUNDS[config.background]
    options = {"grey": config.grey, "upright": upright, "background": shown}
    return photo(tree.read(file), tree.where(file), size, config.crop, **options)


def _labelled(part: Part, tree: Tree, config: Config, size: int, names: list[str]) -> Split:
    image = functools.partial(_pixels, config, tree, size=size, upright=True)
    images = decoded(part.photos, image, (1 if config.grey else 3, size, size))
    if part.classes is None:
        return Split(images)
    return Split(images, labels=np.array([names.index(c) for c in part.classes], np.int64))


def _paired(
    split: str,
    part: Part,
    survey: list[pairs.Pair],
    tree: Tree,
    config: Config,
    size: int,
    classes: list[dict[str, Any]],
) -> Split:
    jpeg = config.prepared_as == "jpeg_bicubic"

    def image(item: tuple[str, bool]) -> np.ndarray:
        pixels = _pixels(config, tree, item[0], size, upright=item[1])
        return through_jpeg(pixels) if jpeg else pixels

    def ids(file: str, size: int | None, crop: str = config.crop) -> np.ndarray:
        return label_map(tree.read(file), tree.where(file), classes, size, crop)

    def drawn(file: str) -> np.ndarray:
        return through_jpeg(label_image(ids(file, None, "none"), classes, size, config.crop))

    turned = [pair.turn for pair in survey]
    truth = pairs.truth_shape(split, part, survey, config.crop) if split in config.truth else None
    return Split(
        decoded(list(zip(part.photos, turned)), image, (1 if config.grey else 3, size, size)),
        label_maps=decoded(part.label_maps, functools.partial(ids, size=size), (size, size)),
        truth=decoded(part.label_maps, functools.partial(ids, size=None), truth) if truth else None,
        label_images=decoded(part.label_maps, drawn, (3, size, size)) if jpeg else None,
    )


def _check_all_are_pairs(found: dict[str, Part], config: Config) -> None:
    others = [split for split, part in found.items() if part.label_maps is None]
    if others:
        raise DataError(
            f"prepared_as = jpeg_bicubic is for pairs, and in {config.path} the split {others[0]!r} has no photo/ with "
            "label/: set prepared_as: png"
        )


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
            f"{config.path} holds label maps: say what their ids mean with `classes`: {', '.join(CLASSES)}, or "
            "a list of {id, name, train_id, colour}"
        )
    if isinstance(config.classes, str):
        return CLASSES[config.classes]
    return [c.model_dump(exclude_none=True) for c in config.classes]


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
