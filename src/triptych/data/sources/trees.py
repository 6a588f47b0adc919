"""Files below a folder or inside an archive, read in the same way.

Archives are read in place: no member becomes a file. Compressed tars, which cannot be read at random, are
decompressed to one temporary file without a name, which is gone with the process. An archive is refused as a
whole if one member could end up outside the place it is unpacked to (absolute name, `..`, link, device).
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import shutil
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn

from triptych.base.errors import disk_full
from triptych.data.format import DataError

OPENERS = {
    **{suffix: gzip.open for suffix in (".tar.gz", ".tgz")},
    **{suffix: lzma.open for suffix in (".tar.xz", ".txz")},
    **{suffix: bz2.open for suffix in (".tar.bz2", ".tbz2")},
}
BROKEN = (tarfile.TarError, zipfile.BadZipFile, EOFError, lzma.LZMAError, zlib.error)


class Tree:
    """`name`, for messages; `files`, sorted relative posix paths, no hidden ones; `read(file)` -> its bytes.

    `skipped`: links that lead nowhere, or to a folder that they lie in. `read` may be called from several threads.
    Raises DataError.
    """

    name: str
    files: list[str]
    skipped: Sequence[str] = ()

    def read(self, file: str) -> bytes:
        raise NotImplementedError

    def where(self, file: str) -> str:
        return f"{self.name}/{file}"


def open_tree(path: str | Path) -> Tree:
    """Open a folder or an archive (.zip, .tar, .tar.gz, .tar.xz, .tar.bz2).

    Raises DataError if it is missing, of another kind, damaged, unsafe to unpack, or the disk is full.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return FolderTree(path)
    if not path.is_file():
        raise DataError(f"there is no {path}: put the data there, or correct the path in params.yaml")
    name = path.name.lower()
    if name.endswith(".zip"):
        return ZipTree(path)
    if name.endswith(".tar"):
        return TarTree(str(path), open(path, "rb"))
    for suffix, opener in OPENERS.items():
        if name.endswith(suffix):
            return TarTree(str(path), _decompressed(path, opener))
    raise DataError(f"{path} is neither a folder nor an archive (.zip, .tar, .tar.gz, .tar.xz, .tar.bz2)")


class FolderTree(Tree):
    def __init__(self, folder: Path):
        self.folder, self.name = folder, str(folder)
        self.files, self.skipped = _walk(folder)

    def read(self, file: str) -> bytes:
        try:
            return (self.folder / file).read_bytes()
        except OSError as error:
            raise DataError(f"cannot read {self.where(file)}: {error.strerror or error}") from error


class ZipTree(Tree):
    def __init__(self, path: Path):
        self.name = str(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (*BROKEN, OSError) as error:
            _damaged(path, error)
        for info in self._zip.infolist():
            _refuse_escape(path, info.filename)
            kind = info.external_attr >> 28  # the Unix file type, 0 where the archiver wrote none
            if kind not in (0, 0o04, 0o10):
                _refuse(path, info.filename, "is a link or a device")
            if info.flag_bits & 1:
                raise DataError(f"{path} is encrypted: unpack it by hand and give the folder's path")
        members = {_posix(i.filename): i for i in self._zip.infolist() if not i.is_dir()}
        self._members = {name: info for name, info in members.items() if _visible(name) and not name.endswith("/")}
        self.files = sorted(self._members)

    def read(self, file: str) -> bytes:
        try:
            return self._zip.read(self._members[file])
        except (*BROKEN, OSError, NotImplementedError) as error:
            _damaged(self.name, error, file)


class TarTree(Tree):
    """A plain tar, by the byte range of each member. `within` (start, bytes): where in `stream` it lies."""

    def __init__(self, name: str, stream: IO[bytes], within: tuple[int, int] | None = None):
        self.name, self._stream, self._lock = name, stream, threading.Lock()
        start, length = within or (0, stream.seek(0, 2))
        spans = _index(name, _Window(stream, start, length))
        self.spans = {member: (start + offset, size) for member, (offset, size) in spans.items()}
        self.files = sorted(self.spans)

    def read(self, file: str) -> bytes:
        offset, size = self.spans[file]
        with self._lock:
            self._stream.seek(offset)
            return self._stream.read(size)

    def inner(self, file: str) -> TarTree:
        """The member `file`, a plain tar itself, as a tree."""
        tree = TarTree(self.where(file), self._stream, self.spans[file])
        tree._lock = self._lock  # one stream, one lock
        return tree


def _decompressed(path: Path, opener: Callable[[Path], IO[bytes]]) -> IO[bytes]:
    out = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the tree)
    try:
        with opener(path) as stream:
            shutil.copyfileobj(stream, out, 2**20)
    except (*BROKEN, OSError) as error:
        out.close()
        _unpacking_failed(path, Path(tempfile.gettempdir()), error, ", or set TMPDIR to a larger disk")
    return out


def unpack_folder(path: Path, folder: Path) -> None:
    """Unpack from the tar `path` the folder called `folder.name` to `folder`, whole or not at all.

    Raises DataError: damaged, unsafe, no such folder in it, disk full.
    """
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
        _unpack_tar(path, Path(beside))
        if not (Path(beside) / folder.name).is_dir():
            raise DataError(f"{path} holds no folder {folder.name}: delete it and get the official archive")
        (Path(beside) / folder.name).rename(folder)


def _unpack_tar(path: Path, folder: Path) -> None:
    try:
        with tarfile.open(path, "r|*") as tar:
            for member in tar:
                _refuse_escape(path, member.name)
                if not (member.isreg() or member.isdir()):
                    _refuse(path, member.name, "is a link or a device")
                tar.extract(member, folder, filter="data")
    except (*BROKEN, OSError) as error:
        _unpacking_failed(path, folder.parent, error)


def _unpacking_failed(path: Path, folder: Path, error: Exception, or_else: str = "") -> NoReturn:
    if disk_full(error):
        raise DataError(
            f"disk full while unpacking {path} in {folder}: free some space{or_else}; nothing was left behind"
        ) from error
    _damaged(path, error)


class _Window:
    """The bytes [start, start + length) of a stream, as a file of their own (what tarfile needs of one)."""

    def __init__(self, stream: IO[bytes], start: int, length: int):
        self._stream, self._start, self.length, self._at = stream, start, length, 0

    def tell(self) -> int:
        return self._at

    def seek(self, at: int, whence: int = 0) -> int:
        self._at = at + (0, self._at, self.length)[whence]
        return self._at

    def read(self, n: int = -1) -> bytes:
        left = max(0, self.length - self._at)
        self._stream.seek(self._start + self._at)
        data = self._stream.read(left if n < 0 else min(n, left))
        self._at += len(data)
        return data


def _index(path: str, stream: _Window) -> dict[str, tuple[int, int]]:
    """Member -> (offset, bytes) of the visible files in a plain tar."""
    spans = {}
    try:
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            for member in tar:
                _refuse_escape(path, member.name)
                if not (member.isreg() or member.isdir()) or member.issparse():
                    _refuse(path, member.name, "is a link or a device")
                if member.offset_data + member.size > stream.length:
                    raise tarfile.ReadError(f"{member.name} is cut off")
                if member.isreg() and _visible(_posix(member.name)):
                    spans[_posix(member.name)] = (member.offset_data, member.size)
            stream.seek(tar.offset)
            if stream.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
                raise tarfile.ReadError("its end is missing")  # tarfile takes a header that is no header for the end
    except (*BROKEN, OSError) as error:
        _damaged(path, error)
    return spans


def _walk(folder: Path) -> tuple[list[str], list[str]]:
    """Relative paths of the files below `folder`, and of the links that are not followed.

    Links to folders are followed, several to the same folder too (`ln -s train test`); but not into a folder that the
    link itself lies in, which would have no end. Raises DataError if a folder cannot be listed.
    """
    files: list[str] = []
    skipped: list[str] = []

    def look(place: Path, below: PurePosixPath, around: tuple[str, ...]) -> None:
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(f"cannot list {place}: {error.strerror or error}") from error
        for entry in entries:
            path = below / entry.name
            if not _visible(path.as_posix()):
                continue
            if entry.is_dir():
                real = os.path.realpath(entry.path)
                if real in around:
                    skipped.append(path.as_posix())
                else:
                    look(Path(entry.path), path, (*around, real))
            elif entry.is_file():
                files.append(path.as_posix())
            elif entry.is_symlink():
                skipped.append(path.as_posix())

    look(folder, PurePosixPath(), (os.path.realpath(folder),))
    return sorted(files), skipped


def _posix(member: str) -> str:
    """A member's name with `/` between folders: some archivers of Windows write backslashes."""
    return member.replace("\\", "/").removeprefix("./")


def _visible(name: str) -> bool:
    """False for what desktops leave in folders and archives: .DS_Store, ._thumb, __MACOSX/."""
    return not any(p.startswith(".") or p == "__MACOSX" for p in name.split("/"))


def _refuse_escape(archive: object, member: str) -> None:
    name = member.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name):
        _refuse(archive, member, "would be written outside the folder it is unpacked to")


def _refuse(archive: object, member: str, why: str) -> NoReturn:
    raise DataError(f"{archive} is refused: its member {member!r} {why}. Get the archive from a source you trust")


def _damaged(archive: object, error: Exception, member: str = "") -> NoReturn:
    part = f" (at {member})" if member else ""
    raise DataError(f"{archive} is damaged or cut off{part}: {error}. Delete it and get it again") from error
