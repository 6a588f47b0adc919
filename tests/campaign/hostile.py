"""Archives that try to leave their folder, links out of it, pickles where arrays are wanted. Payloads are harmless: a
file `marker` would appear. Each must be refused, and no marker may be there."""

from __future__ import annotations

import functools
import io
import pickle
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from campaign import child
from campaign.child import Case
from campaign.malformed import trained
from campaign.malformed.archives import MEMBERS, a_tar, a_zip, png
from campaign.malformed.own import OBJECTS, use
from campaign.trials import Trial

NAMES = (
    "../marker.png", "train/../../marker.png", "/tmp/marker.png", "train/red/../../../marker.png", "..\\marker.png",
    "train\\..\\..\\marker.png", "C:\\marker.png", "C:/marker.png", "//host/share/marker.png", "./../marker.png",
)  # fmt: skip
LINKS = {
    "a symbolic link out": (tarfile.SYMTYPE, "../../outside.png"), "a symbolic link to /": (tarfile.SYMTYPE, "/"),
    "a symbolic link within": (tarfile.SYMTYPE, "2.png"), "a hard link out": (tarfile.LNKTYPE, "../../outside.png"),
    "a hard link within": (tarfile.LNKTYPE, "train/red/2.png"), "a device": (tarfile.CHRTYPE, ""),
    "a block device": (tarfile.BLKTYPE, ""), "a pipe": (tarfile.FIFOTYPE, ""),
}  # fmt: skip


class Payload:
    """What unpickling would call: it writes a file."""

    def __reduce__(self) -> tuple:
        return Path.touch, (Path("marker"),)


def tar_with(info: tarfile.TarInfo, mode: str = "w", after: str = "") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        archive.addfile(info)
        for name, data in {**MEMBERS, **({after: png()} if after else {})}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def link(kind: bytes, target: str, name: str = "train/red/9.png") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_with_mode(mode: int) -> bytes:
    file = io.BytesIO(a_zip(MEMBERS))
    info = zipfile.ZipInfo("train/red/9.png")
    info.external_attr = mode << 16
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(info, "../../outside.png")
    return file.getvalue()


def archives() -> Iterator[tuple[str, str, bytes]]:
    for name in NAMES:
        yield f"zip, member {name}", "own.zip", a_zip({**MEMBERS, name: png()})
        yield f"tar, member {name}", "own.tar", a_tar({**MEMBERS, name: png()})
    for name, (kind, target) in LINKS.items():
        yield f"tar, {name}", "own.tar", tar_with(link(kind, target))
    for suffix in ("gz", "xz", "bz2"):
        data = tar_with(link(tarfile.SYMTYPE, "/"), f"w:{suffix}")
        yield f"tar.{suffix}, a symbolic link to /", f"own.tar.{suffix}", data
    data = tar_with(link(tarfile.SYMTYPE, "..", "train/out"), after="train/out/marker.png")
    yield "tar, a file below a link to the folder above", "own.tar", data
    for name, mode in {
        "link": stat.S_IFLNK,
        "device": stat.S_IFCHR,
        "pipe": stat.S_IFIFO,
        "socket": stat.S_IFSOCK,
    }.items():
        yield f"zip, a {name}", "own.zip", zip_with_mode(mode | 0o777)


def a_pickle() -> bytes:
    return pickle.dumps(Payload())


def an_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([Payload()], object), allow_pickle=True)
    return file.getvalue()


def a_checkpoint() -> bytes:
    file = io.BytesIO()
    torch.save({"fingerprint": Payload()}, file)
    return file.getvalue()


def an_npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, imgs=np.array([Payload()], object), latents_classes=np.array([Payload()], object))
    return file.getvalue()


DSPRITES = "pixels: 64\n    official: {dataset: dsprites, root: data/raw, download: false}"
PICKLES: dict[str, tuple[str, Callable[[], bytes], tuple[str, str]]] = {
    f"{where}: {what}": (file, make, command)
    for where, file, command in (
        ("weights", "models/objects/dcgan/seed0/weights.safetensors", ("probe", "dcgan")),
        ("a system's config", "models/objects/dcgan/seed0/config.json", ("probe", "dcgan")),
        ("images", "data/prepared/objects/train/images.npy", ("probe", "dcgan")),
        ("labels", "data/prepared/objects/train/labels.npy", ("probe", "dcgan")),
        ("a card", "data/prepared/objects/card.json", ("probe", "dcgan")),
    )
    for what, make in (("a pickle", a_pickle), ("an array of objects", an_array), ("a checkpoint", a_checkpoint))
}


def refused(case: Case, make: Callable[[Path], object], folder: Path) -> str:
    project = folder / "outer" / "project"
    project.mkdir(parents=True)
    wrong = child.trial("", case, make).run(project)
    markers = [str(path) for path in (*folder.rglob("marker*"), *Path("/tmp").glob("marker*"))]
    return f"it ran: {', '.join(markers)}" if markers else wrong


def checkpoint_with_payload(make: Callable[[], bytes], folder: Path) -> str:
    """A checkpoint that cannot be read is told, and the training begins anew; nothing of it is run."""
    trained.make(folder)
    models = {path: path.read_bytes() for path in (folder / "models").rglob("*.safetensors")}
    for seed in (0, 1):
        file = folder / f"checkpoints/objects/dcgan/features/seed{seed}.pt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(make())
    code, said = child.attempt(("features", "dcgan"), folder, {})
    if code or "is unreadable" not in said:
        return f"ends with {code}: {said[-300:]}"
    if list(folder.rglob("marker*")):
        return "it ran"
    return "" if all(path.read_bytes() == data for path, data in models.items()) else "other weights"


def trials() -> Iterator[Trial]:
    def written(file: str, data: bytes) -> Callable[[Path], object]:
        return lambda folder: ((folder / file).write_bytes(data), use(folder, "objects", path=file))

    nothing = lambda folder: None  # noqa: E731
    for name, file, data in archives():
        case = Case(name, written(file, data), OBJECTS, "is refused")
        yield Trial("archives that would leave their folder", name, functools.partial(refused, case, nothing))
    for name, (file, make, command) in PICKLES.items():
        case = Case(
            name, lambda f, file=file, make=make: (f / file).write_bytes(make()), command, "damaged|JSON|missing"
        )
        yield Trial("pickles where arrays are wanted", name, functools.partial(refused, case, trained.make))
    for name, make in {"a pickle": a_pickle, "a checkpoint with an object": a_checkpoint}.items():
        run = functools.partial(checkpoint_with_payload, make)
        yield Trial("pickles where arrays are wanted", f"a checkpoint: {name}", run)
    yield Trial("pickles where arrays are wanted", "dSprites' file", dsprites)


def dsprites(folder: Path) -> str:
    """The published file has a checksum: another one is refused before it is opened."""
    section = "profile: smoke\ndata:\n  shapes:\n    source: official\n    " + DSPRITES + "\n"
    (folder / "params.yaml").write_text(section)
    from triptych.data.sources.dsprites import FILE

    (folder / "data/raw/dsprites").mkdir(parents=True)
    (folder / "data/raw/dsprites" / FILE).write_bytes(an_npz())
    code, said = child.attempt(("prepare", "shapes"), folder, {})
    return "it ran" if (folder / "marker").exists() else child.verdict("not the official file", code, said)
