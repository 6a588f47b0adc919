"""CamVid from a small archive laid out as fast.ai's."""

import numpy as np
import pytest
from packed import encoded, md5, packed
from PIL import Image

from triptych.data.format import DataError, write_dataset
from triptych.data.label_classes import evaluated
from triptych.data.sources import camvid
from triptych.data.sources.camvid_classes import CAMVID, GROUPS

CODES = sorted(GROUPS, key=str.lower)  # the archive's order
FRAMES = ["0001TP_006690", "0006R0_f00930", "0016E5_07959", "0016E5_07961"]
VALID = FRAMES[2:]


def photo(grey, wh=(96, 72)):
    return encoded(Image.new("RGB", wh, (grey, 0, 255 - grey)))


def label(ids=range(32)):
    """Vertical stripes of the ids, three pixels each."""
    columns = np.array(list(ids), np.uint8)[np.arange(96) * len(ids) // 96]
    return encoded(np.tile(columns, (72, 1)))


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads from the archive with some of its files changed or, None, left out."""

    def load(change=None, size=16, **options):
        files = {"codes.txt": "\n".join(CODES) + "\n", "valid.txt": "\n".join(f"{name}.png" for name in VALID) + "\n"}
        for i, name in enumerate(FRAMES):
            files |= {f"images/{name}.png": photo(50 * i), f"labels/{name}_P.png": label()}
        files = {f"camvid/{name}": data for name, data in (files | (change or {})).items() if data is not None}
        files = {name: data.encode() if isinstance(data, str) else data for name, data in files.items()}
        path = packed(tmp_path / "camvid" / camvid.ARCHIVE, files)
        for name, value in {"MD5": md5(path), "FRAMES": len(FRAMES), "WIDTH_HEIGHT": (96, 72)}.items():
            monkeypatch.setattr(camvid, name, value)
        made = camvid.load(camvid.Config(root=str(tmp_path), download=False, **options), size)
        return write_dataset(tmp_path / "out", *made)

    return load


def test_splits_and_eleven_classes(load):
    data = load()
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
    assert len(GROUPS) == 32 and set(GROUPS.values()) == set(names.values()) and len(evaluated(CAMVID)) == 11


def test_load_size_and_jpeg(load):
    data = load(load_size=18, prepared_as="jpeg_bicubic")
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
    ({"images/0016E5_07961.png": photo(1, (48, 36))}, r"0016E5_07961\.png is not 960 x 720"),
])  # fmt: skip
def test_one_clear_error_and_nothing_written(load, tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        load(change)
    assert not (tmp_path / "out").exists()
