"""Pictures of the report: collected from outputs/, made small, written to figures/ and kept for embedding."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from typing import Any

from PIL import Image

from triptych.base.files import FileError, read_json
from triptych.report.frames import Frames, frames_of
from triptych.report.load import Inputs

LIMIT, SMALLEST = 300_000, 30_000  # bytes a figure may have, and that it may keep if there are too many for the budget
DIRECTIONS = {"to_photo": "labels → photo:", "to_labels": "photo → labels:"}
BY_LATENTS = {"best_beta_norm", "rise", "fall"}
WORDS = {  # numbers that pictures have and tables do not: title, unit
    "mean_abs_error_grey_levels": ("mean absolute error, grey levels", "number"),
    "diversity_ratio": ("diversity (real images = 1)", "number"),
    "collapsed": ("collapsed", "yes or no"),
    "mean_best_share": ("share of the strongest factor, mean over latents", "percent"),
    "best_beta_norm": ("β_norm of the best score", "number"),
    "rise": ("rise of the score before it", "percent"),
    "fall": ("fall of the score after it", "percent"),
    "active": ("active latents", "number"),
    "spread": ("reconstructions' share of the images' variance", "percent"),
    "best_share": ("share of the strongest factor", "percent"),
    "followed": ("factors followed", "number"),
    "ratio": ("minimax over non-saturating gradient", "number"),
}
BUDGET = 6_000_000  # bytes all figures of a report may have together: with the page, which holds them too, < 15 MB


@dataclass(frozen=True)
class Picture:
    """A picture before it is made small. `group`/`item`: its folder under outputs/; `numbers`: what was measured -> in
    words and the tables' units. `frames`: see `frames_of`. `row`: of one row, not of several."""

    group: str
    item: str
    name: str
    png: bytes = field(repr=False)
    caption: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict)
    frames: Frames = ()
    row: bool = False

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


@dataclass(frozen=True)
class Terms:
    """How the rows (`items`) and metrics of a table or study are called; `units`: of a metric."""

    items: Mapping[str, str]
    titles: Mapping[str, str]
    units: Mapping[str, str]


def stage_pictures(inputs: Inputs, terms: Mapping[str, Terms]) -> list[Picture]:
    """Pictures that the stages of this report left under outputs/<group>/<item>/<stage>/, in the order of their
    figures.json; `terms`: of each group. A listed file that is not there is left out. Raises FileError for one that is
    not a list of figures."""
    outputs, pictures = inputs.root / "outputs", []
    for index in sorted(outputs.glob("*/*/*/figures.json")):
        group, item, stage = index.parent.relative_to(outputs).parts
        if not inputs.covers(inputs.root / "runs" / group / item / stage):
            continue
        entries = read_json(index, list)
        if not (isinstance(entries, list) and all(isinstance(e, dict) and "file" in e for e in entries)):
            raise FileError(f"{index}: must be a list of {{file, caption, numbers}}; run its stage again")
        mine = terms.get(group, Terms({}, {}, {}))
        for entry in entries:
            file = index.parent / entry["file"]
            if file.is_file():
                name = f"{stage}-{file.stem}"
                # a picture of several rows says itself what it shows
                caption = ": ".join(filter(None, [mine.items.get(item), entry.get("caption")]))
                # a picture of `faces` speaks of the row faces_vae as vae
                here = replace(mine, items={i.removeprefix(f"{item}_"): text for i, text in mine.items.items()})
                numbers = spoken(entry.get("numbers", {}), here)
                png, row = file.read_bytes(), item in mine.items
                frames = frames_of(file.stem, png)
                pictures.append(Picture(group, item, name, png, caption, numbers, frames, row))
    return pictures


def spoken(numbers: Mapping[str, Any], terms: Terms) -> dict[str, str]:
    """A picture's numbers as the tables write them: what was measured -> value, several rows' side by side. Names of
    which neither a table nor `WORDS` says what they are stay in figures.json."""
    told: dict[str, list[str]] = {}
    for name, value in numbers.items():
        found = in_words(name, terms)
        if found is not None and isinstance(value, (int, float)):
            title, item, unit = found
            told.setdefault(title, []).append(f"{item} {show_number(value, unit)}".strip())
    return {title: ", ".join(values) for title, values in told.items()}


def in_words(name: str, terms: Terms) -> tuple[str, str, str] | None:
    """What a number is of, of which row or place ("" of none), and its unit; None if unknown. `<item>/<metric>` and
    `<metric>_<item>` are of a row, `<metric>_at_<place>` of a place."""
    if name in terms.titles:
        return terms.titles[name], "", terms.units.get(name, "number")
    if name in WORDS:
        return *WORDS[name][:1], "", WORDS[name][1]
    first, _, rest = name.partition("/")
    if rest and first in {*DIRECTIONS, *terms.items}:
        found = in_words(rest, terms)
        return found and (
            found[0],
            " ".join(filter(None, [terms.items.get(first, DIRECTIONS.get(first)), found[1]])),
            found[2],
        )
    for metric in [*terms.titles, *WORDS]:
        item = name.removeprefix(f"{metric}_")
        if item == name or (found := in_words(metric, terms)) is None:
            continue
        if item in terms.items or metric in BY_LATENTS:
            return found[0], terms.items.get(item, f"{item} latents:"), found[2]
        if item.startswith("at_"):
            return found[0], f"at {item.removeprefix('at_')}:", found[2]
    return None


def show_number(value: float, unit: str = "number") -> str:
    """0.794 -> "79.4 %" of percents, "yes" of what is or is not, four figures of the rest, whole numbers whole."""
    if unit == "yes or no":
        return "yes" if value else "no"
    if unit == "percent":
        return f"{100 * value:.3g} %"
    if float(value).is_integer() and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.4g}"


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

    def with_few_colours(above: int) -> list[bytes]:
        return list(_in_threads(lambda png, webp: webp if len(webp) <= above else fewer_colours(png), pngs, plain))

    def size(webp: bytes, in_colours: bytes, limit: int) -> int:
        return len(webp) if len(webp) <= limit else min(len(in_colours), limit)

    few, limit = with_few_colours(LIMIT), LIMIT
    if sum(map(size, plain, few, repeat(LIMIT))) > budget:
        few = with_few_colours(SMALLEST)
        fits = (n for n in range(LIMIT, SMALLEST, -2000) if sum(map(size, plain, few, repeat(n))) <= budget)
        limit = next(fits, SMALLEST)
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
