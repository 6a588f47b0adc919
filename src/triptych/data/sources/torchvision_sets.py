"""CIFAR-10, SVHN and CelebA by torchvision's readers, addresses and checksums.

Files lie where torchvision looks for them, so a copy it made earlier is used, and so is one placed by hand:
`<root>/cifar-10-python.tar.gz` (or `<root>/cifar-10-batches-py/`), `<root>/{train,test,extra}_32x32.mat`,
`<root>/celeba/` (see `celeba.py`). The download is ours: torchvision writes straight to the final name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from pydantic import Field

from triptych.base import project
from triptych.base.config import Strict
from triptych.data.format import Chunks, DataError, Split
from triptych.data.sources import celeba
from triptych.data.sources.download import fetch, md5, verify
from triptych.data.sources.pixels import decoded, planes
from triptych.data.sources.trees import unpack_folder


class Config(Strict):
    """Which set, and where its files are or go."""

    dataset: Literal["CIFAR10", "SVHN", "CelebA"]
    root: str = "data/raw"
    download: bool = True
    extra: bool = False  # SVHN: prepare the 531,131 images of the extra split too
    crop: int = Field(148, ge=16, le=178)  # CelebA: side of the central square (of 178 x 218) that is used


def load(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """Splits train, test (SVHN: extra; CelebA: train, val, test) of (3, size, size); the card's fields.

    Raises DataError: no connection, bad checksum, file missing or damaged, disk full.
    """
    root = project.inside(config.root)
    if config.dataset == "CelebA":
        return celeba.load(root / "celeba", size, config.crop, config.download)
    return (_cifar10 if config.dataset == "CIFAR10" else _svhn)(root, config, size)


def _cifar10(root: Path, config: Config, size: int) -> tuple[dict[str, Split], dict]:
    from torchvision.datasets import CIFAR10

    folder, archive = root / CIFAR10.base_folder, root / CIFAR10.filename
    if not folder.is_dir():
        fetch(CIFAR10.url, archive, md5(CIFAR10.tgz_md5), config.download)
        unpack_folder(archive, folder)
    meta = (CIFAR10.meta["filename"], CIFAR10.meta["md5"])
    # The batches are pickles, which run code when read: none is opened before all checksums are right.
    for name, digest in [*CIFAR10.train_list, *CIFAR10.test_list, meta]:
        if not (folder / name).is_file():
            raise DataError(f"{folder / name} is missing: delete {folder} and run again")
        verify(folder / name, md5(digest), "the folder around it, so that the archive is unpacked again")
    sets = {"train": CIFAR10(root, train=True), "test": CIFAR10(root, train=False)}
    splits = {
        name: Split(_resized(s.data.transpose(0, 3, 1, 2), size), np.array(s.targets, np.int64))
        for name, s in sets.items()
    }
    card = {
        "title": "CIFAR-10",
        "source": "torchvision",
        "licence": "no formal licence; cite Krizhevsky 2009",
        "made_by": _made_by("CIFAR10", size),
        "url": CIFAR10.url,
        "md5": {CIFAR10.filename: CIFAR10.tgz_md5},
        "class_names": sets["train"].classes,
    }
    return splits, card


def _svhn(root: Path, config: Config, size: int) -> tuple[dict[str, Split], dict]:
    from torchvision.datasets import SVHN

    splits, digests = {}, {}
    for name in ["train", "test", *(["extra"] if config.extra else [])]:
        url, file, digest = SVHN.split_list[name]
        fetch(url, root / file, md5(digest), config.download)
        digits = SVHN(root, split=name)  # maps the file's label 10 to 0
        splits[name] = Split(_resized(digits.data, size), digits.labels)
        digests[file] = digest
    card = {
        "title": "SVHN",
        "source": "torchvision",
        "licence": "non-commercial use; cite Netzer et al. 2011",
        "made_by": _made_by("SVHN", size),
        "url": "http://ufldl.stanford.edu/housenumbers/",
        "md5": digests,
        "class_names": [str(digit) for digit in range(10)],
    }
    return splits, card


def _resized(images: np.ndarray, size: int) -> np.ndarray | Chunks:
    """(N, 3, 32, 32) -> (N, 3, size, size), antialiased bicubic; the very same pixels when size is 32."""
    if images.shape[2:] == (size, size):
        return np.ascontiguousarray(images)

    def resize(image: np.ndarray) -> np.ndarray:
        return planes(Image.fromarray(image.transpose(1, 2, 0)).resize((size, size), Image.BICUBIC))

    return decoded(images, resize, (3, size, size))


def _made_by(name: str, size: int) -> str:
    how = "pixels as published" if size == 32 else f"resized from 32 to {size} px, bicubic"
    return f"torchvision.datasets.{name}, {how}"
