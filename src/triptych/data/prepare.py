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
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from triptych.base.config import Strict, unknown_key
from triptych.data import drawn, sources
from triptych.data.format import Dataset, Split, write_dataset
from triptych.data.sources import folder as folder_source
from triptych.data.sources import torchvision_sets

OFFICIAL = ("dsprites", "cityscapes", "imagenet", "chairs3d")
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


def prepare(name: str, config: DatasetConfig, out: Path) -> Dataset:
    """Make the dataset called `name` in params.yaml and write it to the folder `out`, in one step.

    Raises DataError: data missing, damaged or laid out differently, no connection, disk full; `out` stays as
    it was.
    """
    splits, card = load(config)
    return write_dataset(out, splits, {"name": name, **card})


def load(config: DatasetConfig) -> tuple[Mapping[str, Split], dict[str, Any]]:
    """The splits and the card's own fields, from the chosen source. Raises DataError."""
    module, section = _parse(config.source, getattr(config, config.source))
    read = module.render if config.source == "rendered" else module.load
    return read(section, config.pixels)


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
