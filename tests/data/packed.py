"""Images and archives as publishers and users make them, and what must never be opened."""

import hashlib
import io
import os
import struct
import tarfile
import zipfile
import zlib

import numpy as np
from PIL import Image

from triptych.data.sources.label_maps import PNG


def encoded(image, kind="PNG", **options):
    """The bytes of a file of an image, or of its pixels."""
    out = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(out, kind, **options)
    return out.getvalue()


def tar_of(files, mode="w"):
    """The bytes of a tar of {name: bytes}."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def packed(path, files):
    """An archive of {name: bytes or text}, of the kind that its suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for name, data in files.items():
                out.writestr(name, data)
    else:
        how = {".tar": "", ".gz": "gz", ".tgz": "gz", ".xz": "xz", ".bz2": "bz2"}[path.suffix]
        path.write_bytes(tar_of(files, f"w:{how}" if how else "w"))
    return path


def cut(path, by):
    """The file without its last bytes."""
    path.write_bytes(path.read_bytes()[:-by])


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def png(lines, wide, bits, colour):
    """A PNG of any depth, from its packed lines. `colour`: 0 grey, 2 RGB."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", wide, len(lines), bits, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + line for line in lines))
    return PNG + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def through_pillow(image, size, box=None):
    """As CycleGAN's authors stored an image, read back: bicubic, then a JPEG file of quality 100 without chroma
    subsampling; (3, size, size)."""
    small = image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC, box=box)
    return np.array(Image.open(io.BytesIO(encoded(small, "JPEG", quality=100, subsampling=0)))).transpose(2, 0, 1)


class Evil:
    """Unpickling one leaves a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)
