"""ImageNet-1k's training images (ILSVRC2012), small: what DCGAN learns its features from.

Needs an account, so nothing is downloaded here. Read in place, one of

    <root>/imagenet/ILSVRC2012_img_train.tar      as published: a tar of one tar per class
    <root>/imagenet/train/<wnid>/*.JPEG           unpacked
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from triptych.base import project
from triptych.base.config import Strict
from triptych.data.format import DataError, Split
from triptych.data.sources.download import md5, verify
from triptych.data.sources.pixels import decoded, is_image, photo
from triptych.data.sources.trees import FolderTree, TarTree

ARCHIVE, MD5 = "ILSVRC2012_img_train.tar", "1d675b47d978889d74fa0da5fadfb00e"
CLASSES, IMAGES = 1000, 1_281_167


class Config(Strict):
    """Where the images are, and how they are made small (the paper says 32 x 32 and no more)."""

    root: str = "data/raw"
    verify: bool = True  # read the archive's 138 GB once before, for its MD5
    limit_per_class: int | None = Field(None, gt=0)  # the first so many of each class
    resample: Literal["box", "bilinear", "bicubic"] = "bilinear"  # all antialiased
    shrink_on_load: bool = True  # decode JPEGs at reduced resolution (twice the size or more)


def load(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """One split `train`: (n, 3, size, size), shorter side to `size`, centre crop; labels by sorted wnid.

    In the order of the archive, class by class. Raises DataError: files absent, incomplete or damaged.
    """
    folder = project.inside(config.root) / "imagenet"
    if (folder / ARCHIVE).is_file():
        if config.verify:
            verify(
                folder / ARCHIVE,
                md5(MD5),
                "get it again, or set official.verify to false for a repacked copy",
            )
        images, by_class = _from_archive(folder / ARCHIVE)
    elif (folder / "train").is_dir():
        images, by_class = _from_folder(folder / "train")
    else:
        raise DataError(
            f"ImageNet is not there: neither {folder / ARCHIVE} nor {folder / 'train'}/<wnid>/. Register at "
            f"image-net.org, accept its terms and put {ARCHIVE} (138 GB) into {folder}; no need to unpack it"
        )
    _check_counts(folder, by_class)

    def image(wnid: str, file: str) -> np.ndarray:
        data, name = images(wnid, file)
        return photo(data, name, size, resample=config.resample, shrink_on_load=config.shrink_on_load)

    card = {
        "title": "ImageNet-1k",
        "licence": "non-commercial research and education, not to be passed on; cite Russakovsky et al. 2015",
        "made_by": f"shorter side to {size} px ({config.resample}, antialiased), centre crop",
    }
    return training_split(by_class, config.limit_per_class, image, size, card)


def training_split(
    by_class: Mapping[str, Sequence[str]],
    limit: int | None,
    image: Callable[[str, str], np.ndarray],
    size: int,
    card: dict,
) -> tuple[dict[str, Split], dict]:
    """One split `train` of the files (wnid -> files) that `image(wnid, file)` reads, the first `limit` of each class;
    labels are the places of the sorted wnids. `card` gets its source, the names of the classes, and the limit."""
    wnids = sorted(by_class)
    items = [(label, file) for label, wnid in enumerate(wnids) for file in by_class[wnid][:limit]]
    images = decoded(items, lambda item: image(wnids[item[0]], item[1]), (3, size, size))
    split = Split(images, labels=np.array([label for label, _ in items], np.int64))
    told = f"{card['title']}, the first {limit} per class" if limit else card["title"]
    return {"train": split}, card | {"title": told, "source": "official", "class_names": wnids}


Reader = Callable[[str, str], tuple[bytes, str]]
"""(wnid, file) -> (bytes, name for messages)."""


def _from_archive(path: Path) -> tuple[Reader, dict[str, list[str]]]:
    outer = TarTree(str(path), open(path, "rb"))  # noqa: SIM115  (it lives as long as the tree)
    inner = {file.removesuffix(".tar"): outer.inner(file) for file in outer.files if file.endswith(".tar")}

    def read(wnid: str, file: str) -> tuple[bytes, str]:
        return inner[wnid].read(file), inner[wnid].where(file)

    return read, {wnid: [f for f in tree.files if is_image(f)] for wnid, tree in inner.items()}


def _from_folder(path: Path) -> tuple[Reader, dict[str, list[str]]]:
    tree = FolderTree(path)
    by_class: dict[str, list[str]] = {}
    for file in tree.files:
        wnid, _, rest = file.partition("/")
        if is_image(rest):
            by_class.setdefault(wnid, []).append(rest)

    def read(wnid: str, file: str) -> tuple[bytes, str]:
        return tree.read(f"{wnid}/{file}"), tree.where(f"{wnid}/{file}")

    return read, by_class


def _check_counts(folder: Path, by_class: dict[str, list[str]]) -> None:
    found = (len(by_class), sum(map(len, by_class.values())))
    if found != (CLASSES, IMAGES):
        raise DataError(
            f"{folder} holds {found[1]:,} images of {found[0]:,} classes, ImageNet-1k {IMAGES:,} of "
            f"{CLASSES:,}: get what is missing, or read a part of it with source: folder, under its own title"
        )
