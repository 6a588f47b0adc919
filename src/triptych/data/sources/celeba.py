"""CelebA, aligned and cropped: 202,599 faces with 40 binary attributes (Liu et al. 2015).

Needed in one folder, from the authors' page or torchvision's Google-Drive copies: `list_attr_celeba.txt`,
`list_eval_partition.txt`, and `img_align_celeba.zip` (read in place) or the folder `img_align_celeba/`.
Google Drive often answers "quota exceeded"; then the files are to be placed by hand.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from triptych.base.errors import disk_full
from triptych.data.format import DataError, Split
from triptych.data.sources.download import md5, verify
from triptych.data.sources.pixels import decoded, photo
from triptych.data.sources.trees import FolderTree, Tree, ZipTree

ATTRIBUTES, PARTITION, ARCHIVE = "list_attr_celeba.txt", "list_eval_partition.txt", "img_align_celeba.zip"
SPLITS = {"train": "0", "val": "1", "test": "2"}  # 162,770 / 19,867 / 19,962 faces
PAGE = "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


def load(folder: Path, size: int, crop: int, download: bool) -> tuple[dict[str, Split], dict]:
    """Splits train, val, test of (3, size, size): the central `crop` square, antialiased bicubic.

    `factors` is (N, 40), an attribute being 0 or 1. Raises DataError (see module).
    """
    published = _published()
    for file in (ATTRIBUTES, PARTITION):
        _require(folder / file, *published[file], download)
    faces = _faces(folder, published, download)
    names, attributes = _attributes(folder / ATTRIBUTES)
    files = _partition(folder / PARTITION)
    there = {f.removeprefix("img_align_celeba/") for f in faces.files} & set(attributes)
    absent = set().union(*files.values()) - there
    if absent:
        raise DataError(f"{faces.name} lacks {len(absent)} faces, e.g. {min(absent)}: unpack {ARCHIVE} again")

    def face(file: str) -> np.ndarray:
        data = faces.read(f"img_align_celeba/{file}")
        return photo(data, faces.where(file), size, crop)

    splits = {
        name: Split(
            decoded(files[name], face, (3, size, size)),
            factors=np.stack([attributes[f] for f in files[name]]),
        )
        for name in SPLITS
    }
    return splits, _card(names, published, size, crop)


def _card(names: list[str], published: dict[str, tuple[str, str]], size: int, crop: int) -> dict:
    return {
        "title": "CelebA",
        "source": "torchvision",
        "licence": "non-commercial research only; cite Liu et al. 2015",
        "made_by": f"central {crop} px square of the aligned faces, resized to {size} px, bicubic",
        "url": PAGE,
        "md5": {file: published[file][1] for file in (ATTRIBUTES, PARTITION, ARCHIVE)},
        "factors": [{"name": name, "values": [0, 1]} for name in names],
    }


def _published() -> dict[str, tuple[str, str]]:
    """File -> (Google-Drive id, MD5), as torchvision has them."""
    from torchvision.datasets import CelebA

    return {file: (drive_id, digest) for drive_id, digest, file in CelebA.file_list}


def _faces(folder: Path, published: dict[str, tuple[str, str]], download: bool) -> Tree:
    """The images, as a tree whose files begin with img_align_celeba/."""
    if (folder / "img_align_celeba").is_dir():
        return FolderTree(folder)
    _require(folder / ARCHIVE, *published[ARCHIVE], download)
    return ZipTree(folder / ARCHIVE)


def _require(file: Path, drive_id: str, digest: str, download: bool) -> None:
    """`file` is there and is the official one, else it is downloaded through torchvision, else DataError."""
    by_hand = f"Download {file.name} from {PAGE} with a browser and put it at {file}"
    if not file.is_file():
        if not download:
            raise DataError(f"{file} is missing and downloads are off. {by_hand}")
        _from_drive(file, drive_id, digest, by_hand)
    verify(file, md5(digest), f"then: {by_hand}")


def _from_drive(file: Path, drive_id: str, digest: str, by_hand: str) -> None:
    from torchvision.datasets.utils import download_file_from_google_drive

    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as beside:
        try:
            download_file_from_google_drive(drive_id, beside, file.name, digest)
        except Exception as error:  # gdown raises many kinds, its quota refusal among them
            if disk_full(error):
                raise DataError(f"disk full while downloading {file}: free some space and run again") from error
            raise DataError(f"cannot get {file.name} from Google Drive ({error}). {by_hand}") from error
        (Path(beside) / file.name).rename(file)


def _attributes(file: Path) -> tuple[list[str], dict[str, np.ndarray]]:
    """(40 names, image file -> (40,) int64 of 0 and 1). Lines: count; names; file and forty times -1 or 1."""
    lines = file.read_text().splitlines()
    rows = (line.split() for line in lines[2:] if line.strip())
    return lines[1].split(), {row[0]: (np.array(row[1:], np.int64) + 1) // 2 for row in rows}


def _partition(file: Path) -> dict[str, list[str]]:
    """Split -> its image files. Lines: file and 0, 1 or 2."""
    rows = [line.split() for line in file.read_text().splitlines() if line.strip()]
    return {name: [f for f, c in rows if c == code] for name, code in SPLITS.items()}
