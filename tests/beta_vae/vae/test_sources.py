"""What VAEs that train together draw their batches and their noise from."""

import numpy as np
import torch

from triptych.beta_vae.vae.training import Batches, Noise
from triptych.engine import Replica
from triptych.engine import stream as engine_stream

CPU = torch.device("cpu")
IMAGES = np.random.default_rng(0).integers(0, 256, (64, 1, 16, 16), dtype=np.uint8)


def test_noise_is_standard_normal_and_depends_on_seed_and_step_alone():
    noise = Noise([3, 4], (8, 5), Replica(3, CPU))
    ahead = noise.rows(1000).clone()
    first = torch.stack([noise.rows(s).clone() for s in range(300)])
    assert torch.equal(noise.rows(1000), ahead)
    assert torch.equal(Noise([4], (8, 5), Replica(4, CPU)).rows(7)[0], first[7, 1])
    assert abs(first.mean()) < 0.02 and abs(first.std() - 1) < 0.02
    assert not torch.equal(first[0], first[256]) and not torch.equal(first[0, 0], first[0, 1])


def test_several_processes_share_the_noise_of_one(monkeypatch):
    whole = Noise([3], (8, 5), Replica(3, CPU)).rows(7)
    parts = []
    monkeypatch.setattr(Replica, "world", 2)
    for rank in (0, 1):
        monkeypatch.setattr(Replica, "rank", rank)
        parts.append(Noise([3], (8, 5), Replica(3, CPU)).rows(7))
    assert torch.equal(torch.stack(parts, 2).flatten(1, 2), whole)


def test_streams_of_several_seeds_share_one_copy_of_the_data(monkeypatch):
    alone = [Batches(IMAGES, [s], 8, Replica(s, CPU)) for s in (3, 4)]
    room = [True, False]  # for one copy only
    monkeypatch.setattr(engine_stream, "_fits", lambda *_: room.pop(0))
    both = Batches(IMAGES, [3, 4], 8, Replica(3, CPU))
    assert room == [False] and both.streams[0]._tensors[0] is both.streams[1]._tensors[0]
    for step in (0, 7, 8, 3):
        assert torch.equal(both.rows(step), torch.cat([a.rows(step) for a in alone]))
    assert torch.equal(both.gather(both.rows(5))[1:], alone[1].gather(alone[1].rows(5)))
