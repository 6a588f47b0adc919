"""Fetch one file: resumed, verified, and under its final name only when it is whole.

`pooch` places the file (temporary name, then rename); this module gives it a downloader that goes on from
`.<name>.part` where an earlier attempt stopped, and checks the bytes before they get their name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from triptych.base.errors import disk_full
from triptych.data.format import DataError

Check = Callable[[Path], str | None]
"""A file -> what is wrong with it, or None."""

STEP = 2**16  # bytes per read: what is lost at most when a connection breaks
SILENCE = 30  # seconds without a byte after which a connection counts as lost


def md5(expected: str) -> Check:
    """The file's MD5 must be `expected` (hexadecimal)."""
    return lambda file: _differs("MD5", _digest(file, hashlib.md5(usedforsecurity=False)), expected)


def git_blob(expected: str) -> Check:
    """The file's id by `git hash-object`, SHA-1 of "blob <bytes>\\0" and the bytes, must be `expected`."""

    def check(file: Path) -> str | None:
        digest = hashlib.sha1(b"blob %d\0" % file.stat().st_size, usedforsecurity=False)
        return _differs("git blob id", _digest(file, digest), expected)

    return check


def fetch(url: str, file: Path, check: Check, download: bool = True) -> Path:
    """Make sure that `file` is there and passes `check`, downloading it from `url` if it is absent.

    A file that is there is never overwritten. Raises DataError: absent with `download` off, damaged, no
    connection, refused by the server, disk full. Each message says where to put the file by hand.
    """
    if file.is_file():
        verify(file, check, f"get it again from {url}")
        return file
    by_hand = f"Or get it by other means (a browser, another machine) and put it at {file}"
    if not download:
        raise DataError(f"{file} is missing and downloads are off. Its address is {url}. {by_hand}")
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(url, known_hash=None, fname=file.name, path=file.parent, downloader=_Resuming(file, check))
    except requests.RequestException as error:
        raise DataError(f"cannot download {url}: {error}. Run again to go on where it stopped. {by_hand}") from error
    except OSError as error:
        if disk_full(error):
            raise DataError(
                f"disk full while downloading {file.name} to {file.parent}: free some space and run again; "
                f"it goes on from {_part(file).name}"
            ) from error
        raise DataError(f"cannot write {file}: {error}") from error
    return file


def verify(file: Path, check: Check, remedy: str) -> None:
    """Raises DataError if `check` finds `file` damaged."""
    wrong = check(file)
    if wrong:
        raise DataError(f"{file} is damaged or not the official file: {wrong}. Delete it and {remedy}")


class _Resuming:
    """A pooch downloader (called with url, temporary file, pooch)."""

    def __init__(self, file: Path, check: Check):
        self.file, self.check = file, check

    def __call__(self, url: str, output_file: str, pooch: object = None) -> None:
        part = _part(self.file)
        append(url, part)
        wrong = self.check(part)
        if wrong:
            part.unlink()
            raise DataError(f"{url} sent a damaged or changed {self.file.name}: {wrong}. Nothing was kept; run again")
        os.replace(part, output_file)


def append(url: str, part: Path) -> None:
    """Bring `part` to its full length; a server that cannot resume sends all of it again."""
    import requests
    from tqdm import tqdm

    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=SILENCE) as response:
        if response.status_code == 416:  # nothing beyond what is there: the check will tell whether it is whole
            return
        response.raise_for_status()
        resumed = response.status_code == 206
        have = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        bar = tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.name[1:-5], disable=None)
        with open(part, "ab" if resumed else "wb") as stream, bar:
            for chunk in response.iter_content(STEP):
                stream.write(chunk)
                bar.update(len(chunk))
    if total is not None and part.stat().st_size < total:
        raise requests.ConnectionError(f"the connection broke off at {part.stat().st_size} of {total} bytes")


def _part(file: Path) -> Path:
    return file.with_name(f".{file.name}.part")


def _digest(file: Path, digest) -> str:
    with open(file, "rb") as stream:
        while chunk := stream.read(STEP):
            digest.update(chunk)
    return digest.hexdigest()


def _differs(kind: str, found: str, expected: str) -> str | None:
    return None if found == expected else f"its {kind} is {found}, it should be {expected}"
