"""From a dataset's section in params.yaml to a prepared dataset on disk.

    objects:
      source: rendered          # the one word to change: rendered | torchvision | official | folder
      pixels: 32
      rendered: {renderer: objects, train: 5000, test: 1000, seed: 0}
      torchvision: {dataset: CIFAR10}
      folder: {path: null}

Sections of other sources may stay: they are checked, and not used. Nothing falls back from one to another.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from triptych.base.config import Strict, unknown_key
from triptych.data import drawn, sources
from triptych.data.format import DataError, Dataset, Split, write_dataset
from triptych.data.sources import folder as folder_source
from triptych.data.sources import torchvision_sets
from triptych.data.sources.layout import Part

OFFICIAL = ("dsprites", "cityscapes", "camvid", "imagenet", "tiny_imagenet", "chairs3d")
"""Modules of `triptych.data.sources` that `official.dataset` may name."""


class DatasetConfig(Strict):
    """`pixels` is the side of the images in pixels; the section that `source` names says the rest.

    Each section holds the keys of its module's Config. `rendered` names that module with `renderer` (one of
    `triptych.data.drawn.RENDERERS`), `official` with `dataset` (one of OFFICIAL).
    """

    source: Literal["rendered", "torchvision", "official", "folder"]
    pixels: int = Field(ge=8, le=2048)
    rendered: dict[str, Any] | None = None
    torchvision: dict[str, Any] | None = None
    official: dict[str, Any] | None = None
    folder: dict[str, Any] | None = None

    @field_validator("rendered", "torchvision", "official", "folder")
    @classmethod
    def _section_is_valid(cls, section: dict[str, Any] | None, info: ValidationInfo) -> dict[str, Any] | None:
        if section is not None:
            _parse(info.field_name, section)
        return section

    @model_validator(mode="after")
    def _source_has_its_section(self) -> DatasetConfig:
        section = getattr(self, self.source)
        if section is None:
            raise _wrong("source", self.source, f"there is no section {self.source!r} beside it; add one")
        if self.source == "folder" and section.get("path") is None:
            raise _wrong("folder.path", None, "give the folder or archive that holds the images")
        return self


NEEDS: dict[str, tuple[tuple[str, ...], str]] = {
    "objects": (("train", "test"), "labels"),
    "objects_unlabelled": (("train",), "images"),
    "digits": (("train", "test"), "labels"),
    "streets": (("train", "val"), "label_maps"),
    "shapes": (("train",), "factors"),
    "faces": (("train", "test"), "factors"),
    "heads": (("train",), "factors"),
    "chairs": (("train",), "factors"),
    "fruit_texture": (("trainA", "trainB", "testA", "testB"), "images"),
    "fruit_geometry": (("trainA", "trainB", "testA", "testB"), "images"),
}
"""Dataset -> the splits that the pipeline opens, and the array that each of them needs. Others may be added."""

HOW_TO_GIVE = {
    "labels": "put the images of each class into a folder of its own, two classes or more",
    "label_maps": "give photo/ and label/",
    "factors": "images of one's own have no known factors",
}


def prepare(name: str, config: DatasetConfig, out: Path) -> Dataset:
    """Make the dataset called `name` in params.yaml and write it to the folder `out`, in one step.

    Raises DataError: data missing, damaged or laid out differently, lacking what the pipeline needs of a dataset of
    this name, no connection, disk full; `out` stays as it was.
    """
    if problems := check(name, config):
        raise DataError(f"data.{name}: {problems[0]}")
    splits, card = load(config)
    return write_dataset(out, splits, {"name": name, **card})


def check(name: str, config: DatasetConfig) -> list[str]:
    """What would stop `prepare`, as far as the names of files tell: a folder or archive is listed, no image is opened,
    nothing is downloaded. Empty if nothing is wrong."""
    problems = _wrong_name(name)
    if config.source == "folder":
        try:
            _, found = folder_source.find(_parse("folder", config.folder)[1])
        except DataError as error:
            return [*problems, str(error)]
        problems += _lacking(name, {split: _arrays(part) for split, part in found.items()})
    return problems


def announced(config: DatasetConfig) -> dict[str, int]:
    """Split -> how many images `prepare` will write, as far as that is known beforehand: of what is drawn here and of
    folders. Raises DataError."""
    if config.source == "folder":
        return {
            split: len(part.photos) for split, part in folder_source.find(_parse("folder", config.folder)[1])[1].items()
        }
    section = config.rendered if config.source == "rendered" else {}
    return {split: n for split, n in section.items() if split in ("train", "val", "test")}


def load(config: DatasetConfig) -> tuple[Mapping[str, Split], dict[str, Any]]:
    """The splits and the card's own fields, from the chosen source. Raises DataError."""
    module, section = _parse(config.source, getattr(config, config.source))
    read = module.render if config.source == "rendered" else module.load
    splits, card = read(section, config.pixels)
    constant = [factor["name"] for factor in card.get("factors", []) if len(factor["values"]) == 1]
    if constant:
        said = f"factors with one value, which tell no images apart: {', '.join(constant)}"
        card = {**card, "notes": [*card.get("notes", []), said]}
    return splits, card


def _wrong_name(name: str) -> list[str]:
    """A dataset's name becomes a folder's."""
    if re.fullmatch(r"\w[\w.-]*", name):
        return []
    return [f"{name!r} cannot be a dataset's name: it is to be of letters, digits, _, - and ."]


def _arrays(part: Part) -> set[str]:
    given = {"labels": part.classes is not None and len(set(part.classes)) > 1, "label_maps": part.label_maps}
    return {"images", *(array for array, there in given.items() if there)}


def _lacking(name: str, found: Mapping[str, set[str]]) -> list[str]:
    """What a dataset with these arrays in its splits lacks."""
    splits, array = NEEDS.get(name, ((), "images"))
    missing = [split for split in splits if split not in found]
    if missing:
        return [
            f"there is no split {missing[0]!r}, only {', '.join(found)}: add a folder {missing[0]}/, or say with "
            f"`splits` which folder it is"
        ]
    without = [split for split in splits if array not in found[split]]
    return [f"no {array} in {', '.join(without)}: {HOW_TO_GIVE[array]}"] if without else []


def _parse(source: str, section: Mapping[str, Any]) -> tuple[ModuleType, Strict]:
    """The module that makes or reads the data, and `section` as that module's Config.

    Raises ValidationError with locations within the section, so that it can be raised in a validator.
    """
    values = dict(section)
    if source == "rendered":
        module = _choose(drawn, values, "renderer", drawn.RENDERERS)
    elif source == "official":
        module = _choose(sources, values, "dataset", OFFICIAL)
    else:
        module = {"torchvision": torchvision_sets, "folder": folder_source}[source]
    try:
        return module, module.Config.model_validate(values)
    except ValidationError as error:
        lines = [_line(e, module.Config) for e in error.errors()]
        raise ValidationError.from_exception_data(source, lines) from None


def _choose(package: ModuleType, values: dict[str, Any], key: str, modules: Sequence[str]) -> ModuleType:
    """Take `key` out of `values`: the module of `package` that it names."""
    name = values.pop(key, None)
    if name not in modules:
        raise _wrong(key, name, f"there is no such {key}; available: {', '.join(modules)}")
    return importlib.import_module(f"{package.__name__}.{name}")


def _line(error: Mapping[str, Any], model: type[Strict]) -> InitErrorDetails:
    """One of pydantic's errors, an unknown key together with what is allowed."""
    kind, words = error["type"], error["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        kind, words = "unknown_key", unknown_key(model, error["loc"])
    return InitErrorDetails(type=PydanticCustomError(kind, words), loc=error["loc"], input=error["input"])


def _wrong(key: str, value: Any, words: str) -> ValidationError:
    details = InitErrorDetails(type=PydanticCustomError("wrong", words), loc=tuple(key.split(".")), input=value)
    return ValidationError.from_exception_data("dataset", [details])
