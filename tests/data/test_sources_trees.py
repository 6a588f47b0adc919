"""Folders and archives read alike; archives that are damaged or would escape are refused, nothing is left."""

import errno
import io
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile

import pytest
from packed import packed

from triptych.data.format import DataError
from triptych.data.sources import trees
from triptych.data.sources.trees import open_tree, unpack_folder

FILES = {"set/a/1.jpg": b"one", "set/a/2.jpg": b"two" * 9999, "set/b/3.jpg": b""}
JUNK = ["set/.DS_Store", "__MACOSX/set/a/._1.jpg", "set/a/._1.jpg"]
KINDS = ["folder", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2"]


def make(path, kind, files):
    """A folder or archive at `path` + `kind` that holds `files`."""
    if kind == "folder":
        for name, data in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
        return path
    return packed(path.with_name(path.name + kind), files)


def add(tar, name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(data))


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """An own temporary folder, to see that it is empty afterwards."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_files(kind, tmp_path, scratch):
    tree = open_tree(make(tmp_path / "data", kind, FILES | dict.fromkeys(JUNK, b"junk")))
    assert tree.files == sorted(FILES)
    assert {f: tree.read(f) for f in tree.files} == FILES
    assert os.listdir(scratch) == []


@pytest.mark.parametrize("left", [0, 200])
def test_a_tar_that_is_cut_off_between_its_members_is_named(tmp_path, left):
    """Half a header, or none, is the end for tarfile: the members behind it would be gone without a word."""
    archive = make(tmp_path / "data", ".tar", {f"set/{i}.jpg": bytes(512) for i in range(9)})
    archive.write_bytes(archive.read_bytes()[: 4 * 1024 + left])
    with pytest.raises(DataError, match=r"data\.tar is damaged or cut off.*end is missing"):
        open_tree(archive)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_cut_off_archive_is_named(kind, tmp_path, scratch):
    archive = make(tmp_path / "data", kind, {f"set/{i}.jpg": os.urandom(5000) for i in range(9)})
    archive.write_bytes(archive.read_bytes()[: -archive.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"data{kind} is damaged or cut off.*get it again"):
        open_tree(archive)
    assert os.listdir(scratch) == []


def test_a_zip_with_a_flipped_byte_is_named(tmp_path):
    archive = make(tmp_path / "data", ".zip", {"a.jpg": os.urandom(5000)})
    data = bytearray(archive.read_bytes())
    data[2000] ^= 255
    archive.write_bytes(data)
    with pytest.raises(DataError, match=r"data\.zip is damaged or cut off \(at a\.jpg\)"):
        open_tree(archive).read("a.jpg")


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize("name", ["/etc/evil", "../evil", "a/../../evil", "..\\evil", "C:/evil", "\\evil"])
def test_names_that_escape_are_refused(kind, name, tmp_path, scratch):
    archive = make(tmp_path / "data", kind, {"good.jpg": b"1", name: b"2"})
    with pytest.raises(DataError, match=r"is refused: its member .*evil.* outside"):
        open_tree(archive)
    with pytest.raises(DataError):
        unpack_folder(archive, tmp_path / "data")
    assert not list(tmp_path.rglob("evil")) and not (tmp_path / "data").exists()
    assert os.listdir(scratch) == []


@pytest.mark.parametrize("kind", [".tar", ".tar.gz"])
@pytest.mark.parametrize("link", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(kind, link, tmp_path):
    archive = tmp_path / f"data{kind}"
    with tarfile.open(archive, "w:gz" if kind.endswith("gz") else "w") as tar:
        add(tar, "data/way_out", type=link, linkname="/etc")
        add(tar, "data/way_out/evil", b"2")
    for attempt in (lambda: open_tree(archive), lambda: unpack_folder(archive, tmp_path / "data")):
        with pytest.raises(DataError, match="is refused: its member 'data/way_out' is a link or a device"):
            attempt()
    assert os.listdir(tmp_path) in ([archive.name, "scratch"], ["scratch", archive.name])


def test_links_in_a_zip_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as out:
        link = zipfile.ZipInfo("way_out")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(link, "/etc")
    with pytest.raises(DataError, match="'way_out' is a link or a device"):
        open_tree(tmp_path / "data.zip")


def test_links_to_folders_are_followed_but_not_in_a_circle(tmp_path):
    make(tmp_path / "real", "folder", {"1.jpg": b"one"})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cats").symlink_to(tmp_path / "real")
    (tmp_path / "data" / "again").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "loop").symlink_to(tmp_path / "data")
    tree = open_tree(tmp_path / "data")
    assert tree.files == ["again/1.jpg", "cats/1.jpg"] and tree.skipped == ["again/loop", "cats/loop"]


def test_a_zip_of_another_system_is_read(tmp_path):
    """Backslashes between folders, and what macOS adds."""
    names = {"set\\train\\cat\\1.jpg": b"one", "./set/train/dog/2.jpg": b"two", "__MACOSX\\set\\._1.jpg": b"-"}
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as out:
        for name, data in names.items():
            info = zipfile.ZipInfo("x")
            info.filename = name  # as it is: the constructor would change it on some systems
            out.writestr(info, data)
    tree = open_tree(tmp_path / "data.zip")
    assert tree.files == ["set/train/cat/1.jpg", "set/train/dog/2.jpg"]
    assert [tree.read(file) for file in tree.files] == [b"one", b"two"]


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_disk_full_while_decompressing(tmp_path, scratch, monkeypatch):
    archive = make(tmp_path / "data", ".tar.xz", FILES)
    monkeypatch.setattr(trees.shutil, "copyfileobj", full)
    with pytest.raises(DataError, match=r"disk full while unpacking .*data\.tar\.xz.*TMPDIR"):
        open_tree(archive)
    assert os.listdir(scratch) == []


def test_disk_full_while_unpacking_leaves_nothing(tmp_path, monkeypatch):
    archive = make(tmp_path / "data", ".tar.gz", FILES)
    monkeypatch.setattr(tarfile, "copyfileobj", full)
    with pytest.raises(DataError, match="disk full while unpacking.*nothing was left behind") as caught:
        unpack_folder(archive, tmp_path / "set")
    assert "TMPDIR" not in str(caught.value)  # it is unpacked beside the archive
    assert sorted(os.listdir(tmp_path)) == ["data.tar.gz", "scratch"]


def test_unpack_folder(tmp_path):
    archive = make(tmp_path / "data", ".tar.gz", FILES)
    unpack_folder(archive, tmp_path / "set")
    assert (tmp_path / "set/a/1.jpg").read_bytes() == b"one"
    with pytest.raises(DataError, match="holds no folder other"):
        unpack_folder(archive, tmp_path / "other")
    assert sorted(os.listdir(tmp_path)) == ["data.tar.gz", "scratch", "set"]


def test_what_is_no_archive(tmp_path):
    with pytest.raises(DataError, match=r"there is no .*nothing: put the data there"):
        open_tree(tmp_path / "nothing")
    (tmp_path / "x.rar").write_bytes(b"Rar!")
    with pytest.raises(DataError, match=r"x\.rar is neither a folder nor an archive \(\.zip, \.tar"):
        open_tree(tmp_path / "x.rar")
    shutil.copy(tmp_path / "x.rar", tmp_path / "x.zip")
    with pytest.raises(DataError, match=r"x\.zip is damaged"):
        open_tree(tmp_path / "x.zip")
