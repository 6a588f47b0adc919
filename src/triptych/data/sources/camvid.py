"""CamVid (Brostow et al. 2009): 701 street photos of 960×720 pixels with pixel labels, to be had without an account.

`camvid.tgz` is fast.ai's copy. It is read in place:

    camvid/images/<frame>.png       camvid/labels/<frame>_P.png      a pixel's value is a class, 0 … 31
    camvid/codes.txt                the classes' names, a line each
    camvid/valid.txt                the photos of split `val`; all others are `train`

The 32 classes become the 11 that are usually scored (Sturgess et al. 2009; SegNet), with the ids of
`camvid_classes.CAMVID`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from pydantic import Field

from triptych.base import project
from triptych.base.config import Strict
from triptych.data.format import Chunks, DataError, Split
from triptych.data.sources.camvid_classes import CAMVID, GROUPS
from triptych.data.sources.download import fetch, md5
from triptych.data.sources.label_maps import MADE_BY, PreparedAs, label_image, label_map
from triptych.data.sources.pixels import decoded, image_wh, photo, through_jpeg
from triptych.data.sources.trees import Tree, open_tree

ARCHIVE = "camvid.tgz"
URL = f"https://s3.amazonaws.com/fast-ai-imagelocal/{ARCHIVE}"
MD5 = "648371e4f3a833682afb39b08a3ce2aa"
FRAMES = 701
WIDTH_HEIGHT = (960, 720)


class Config(Strict):
    """Where the archive is or goes (`<root>/camvid/camvid.tgz`), the size that train images are stored at for random
    crops, and how pairs are stored."""

    root: str = "data/raw"
    download: bool = True
    load_size: int | None = Field(None, ge=8, le=720)  # absent: the size
    prepared_as: PreparedAs = "png"  # jpeg_bicubic: as CycleGAN's authors, see label_maps.py


@dataclass(frozen=True)
class _Frames:
    """The archive, the ids of its label maps -> ids of CAMVID, and what makes pairs of it."""

    tree: Tree
    folder: str
    groups: np.ndarray
    jpeg: bool

    def photo(self, frame: str, size: int) -> np.ndarray:
        file = f"{self.folder}images/{frame}.png"
        pixels = photo(self._whole(file), self.tree.where(file), size, "none")
        return through_jpeg(pixels) if self.jpeg else pixels

    def ids(self, frame: str, size: int | None) -> np.ndarray:
        file = f"{self.folder}labels/{frame}_P.png"
        raw = [{"id": i, "train_id": 255, "colour": [i, i, i]} for i in range(len(self.groups))]
        return self.groups[label_map(self._whole(file), self.tree.where(file), raw, size)]

    def drawn(self, frame: str, size: int) -> np.ndarray:
        return through_jpeg(label_image(self.ids(frame, None), CAMVID, size))

    def split(self, frames: list[str], size: int, truth: bool) -> Split:
        return Split(
            decoded(frames, lambda frame: self.photo(frame, size), (3, size, size)),
            label_maps=self._label_maps(frames, size),
            truth=self._label_maps(frames, None) if truth else None,
            label_images=decoded(frames, lambda f: self.drawn(f, size), (3, size, size)) if self.jpeg else None,
        )

    def _label_maps(self, frames: list[str], size: int | None) -> Chunks:
        shape = (size, size) if size else WIDTH_HEIGHT[::-1]
        return decoded(frames, lambda frame: self.ids(frame, size), shape)

    def _whole(self, file: str) -> bytes:
        data = self.tree.read(file)
        if image_wh(data, self.tree.where(file)) != WIDTH_HEIGHT:
            raise DataError(f"{self.tree.where(file)} is not 960 x 720 pixels: delete the archive and get it again")
        return data


def load(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """Splits `val` and `train`: photos (n, 3, size, size) and `label_maps` (n, size, size), ids of CAMVID.

    Both are squeezed to squares, photos antialiased bicubic, labels nearest. `train` is at `load_size` if that is
    given; `val` has `truth`, (n, 720, 960), for scoring at full size. With jpeg_bicubic photos pass through JPEG, and
    both splits have `label_images`, of the photos' shape. The card's `files` holds the frames' names. Raises DataError:
    no connection, archive damaged, incomplete, unpaired, or of another size or label.
    """
    path = fetch(URL, project.inside(config.root) / "camvid" / ARCHIVE, md5(MD5), config.download)
    tree = open_tree(path)
    folder = next((file.removesuffix("codes.txt") for file in tree.files if file.endswith("codes.txt")), None)
    if folder is None:
        raise DataError(f"{path} holds no codes.txt: delete it and get it again")
    frames = _Frames(tree, folder, _groups(tree, f"{folder}codes.txt"), config.prepared_as == "jpeg_bicubic")
    names = _splits(tree, folder)
    train_size = config.load_size or size
    splits = {  # the card's image shape is that of the first, and `size` is what systems are scored at
        "val": frames.split(names["val"], size, truth=True),
        "train": frames.split(names["train"], train_size, truth=False),
    }
    card = {
        "title": "CamVid",
        "source": "official",
        "licence": "research; cite Brostow et al. 2009",
        "made_by": f"photos bicubic, labels nearest{MADE_BY[config.prepared_as]}; train {train_size} px, val {size} px",
        "url": URL,
        "md5": {ARCHIVE: MD5},
        "classes": CAMVID,
        "files": names,
    }
    return splits, card


def _groups(tree: Tree, file: str) -> np.ndarray:
    """(number of lines of codes.txt,) uint8: a class of the archive -> the id of its group in CAMVID."""
    codes = tree.read(file).decode("utf-8", "replace").split()
    if sorted(codes) != sorted(GROUPS):
        odd = sorted(set(codes) ^ set(GROUPS)) or ["a class that is there twice"]
        raise DataError(f"{tree.where(file)} does not name CamVid's {len(GROUPS)} classes: {', '.join(odd)}")
    ids = {c["name"]: c["id"] for c in CAMVID}
    return np.array([ids[GROUPS[code]] for code in codes], np.uint8)


def _splits(tree: Tree, folder: str) -> dict[str, list[str]]:
    """Split -> its frames, sorted; each has a photo and a label map, and none is missing."""
    photos, labels = (
        {
            PurePosixPath(f).stem.removesuffix(ending)
            for f in tree.files
            if f.startswith(folder + kind) and f.endswith(".png")
        }
        for kind, ending in (("images/", ""), ("labels/", "_P"))
    )
    if photos ^ labels:
        raise DataError(f"{tree.name}: {min(photos ^ labels)} has only one of photo and label map: get it again")
    valid = {PurePosixPath(line).stem for line in tree.read(f"{folder}valid.txt").decode().split()}
    if len(photos) != FRAMES or not valid or not valid < photos:
        raise DataError(
            f"{tree.name} holds {len(photos)} pairs where CamVid has {FRAMES}; of {len(valid)} names in valid.txt "
            f"{len(valid - photos)} are not among them: delete it and get it again"
        )
    return {"val": sorted(valid), "train": sorted(photos - valid)}
