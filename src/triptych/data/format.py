"""The on-disk form of a prepared dataset, the only thing that stages after `prepare` read.

    <dataset>/card.json                 what it is: source, licence, how made, classes or factors, counts, sha256
    <dataset>/<split>/images.npy        uint8, (N, C, H, W), memory-mappable
    <dataset>/<split>/labels.npy        int64, (N,)              class of each image
    <dataset>/<split>/factors.npy       int64, (N, K)            factor class indices, names and values in the card
    <dataset>/<split>/label_maps.npy    uint8, (N, H, W)         raw class id of each pixel, ids listed in the card
    <dataset>/<split>/truth.npy         uint8, (N, H', W')       the same at full size, where it is kept
    <dataset>/<split>/label_images.npy  uint8, (N, 3, H, W)      label maps as pictures, where they are not exact

Only images.npy must be there. A dataset is written beside its place and renamed, so it is whole or absent. The
card holds no clock and no machine: the same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from triptych.base.errors import UserError, disk_full
from triptych.base.files import FileError, read_json


class DataError(UserError):
    """Data is missing, incomplete or not laid out as expected. The message says what to do."""


@dataclass(frozen=True)
class Chunks:
    """An array too large to hold: its shape and dtype, and its rows in blocks, in order."""

    shape: tuple[int, ...]
    dtype: str
    blocks: Iterable[np.ndarray]


@dataclass(frozen=True)
class Split:
    """The arrays of one split (see the module's table). `images` may be `Chunks` when it is about to be written."""

    images: np.ndarray | Chunks
    labels: np.ndarray | None = None
    factors: np.ndarray | None = None
    label_maps: np.ndarray | Chunks | None = None
    truth: np.ndarray | Chunks | None = None
    label_images: np.ndarray | Chunks | None = None

    def arrays(self) -> Iterator[tuple[str, np.ndarray | Chunks]]:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                yield field.name, value

    def __len__(self) -> int:
        return self.images.shape[0]


class Dataset:
    """A prepared dataset, opened for reading. `dataset["train"].images` is a read-only memory map."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        card = self.path / "card.json"
        if not card.is_file():
            raise DataError(f"no prepared dataset at {self.path}: run `dvc repro prepare@{self.path.name}` first")
        try:
            self.card: dict[str, Any] = read_json(card)
        except FileError as error:
            raise self._damaged(error) from None

    def __getitem__(self, split: str) -> Split:
        folder = self.path / split
        if split not in self.card["splits"]:
            raise DataError(f"{self.path} has no split {split!r}; it has {', '.join(self.card['splits'])}")
        names = [f.name for f in fields(Split)]
        try:
            present = {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in names if (folder / f"{n}.npy").is_file()}
        except (OSError, EOFError, ValueError) as error:
            raise self._damaged(error) from None
        if "images" not in present:
            raise self._damaged(f"{split}/images.npy is missing")
        return Split(**present)

    def _damaged(self, what: object) -> DataError:
        return DataError(f"the dataset at {self.path} is damaged ({what}): run `dvc repro -f prepare@{self.path.name}`")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images."""
        return tuple(self.card["image_shape"])

    @property
    def n_classes(self) -> int:
        return len(self.card["class_names"])

    @property
    def factors(self) -> list[dict[str, Any]]:
        """What the columns of `Split.factors` are: {"name", "values"} and more. Raises DataError if there are none."""
        if "factors" not in self.card:
            raise DataError(f"{self.path} has no known factors, which are needed here: images of one's own have none")
        return self.card["factors"]

    def describe(self, split: str) -> str:
        """One line that says which data a number is from, for tables: "rendered objects (train, n=5000)"."""
        return f"{self.card['title']} ({split}, n={self.card['splits'][split]})"


def write_dataset(path: str | Path, splits: Mapping[str, Split], card: Mapping[str, Any]) -> Dataset:
    """Write `splits` and `card` to the folder `path`, replacing what is there, in one step.

    `card` must hold `title` (what tables call the data), `source`, `licence` and `made_by`; `class_names` for
    labels, `factors` (list of {name, values}) for factors, `classes` (list of {id, name, train_id, colour}) for
    label maps. Splits' counts, the image shape and each file's sha256 are added here.
    """
    missing = {"title", "source", "licence", "made_by"} - set(card)
    if missing:
        raise ValueError(f"the card of {path} lacks {sorted(missing)}")
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        digests: dict[str, str] = {}
        for name, split in splits.items():
            (unfinished / name).mkdir(parents=True)
            for array_name, array in split.arrays():
                if len(split) != array.shape[0]:
                    raise DataError(f"{path.name}/{name}: {array.shape[0]} {array_name} for {len(split)} images")
                file = unfinished / name / f"{array_name}.npy"
                save_array(file, array)
                digests[f"{name}/{array_name}.npy"] = file_sha256(file)
        first = next(iter(splits.values()))
        full = {
            **card,
            "image_shape": list(first.images.shape[1:]),
            "splits": {name: len(split) for name, split in splits.items()},
            "sha256": digests,
        }
        (unfinished / "card.json").write_text(json.dumps(full, indent=1, ensure_ascii=False) + "\n")
        shutil.rmtree(path, ignore_errors=True)
        unfinished.rename(path)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if disk_full(error):
            free = shutil.disk_usage(path.parent).free // 2**20
            raise DataError(f"disk full while writing {path} ({free} MiB free); nothing was left behind") from error
        raise
    return Dataset(path)


def file_sha256(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def save_array(file: Path, array: np.ndarray | Chunks) -> None:
    """As .npy, by plain writes: on a full disk they say so, where np.save only says that it wrote too little, and a
    memory map would kill the process."""
    blocks = [array] if isinstance(array, np.ndarray) else array.blocks
    dtype = np.dtype(array.dtype)
    with open(file, "wb") as out:
        descr = np.lib.format.dtype_to_descr(dtype)
        header = {"descr": descr, "fortran_order": False, "shape": tuple(array.shape)}
        np.lib.format.write_array_header_1_0(out, header)
        at = 0
        for block in blocks:
            if block.shape[1:] != tuple(array.shape[1:]):
                raise DataError(f"{file.name}: rows of shape {block.shape[1:]}, announced were {array.shape[1:]}")
            out.write(np.ascontiguousarray(block, dtype).data)
            at += len(block)
    if at != array.shape[0]:
        raise DataError(f"{file.name}: {at} rows were made, {array.shape[0]} were announced")
