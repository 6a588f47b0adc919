"""Names of folders that are nearly right: what is said of them, before they become a wrong number."""

from __future__ import annotations

import difflib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from triptych.data.format import DataError

UNREAD_IMAGES = {
    *(".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".tga", ".psd", ".svg", ".exr", ".hdr", ".dds"),
    *(".raw", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2"),
}
PHOTOS = {"image", "images", "img", "imgs", "jpegimages", "leftimg8bit", "photos", "input", "inputs"}
LABELS = {"mask", "masks", "labels", "gt", "gtfine", "annot", "annotation", "annotations", "segmentationclass"}


def is_unread_image(file: str) -> bool:
    """Whether `file` is an image of a kind that cannot be read here."""
    return PurePosixPath(file).suffix.lower() in UNREAD_IMAGES


def nearest(name: str, others: Iterable[str]) -> str | None:
    """The one of `others` that looks most like `name`, whatever its capitals; None if none does."""
    by_key = {_key(other): other for other in others}
    found = difflib.get_close_matches(_key(name), list(by_key), 1)
    return by_key[found[0]] if found else None


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()


def check_foreign(name: str, foreign: Sequence[str], read: set[PurePosixPath]) -> None:
    """Raises DataError if a folder holds nothing but images of a kind that is not read: a class or a split would
    vanish. `read`: the folders of the images that are read."""
    kinds: dict[PurePosixPath, Counter] = defaultdict(Counter)
    for file in map(PurePosixPath, foreign):
        kinds[file.parent][file.suffix.lower()] += 1
    around = {parent for folder in read for parent in (folder, *folder.parents)}
    for folder, found in sorted(kinds.items()):
        if folder not in around:
            said = ", ".join(f"{n} {kind}" for kind, n in found.most_common())
            raise DataError(
                f"{name}/{folder} holds images of kinds that are not read ({said}): save them as .png or .jpg"
            )


def check_classes(name: str, classes_of: Mapping[str, Sequence[str]]) -> None:
    """Raises DataError unless all splits have the same class folders, and no two names differ in capitals alone."""
    sets = {split: set(classes) for split, classes in classes_of.items()}
    everything = set().union(*sets.values())
    for split, found in sets.items():
        for missing in sorted(everything - found):
            has = next(other for other, classes in sets.items() if missing in classes)
            near = nearest(missing, found - sets[has])
            raise DataError(
                f"{name}: the class folder {missing!r} is in {has!r} and not in {split!r}"
                + (f", which has {near!r}: give both the same name" if near else ": every split needs every class")
            )
    by_key: dict[str, str] = {}
    for one in sorted(everything):
        twin = by_key.setdefault(_key(one), one)
        if twin != one:
            raise DataError(f"{name}: the class folders {twin!r} and {one!r} are nearly one name: put them together")


def check_pair_folders(where: str, tops: set[str]) -> None:
    """Raises DataError if the folders look like photos and label maps under other names."""
    photos = sorted(top for top in tops if top.lower() in PHOTOS | {"photo"})
    labels = sorted(top for top in tops if top.lower() in LABELS | {"label"})
    if len(tops) == 2 and photos and labels:
        raise DataError(
            f"{where} holds {photos[0]}/ and {labels[0]}/. If these are photos and their label maps, call the folders "
            "photo/ and label/; if they are two classes, give them other names"
        )


def check_hidden_splits(name: str, images: Sequence[tuple[str, ...]], known: Mapping[str, str]) -> None:
    """Raises DataError if the outermost folders look like splits whose names are not known: each holds the same two or
    more folders, or one is nearly called like a split and holds folders."""
    inner: dict[str, set[str]] = defaultdict(set)
    for path in images:
        if len(path) > 2:
            inner[path[0]].add(path[1])
    if len(inner) < 2 or len(inner) != len({path[0] for path in images}):
        return
    alike = len({frozenset(folders) for folders in inner.values()}) == 1 and len(next(iter(inner.values()))) > 1
    near = next((top for top in sorted(inner) if difflib.get_close_matches(top.lower(), known, 1, 0.75)), None)
    if alike or (near and len(inner) < 5):
        raise DataError(
            f"{name}: the folders {', '.join(sorted(inner))} look like splits, not like classes. Call them train, "
            "val or test, or say which folders are splits with the option `splits`"
        )
