"""Pictures of the report: collected from outputs/, made small, written to figures/ and kept for embedding."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

from PIL import Image

from triptych.base.files import FileError, read_json
from triptych.report.load import Inputs

LIMIT, SMALLEST = 300_000, 30_000  # bytes a figure may have, and that it may keep if there are too many for the budget
BUDGET = 6_000_000  # bytes all figures of a report may have together: with the page, which holds them too, < 15 MB


@dataclass(frozen=True)
class Picture:
    """A picture before it is made small. `group`/`item`: its folder under outputs/; `numbers`: name ->
    value."""

    group: str
    item: str
    name: str
    png: bytes = field(repr=False)
    caption: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        return "-".join(part for part in (self.group, self.item, self.name) if part) + ".webp"


@dataclass(frozen=True)
class Figure:
    """A picture as embedded: `uri` is the whole of it."""

    picture: Picture
    uri: str = field(repr=False)
    width: int
    height: int


@dataclass(frozen=True)
class DataSheet:
    """A prepared dataset shown: contact sheet, and what was measured against its standard."""

    name: str
    title: str
    measures: Mapping[str, Any]
    notes: Sequence[str]
    picture: Picture | None


def stage_pictures(
    inputs: Inputs, names: Mapping[tuple[str, str], str], titles: Mapping[str, Mapping[str, str]]
) -> list[Picture]:
    """Pictures that the stages of this report left under outputs/<group>/<item>/<stage>/, in the order of their
    figures.json; `names`: (group, item) -> what the tables call it; `titles`: group -> metric -> how its column is
    headed. A listed file that is not there is left out. Raises FileError for one that is not a list of figures."""
    outputs, pictures = inputs.root / "outputs", []
    for index in sorted(outputs.glob("*/*/*/figures.json")):
        group, item, stage = index.parent.relative_to(outputs).parts
        if not inputs.covers(inputs.root / "runs" / group / item / stage):
            continue
        entries = read_json(index)
        if not (isinstance(entries, list) and all(isinstance(e, dict) and "file" in e for e in entries)):
            raise FileError(f"{index}: must be a list of {{file, caption, numbers}}; run its stage again")
        for entry in entries:
            file = index.parent / entry["file"]
            if file.is_file():
                name = f"{stage}-{file.stem}"
                # a picture of several rows says itself what it shows
                caption = ": ".join(filter(None, [names.get((group, item)), entry.get("caption")]))
                # a picture of `faces` speaks of the row faces_vae as vae
                items = {i.removeprefix(f"{item}_"): text for (g, i), text in names.items() if g == group}
                numbers = {
                    in_words(key, titles.get(group, {}), items): value
                    for key, value in entry.get("numbers", {}).items()
                }
                pictures.append(Picture(group, item, name, file.read_bytes(), caption, numbers))
    return pictures


def in_words(name: str, titles: Mapping[str, str], items: Mapping[str, str]) -> str:
    """What the reader is told of a picture's number: the title of the metric's column, after the name of the item for
    `<metric>_<item>` and `<item>/<metric>`, before the place for `<metric>_at_<place>`; any other name in its words."""
    if name in titles:
        return titles[name]
    first, slash, rest = name.partition("/")
    if slash and first in items:
        return f"{items[first]}: {in_words(rest, titles, items)}"
    for metric, title in titles.items():
        item = name.removeprefix(f"{metric}_")
        if item != name and item in items:
            return f"{items[item]}: {title}"
        if item != name and item.startswith("at_"):
            return f"{title} {words(item)}"
    return words(name)


def words(name: str) -> str:
    return name.replace("_", " ").replace("/", ": ")


def data_sheets(root: Path) -> list[DataSheet]:
    """outputs/data/<dataset>/ -> sheets, sorted by name."""
    sheets = []
    for folder in sorted(p for p in (root / "outputs" / "data").glob("*") if p.is_dir()):
        image, standard = folder / "sheet.png", folder / "standard.json"
        told = read_json(standard) if standard.is_file() else {}
        if not (told or image.is_file()):
            continue
        title = str(told.get("title", folder.name))
        picture = Picture("data", folder.name, "sheet", image.read_bytes(), title) if image.is_file() else None
        sheets.append(DataSheet(folder.name, title, told.get("measures", {}), told.get("notes", []), picture))
    return sheets


def write_figures(pictures: Sequence[Picture], folder: Path, budget: int = BUDGET) -> dict[str, Figure]:
    """Write every picture as WebP without loss (three quarters of a PNG's bytes), each under 300 kB and all under
    `budget` bytes if that can be; file name -> figure."""
    small = _small_enough([p.png for p in pictures], budget)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in [*folder.glob("*.webp"), *folder.glob("*.png")]:
        stale.unlink()
    figures = {}
    for picture, webp in zip(pictures, small):
        (folder / picture.file).write_bytes(webp)
        uri = "data:image/webp;base64," + base64.b64encode(webp).decode()
        figures[picture.file] = Figure(picture, uri, *_opened(webp).size)
    return figures


def _small_enough(pngs: Sequence[bytes], budget: int) -> list[bytes]:
    """Each under LIMIT bytes, and all together under `budget` unless that would make some smaller than SMALLEST: then
    the largest give way, all down to one size."""
    plain = list(_in_threads(lambda png: _webp(_opened(png)), pngs))
    few = list(_in_threads(lambda png, webp: webp if len(webp) <= SMALLEST else fewer_colours(png), pngs, plain))

    def size(webp: bytes, in_colours: bytes, limit: int) -> int:
        return len(webp) if len(webp) <= limit else min(len(in_colours), limit)

    limit = next(
        (n for n in range(LIMIT, SMALLEST, -2000) if sum(map(size, plain, few, repeat(n))) <= budget),
        SMALLEST,
    )
    return list(_in_threads(lambda *forms: shrink(*forms, limit), pngs, plain, few))


def shrink(png: bytes, webp: bytes, in_colours: bytes, limit: int) -> bytes:
    """The picture as `webp` if that is within the limit; else with 256 colours (`in_colours`) and then, if need be,
    fewer pixels."""
    if len(webp) <= limit:
        return webp
    image, out = _opened(png), in_colours
    while len(out) > limit and min(image.size) >= 32:
        factor = max(0.5, min(0.9, (limit / len(out)) ** 0.5))
        image = image.resize([max(1, int(side * factor)) for side in image.size], Image.Resampling.LANCZOS)
        out = _webp(_with_palette(image))
    return out


def fewer_colours(png: bytes) -> bytes:
    """The picture with a palette of 256 colours."""
    return _webp(_with_palette(_opened(png)))


def _opened(picture: bytes) -> Image.Image:
    with Image.open(io.BytesIO(picture)) as image:
        return image.convert("RGB")


def _with_palette(image: Image.Image) -> Image.Image:
    return image.quantize(256, method=Image.Quantize.MEDIANCUT).convert("RGB")


def _webp(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", lossless=True, quality=50)  # the quality is the encoder's effort, not the picture's
    return out.getvalue()


def _in_threads(work: Callable, *items: Sequence) -> Iterator:
    """map(work, *items), side by side: Pillow lets go of the interpreter while it works."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return pool.map(work, *items)
