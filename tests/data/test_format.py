"""The on-disk form: round trip, counts, nothing half-written."""

import errno
import hashlib
from pathlib import Path

import numpy as np
import pytest

from triptych.base.errors import disk_full
from triptych.data import format as fmt
from triptych.data.format import Chunks, DataError, Dataset, Split, write_dataset

CARD = {"title": "test images", "source": "rendered", "licence": "none", "made_by": "test", "class_names": ["a", "b"]}


def split(n=6):
    rng = np.random.default_rng(0)
    return Split(rng.integers(0, 256, (n, 3, 4, 5), dtype=np.uint8), labels=np.arange(n) % 2)


def test_round_trip_is_equal_and_memory_mapped(tmp_path):
    written = split()
    dataset = write_dataset(tmp_path / "d", {"train": written, "test": split(2)}, CARD)
    again = Dataset(tmp_path / "d")
    assert isinstance(again["train"].images, np.memmap) and again["train"].factors is None
    np.testing.assert_array_equal(again["train"].images, written.images)
    np.testing.assert_array_equal(again["train"].labels, written.labels)
    assert again.image_shape == (3, 4, 5) and again.n_classes == 2 and len(again["test"]) == 2
    assert again.describe("train") == "test images (train, n=6)"
    files = {f"{name}/{array}.npy" for name in ("train", "test") for array in ("images", "labels")}
    digests = {file: hashlib.sha256((tmp_path / "d" / file).read_bytes()).hexdigest() for file in files}
    assert dataset.card == again.card and again.card["sha256"] == digests


def test_chunks_give_the_same_file_as_the_array(tmp_path):
    whole = split(7).images
    # of another dtype and memory order than announced
    chunked = Chunks(whole.shape, "uint8", (np.asfortranarray(whole[i : i + 3], np.int64) for i in range(0, 7, 3)))
    a = write_dataset(tmp_path / "a", {"train": Split(whole)}, CARD)
    b = write_dataset(tmp_path / "b", {"train": Split(chunked)}, CARD)
    assert a.card["sha256"] == b.card["sha256"]
    np.testing.assert_array_equal(a["train"].images, b["train"].images)


@pytest.mark.parametrize(
    "bad, message",
    [
        (lambda w: Split(w, labels=np.arange(3)), "3 labels for 7 images"),
        (lambda w: Split(Chunks(w.shape, "uint8", [w[:3]])), "3 rows were made, 7 were announced"),
        (lambda w: Split(Chunks(w.shape, "uint8", [w[:, :1]])), "announced were"),
    ],
)
def test_a_wrong_count_or_shape_is_refused_and_the_old_data_stay(tmp_path, bad, message):
    write_dataset(tmp_path / "d", {"train": split()}, CARD)
    with pytest.raises(DataError, match=message):
        write_dataset(tmp_path / "d", {"train": bad(split(7).images)}, CARD)
    assert len(Dataset(tmp_path / "d")["train"]) == 6
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fmt, "save_array", full)
    with pytest.raises(DataError, match="disk full while writing .*MiB free"):
        write_dataset(tmp_path / "d", {"train": split()}, CARD)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("array", [np.zeros((400, 1000)), Chunks((400, 1000), "float64", [np.zeros((400, 1000))])])
def test_a_full_disk_has_its_number_whoever_writes(array):
    """np.save would raise an OSError without one, in words of its own."""
    with pytest.raises(OSError) as caught:
        fmt.save_array(Path("/dev/full"), array)
    assert disk_full(caught.value)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, bool])
def test_arrays_are_written_as_numpy_writes_them(tmp_path, dtype):
    array = np.arange(24).reshape(6, 4).astype(dtype)
    fmt.save_array(tmp_path / "ours.npy", array.T[::2])  # not contiguous
    np.save(tmp_path / "numpys.npy", np.ascontiguousarray(array.T[::2]))
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpys.npy").read_bytes()


def test_what_is_missing_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="dvc repro prepare@objects"):
        Dataset(tmp_path / "objects")
    dataset = write_dataset(tmp_path / "d", {"train": split()}, CARD)
    with pytest.raises(DataError, match="no split 'val'; it has train"):
        dataset["val"]
    with pytest.raises(DataError, match="d has no known factors"):
        _ = dataset.factors


@pytest.mark.parametrize("file", ["card.json", "train/images.npy"])
def test_a_damaged_file_says_how_to_make_it_again(tmp_path, file):
    write_dataset(tmp_path / "d", {"train": split()}, CARD)
    (tmp_path / "d" / file).write_bytes((tmp_path / "d" / file).read_bytes()[:90])
    with pytest.raises(DataError, match="d is damaged .*dvc repro -f prepare@d"):
        Dataset(tmp_path / "d")["train"]
    (tmp_path / "d" / file).unlink()
    with pytest.raises(DataError, match="prepare@d"):
        Dataset(tmp_path / "d")["train"]
