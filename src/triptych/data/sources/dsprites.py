"""dSprites as published: 737,280 binary 64×64 images with six known factors (Matthey et al. 2017).

The file `dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz` of the repository google-deepmind/dsprites-dataset
is recognised by its git blob id. Its `metadata` entry is a pickle and is never opened.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from triptych.base import project
from triptych.base.config import Strict
from triptych.data.format import Chunks, DataError, Split
from triptych.data.sources.download import fetch, git_blob
from triptych.data.sources.trees import BROKEN

FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
URL = f"https://github.com/google-deepmind/dsprites-dataset/raw/master/{FILE}"
GIT_BLOB = "d98996d3f8ee1550e06b9d4ed78d0beb478910d5"
NAMES = ("shape", "scale", "orientation", "x", "y")
SIZES = (3, 6, 40, 32, 32)
ROWS = 4096  # images per block


class Config(Strict):
    """Where the file is or goes: `<root>/dsprites/<FILE>`."""

    root: str = "data/raw"
    download: bool = True


def load(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """One split `train`: (737280, 1, 64, 64) of 0 and 255, row-major over (shape, scale, orientation, x, y).

    `factors` leaves out the file's first factor, colour, which is always white. Raises DataError: another
    size than 64, no connection, file damaged or another one.
    """
    if size != 64:
        raise DataError(f"the published dSprites are 64 pixels wide: set pixels to 64, not {size} (rendered: any size)")
    file = fetch(URL, project.inside(config.root) / "dsprites" / FILE, git_blob(GIT_BLOB), config.download)
    try:
        with np.load(file, allow_pickle=False) as npz:
            factors = npz["latents_classes"][:, 1:].astype(np.int64)
    except (*BROKEN, KeyError, ValueError, OSError) as error:
        raise DataError(f"{file} has no readable `latents_classes`: {error}. Delete it and get it again") from error
    grid = np.stack(np.unravel_index(np.arange(len(factors)), SIZES), axis=1)
    if not np.array_equal(factors, grid):
        raise DataError(f"{file}: the images are not in the published order. Delete it and get it again")
    images = Chunks((len(factors), 1, 64, 64), "uint8", _images(file, len(factors)))
    card = {
        "title": "dSprites",
        "source": "official",
        "licence": "Apache-2.0",
        "made_by": "pixels as published (1 stored as 255)",
        "url": URL,
        "git_blob": GIT_BLOB,
        "factors": [{"name": name, "values": values} for name, values in zip(NAMES, latent_values())],
    }
    return {"train": Split(images, factors=factors)}, card


def latent_values() -> list[list[float]]:
    """What the factor indices stand for: `latents_values` of the file, as its README gives them."""
    position = [i / 31 for i in range(32)]
    return [
        [1, 2, 3],
        [0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
        [2 * np.pi * i / 39 for i in range(40)],
        position,
        position,
    ]


def _images(file: Path, count: int) -> Iterator[np.ndarray]:
    """The entry `imgs`, 3 GB, as it is decompressed."""
    try:
        with zipfile.ZipFile(file) as npz, npz.open("imgs.npy") as stream:
            if _header(stream) != ((count, 64, 64), False, np.dtype(np.uint8)):
                raise DataError(f"{file}: `imgs` is not ({count}, 64, 64) uint8. Delete it and get it again")
            for start in range(0, count, ROWS):
                rows = min(ROWS, count - start)
                data = stream.read(rows * 64 * 64)
                yield np.frombuffer(data, np.uint8).reshape(rows, 1, 64, 64) * np.uint8(255)
    except (*BROKEN, KeyError, ValueError, OSError) as error:
        raise DataError(f"{file} has no readable `imgs`: {error}. Delete it and get it again") from error


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, Fortran order, dtype) from the beginning of an .npy file."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(stream)
