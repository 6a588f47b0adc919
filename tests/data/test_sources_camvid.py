"""CamVid from a small archive laid out as fast.ai's."""

import hashlib
import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from triptych.data.format import DataError, write_dataset
from triptych.data.label_classes import evaluated
from triptych.data.sources import camvid
from triptych.data.sources.camvid_classes import CAMVID, GROUPS

OFFICIAL = camvid.MD5, camvid.FRAMES, camvid.WIDTH_HEIGHT  # before a test makes them small
CODES = sorted(GROUPS, key=str.lower)  # the archive's order
FRAMES = ["0001TP_006690", "0006R0_f00930", "0016E5_07959", "0016E5_07961"]
VALID = FRAMES[2:]


def photo(grey):
    return Image.new("RGB", (96, 72), (grey, 0, 255 - grey))


def label(ids=range(32)):
    """Vertical stripes of the ids, three pixels each."""
    columns = np.array(list(ids), np.uint8)[np.arange(96) * len(ids) // 96]
    return Image.fromarray(np.tile(columns, (72, 1)))


def official():
    """Path -> image or text."""
    files = {"codes.txt": "\n".join(CODES) + "\n", "valid.txt": "\n".join(f"{name}.png" for name in VALID) + "\n"}
    for i, name in enumerate(FRAMES):
        files |= {f"images/{name}.png": photo(50 * i), f"labels/{name}_P.png": label()}
    return files


def pack(root, files, monkeypatch):
    path = root / "camvid" / camvid.ARCHIVE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            out = io.BytesIO()
            if isinstance(content, str):
                out.write(content.encode())
            else:
                content.save(out, "PNG")
            info = tarfile.TarInfo(f"camvid/{name}")
            info.size = out.tell()
            out.seek(0)
            tar.addfile(info, out)
    monkeypatch.setattr(camvid, "MD5", hashlib.md5(path.read_bytes()).hexdigest())
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(camvid, "FRAMES", len(FRAMES))
    monkeypatch.setattr(camvid, "WIDTH_HEIGHT", (96, 72))


def load(root, size=16, **options):
    return camvid.load(camvid.Config(root=str(root), download=False, **options), size)


def test_splits_and_eleven_classes(tmp_path, monkeypatch):
    pack(tmp_path, official(), monkeypatch)
    data = write_dataset(tmp_path / "out", *load(tmp_path))
    assert data.card["splits"] == {"val": 2, "train": 2}
    assert data.card["files"] == {"val": VALID, "train": FRAMES[:2]}
    assert data["train"].images[1].reshape(3, -1).mean(1).tolist() == [50, 0, 205]
    assert data["train"].label_maps.shape == (2, 16, 16) and data["train"].truth is None
    truth = data["val"].truth
    assert truth.shape == (2, 72, 96)
    names = {c["id"]: c["name"] for c in CAMVID}
    stripes = [names[i] for i in truth[0, 0, 1::3]]
    assert dict(zip(CODES, stripes)) == GROUPS
    assert stripes[CODES.index("Truck_Bus")] == "car" and stripes[CODES.index("Void")] == "unlabelled"


def test_every_class_has_a_group_and_eleven_are_scored():
    assert len(GROUPS) == 32 and set(GROUPS.values()) == {c["name"] for c in CAMVID}
    assert len(evaluated(CAMVID)) == 11


def test_load_size_and_jpeg(tmp_path, monkeypatch):
    pack(tmp_path, official(), monkeypatch)
    data = write_dataset(tmp_path / "out", *load(tmp_path, load_size=18, prepared_as="jpeg_bicubic"))
    assert data["train"].images.shape == data["train"].label_images.shape == (2, 3, 18, 18)
    assert data["val"].images.shape == data["val"].label_images.shape == (2, 3, 16, 16)


@pytest.mark.parametrize(("change", "message"), [
    ({"labels/0016E5_07961_P.png": None}, "0016E5_07961 has only one of photo and label map"),
    ({"images/0016E5_07961.png": None, "labels/0016E5_07961_P.png": None},
     r"holds 3 pairs where CamVid has 4; of 2 names in valid\.txt 1 are not among them"),
    ({"valid.txt": ""}, r"of 0 names in valid\.txt 0 are not"),
    ({"codes.txt": "Animal\nArchway\n"}, r"codes\.txt does not name CamVid's 32 classes: Bicyclist, "),
    ({"codes.txt": None}, r"holds no codes\.txt"),
    ({"labels/0016E5_07961_P.png": label([3, 40])}, r"07961_P\.png holds the class ids \[40\]"),
    ({"images/0016E5_07961.png": photo(1).resize((48, 36))}, r"0016E5_07961\.png is not 960 x 720"),
])  # fmt: skip
def test_one_clear_error_and_nothing_written(tmp_path, monkeypatch, change, message):
    files = {name: content for name, content in (official() | change).items() if content is not None}
    pack(tmp_path, files, monkeypatch)
    with pytest.raises(DataError, match=message):
        write_dataset(tmp_path / "out", *load(tmp_path))
    assert not (tmp_path / "out").exists()


def test_damaged(tmp_path, monkeypatch):
    path = pack(tmp_path, official(), monkeypatch)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match="damaged or not the official file: its MD5"):
        load(tmp_path)


def test_absent(tmp_path):
    with pytest.raises(DataError, match=r"downloads are off.*fast-ai-imagelocal.*camvid\.tgz.*put it at"):
        load(tmp_path)


def test_the_official_archive():
    assert OFFICIAL == ("648371e4f3a833682afb39b08a3ce2aa", 701, (960, 720))
