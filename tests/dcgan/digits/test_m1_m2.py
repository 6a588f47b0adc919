import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.m1 import M1, M1Codes, M1Config, M1Task, kl_to_standard, log_normal, sample
from triptych.dcgan.digits.parts.m2 import M2, M2Task
from triptych.dcgan.digits.rows import m1_m2
from triptych.dcgan.digits.rows.m1_m2 import Config, System
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
def test_divergence_density_and_samples_agree_with_torch(mean, variance):
    q = (torch.full((2, 3), mean), torch.full((2, 3), math.log(variance)))
    theirs = Normal(q[0], torch.exp(q[1] / 2))
    expected = kl_divergence(theirs, Normal(torch.zeros(2, 3), torch.ones(2, 3))).sum(1)
    torch.testing.assert_close(kl_to_standard(q), expected)
    x = vectors(2, 3)
    torch.testing.assert_close(log_normal(x, q), theirs.log_prob(x).sum(1))
    torch.manual_seed(0)
    drawn = sample((torch.full((100_000,), mean), torch.full((100_000,), math.log(variance))))
    assert drawn.mean().item() == pytest.approx(mean, abs=0.01)
    assert drawn.var().item() == pytest.approx(variance, rel=0.03)


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


def test_the_weights_have_a_standard_normal_prior():
    """Its −log density per image has the gradient w / n."""
    m1 = M1(M1Config(components=3, z_dim=2, hidden=[5]), 12)
    for task, n, lr in ((M1Task(m1, 50), 50, 3e-4), (M2Task(model(), 10, 30, alpha=0.1, lr=1e-3), 40, 1e-3)):
        (phase,) = task.phases()
        optimiser = phase.optimiser([torch.nn.Parameter(torch.zeros(1))])
        (group,) = optimiser.param_groups
        assert type(optimiser) is torch.optim.Adam and group["betas"] == (0.9, 0.999)
        assert (group["lr"], group["weight_decay"]) == (lr, 1 / n)


def test_the_features_of_m1_are_the_posterior_means_of_whitened_components():
    torch.manual_seed(0)
    images = torch.randint(0, 256, (40, 3, 2, 2), dtype=torch.uint8)
    codes = M1Codes.__new__(M1Codes)
    codes.m1 = M1(M1Config(components=5, z_dim=2, hidden=[5], steps=1), 12)
    codes.m1.fit(images.numpy(), Replica(0, torch.device("cpu")))
    rows = codes.m1.whiten(images.flatten(1) / 255)
    torch.testing.assert_close(torch.cov(rows.T, correction=0), torch.eye(5), atol=1e-3, rtol=0)
    encoder = codes.m1.encoder
    expected = encoder.layers(rows) @ encoder.head.weight[:2].T + encoder.head.bias[:2]
    torch.testing.assert_close(codes.image_features(images), expected)


SMALL = {"components": 3, "z_dim": 2, "hidden": [5], "steps": 1, "m2_hidden": [4], "m2_steps": 5, "check_steps": 5}


def fitted(images, labels, *seeds):
    cpu = [Replica(seed, torch.device("cpu")) for seed in seeds]
    system = System(Config(**SMALL, labelled_batch=6, unlabelled_batch=8), Spec((3, 2, 2), n_classes=2))
    system.pretrain(images[6:], cpu[0])
    system.tune([], (images[:6], labels), cpu[0])
    for replica in cpu:
        system.fit(images[:6], labels, replica)


def test_m2_learns_from_fresh_samples_of_the_codes_and_starts_from_its_seed(monkeypatch):
    """Six labelled and eight other images, all of them in each of five steps: no code comes twice."""
    seen, loss = {"labelled": [], "unlabelled": []}, M2Task.loss

    def spy(self):
        seen["labelled"].append(self.batch["labelled"][0].clone())
        seen["unlabelled"].append(self.batch["unlabelled"].clone())
        return loss(self)

    monkeypatch.setattr(M2Task, "loss", spy)
    images, labels = np.random.default_rng(0).integers(0, 256, (14, 3, 2, 2), dtype=np.uint8), np.arange(6) % 2
    fitted(images, labels, 0)
    for name, n in (("labelled", 30), ("unlabelled", 40)):
        codes = torch.cat(seen[name])
        assert codes.shape == (n, 2) and len(codes.unique(dim=0)) == n

    def first_weights(_, net, *rest, **options):
        first.append(net.classify[1].weight.clone())

    first = []
    monkeypatch.setattr(m1_m2, "train_selected", first_weights)
    fitted(images, labels, 0, 0, 1)
    assert torch.equal(first[0], first[1]) and not torch.equal(first[0], first[2])
