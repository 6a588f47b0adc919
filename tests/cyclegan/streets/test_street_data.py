"""Streams of street data: pairing, shuffling, cutting, mirroring, value ranges."""

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf
from tiny_streets import CPU

from triptych.base.pixels import to_uint8
from triptych.cyclegan.gan.streams import domains, enlarge
from triptych.cyclegan.streets.data import StreetData
from triptych.data.format import DataError, Dataset, Split, write_dataset
from triptych.data.label_classes import CITYSCAPES
from triptych.engine import Replica

CARD = {"title": "t", "source": "s", "licence": "l", "made_by": "m", "classes": CITYSCAPES}
KIND = dict(batch_size=1, load_size=16, pixels=16)


def marked(n=12, size=16):
    """Scene i has photo brightness 10 * i throughout and the class of id 7 + i throughout."""
    photos = np.broadcast_to((np.arange(n, dtype=np.uint8) * 10)[:, None, None, None], (n, 3, size, size))
    maps = np.broadcast_to((7 + np.arange(n, dtype=np.uint8))[:, None, None], (n, size, size))
    return StreetData(photos, maps, CITYSCAPES)


def scenes(images):
    """Of a batch of photos of `marked`, or of pictures that are so numbered: what tells the scene of each."""
    return [int(image[0, 0, 0]) for image in to_uint8(images)]


def test_pairs_stay_together_and_come_in_another_order_for_another_seed():
    data = marked()
    assert data.labels[0, :, 3, 3].tolist() == [128, 64, 128]  # id 7: road, in its palette
    stream, other = (data.paired(Replica(seed, CPU), **KIND)["pair"] for seed in (0, 1))
    for step in range(24):
        label, photo = stream.at(step)
        (scene,) = (level // 10 for level in scenes(photo))
        assert to_uint8(label)[0, :, 0, 0].tolist() == data.labels[scene, :, 0, 0].tolist()
    assert [int(stream.rows(i)) for i in range(12)] != [int(other.rows(i)) for i in range(12)]


def test_unpaired_streams_are_shuffled_apart():
    data = marked()
    streams = data.unpaired(Replica(0, CPU), **KIND)
    rows = {name: [int(s.rows(step)) for step in range(48)] for name, s in streams.items()}
    for order in rows.values():
        assert sorted(order[:12]) == sorted(order[12:24]) == list(range(12)) and order[:12] != order[12:24]
    together = np.mean([a == b for a, b in zip(*rows.values())])
    assert together < 0.3


def test_disjoint_halves_share_no_scene():
    data = marked()
    streams = data.unpaired(Replica(0, CPU), **KIND, disjoint=True)
    labels = {tuple(to_uint8(streams["x"].at(s))[0, :, 0, 0].tolist()) for s in range(6)}
    assert {level for s in range(6) for level in scenes(streams["y"].at(s))} == set(range(0, 60, 10))
    assert labels == {tuple(data.labels[i, :, 0, 0].tolist()) for i in range(6, 12)}


def test_no_two_orders_are_alike_whatever_seed_and_domain():
    orders = set()
    for seed in range(3):
        replica = Replica(seed, CPU)
        for stream in marked().unpaired(replica, **KIND).values():
            orders.add(tuple(int(stream.rows(i)) for i in range(12)))
    assert len(orders) == 6


@pytest.mark.parametrize("paired", [False, True])
def test_streams_enlarge_labels_by_nearest_and_photos_bicubically(paired):
    """Cuts as large as the enlarged image: what a stream gives is the image or its mirror image."""
    rng = np.random.default_rng(0)
    photos = rng.integers(0, 256, (3, 3, 20, 20), dtype=np.uint8)
    data = StreetData(photos, rng.integers(7, 20, (3, 20, 20), dtype=np.uint8), CITYSCAPES)
    replica, kind = Replica(0, CPU), dict(batch_size=3, load_size=32, pixels=32)
    streams = data.paired(replica, **kind) if paired else data.unpaired(replica, **kind)
    x, y = domains({name: stream.at(0) for name, stream in streams.items()})
    large = ((np.arange(32) + 0.5) * 20 / 32).astype(int)  # the pixel in which a centre falls
    labels = data.labels[:, :, large][:, :, :, large]
    blended = nnf.interpolate(torch.from_numpy(photos).float(), (32, 32), mode="bicubic", antialias=True)
    photos_large = blended.round().clamp(0, 255).to(torch.uint8).numpy()

    def either_way(images):
        return {image.tobytes() for kind in (images, images[..., ::-1]) for image in np.ascontiguousarray(kind)}

    for got, expected in ((x, labels), (y, photos_large)):
        assert {image.tobytes() for image in to_uint8(got).numpy()} <= either_way(expected)


def test_pairs_are_cut_and_mirrored_alike():
    """Photos that are the label maps' own colours stay so under every cut."""
    maps = np.random.default_rng(0).integers(7, 20, (6, 16, 16), dtype=np.uint8)
    data = StreetData(StreetData(maps, maps, CITYSCAPES).labels, maps, CITYSCAPES)
    stream = data.paired(Replica(0, CPU), batch_size=6, load_size=16, pixels=9)["pair"]
    for step in range(3):
        label, photo = stream.at(step)
        assert torch.equal(label, photo) and len(torch.unique(label)) > 10


def test_scenes_are_spread_evenly_and_never_more_than_there_are():
    data = marked(12)
    assert data.spread_rows(4) == [0, 3, 6, 9] and data.spread_rows(5) == [0, 2, 4, 7, 9]
    assert data.spread_rows(50) == list(range(12))
    assert data.spread(3).photos[:, 0, 0, 0].tolist() == [0, 40, 80]


def test_taken_scenes_keep_their_truth():
    full = np.arange(4, dtype=np.uint8)[:, None, None] + np.zeros((4, 32, 32), np.uint8)
    data = marked(4)
    some = StreetData(data.photos, data.label_maps, CITYSCAPES, full).take([3, 1])
    assert some.truth[:, 0, 0].tolist() == [3, 1] and some.photos[:, 0, 0, 0].tolist() == [30, 10]
    assert some.label_maps[:, 0, 0].tolist() == [10, 8]


def test_from_a_dataset(tmp_path):
    data = marked(4)
    truth = np.full((4, 32, 32), 7, np.uint8)
    write_dataset(tmp_path / "d", {"val": Split(data.photos, label_maps=data.label_maps, truth=truth)}, CARD)
    read = StreetData.of(Dataset(tmp_path / "d"), "val")
    assert (read.truth == truth).all() and (read.photos == data.photos).all() and len(read.take([1, 2]).truth) == 2
    assert marked(4).truth is not None and marked(4).truth.shape == (4, 16, 16)


def pictured(tmp_path, n=4, size=16):
    """`marked`, with label images that are of other colours than the palette's: 100 + scene."""
    data = marked(n, size)
    pictures = np.broadcast_to((100 + np.arange(n, dtype=np.uint8))[:, None, None, None], (n, 3, size, size))
    split = Split(data.photos, label_maps=data.label_maps, label_images=pictures)
    write_dataset(tmp_path / "d", {"val": split}, CARD)
    return StreetData.of(Dataset(tmp_path / "d"), "val")


def test_label_images_are_what_is_seen_and_class_ids_what_is_scored(tmp_path):
    data = pictured(tmp_path)
    few = data.take([3, 1])
    assert few.labels[:, 0, 0, 0].tolist() == [103, 101] and few.truth[:, 0, 0].tolist() == [10, 8]
    assert data.spread(2).labels[:, 0, 0, 0].tolist() == [100, 102]
    assert np.array_equal(data.truth, marked(4).truth)
    replica = Replica(0, CPU)
    for streams in (data.unpaired(replica, **KIND)["x"], data.paired(replica, **KIND)["pair"]):
        batches = [streams.at(step) for step in range(4)]
        seen = {level for b in batches for level in scenes(b[0] if isinstance(b, tuple) else b)}
        assert seen == {100, 101, 102, 103}
    halves = data.unpaired(replica, **KIND, disjoint=True)["x"]
    assert {level for step in range(2) for level in scenes(halves.at(step))} == {102, 103}


def test_label_images_change_their_size_like_photos():
    exact = marked(2)
    noise = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16), dtype=np.uint8)
    pictures = StreetData(exact.photos, exact.label_maps, CITYSCAPES, label_images=noise)
    for size in (18, 8):
        assert torch.equal(pictures.labels_at(size), enlarge(noise, size, "bicubic"))
        assert torch.equal(exact.labels_at(size), enlarge(exact.labels, size, "nearest"))
        assert torch.equal(exact.photos_at(size), enlarge(exact.photos, size, "bicubic"))


@pytest.mark.parametrize("n, truth, message", [(1, 7, "has one scene"), (3, 0, "not one pixel of a class")])
def test_scenes_that_cannot_judge_are_refused_before_a_training(n, truth, message, tmp_path):
    data = marked(n)
    whole = Split(data.photos, label_maps=data.label_maps, truth=np.full((n, 16, 16), truth, np.uint8))
    write_dataset(tmp_path / "d", {"train": whole, "val": whole}, CARD)
    with pytest.raises(DataError, match=message):
        StreetData.of(Dataset(tmp_path / "d"), "val")
    assert len(StreetData.of(Dataset(tmp_path / "d"), "train")) == n
    write_dataset(tmp_path / "d", {"val": Split(data.photos)}, CARD)
    with pytest.raises(DataError, match="no label maps"):
        StreetData.of(Dataset(tmp_path / "d"), "val")
