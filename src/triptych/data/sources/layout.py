"""Which split, class or pair each file of a tree belongs to, from its path alone.

    <split>/<class>/*.jpg           classes                  <split>/*.jpg      no labels
    <split>/photo/*, label/*.png    pairs by file name       trainA/* trainB/*  two unpaired domains

`<split>/` may be absent: then all is one split, `train`. A single folder around everything is looked through.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from triptych.data.format import DataError
from triptych.data.sources.pixels import is_image

# What a split's folder may be called, and the split it is.
SPLIT_NAMES = {name: name for name in ("train", "val", "test", "extra", "unlabelled")} | {
    "training": "train", "valid": "val", "validation": "val", "testing": "test", "unlabeled": "unlabelled",
    **{name: name for name in ("trainA", "trainB", "valA", "valB", "testA", "testB")},
}  # fmt: skip

LAYOUTS = (
    "Expected is <split>/<class>/*.jpg, or <split>/photo/* with <split>/label/*.png, or trainA/* and "
    "trainB/*, or <split>/*.jpg; <split>/ (train, val, test) may be left out"
)


@dataclass(frozen=True)
class Part:
    """The files of one split: `photos`, and for each its class name, or its label map's file, or nothing."""

    photos: list[str]
    classes: list[str] | None = None
    label_maps: list[str] | None = None


def parts(name: str, files: list[str], splits: Mapping[str, str] | None = None, labels: bool = True) -> dict[str, Part]:
    """Split -> its Part. `splits` (our name -> folder, "." for all) says which folders are splits, else their
    names do.

    Within classes the order is mixed (by a hash of the path: the same for ever, whatever else is there), so
    that the first n are of all classes; elsewhere it is that of the names. `labels` off takes class folders
    for mere folders. `name` is for messages. Raises DataError on any other layout.
    """
    images = [PurePosixPath(f).parts for f in files if is_image(f)]
    if not images:
        raise DataError(f"{name} holds no images (.jpg, .png, .bmp, .webp, .tif, .gif, .ppm). {LAYOUTS}")
    wrapper = _wrapper(images, set(splits.values()) if splits else set())
    inside = [path[len(wrapper) :] for path in images]
    found = _named(name, inside, splits) if splits else _recognised(name, inside)
    out = {}
    for split, (folder, paths) in found.items():
        where = "/".join((name, *wrapper, *folder))
        out[split] = _part(where, (*wrapper, *folder), paths, labels and split != "unlabelled")
    return out


def _wrapper(images: list[tuple[str, ...]], expected: set[str]) -> tuple[str, ...]:
    """The folders that lie around everything and are no split themselves."""
    wrapper: tuple[str, ...] = ()
    known = expected | set(SPLIT_NAMES) | {"photo", "label"}
    while all(len(path) > len(wrapper) + 1 for path in images):
        tops = {path[len(wrapper)] for path in images}
        if len(tops) > 1 or tops <= known:
            break
        wrapper += (tops.pop(),)
    return wrapper


def _recognised(name: str, images: list[tuple[str, ...]]) -> dict[str, tuple[tuple[str, ...], list]]:
    tops = {path[0] if len(path) > 1 else "" for path in images}
    split_tops = tops & set(SPLIT_NAMES)
    if not split_tops:
        return {"train": ((), images)}
    if tops != split_tops:
        odd = sorted(tops - split_tops)[0]
        what = f"the folder {odd!r}" if odd else "single images"
        raise DataError(
            f"{name}: beside the splits {', '.join(sorted(split_tops))} there is {what}: move it away, or "
            f"say which folders are splits with the option `splits`. {LAYOUTS}"
        )
    named = {SPLIT_NAMES[top]: top for top in sorted(split_tops, key=list(SPLIT_NAMES).index)}
    for top in sorted(split_tops - set(named.values())):
        split = SPLIT_NAMES[top]
        raise DataError(f"{name}: {top!r} and {named[split]!r} are both the split {split!r}: put them together")
    return _named(name, images, named)


def _named(
    name: str, images: list[tuple[str, ...]], splits: Mapping[str, str]
) -> dict[str, tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Split -> (its folder, the paths below it)."""
    found = {}
    for split, folder in splits.items():
        at = PurePosixPath(folder).parts
        below = [path[len(at) :] for path in images if path[: len(at)] == at]
        if not below:
            raise DataError(f"{name} has no images in a folder {folder!r} for the split {split!r}")
        found[split] = (at, below)
    return found


def _part(where: str, prefix: tuple[str, ...], paths: list[tuple[str, ...]], labels: bool) -> Part:
    """`paths` lie below `prefix`; `where` names that place."""

    def full(path: tuple[str, ...]) -> str:
        return "/".join((*prefix, *path))

    tops = {path[0] if len(path) > 1 else "" for path in paths}
    if tops == {"photo", "label"}:
        return _pairs(where, [p for p in paths if p[0] == "photo"], [p for p in paths if p[0] == "label"], full)
    if tops & {"photo", "label"}:
        raise DataError(f"{where} should hold photo/ and label/, both with images; found {', '.join(sorted(tops))}")
    if not labels or tops == {""}:
        return Part([full(p) for p in sorted(paths)] if tops == {""} else [full(p) for p in _mixed(paths)])
    if "" in tops:
        raise DataError(f"{where} holds both single images and class folders: move one of the two away. {LAYOUTS}")
    mixed = _mixed(paths)
    return Part([full(p) for p in mixed], classes=[p[0] for p in mixed])


def _pairs(where: str, photos: list[tuple[str, ...]], labels: list[tuple[str, ...]], full) -> Part:
    """Pairs by path below photo/ and label/, without the suffix."""
    by_stem = [defaultdict(list), defaultdict(list)]
    for side, paths in zip(by_stem, (photos, labels)):
        for path in paths:
            side["/".join((*path[1:-1], PurePosixPath(path[-1]).stem))].append(full(path))
    photo_of, label_of = by_stem
    odd = sorted(set(photo_of) ^ set(label_of)) + [stem for side in by_stem for stem, f in side.items() if len(f) > 1]
    if odd:
        raise DataError(f"{where}: {len(odd)} photos or labels have no partner or two, e.g. {odd[0]!r}")
    stems = sorted(photo_of)
    return Part([photo_of[s][0] for s in stems], label_maps=[label_of[s][0] for s in stems])


def _mixed(paths: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return sorted(paths, key=lambda path: hashlib.sha256("/".join(path).encode()).digest())
