"""Cityscapes (Cordts et al. 2016), fine annotations: 2,975 train and 500 val street photos with pixel labels.

The licence asks for an account, so nothing is downloaded here: the official tool is. The two archives are
read in place, or unpacked below `<root>/cityscapes`:

    {leftImg8bit,gtFine}/{train,val}/<city>/<city>_<seq>_<frame>_{leftImg8bit,gtFine_labelIds}.png

CycleGAN's authors stored both as JPEG files of 256 x 256, label maps resized like photos. That blends and shifts
the labels' colours, so it is not done unless asked for (`prepared_as: jpeg_bicubic`), for strict comparison.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import Field

from triptych.base import project
from triptych.base.config import Strict
from triptych.data.format import Chunks, DataError, Split
from triptych.data.label_classes import CITYSCAPES
from triptych.data.sources.label_maps import MADE_BY, PreparedAs, label_image, label_map
from triptych.data.sources.pixels import decoded, image_wh, photo, through_jpeg
from triptych.data.sources.trees import FolderTree, Tree, ZipTree

PACKAGES = {"gtFine": "gtFine_trainvaltest.zip", "leftImg8bit": "leftImg8bit_trainvaltest.zip"}
COUNTS = {"train": 2975, "val": 500}
WIDTH_HEIGHT = (2048, 1024)
PHOTO, LABEL = "leftImg8bit", "gtFine_labelIds"


class Config(Strict):
    """Where the files are, the size that train images are stored at for random crops, and how pairs are stored."""

    root: str = "data/raw"
    load_size: int | None = Field(None, ge=8, le=1024)  # e.g. 143 where crops of 128 are taken; absent: the size
    prepared_as: PreparedAs = "png"  # jpeg_bicubic: as CycleGAN's authors, see label_maps.py


def load(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """Splits `val` and `train`: photos (n, 3, size, size) and `label_maps` (n, size, size), raw ids.

    Both are squeezed to squares, photos antialiased bicubic, labels nearest. `train` is at `load_size` if
    that is given; `val` has `truth`, (500, 1024, 2048), for scoring at full size. With jpeg_bicubic photos pass
    through JPEG, and both splits have `label_images`, of the photos' shape. The card's `files` holds the official
    names `<city>_<seq>_<frame>`. Raises DataError: files absent, incomplete, unpaired or of another size or
    label.
    """
    folder = project.inside(config.root) / "cityscapes"
    photos, labels = _tree(folder, "leftImg8bit"), _tree(folder, "gtFine")
    names = {split: _names(photos, labels, split) for split in COUNTS}
    train_size, jpeg = config.load_size or size, config.prepared_as == "jpeg_bicubic"
    train = _split(photos, labels, "train", names["train"], train_size, jpeg)
    val = _split(photos, labels, "val", names["val"], size, jpeg)
    truth = _label_maps(labels, "val", names["val"], None)
    scored = {c["id"] % 256: c["name"] for c in CITYSCAPES if c["train_id"] != 255}
    val = replace(val, truth=Chunks(truth.shape, truth.dtype, _with_all_classes(truth, scored, labels.name)))
    card = {
        "title": "Cityscapes",
        "source": "official",
        "licence": "non-commercial; no passing on of data or modified copies; cite Cordts et al. 2016",
        "made_by": f"photos bicubic, labels nearest{MADE_BY[config.prepared_as]}; train {train_size} px, val {size} px",
        "classes": CITYSCAPES,
        "files": names,
    }
    # The card's image shape is that of the first split, and `size` is what systems are scored at.
    return {"val": val, "train": train}, card


def _tree(folder: Path, kind: str) -> Tree:
    """The tree whose files begin with `kind`/."""
    if (folder / kind).is_dir():
        return FolderTree(folder)
    archive = folder / PACKAGES[kind]
    if archive.is_file():
        return ZipTree(archive)
    raise DataError(
        f"Cityscapes is not there: neither {folder / kind}/ nor {archive}. Register at "
        "cityscapes-dataset.com, `pip install cityscapesscripts`, and run "
        f"`csDownload -d {folder} {' '.join(PACKAGES.values())}`: it asks for your account. "
        "The archives need not be unpacked"
    )


def _names(photos: Tree, labels: Tree, split: str) -> list[str]:
    """The split's `<city>_<seq>_<frame>`, sorted; each has a photo and a label map, and none is missing."""
    found = []
    for tree, kind, ending in ((photos, "leftImg8bit", PHOTO), (labels, "gtFine", LABEL)):
        start, end = f"{kind}/{split}/", f"_{ending}.png"
        paths = [f for f in tree.files if f.startswith(start) and f.endswith(end)]
        odd = [f for f in paths if f != _path(kind, split, Path(f).name.removesuffix(end), ending)]
        if odd:
            raise DataError(f"{tree.where(odd[0])} is not in its city's folder: unpack {PACKAGES[kind]} again")
        if len(paths) != COUNTS[split]:
            raise DataError(
                f"{tree.name} holds {len(paths)} files {start}<city>/*{end}, not {COUNTS[split]}: get "
                f"{PACKAGES[kind]} again"
            )
        found.append({Path(f).name.removesuffix(end) for f in paths})
    unpaired = sorted(found[0] ^ found[1])
    if unpaired:
        raise DataError(f"{unpaired[0]} ({split}) has only one of photo and label map: unpack the archives again")
    return sorted(found[0])


def _path(kind: str, split: str, name: str, ending: str) -> str:
    return f"{kind}/{split}/{name.split('_')[0]}/{name}_{ending}.png"


def _split(photos: Tree, labels: Tree, split: str, names: list[str], size: int, jpeg: bool) -> Split:
    def image(name: str) -> np.ndarray:
        file = _path("leftImg8bit", split, name, PHOTO)
        pixels = photo(_full_size(photos, file), photos.where(file), size, "none")
        return through_jpeg(pixels) if jpeg else pixels

    def drawn(name: str) -> np.ndarray:
        return through_jpeg(label_image(_ids(labels, split, name, None), CITYSCAPES, size))

    return Split(
        decoded(names, image, (3, size, size)),
        label_maps=_label_maps(labels, split, names, size),
        label_images=decoded(names, drawn, (3, size, size)) if jpeg else None,
    )


def _label_maps(labels: Tree, split: str, names: list[str], size: int | None) -> Chunks:
    """Raw ids at `size`, or at full size if that is None."""
    shape = (size, size) if size else WIDTH_HEIGHT[::-1]
    return decoded(names, lambda name: _ids(labels, split, name, size), shape)


def _ids(labels: Tree, split: str, name: str, size: int | None) -> np.ndarray:
    file = _path("gtFine", split, name, LABEL)
    return label_map(_full_size(labels, file), labels.where(file), CITYSCAPES, size)


def _full_size(tree: Tree, file: str) -> bytes:
    data = tree.read(file)
    if image_wh(data, tree.where(file)) != WIDTH_HEIGHT:
        raise DataError(f"{tree.where(file)} is not 2048 x 1024 pixels: get the official file")
    return data


def _with_all_classes(truth: Chunks, scored: dict[int, str], name: str) -> Iterator[np.ndarray]:
    """The blocks of `truth`; at the end DataError if one of the scored classes was in none of them."""
    seen = np.zeros(256, bool)
    for block in truth.blocks:
        for image in block:
            seen |= np.bincount(image.ravel(), minlength=256) > 0
        yield block
    absent = [label for raw_id, label in scored.items() if not seen[raw_id]]
    if absent:
        raise DataError(f"{name}: no pixel of val is {absent[0]!r}; these are not the official labels")
