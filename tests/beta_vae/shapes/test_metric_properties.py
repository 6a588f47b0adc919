"""What holds of the metrics whatever the code: ranges, and that a latent's place, sign and unit do not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.beta_vae.shapes.judge import dci, mig
from triptych.beta_vae.shapes.judge.factor_probe import best_latents, standardised
from triptych.beta_vae.shapes.judge.higgins import best_half

seeds = st.integers(0, 2**32 - 1)


def some_code(seed, n=60, latents=4):
    """Codes (n, latents) that know something of factors (n, 3) of 2, 3 and 4 values."""
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.permutation(np.arange(n) % k) for k in (2, 3, 4)], 1)
    return factors @ rng.normal(size=(3, latents)) + rng.normal(size=(n, latents)), factors


@settings(deadline=None, max_examples=40)
@given(seeds, st.permutations(range(4)), st.permutations(range(3)), st.sampled_from([0.5, 2.0, 64.0]))
def test_mig_is_a_share_and_does_not_know_places_and_units(seed, latents, factors, unit):
    codes, values = some_code(seed)
    score = mig.mig(codes, values)
    assert 0 <= score <= 1
    assert mig.mig(unit * codes[:, list(latents)], values[:, list(factors)]) == pytest.approx(score)
    assert mig.mig(np.c_[codes, np.zeros(len(codes))], values) == pytest.approx(score)  # a dead latent knows nothing


@settings(deadline=None, max_examples=60)
@given(seeds, st.permutations(range(5)), st.permutations(range(3)))
def test_disentanglement_and_completeness_are_shares_and_know_no_places(seed, latents, factors):
    importance = np.random.default_rng(seed).exponential(size=(5, 3)) ** 3
    for score in (dci.disentanglement, dci.completeness):
        assert 0 <= score(importance) <= 1
        assert score(importance[list(latents)][:, list(factors)]) == pytest.approx(score(importance))
        assert score(7 * importance) == pytest.approx(score(importance))


@settings(deadline=None, max_examples=60)
@given(seeds)
def test_the_best_latent_leads_by_no_more_than_it_has(seed):
    a = np.random.default_rng(seed).random((4, 3))
    best, gap = best_latents(a)
    assert np.array_equal(best, a.max(0)) and (gap >= 0).all() and (gap <= best).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_the_best_half_is_half_and_no_other_score_is_better(scores):
    best = best_half(scores)
    assert len(best) == (len(scores) + 1) // 2 and sorted(scores)[-len(best) :] == best[::-1]


@settings(deadline=None, max_examples=40)
@given(seeds, st.floats(-1e3, 1e3), st.floats(1e-2, 1e2))
def test_standardised_columns_do_not_know_their_unit(seed, shift, scale):
    codes, _ = some_code(seed)
    for mine, theirs in zip(standardised(codes, codes), standardised(scale * codes + shift, scale * codes + shift)):
        assert np.allclose(mine, theirs, atol=1e-6)
