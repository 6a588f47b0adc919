"""Batches: every row once an epoch, a new order each epoch, a function of seed and step alone: a training can resume
at any step."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.engine import Stream

CPU = torch.device("cpu")


@st.composite
def cases(draw):
    n = draw(st.integers(1, 40))
    steps = draw(st.lists(st.integers(0, 10**6), max_size=6))
    return n, draw(st.integers(1, n)), draw(st.integers(0, 2**32 - 1)), steps


def stream(n, batch_size, seed, **options):
    return Stream(torch.arange(n), batch_size=batch_size, seed=seed, device=CPU, **options)


@settings(deadline=None)
@given(cases())
def test_a_step_has_its_batch_whatever_was_asked_before(case):
    n, batch_size, seed, steps = case
    used = stream(n, batch_size, seed)
    assert all(torch.equal(used.at(step), stream(n, batch_size, seed).at(step)) for step in steps)


@settings(deadline=None)
@given(cases(), st.integers(0, 1000))
def test_an_epoch_shows_no_image_twice_and_leaves_less_than_a_batch_out(case, epoch):
    n, batch_size, seed, _ = case
    source = stream(n, batch_size, seed)
    seen = torch.cat([source.at(epoch * source.per_epoch + i) for i in range(source.per_epoch)]).tolist()
    assert len(set(seen)) == len(seen) and set(seen) <= set(range(n)) and n - len(seen) < batch_size


@settings(deadline=None)
@given(cases(), st.integers(1, 4), st.integers(0, 100))
def test_processes_share_each_batch(case, world, step):
    n, batch_size, seed, _ = case
    n, batch_size = world * n, world * batch_size
    parts = [stream(n, batch_size, seed, rank=rank, world=world).at(step) for rank in range(world)]
    assert torch.equal(torch.stack(parts, 1).flatten(), stream(n, batch_size, seed).at(step))
    assert {len(part) for part in parts} == {batch_size // world}


def test_every_seed_and_epoch_has_an_order_of_its_own():
    orders = {
        tuple(torch.cat([stream(50, 25, seed).at(2 * epoch + i) for i in (0, 1)]).tolist())
        for seed in range(3)
        for epoch in range(3)
    }
    assert len(orders) == 9


def test_arrays_stay_together_and_are_transformed():
    arrays, sums = (np.arange(9), np.arange(9) * 2), lambda a, b: (a, b, a + b)
    a, b, total = Stream(*arrays, batch_size=3, seed=0, device=CPU, transform=sums).at(0)
    assert torch.equal(b, 2 * a) and torch.equal(total, 3 * a)


@pytest.mark.parametrize(
    "options, message", [({"batch_size": 5}, "there are 4"), ({"batch_size": 3, "world": 2}, "evenly")]
)
def test_impossible_batches_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        stream(4, seed=0, **options)
