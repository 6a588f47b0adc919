"""Parameter files that are no YAML, no parameters, or parameters that cannot be; met by `triptych check`."""

from __future__ import annotations

import copy
import datetime
import functools
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from campaign.child import Case
from campaign.trials import ROOT

SMOKE = ROOT / "params" / "smoke.yaml"
CHECK = ("triptych", "check")
DRAWN = 12  # cases of each way to spoil a leaf

TEXTS = {  # name: (content of params.yaml, what the message says)
    "empty": ("", "must hold sections"),
    "a list": ("- profile\n- data\n", "must hold sections"),
    "a word": ("laptop\n", "must hold sections"),
    "a number": ("1e-4\n", "must hold sections"),
    "a tab": ("profile: smoke\n\tdata: {}\n", "params.yaml is not valid YAML"),
    "an open bracket": ("profile: smoke\ndata: {objects: [1, 2\n", "params.yaml is not valid YAML"),
    "an open quote": ('profile: "smoke\ndata: {}\n', "params.yaml is not valid YAML"),
    "two documents": ("profile: smoke\n---\nprofile: laptop\n", "params.yaml is not valid YAML"),
    "an unknown anchor": ("profile: *smoke\n", "params.yaml is not valid YAML"),
    "an object of Python": ("profile: !!python/object/apply:os.getcwd []\n", "params.yaml is not valid YAML"),
    "a null byte": ("profile: smoke\0\n", "params.yaml is not valid YAML"),
    "a key that is a list": ("? [a, b]\n: 1\n", "params.yaml is not valid YAML"),
    "an anchor within itself": ("profile: smoke\ndata: &a {objects: *a}\n", "params.yaml is not valid YAML"),
    "merge of no mapping": ("profile: smoke\ndata: {<<: 3}\n", "params.yaml is not valid YAML"),
    "nested too deep": ("profile: " + "[" * 3000 + "]" * 3000, "params.yaml"),
    "conflict of git": ("<<<<<<< HEAD\nprofile: smoke\n=======\nprofile: a\n>>>>>>> b\n", "params.yaml"),
    "JSON cut off": ('{"profile": "smoke", "data": {', "params.yaml is not valid YAML"),
}
GONE = object()
CHANGES = {  # name: (key, value instead of its own, what the message says)
    "profile is missing": ("profile", GONE, "profile = None"),
    "profile is a number": ("profile", 1, "profile = 1"),
    "profile is a path": ("profile", "../laptop", "profile = '../laptop'"),
    "profile with capitals": ("profile", "Smoke", "profile = 'Smoke'"),
    "an unknown section": ("objcts", {}, "objcts: unknown section"),
    "no systems": ("objects systems", GONE, "systems"),
    "an unknown system": ("objects systems rawpixels", {}, "rawpixels"),
    "a system that is a path": ("objects systems ../raw_pixels", {}, "raw_pixels"),
    "a dataset that is not there": ("objects data", "things", "things"),
    "a dataset's name is a path": (
        "data ../heads",
        {"source": "rendered", "pixels": 16, "rendered": {"renderer": "heads"}},
        "heads",
    ),
    "other sizes for learning and judging": ("data objects_unlabelled pixels", 16, "one size"),
    "an unknown source": ("data objects source", "drawn", "source"),
    "an unknown renderer": ("data objects rendered renderer", "things", "renderer"),
    "a source without its section": ("data digits rendered", GONE, "rendered"),
    "a folder that is null": ("data digits source", "folder", r"folder\.path"),
    "a negative size": ("data shapes pixels", -32, "pixels"),
    "a size beyond all": ("data shapes pixels", 4000, "pixels"),
    "an old name of a key": ("data objects size", 32, "did you mean 'pixels'"),
    "no seeds": ("traversals seeds", [], r"traversals\.seeds"),
    "equal seeds": ("traversals seeds", [3, 3], "seeds must differ"),
    "a negative seed": ("traversals seeds", [-1], r"traversals\.seeds"),
    "a seed of 80 bits": ("traversals seeds", [2**80], r"traversals\.seeds"),
    "a seed that is a fraction": ("traversals seeds", [0.5], r"traversals\.seeds"),
    "a probe that validates on all": ("objects probe validation", 300, "validation"),
    "more labels than images": ("digits labels_per_class", 5000, "labels_per_class"),
    "no steps": ("objects systems dcgan steps", 0, "steps"),
    "a width of 0": ("objects systems dcgan width", 0, "width"),
    "a rate of infinity": ("objects systems dcgan lr", float("inf"), "lr"),
    "a batch of one with batch norm": ("objects systems dcgan batch_size", 1, "batch"),
    "yes as a number": ("digits labels_per_class", "yes", "labels_per_class"),
    "a date": ("digits labels_per_class", datetime.date(2026, 11, 29), "labels_per_class"),
    "hours and minutes": ("digits labels_per_class", "1:30", "labels_per_class"),
    "a number with a comma": ("guidelines frechet centroids", "0,8", "centroids"),
    "true as a number": ("digits labels_per_class", True, "labels_per_class"),
}
LEAVES: dict[str, Callable[[Any], Any]] = {  # no parameter can be any of these
    "a section with an unknown key": lambda _: {"no_such_key": 1},
    "a text that is no choice, no number": lambda value: "three" if not isinstance(value, str) else 3.5,
    "not a number": lambda _: float("nan"),
}


def make(folder: Path) -> None:
    shutil.copy(SMOKE, folder / "params.yaml")


def write(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "params.yaml").write_text(text)


def set_to(key: str, value: Any) -> Callable[[Path], object]:
    path = tuple(key.split())
    return _edited(lambda above: above.pop(path[-1]) if value is GONE else above.update({path[-1]: value}), path)


def cases() -> Iterator[Case]:
    for name, (text, says) in TEXTS.items():
        yield Case(name, write(text), CHECK, says)
    yield Case(
        "no UTF-8", lambda f: (f / "params.yaml").write_bytes(b"profile: sm\xff\xfeke\n"), CHECK, "not valid YAML"
    )
    yield Case("UTF-16", lambda f: (f / "params.yaml").write_text(SMOKE.read_text(), "utf-16"), CHECK, "not valid YAML")
    yield Case("a folder", lambda f: [(f / "params.yaml").unlink(), (f / "params.yaml").mkdir()], CHECK, "params.yaml")
    yield Case("gone", lambda f: (f / "params.yaml").unlink(), CHECK, "no params.yaml")
    yield Case("a link to nowhere", lambda f: [(f / "params.yaml").unlink(), (f / "params.yaml").symlink_to("x")],
               CHECK, "params.yaml")  # fmt: skip
    for name, text in {"a key twice": "profile: laptop\n", "a section twice": "objects: {}\n"}.items():
        yield Case(name, write(SMOKE.read_text() + text), CHECK, "stands twice")
    for name, (key, value, says) in CHANGES.items():
        yield Case(name, set_to(key, value), CHECK, says)
    drawn = random.Random(0)
    leaves = sorted(_leaves(_smoke()))
    for how, change in LEAVES.items():
        for path in drawn.sample(leaves, DRAWN):
            yield Case(f"{how}: {'.'.join(path)}", _changed(path, change), CHECK, path[-1])
    for path in drawn.sample(leaves, DRAWN):
        yield Case(f"misspelt: {'.'.join(path)}", _misspelt(path), CHECK, f"{path[-1]}x")


@functools.cache
def _smoke() -> dict[str, Any]:
    from triptych.base.files import read_yaml

    return read_yaml(SMOKE)


def _leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The parameters with a value, but for what a user names freely: a title is any text."""
    free = {"title", "licence", "periods", "classes", "profile", "folder"}
    for key, value in node.items():
        if key not in free:
            if isinstance(value, dict):
                yield from _leaves(value, (*path, key))
            elif value is not None:
                yield (*path, key)


def _edited(edit: Callable[[dict[str, Any]], None], path: tuple[str, ...]) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        values = above = copy.deepcopy(_smoke())
        for key in path[:-1]:
            above = above[key]
        edit(above)
        (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))

    return spoil


def _changed(path: tuple[str, ...], change: Callable[[Any], Any]) -> Callable[[Path], object]:
    return _edited(lambda above: above.__setitem__(path[-1], change(above[path[-1]])), path)


def _misspelt(path: tuple[str, ...]) -> Callable[[Path], object]:
    return _edited(lambda above: above.__setitem__(f"{path[-1]}x", above.pop(path[-1])), path)
