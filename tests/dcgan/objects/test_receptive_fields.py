import pytest
import torch

from triptych.dcgan.objects.parts.receptive_fields import (
    GroupedLayer,
    average_blocks,
    energy_correlation,
    random_windows,
    receptive_fields,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def scale_mixtures(n=20_000):
    """Features 0, 2, 4 share one random loudness and 1, 3, 5 another; 6 has none. None of them are correlated."""
    g = torch.randn(n, 7, generator=generator())
    loud = torch.randn(n, 2, generator=generator(1)).exp()
    return g * torch.cat([loud, loud, loud, torch.ones(n, 1)], dim=1)


def whitened_pair(pair):
    """ZCA of two features, sample by sample."""
    centred = (pair - pair.mean(0)) / pair.std(0, correction=0)
    values, vectors = torch.linalg.eigh(torch.cov(centred.T, correction=0))
    return centred @ (vectors * values.rsqrt()) @ vectors.T


def test_energy_correlation_is_that_of_whitened_pairs():
    x = scale_mixtures(3000)[:, :4].double()
    x = x @ torch.randn(4, 4, generator=generator(2), dtype=torch.float64) + 5
    got = energy_correlation(x)
    for j in range(4):
        for k in range(j + 1, 4):
            z = whitened_pair(x[:, [j, k]]).square()
            expected = (z[:, 0] * z[:, 1]).mean() - 1
            expected /= ((z[:, 0].square().mean() - 1) * (z[:, 1].square().mean() - 1)).sqrt()
            assert got[j, k].item() == pytest.approx(expected.item(), rel=1e-6)
            assert got[k, j].item() == pytest.approx(expected.item(), rel=1e-6)


def test_it_finds_what_is_uncorrelated_but_dependent_in_energy():
    x = scale_mixtures().clamp(-20, 20)
    assert torch.corrcoef(x.T).fill_diagonal_(0).abs().max() < 0.05
    similarity = energy_correlation(x)
    same = torch.tensor([[(i - j) % 2 == 0 for j in range(6)] for i in range(6)])
    off = ~torch.eye(6, dtype=torch.bool)
    assert similarity[:6, :6][same & off].min() > 0.1 > similarity[:6, :6][~same].max()
    assert similarity[6, :6].abs().max() < 0.05
    g = torch.randn(50_000, 2, generator=generator())
    correlated = torch.stack([g[:, 0], 0.8 * g[:, 0] + 0.6 * g[:, 1]], dim=1)
    assert torch.corrcoef(correlated.square().T)[0, 1] > 0.6
    assert energy_correlation(correlated)[0, 1].abs() < 0.03
    dead = energy_correlation(torch.cat([x[:2000], torch.full((2000, 1), 3.0)], dim=1))
    assert torch.isfinite(dead).all() and dead[:7].argmin(1).eq(7).all()  # chosen last


def test_receptive_fields_hold_a_feature_and_its_nearest():
    similarity = energy_correlation(scale_mixtures().clamp(-20, 20))[:6, :6]
    fields = receptive_fields(similarity, 6, 3, generator())
    assert {tuple(sorted(f.tolist())) for f in fields} == {(0, 2, 4), (1, 3, 5)}
    assert sorted(fields[:, 0].tolist()) == list(range(6))  # each feature once before any comes again
    assert receptive_fields(similarity, 8, 3, generator()).shape == (8, 3)


def test_random_windows_are_windows():
    maps = torch.arange(5 * 2 * 3 * 4.0).view(5, 2, 3, 4)
    got = random_windows([maps[:2], maps[2:]], 5, 60, 2, generator())
    every = {
        maps[i, :, r : r + 2, c : c + 2].flatten().numpy().tobytes()
        for i in range(5)
        for r in (0, 1)
        for c in (0, 1, 2)
    }
    assert got.shape == (60, 2, 4)
    found = {w.flatten().numpy().tobytes() for w in got}
    assert found <= every and len(found) > 15


def test_average_blocks():
    code = torch.arange(2 * 6 * 3.0).view(2, 6, 3)  # places of 2 × 3
    got = average_blocks(code, (2, 3), 2)
    torch.testing.assert_close(got, code[:, [0, 1, 3, 4]].mean(1)[:, :, None, None])


def learned(unit=1.0):
    """A layer of two groups, and its distortions as it learned from maps in this unit."""
    made = GroupedLayer(groups=2, members=3, k=4, window=2, epsilons=(0.01, 0.1))
    sample = scale_mixtures(4000).clamp(-20, 20)[:, :6].view(1000, 4, 6).transpose(1, 2)
    return made, made.learn(unit * sample.contiguous(), 4, generator())


def test_a_group_sees_its_members_alone_and_codes_their_windows():
    layer, distortions = learned()
    assert len(distortions) == 4 and distortions[-1] < distortions[0]
    assert {tuple(sorted(f.tolist())) for f in layer.members} <= {(0, 2, 4), (1, 3, 5)}
    maps = torch.randn(2, 6, 3, 3, generator=generator(3))
    before = layer(maps)
    assert before.shape == (2, 4, 8)
    for i, members in enumerate(layer.members):
        other = torch.ones(6, dtype=torch.bool)
        other[members] = False
        changed = maps.clone()
        changed[:, other] += 1
        after = layer(changed)
        part = slice(4 * i, 4 * i + 4)
        assert torch.equal(after[:, :, part], before[:, :, part])
        changed[:, members[1]] += 1
        assert not torch.equal(layer(changed)[:, :, part], before[:, :, part])
    window = maps[0, layer.members[1], 1:3, 0:2].flatten()[None] / layer.scale
    torch.testing.assert_close(before[0, 2, 4:], layer.dictionaries[1].code(window)[0], atol=1e-4, rtol=1e-4)


def test_the_unit_of_the_maps_does_not_matter():
    maps = torch.randn(2, 6, 3, 3, generator=generator(3))
    codes = [learned(unit)[0](unit * maps) for unit in (1.0, 64.0)]
    torch.testing.assert_close(codes[0], codes[1], atol=1e-4, rtol=1e-4)
