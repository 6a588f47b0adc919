"""Images that are cut off, empty, of another kind, or of pixels whose range is not known."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from campaign.child import Case
from campaign.malformed.own import OBJECTS, use

FORMATS = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "bmp": "BMP", "webp": "WEBP", "tif": "TIFF", "ppm": "PPM"}
MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF", "gif": b"GIF89a", "bmp": b"BM",
         "webp": b"RIFF\x24\x00\x00\x00WEBP", "tif": b"II*\x00", "ppm": b"P6\n"}  # fmt: skip


def make(folder: Path) -> None:
    """Two classes in two splits; a case spoils train/a/1."""
    for file in ("train/a/2.png", "train/b/1.png", "test/a/1.png", "test/b/1.png"):
        (folder / "own" / file).parent.mkdir(parents=True, exist_ok=True)
        noise().save(folder / "own" / file)
    use(folder, "objects")


def noise(mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(kind: str, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    noise(mode).save(file, FORMATS[kind])
    return file.getvalue()


def saved(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def header(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    """A PNG with this header and no pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return MAGIC["png"] + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def contents() -> Iterator[tuple[str, str, bytes]]:
    for kind in FORMATS:
        whole = encoded(kind)
        yield f"{kind}, the first half", f"1.{kind}", whole[: len(whole) // 2]
        yield f"{kind}, the first 20 bytes", f"1.{kind}", whole[:20]
        yield f"{kind}, its first bytes and noise", f"1.{kind}", MAGIC[kind] + bytes(range(256)) * 3
    yield "no bytes", "1.png", b""
    yield "text", "1.jpg", b"this is no image\n"
    yield "HTML", "1.png", b"<!DOCTYPE html><title>sign in</title>"
    yield "a PNG without pixels", "1.png", header(16, 16)
    yield "a PNG of 0 pixels", "1.png", header(0, 16)
    yield "a PNG whose header says 60,000 pixels", "1.png", header(60_000, 60_000)
    yield "a PNG of an unknown colour type", "1.png", header(16, 16, 8, 5)
    yield "a PNG with a changed byte", "1.png", _flipped(encoded("png"))
    yield "16 bits of grey", "1.png", saved(Image.fromarray(np.full((20, 20), 40_000, np.uint16)))
    yield "fractions", "1.tif", saved(Image.fromarray(np.full((20, 20), 0.5, np.float32)), "TIFF")
    yield "whole numbers of 32 bits", "1.tif", saved(Image.fromarray(np.full((20, 20), 70_000, np.int32)), "TIFF")
    yield "a pointer of Git LFS", "1.png", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def _flipped(data: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def cases() -> Iterator[Case]:
    for name, file, data in contents():
        yield Case(name, _written(file, data), OBJECTS, r"train/a/1\.\w+")
    yield Case("all images of a class gone", lambda f: (f / "own/train/a/2.png").unlink(), OBJECTS, "'a'")
    yield Case("an image that is a link to nowhere", _only(lambda at: at.symlink_to("gone.png")), OBJECTS, "'a'")


def _written(file: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "own/train/a" / file).write_bytes(data)


def _only(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """In place of the only image of a class."""

    def spoil(folder: Path) -> None:
        (folder / "own/train/a/2.png").unlink()
        make(folder / "own/train/a/2.png")

    return spoil
