"""Base class of every parameter section, and the one place that words its errors.

A section is a frozen pydantic model that knows no unknown keys. `validate` turns pydantic's list of errors into
a `ParamsError` whose message names, a line each, the key, the value found and what is allowed.
"""

from __future__ import annotations

import difflib
from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from triptych.base.errors import UserError

NEW_NAMES = {"size": "pixels"}
"""Keys that had another name. DVC's run cache takes no notice of parameters called `size` or `nfiles` (treeverse/dvc
#10296): with such a name a changed value would bring the old result back."""


class ParamsError(UserError):
    """A parameter is unknown, of the wrong type, out of range, or contradicts another one."""


class Strict(BaseModel):
    """A parameter section: immutable, no unknown keys, no silent conversion ("3" is not 3), finite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ProtocolSection(Strict):
    """The section of a table (bar its systems) or of a study: on which data, how often, and how it is judged."""

    @abstractmethod
    def datasets(self) -> list[str]:
        """The prepared datasets that it uses, by their names under `data`."""

    def same_pixels(self) -> list[str]:
        """Those of them that must have images of one size, as what is learned on one is judged on another."""
        return []


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("the seeds must differ: a run made twice is no second value of a mean ± std")
    return seeds


Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What numpy, scikit-learn and torch all take."""

Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(_distinct)]
"""The seeds of a protocol: each is one run, and one file."""

Positive = Annotated[float, Field(gt=0)]
"""An item of a list."""

Section = TypeVar("Section", bound=Strict)


def validate(model: type[Section], values: Any, where: str) -> Section:
    """`values` (as read from YAML) -> a `model`. `where` is the dotted key of the section, for messages.

    Raises ParamsError: one line per wrong key.
    """
    if not isinstance(values, Mapping):
        raise ParamsError(f"{where} = {values!r}: must be a section with the keys {_keys(model)}")
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        lines = [_line(e, model, where) for e in error.errors()]
        raise ParamsError("\n".join(dict.fromkeys(lines))) from None


def _keys(model: type[BaseModel]) -> str:
    return ", ".join(model.model_fields)


def _line(error: Mapping[str, Any], model: type[BaseModel], where: str) -> str:
    key = ".".join([where, *map(str, error["loc"])]) if where else ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"{key}: {unknown_key(model, error['loc'])}"
    if error["type"] == "missing":
        return f"{key}: missing; give it a value"
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if error["type"] == "value_error" and not error["loc"]:
        return f"{where}: {message}"
    return f"{key} = {error['input']!r}: {message}"


def unknown_key(model: type[BaseModel], location: tuple) -> str:
    """What is wrong with the key at a pydantic error's location in `model`, and what is allowed there."""
    owner = _owner(model, location[:-1])
    key = str(location[-1])
    new = NEW_NAMES.get(key)
    near = [new] if new in owner.model_fields else difflib.get_close_matches(key, list(owner.model_fields), n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown key; {hint}allowed here: {_keys(owner)}"


def _owner(model: type[BaseModel], path: tuple) -> type[BaseModel]:
    """The nested section that a pydantic error location points into. Its steps are keys, places in a list, or names of
    a union's members."""
    for step in path:
        field = model.model_fields.get(str(step))
        model = (field and _section_in(field.annotation)) or model
    return model


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """The first section that a type speaks of: itself, or within list[...], dict[...] or a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _section_in(inner))), None)
