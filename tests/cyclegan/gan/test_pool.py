"""The pool against the authors' rule in plain Python, and as state."""

import random

import pytest
import torch

from triptych.cyclegan.gan.pool import Pool


class PlainPool:
    """The rule as the authors' code states it, with the random choices handed in."""

    def __init__(self, size):
        self.size, self.images = size, []

    def query(self, image, swap, slot):
        if len(self.images) < self.size:
            self.images.append(image)
            return image
        if swap:
            old, self.images[slot] = self.images[slot], image
            return old
        return image


@pytest.mark.parametrize("size, batch", [(4, 1), (5, 3), (1, 2)])
def test_same_as_the_plain_rule(size, batch, monkeypatch):
    choices = random.Random(0)
    pool, plain = Pool(size, (1,)), PlainPool(size)
    drawn = {}
    monkeypatch.setattr(torch, "randint", lambda n, shape, device: torch.tensor(drawn["slots"].pop(0)))
    monkeypatch.setattr(torch, "rand", lambda shape, device: torch.tensor(drawn["swaps"].pop(0)))
    for step in range(40):
        slots, swaps = [choices.randrange(size) for _ in range(batch)], [choices.random() for _ in range(batch)]
        drawn["slots"], drawn["swaps"] = list(slots), list(swaps)
        fakes = torch.arange(step * batch, (step + 1) * batch).float().view(batch, 1)
        expected = [plain.query(float(f), w < 0.5, s) for f, w, s in zip(fakes, swaps, slots)]
        assert pool.exchange(fakes).flatten().tolist() == expected
    assert pool.images.flatten().tolist() == plain.images


def test_fills_first_and_then_returns_about_half_old():
    torch.manual_seed(0)
    pool = Pool(50, (1,))
    first = torch.arange(50.0).view(50, 1)
    assert torch.equal(pool.exchange(first), first) and torch.equal(pool.images, first)
    new = torch.arange(50.0, 2050.0).view(-1, 1)
    out = pool.exchange(new)
    old = (out != new).float().mean().item()
    assert 0.46 < old < 0.54
    seen = torch.cat([out, pool.images]).flatten().sort().values
    assert torch.equal(seen, torch.arange(2050.0))  # every image is either out or still in, none twice


def test_is_detached():
    fake = torch.randn(2, 3, requires_grad=True)
    assert not Pool(2, (3,)).exchange(fake).requires_grad
    assert torch.equal(Pool(0, (3,)).exchange(fake), fake.detach())


def test_state_survives_a_checkpoint():
    torch.manual_seed(0)
    pool, again = Pool(3, (1,)), Pool(3, (1,))
    pool.exchange(torch.arange(7.0).view(7, 1))
    again.load_state_dict(pool.state_dict())
    more = torch.arange(7.0, 20.0).view(-1, 1)
    rng = torch.get_rng_state()
    expected = pool.exchange(more)
    torch.set_rng_state(rng)
    assert torch.equal(again.exchange(more), expected)
