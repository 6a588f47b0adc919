"""DVC's reading of params.yaml, once for each content that the file has. DVC itself parses the whole file seven times a
stage: a quarter of a second, in which the runner serves no other stage (findings/dvc_parses_params_seven_times.sh)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import dpath
from dvc.dependency import param
from dvc.utils.serialize import PARSERS, EncodingError

_read = param.read_param_file


def read_once() -> None:
    """For the rest of this process."""
    param.read_param_file = _read_param_file


def _read_param_file(
    fs: Any, path: str, key_paths: Sequence[str] | None = None, flatten: bool = False, **kwargs: Any
) -> Any:
    if not key_paths or not flatten or kwargs:
        return _read(fs, path, key_paths, flatten, **kwargs)
    with fs.open(path, "rb") as file:
        content = file.read()
    return dict(_values(content, path, fs.suffix(path).lower(), tuple(key_paths)))


@lru_cache(maxsize=1000)
def _values(content: bytes, path: str, suffix: str, keys: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for key in keys:
        with suppress(KeyError):
            found[key] = dpath.get(_parsed(content, path, suffix), key, separator=".")
    return found


@lru_cache(maxsize=8)
def _parsed(content: bytes, path: str, suffix: str) -> Any:
    try:
        return PARSERS[suffix](content.decode(), path)
    except UnicodeDecodeError:
        raise EncodingError(path, "utf-8") from None
