"""Reading the YAML files of this package."""

from __future__ import annotations

from importlib import resources
from typing import Any

from triptych.base.files import FileError, read_yaml


def read_published(name: str) -> dict[str, Any]:
    """The sections of `name`.yaml. Raises FileError if it is not YAML, or has no sections."""
    file = resources.files("triptych.published").joinpath(f"{name}.yaml")
    content = read_yaml(file)
    if not isinstance(content, dict) or not all(isinstance(section, str) for section in content):
        raise FileError(f"{file} must hold sections")
    return content
