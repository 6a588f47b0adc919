"""Downloads against a server in this process: whole, resumed, cut off, wrong, refused, disk full."""

import errno
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from triptych.data.format import DataError
from triptych.data.sources import download
from triptych.data.sources.download import fetch, git_blob, md5

BODY = bytes(range(256)) * 4096  # 1 MiB


class Server(ThreadingHTTPServer):
    """Serves BODY; `cut` bytes only if set, whatever length it announced; ignores Range unless `ranges`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.cut, self.ranges, self.status, self.body, self.asked = None, True, 200, BODY, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/set.bin"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.ranges else 0
        body = self.server.body[start:]
        if start and not body:
            self.send_error(416)
            return
        self.send_response(206 if start else self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def right():
    return md5(hashlib.md5(BODY).hexdigest())


def names(folder):
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


def test_a_file_arrives_whole_and_alone(server, right, tmp_path):
    file = fetch(server.url, tmp_path / "a" / "set.bin", right)
    assert file.read_bytes() == BODY and names(tmp_path) == ["set.bin"]
    fetch(server.url, file, right)
    assert len(server.asked) == 1, "a file that is there is not fetched again"


@pytest.mark.parametrize("ranges", [True, False], ids=["server can resume", "server cannot"])
def test_a_broken_download_goes_on(server, right, tmp_path, ranges):
    server.cut, server.ranges = 300_000, ranges
    with pytest.raises(DataError, match=r"cannot download .*go on where it stopped.*put it at .*set\.bin"):
        fetch(server.url, tmp_path / "set.bin", right)
    assert names(tmp_path) == [".set.bin.part"], "no half file under its final name"
    server.cut = None
    assert fetch(server.url, tmp_path / "set.bin", right).read_bytes() == BODY
    have = int(server.asked[-1].removeprefix("bytes=").removesuffix("-"))
    assert 0 < have <= 300_000 and names(tmp_path) == ["set.bin"]


def test_a_part_that_was_whole_already(server, right, tmp_path):
    (tmp_path / ".set.bin.part").write_bytes(BODY)
    assert fetch(server.url, tmp_path / "set.bin", right).read_bytes() == BODY


def test_wrong_bytes_are_not_kept(server, right, tmp_path):
    server.body = BODY[:-1] + b"?"
    with pytest.raises(DataError, match="sent a damaged or changed set.bin: its MD5 is"):
        fetch(server.url, tmp_path / "set.bin", right)
    assert names(tmp_path) == []


def test_a_damaged_file_that_is_there_is_named_and_left_alone(server, right, tmp_path):
    (tmp_path / "set.bin").write_bytes(BODY[:100])
    with pytest.raises(DataError, match="set.bin is damaged or not the official file.*Delete it"):
        fetch(server.url, tmp_path / "set.bin", right)
    assert (tmp_path / "set.bin").stat().st_size == 100 and server.asked == []


def test_refusals_say_where_to_put_the_file(server, right, tmp_path):
    server.status, file = 404, tmp_path / "set.bin"
    with pytest.raises(DataError, match="404.*put it at"):
        fetch(server.url, file, right)
    with Server() as closed:
        pass
    with pytest.raises(DataError, match=r"cannot download .*put it at .*set\.bin"):
        fetch(closed.url, file, right)
    with pytest.raises(DataError, match="downloads are off.*http://nowhere/set.bin.*put it at"):
        fetch("http://nowhere/set.bin", file, right, download=False)
    assert names(tmp_path) == []


def test_disk_full_keeps_the_part_for_later(server, right, tmp_path, monkeypatch):
    def full(url, part):
        part.write_bytes(BODY[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(download, "append", full)
        with pytest.raises(DataError, match="disk full while downloading set.bin.*run again"):
            fetch(server.url, tmp_path / "set.bin", right)
    assert names(tmp_path) == [".set.bin.part"]
    assert fetch(server.url, tmp_path / "set.bin", right).read_bytes() == BODY


def test_git_blob_is_that_of_git(tmp_path):
    (tmp_path / "hello").write_bytes(b"hello\n")
    assert git_blob("ce013625030ba8dba906f756967f9e9ca394464a")(tmp_path / "hello") is None  # git hash-object
    assert "git blob id" in git_blob("0" * 40)(tmp_path / "hello")
