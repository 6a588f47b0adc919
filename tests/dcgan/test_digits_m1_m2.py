import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from triptych.dcgan.semisupervised.m1 import M1, M1Config, M1Task, kl_to_standard, log_normal
from triptych.dcgan.semisupervised.m2 import M2, M2Task
from triptych.engine import Replica


def vectors(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def model(n_classes: int = 4) -> M2:
    torch.manual_seed(0)
    m2 = M2(5, n_classes, z_dim=3, hidden=[16])
    for parameter in m2.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return m2


def brute_force_labelled(m2: M2, x: torch.Tensor, y: int, noise: torch.Tensor) -> float:
    """−L(x, y) of one image, by torch's own distributions, with the KL as it stands in the paper."""
    one_hot = torch.eye(m2.n_classes)[y]
    mean, log_variance = m2.encoder(x, one_hot)
    q = Normal(mean, torch.exp(log_variance / 2))
    z = mean + torch.exp(log_variance / 2) * noise
    mean, log_variance = m2.decoder(z, one_hot)
    log_p = Normal(mean, torch.exp(log_variance / 2)).log_prob(x).sum()
    divergence = kl_divergence(q, Normal(torch.zeros(3), torch.ones(3))).sum()
    return (log_p + math.log(1 / m2.n_classes) - divergence).item()


def test_labelled_bound_agrees_with_brute_force():
    m2, x, noise = model(), vectors(6, 5), vectors(6, 3, seed=1)
    y = torch.tensor([0, 1, 2, 3, 0, 1])
    ours = m2.labelled_bound(x, torch.nn.functional.one_hot(y, 4).float(), noise)
    expected = [brute_force_labelled(m2, x[i], int(y[i]), noise[i]) for i in range(6)]
    np.testing.assert_allclose(ours.detach(), expected, rtol=1e-4)


def test_unlabelled_bound_agrees_with_a_sum_over_classes():
    m2, x, noise = model(), vectors(6, 5), vectors(6, 4, 3, seed=1)
    q = m2(x).softmax(1).detach()
    expected = [
        sum(float(q[i, y]) * (brute_force_labelled(m2, x[i], y, noise[i, y]) - math.log(q[i, y])) for y in range(4))
        for i in range(6)
    ]
    np.testing.assert_allclose(m2.unlabelled_bound(x, noise).detach(), expected, rtol=1e-4)


def test_unlabelled_bound_is_below_the_evidence():
    """log Σ_y ∫ p(x, y, z) dz, by importance sampling from q with many samples."""
    m2, x = model(), vectors(3, 5)
    n = 4000
    with torch.no_grad():
        bound = torch.stack([m2.unlabelled_bound(x) for _ in range(400)]).mean(0)
        terms = []
        for y in range(4):
            one_hot = torch.eye(4)[y].expand(n, 3, 4)
            q = m2.encoder(x.expand(n, 3, 5), one_hot)
            noise = vectors(n, 3, 3, seed=y)
            z = q[0] + torch.exp(q[1] / 2) * noise
            prior = log_normal(z, (torch.zeros(3), torch.zeros(3)))
            terms.append(
                log_normal(x, m2.decoder(z, one_hot)) + prior - log_normal(z, q) + math.log(1 / 4) - math.log(n)
            )
        evidence = torch.cat(terms).logsumexp(0)
    assert bool((bound < evidence + 0.02).all())


def test_objective_weighs_images_as_the_paper_does():
    m2 = model()
    task = M2Task(m2, n_labelled=100, n_unlabelled=300, alpha=0.1, lr=1e-3)
    task.batch = {"labelled": (vectors(8, 5), torch.arange(8) % 4), "unlabelled": vectors(20, 5)}
    loss, logs = task.loss()
    # J / N with J = Σ L + Σ U + α (N / N_l) Σ −log q
    expected = (100 * logs["labelled"] + 300 * logs["unlabelled"] + 0.1 * 400 / 100 * 100 * logs["cross_entropy"]) / 400
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("mean, variance", [(0.0, 1.0), (1.5, 0.3)])
def test_divergence_and_density_agree_with_torch(mean, variance):
    q = (torch.full((2, 3), mean), torch.full((2, 3), math.log(variance)))
    theirs = Normal(q[0], torch.exp(q[1] / 2))
    expected = kl_divergence(theirs, Normal(torch.zeros(2, 3), torch.ones(2, 3))).sum(1)
    torch.testing.assert_close(kl_to_standard(q), expected)
    x = vectors(2, 3)
    torch.testing.assert_close(log_normal(x, q), theirs.log_prob(x).sum(1))


def test_m1_finds_a_code_where_there_is_one():
    """Images of high and of low contrast; a collapsed model is the best Gaussian, for both together."""
    rng = np.random.default_rng(0)
    contrast = rng.choice([0.1, 1.0], size=(600, 1))
    images = (128 + 30 * contrast * rng.normal(size=(600, 48))).clip(0, 255).astype(np.uint8).reshape(600, 3, 4, 4)
    torch.manual_seed(0)
    m1 = M1(M1Config(components=10, z_dim=2, hidden=[30], steps=500, lr=3e-3), 48)
    m1.fit(images, Replica(0))
    task = M1Task(m1, 600)
    task.batch = {"x": m1.whiten(torch.from_numpy(images).flatten(1).float() / 255)}
    gaussian = -10 * 0.5 * math.log(2 * math.pi * math.e)
    assert task.loss()[1]["elbo"].item() > gaussian + 1


def test_warm_up_weighs_the_divergence():
    torch.manual_seed(0)
    m1 = M1(M1Config(components=3, z_dim=2, hidden=[5], steps=10, warm_up=0.5), 12)
    task = M1Task(m1, 100)
    task.batch = {"x": 3 * vectors(7, 3)}
    for weight in (0.2, 0.4, 0.6, 0.8, 1.0, 1.0):
        loss, logs = task.loss()
        torch.testing.assert_close(loss, (weight - 1) * logs["kl"] - logs["elbo"])
