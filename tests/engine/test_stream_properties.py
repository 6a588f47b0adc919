"""A stream gives a step the same batch whatever was asked before: a training can resume at any step."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.engine import Stream

CPU = torch.device("cpu")


@st.composite
def cases(draw):
    n = draw(st.integers(1, 40))
    return (
        n,
        draw(st.integers(1, n)),
        draw(st.integers(0, 2**32 - 1)),
        draw(st.lists(st.integers(0, 10**6), max_size=6)),
    )


def stream(n, batch_size, seed, **share):
    return Stream(torch.arange(n), batch_size=batch_size, seed=seed, device=CPU, **share)


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
