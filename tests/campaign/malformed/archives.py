"""Archives that are damaged, cut off, of another kind, or not what their name says."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from campaign.child import Case
from campaign.malformed.own import OBJECTS, use


def make(folder: Path) -> None:
    """The cases write the archive and the params.yaml that names it."""


def png(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (24, 24), colour).save(file, "PNG")
    return file.getvalue()


MEMBERS = {
    f"{split}/{name}/{n}.png": png(name) for split in ("train", "test") for name in ("red", "blue") for n in "12"
}


def a_zip(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def a_tar(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def _encrypted(data: bytes) -> bytes:
    """With the bit that says so set, in both headers of the first member."""
    out = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(mark) + offset
        out[at] |= 1
    return bytes(out)


def _method(data: bytes, number: int) -> bytes:
    out = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = data.index(mark) + offset
        out[at : at + 2] = struct.pack("<H", number)
    return bytes(out)


def contents() -> Iterator[tuple[str, str, bytes, str]]:
    """(what is wrong, the file's name, its bytes, what the message says)"""
    zipped, tarred = a_zip(MEMBERS), a_tar(MEMBERS)
    packed = {"tar.gz": gzip.compress, "tar.xz": lzma.compress, "tar.bz2": bz2.compress}
    for share in (1, 10, 50, 90, 99):
        yield f"zip, the first {share} %", "own.zip", zipped[: len(zipped) * share // 100], r"own\.zip"
    for share in (10, 50):
        yield f"tar, the first {share} %", "own.tar", tarred[: len(tarred) * share // 100 + 100], r"own\.tar"
    for suffix, pack in packed.items():
        whole = pack(tarred)
        for share in (1, 50, 95):
            yield (
                f"{suffix}, the first {share} %",
                f"own.{suffix}",
                whole[: len(whole) * share // 100],
                rf"own\.{suffix}",
            )
        yield f"{suffix}, a byte changed", f"own.{suffix}", flipped(whole, len(whole) // 2), rf"own\.{suffix}"
    for name in ("own.zip", "own.tar", "own.tar.gz", "own.tar.xz"):
        yield f"{name} of no bytes", name, b"", name
        yield f"{name} is text", name, b"<html>404 not found</html>\n" * 40, name
    yield "a zip called .tar.gz", "own.tar.gz", zipped, r"own\.tar\.gz"
    yield "a tar called .zip", "own.zip", tarred, r"own\.zip"
    yield "a kind that is not read", "own.rar", b"Rar!\x1a\x07\x00", "neither a folder nor an archive"
    yield "a 7z", "own.7z", b"7z\xbc\xaf\x27\x1c", "neither a folder nor an archive"
    yield "a zip with nothing in it", "own.zip", a_zip({}), "no images"
    yield "a tar with nothing in it", "own.tar", a_tar({}), "no images"
    yield "a zip of text", "own.zip", a_zip({"notes.txt": b"-"}), "no images"
    yield "a zip in a zip", "own.zip", a_zip({"own.zip": zipped}), "no images"
    yield "an encrypted zip", "own.zip", _encrypted(zipped), "encrypted"
    yield "a zip of an unknown method", "own.zip", _method(zipped, 77), r"own\.zip"
    yield "a zip with a wrong checksum", "own.zip", flipped(zipped, zipped.index(b"\x89PNG") + 60), r"own\.zip"
    deflated = a_zip(MEMBERS, zipfile.ZIP_DEFLATED)
    yield "a zip with a damaged stream", "own.zip", flipped(deflated, deflated.index(b".png") + 12), r"own\.zip"
    yield "a tar with a wrong checksum", "own.tar", flipped(tarred, 20), r"own\.tar"
    yield "a zip where one image is cut off", "own.zip", a_zip({**MEMBERS, "train/red/1.png": png()[:40]}), r"1\.png"
    yield "a tar where one image is text", "own.tar", a_tar({**MEMBERS, "train/red/1.png": b"no"}), r"1\.png"


def cases() -> Iterator[Case]:
    for name, file, data, says in contents():
        yield Case(name, _written(file, data), OBJECTS, says)


def _written(file: str, data: bytes) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / file).write_bytes(data)
        use(folder, "objects", path=file)

    return spoil
