"""Batches: every row once an epoch, a new order each epoch, a function of seed and step alone."""

import numpy as np
import pytest
import torch

from triptych.engine import Stream

CPU = torch.device("cpu")


def test_every_row_once_an_epoch_in_a_new_order():
    stream = Stream(np.arange(12), batch_size=4, seed=0, device=CPU)
    epochs = [torch.cat([stream.at(3 * e + i) for i in range(3)]) for e in range(2)]
    assert all(sorted(e.tolist()) == list(range(12)) for e in epochs)
    assert not torch.equal(*epochs)


def test_a_step_does_not_depend_on_the_steps_before():
    a, b = (Stream(np.arange(50), batch_size=7, seed=3, device=CPU) for _ in range(2))
    walked = [a.at(s) for s in range(20)]
    assert torch.equal(walked[17], b.at(17))
    assert torch.equal(walked[2], b.at(2))


def test_processes_share_a_batch_without_overlap():
    whole = Stream(np.arange(20), batch_size=6, seed=1, device=CPU)
    parts = [Stream(np.arange(20), batch_size=6, seed=1, device=CPU, rank=r, world=2) for r in range(2)]
    together = torch.cat([p.at(4) for p in parts])
    assert sorted(together.tolist()) == sorted(whole.at(4).tolist())


def test_arrays_stay_together_and_are_transformed():
    stream = Stream(
        np.arange(9), np.arange(9) * 2, batch_size=3, seed=0, device=CPU, transform=lambda a, b: (a, b, a + b)
    )
    a, b, total = stream.at(0)
    assert torch.equal(b, 2 * a) and torch.equal(total, 3 * a)


@pytest.mark.parametrize(
    "options, message", [({"batch_size": 5}, "there are 4"), ({"batch_size": 3, "world": 2}, "evenly")]
)
def test_impossible_batches_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Stream(np.arange(4), seed=0, device=CPU, **options)


def test_every_seed_and_epoch_has_an_order_of_its_own():
    orders = [
        torch.cat([Stream(np.arange(50), batch_size=25, seed=seed, device=CPU).at(2 * epoch + i) for i in (0, 1)])
        for seed in range(3)
        for epoch in range(3)
    ]
    assert len({tuple(order.tolist()) for order in orders}) == 9


def test_all_rows_can_be_one_batch_and_a_rest_is_dropped():
    assert sorted(Stream(np.arange(4), batch_size=4, seed=0, device=CPU).at(3).tolist()) == [0, 1, 2, 3]
    stream = Stream(np.arange(7), batch_size=3, seed=0, device=CPU)
    assert stream.per_epoch == 2 and len(set(torch.cat([stream.at(0), stream.at(1)]).tolist())) == 6
