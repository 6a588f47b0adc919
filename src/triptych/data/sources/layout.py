"""Which split, class or pair each file of a tree belongs to, from its path alone.

    <split>/<class>/*.jpg           classes                  <split>/*.jpg      no labels
    <split>/photo/*, label/*.png    pairs by file name       trainA/* trainB/*  two unpaired domains

`<split>/` may be absent: then all is one split, `train`. A single folder around everything is looked through. Small and
capital letters are the same in the names of splits and of photo/ and label/; class names are taken as they are.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from triptych.data.format import DataError
from triptych.data.sources import names
from triptych.data.sources.pixels import is_image

Path = tuple[str, ...]

# What a split's folder may be called (in small letters), and the split it is.
SPLIT_NAMES = {name: name for name in ("train", "val", "test", "extra", "unlabelled")} | {
    "training": "train", "valid": "val", "validation": "val", "testing": "test", "unlabeled": "unlabelled",
    **{name.lower(): name for name in ("trainA", "trainB", "valA", "valB", "testA", "testB")},
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


def parts(
    name: str, files: list[str], splits: Mapping[str, str] | None = None, labels: bool | None = None
) -> dict[str, Part]:
    """Split -> its Part. `splits` (our name -> folder, "." for all that no other one names) says which folders are
    splits, else their names do.

    Within classes the order is mixed (by a hash of the path: the same for ever, whatever else is there), so
    that the first n are of all classes; elsewhere it is that of the names. `labels` False takes class folders
    for mere folders, True wants some in every split but `unlabelled`. `name` is for messages. Raises DataError on any
    other layout, and where the class folders of the splits differ.
    """
    images = [PurePosixPath(f).parts for f in files if is_image(f)]
    if not images:
        raise DataError(f"{name} holds no images (.jpg, .png, .bmp, .webp, .tif, .gif, .ppm). {LAYOUTS}")
    wrapper = _wrapper(images, {PurePosixPath(f).parts[:1] for f in (splits or {}).values()})
    inside = [path[len(wrapper) :] for path in images]
    found = _named(name, inside, splits) if splits else _recognised(name, inside)
    out = {}
    for split, (folder, paths) in found.items():
        where = "/".join((name, *wrapper, *folder))
        wanted = False if split == "unlabelled" else labels
        out[split] = _part(where, (*wrapper, *folder), paths, wanted)
    foreign = [f for f in files if names.is_unread_image(f)]
    names.check_foreign(name, foreign, {part.parent for part in map(PurePosixPath, files) if is_image(part.name)})
    names.check_classes(name, {split: part.classes for split, part in out.items() if part.classes is not None})
    return out


def unread(files: list[str]) -> list[str]:
    """A note on the files that are no images of a kind that is read, or nothing."""
    kinds = Counter(PurePosixPath(f).suffix.lower() or "no suffix" for f in files if not is_image(f))
    if not kinds:
        return []
    said = [f"{n} × {kind}" for kind, n in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))]
    return [f"files that were not read: {', '.join(said)}"]


def _wrapper(images: list[Path], expected: set[Path]) -> Path:
    """The folders that lie around everything and are no split themselves."""
    wrapper: Path = ()
    named = {path[0] for path in expected if path}
    while all(len(path) > len(wrapper) + 1 for path in images):
        tops = {path[len(wrapper)] for path in images}
        if len(tops) > 1 or tops <= named or _split_of(*tops) or _side_of(*tops):
            break
        wrapper += (tops.pop(),)
    return wrapper


def _split_of(folder: str) -> str | None:
    return SPLIT_NAMES.get(folder.lower())


def _side_of(folder: str) -> str | None:
    return folder.lower() if folder.lower() in ("photo", "label") else None


def _recognised(name: str, images: list[Path]) -> dict[str, tuple[Path, list[Path]]]:
    tops = {path[0] if len(path) > 1 else "" for path in images}
    split_tops = {top for top in tops if _split_of(top)}
    if not split_tops:
        names.check_hidden_splits(name, images, SPLIT_NAMES)
        return {"train": ((), images)}
    if tops != split_tops:
        odd = sorted(tops - split_tops)[0]
        what = f"the folder {odd!r}" if odd else "single images"
        raise DataError(
            f"{name}: beside the splits {', '.join(sorted(split_tops))} there is {what}: move it away, or "
            f"say which folders are splits with the option `splits`. {LAYOUTS}"
        )
    order = list(SPLIT_NAMES)
    named = {_split_of(top): top for top in sorted(split_tops, key=lambda top: (order.index(top.lower()), top))}
    for top in sorted(split_tops - set(named.values())):
        split = _split_of(top)
        raise DataError(f"{name}: {top!r} and {named[split]!r} are both the split {split!r}: put them together")
    return _named(name, images, named)


def _named(name: str, images: list[Path], splits: Mapping[str, str]) -> dict[str, tuple[Path, list[Path]]]:
    """Split -> (its folder, the paths below it). A file belongs to the innermost folder that is named."""
    folders = {split: PurePosixPath(folder).parts for split, folder in splits.items()}

    def owner(path: Path) -> Path | None:
        around = [at for at in folders.values() if path[: len(at)] == at]
        return max(around, key=len, default=None)

    owners = [owner(path) for path in images]
    found = {}
    for split, at in folders.items():
        below = [path[len(at) :] for path, owned_by in zip(images, owners) if owned_by == at]
        if not below:
            raise DataError(f"{name} has no images in a folder {splits[split]!r} for the split {split!r}")
        found[split] = (at, below)
    return found


def _part(where: str, prefix: Path, paths: list[Path], labels: bool | None) -> Part:
    """`paths` lie below `prefix`; `where` names that place."""

    def full(path: Path) -> str:
        return "/".join((*prefix, *path))

    tops = {path[0] if len(path) > 1 else "" for path in paths}
    sides = {_side_of(top) for top in tops}
    if sides == {"photo", "label"}:
        return _pairs(where, *([p for p in paths if _side_of(p[0]) == side] for side in ("photo", "label")), full)
    if sides & {"photo", "label"}:
        raise DataError(f"{where} should hold photo/ and label/, both with images; found {', '.join(sorted(tops))}")
    names.check_pair_folders(where, tops)
    if labels and tops == {""}:
        raise DataError(
            f"{where} holds single images, and `labels: true` asks for class folders: put the images of each class "
            "into a folder of its own, or set `labels: false`"
        )
    if labels and len(tops) == 1:
        raise DataError(f"{where} holds one class, {tops.pop()!r}, and `labels: true` asks for two or more")
    if labels is False or tops == {""}:
        return Part([full(p) for p in sorted(paths)] if tops == {""} else [full(p) for p in _mixed(paths)])
    if "" in tops:
        raise DataError(f"{where} holds both single images and class folders: move one of the two away. {LAYOUTS}")
    mixed = _mixed(paths)
    return Part([full(p) for p in mixed], classes=[p[0] for p in mixed])


def _pairs(where: str, photos: list[Path], labels: list[Path], full: Callable[[Path], str]) -> Part:
    """Pairs by path below photo/ and label/, without the suffix."""
    by_stem = [defaultdict(list), defaultdict(list)]
    for side, paths in zip(by_stem, (photos, labels)):
        for path in paths:
            side["/".join((*path[1:-1], PurePosixPath(path[-1]).stem))].append(full(path))
    photo_of, label_of = by_stem
    odd = sorted(set(photo_of) ^ set(label_of)) + [stem for side in by_stem for stem, f in side.items() if len(f) > 1]
    if odd:
        other = label_of if odd[0] in photo_of else photo_of
        near = names.nearest(odd[0], other)
        raise DataError(
            f"{where}: {len(odd)} photos or labels have no partner or two, e.g. {odd[0]!r}"
            + (f"; the nearest name on the other side is {near!r}" if near and near != odd[0] else "")
        )
    stems = sorted(photo_of)
    return Part([photo_of[s][0] for s in stems], label_maps=[label_of[s][0] for s in stems])


def _mixed(paths: list[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: hashlib.sha256("/".join(path).encode()).digest())
