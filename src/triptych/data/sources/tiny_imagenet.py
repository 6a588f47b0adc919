"""Tiny ImageNet: 100,000 training images of 64×64 pixels from 200 classes of ImageNet-1k, to be had without an account.

`tiny-imagenet-200.zip` (Stanford, CS231n) is read in place: tiny-imagenet-200/train/<wnid>/images/<wnid>_<n>.JPEG.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

import numpy as np
from pydantic import Field

from triptych.base import project
from triptych.base.config import Strict
from triptych.data.format import DataError, Split
from triptych.data.sources.download import fetch, md5
from triptych.data.sources.imagenet import training_split
from triptych.data.sources.pixels import is_image, photo
from triptych.data.sources.trees import ZipTree

ARCHIVE = "tiny-imagenet-200.zip"
URL = f"http://cs231n.stanford.edu/{ARCHIVE}"
MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
CLASSES, IMAGES = 200, 100_000


class Config(Strict):
    """Where the archive is or goes (`<root>/tiny_imagenet/tiny-imagenet-200.zip`), and how images are made small."""

    root: str = "data/raw"
    download: bool = True
    limit_per_class: int | None = Field(None, gt=0)  # the first so many of each class
    resample: Literal["box", "bilinear", "bicubic"] = "bilinear"  # all antialiased


def load(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """One split `train`: (n, 3, size, size), labels by sorted wnid, class by class.

    Raises DataError: no connection, archive damaged or incomplete.
    """
    tree = ZipTree(fetch(URL, project.inside(config.root) / "tiny_imagenet" / ARCHIVE, md5(MD5), config.download))
    by_class = defaultdict(list)
    for file in tree.files:
        _, split, wnid, *_ = (*file.split("/"), "", "")
        if split == "train" and is_image(file):
            by_class[wnid].append(file)
    found = (len(by_class), sum(map(len, by_class.values())))
    if found != (CLASSES, IMAGES):
        raise DataError(
            f"{tree.name} holds {found[1]:,} training images of {found[0]:,} classes, Tiny ImageNet {IMAGES:,} of "
            f"{CLASSES}: delete it and get it again"
        )

    def image(_: str, file: str) -> np.ndarray:
        return photo(tree.read(file), tree.where(file), size, resample=config.resample)

    card = {
        "title": "Tiny ImageNet",
        "licence": "ImageNet's: non-commercial research and education; cite Russakovsky et al. 2015",
        "made_by": f"64 px made {size} px ({config.resample}, antialiased)",
        "url": URL,
        "md5": {ARCHIVE: MD5},
    }
    return training_split(by_class, config.limit_per_class, image, size, card)
