import numpy as np
import pytest
import torch

from triptych.data.format import DataError, Split
from triptych.dcgan.studies.arithmetic.attributes import (
    Reader,
    ReaderConfig,
    Reading,
    held_out,
    targets_of,
    train_reader,
)
from triptych.dcgan.studies.arithmetic.nearest_real import NearestReal
from triptych.engine import Replica

CARD = {
    "title": "squares",
    "factors": [
        {"name": "turn", "values": [-2.0, -1.0, 0.0, 1.0, 2.0]},
        {"name": "Bright", "values": [0, 1]},
        {"name": "Red", "values": [0, 1]},
    ],
}


def squares(n, seed):
    """A vertical bar whose column is `turn`, bright or dark, red or grey."""
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.integers(0, k, n) for k in (5, 2, 2)], axis=1)
    images = np.full((n, 3, 16, 16), 40, np.uint8) + rng.integers(0, 30, (n, 3, 16, 16), dtype=np.uint8)
    for image, (turn, bright, red) in zip(images, factors):
        image[:, :, 3 + 2 * turn : 5 + 2 * turn] = 250 if bright else 150
        if red:
            image[1:] //= 2
    return Split(images, factors=factors)


def test_targets_are_the_values_of_the_factors_and_what_the_data_lack_is_named():
    split = squares(50, 0)
    targets = targets_of(split, CARD, ["Red", "Bright"], "turn")
    assert np.array_equal(targets, split.factors[:, [2, 1, 0]] - [0, 0, 2])
    for attribute, message in (("Blond", "no factor 'Blond'; there are turn, Bright, Red"), ("turn", "not 0 and 1")):
        with pytest.raises(DataError, match=message):
            targets_of(split, CARD, [attribute], None)


def test_it_learns_to_read_images_it_has_not_seen():
    train, test = squares(400, 0), squares(200, 1)
    torch.manual_seed(0)
    reader = Reader(["Bright", "Red"], "turn", (3, 16, 16), 4)
    targets, unseen = (targets_of(split, CARD, reader.attributes, reader.angle) for split in (train, test))
    before = held_out(reader, test.images, unseen)
    config = ReaderConfig(width=4, steps=150, batch_size=32, lr=5e-3)
    train_reader(train.images, targets, reader, config, Replica(0, torch.device("cpu")))
    after = held_out(reader, test.images, unseen)
    assert after["accuracy_Bright"] > 0.95 and after["accuracy_Red"] > 0.95
    assert after["angle_error"] < 0.4 < before["angle_error"]
    readings, alone = reader.train().read(test.images), reader.train().read(test.images[:1])
    assert readings.probabilities.shape == (200, 2) and readings.angle.shape == (200,)
    torch.testing.assert_close(readings.probabilities[:1], alone.probabilities)  # whatever the other images are
    torch.testing.assert_close(readings.angle[:1], alone.angle)


def test_without_an_angle_there_is_none_and_training_is_on_noisy_images():
    reader, seen = Reader(["Bright"], None, (3, 16, 16), 2), []
    readings = reader.read(np.zeros((3, 3, 16, 16), np.uint8))
    assert readings.angle is None and readings.probabilities.shape == (3, 1)
    reader.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    task = Reading(reader, ReaderConfig(width=2, steps=1, noise=0.3))
    task.batch = {"examples": (torch.zeros(40, 3, 16, 16), torch.zeros(40, 1))}
    task.loss()
    assert seen[0].std().item() == pytest.approx(0.3, rel=0.05)


def test_distances_to_the_nearest_real_image():
    """On a line of images 0, 20, 40, …, one at 5 is 5 away from the nearest, one at 10 is 10 away."""

    def flat(*values):
        return torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 4, 4)

    real = NearestReal(flat(*range(0, 200, 20)), flat(5, 25, 45))
    torch.testing.assert_close(real.distances(flat(45, 50, 60)), torch.tensor([1.0, 2.0, 0.0]), atol=1e-3, rtol=1e-4)
    assert real.median(flat(50)) == pytest.approx(2, rel=1e-4)


def test_these_distances_are_exact_where_training_is_not(monkeypatch, tf32):
    seen, cdist = [], torch.cdist
    record = lambda *args: seen.append(torch.backends.cuda.matmul.allow_tf32) or cdist(*args)  # noqa: E731
    monkeypatch.setattr(torch, "cdist", record)
    NearestReal(torch.zeros(3, 1, 2, 2), torch.ones(2, 1, 2, 2))
    assert seen == [False] and torch.backends.cuda.matmul.allow_tf32
