"""The β-VAE loss against torch.distributions, and β_norm against the paper's table."""

import pytest
import torch
from torch import distributions
from torch.distributions import Independent, Normal, kl_divergence

from triptych.base.config import ParamsError, validate
from triptych.beta_vae.vae.objective import (
    Bernoulli,
    Gaussian,
    bernoulli_nll,
    beta_of,
    gaussian_nll,
    kl_per_latent,
    normalised,
    resolve_beta,
)
from triptych.beta_vae.vae.vae import VaeConfig


def test_terms_are_those_of_torch_distributions_summed_over_pixels():
    mean, logvar = torch.randn(2, 50, 10, dtype=torch.float64)
    expected = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(kl_per_latent(mean, logvar), expected)
    out, images = torch.randn(4, 1, 8, 8, dtype=torch.float64), (torch.rand(4, 1, 8, 8) > 0.5).double()
    bernoulli = Independent(distributions.Bernoulli(logits=out), 3).log_prob(images)
    for nll in (bernoulli_nll, Bernoulli().nll):
        torch.testing.assert_close(nll(out, images), -bernoulli)
    for variance in (1.0, 0.01):
        normal = Independent(Normal(out, variance**0.5), 3)
        expected = normal.log_prob(out) - normal.log_prob(images)  # less the density's constant
        torch.testing.assert_close(gaussian_nll(out, images, variance=variance), expected)
        torch.testing.assert_close(Gaussian(variance).nll(out, images), expected)
    torch.testing.assert_close(gaussian_nll(out, images), gaussian_nll(out, images, variance=1.0))


def test_bernoulli_nll_has_the_gradient_of_the_librarys_and_holds_where_a_pixel_is_all_but_certain():
    out = torch.tensor([0.0, 1e-3, -3.0, 30.0, -30.0, 200.0, -200.0, 0.5]).view(1, 2, 2, 2).requires_grad_()
    images = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.25]).view(1, 2, 2, 2)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(out, images, reduction="none").sum((1, 2, 3))
    measured = bernoulli_nll(out, images)
    torch.testing.assert_close(measured, expected)
    gradients = [torch.autograd.grad(3 * loss.sum(), out)[0] for loss in (measured, expected)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    ("latents", "inputs", "beta", "beta_norm"),
    [
        (10, 4096, 1, 0.00244),
        (10, 4096, 4, 0.00977),
        (32, 4096, 5, 0.0391),
        (32, 4096, 20, 0.156),
        (32, 12288, 250, 0.651),
    ],
)
def test_normalised_beta_gives_the_papers_values(latents, inputs, beta, beta_norm):
    assert normalised(beta, latents, inputs) == pytest.approx(beta_norm, rel=5e-3)
    assert beta_of(normalised(beta, latents, inputs), latents, inputs) == pytest.approx(beta)


def test_exactly_one_of_beta_and_beta_norm():
    assert resolve_beta(None, 4 * 10 / 4096, 10, 4096) == pytest.approx(4)
    assert resolve_beta(4.0, None, 10, 4096) == 4
    for values in ({}, {"beta": 4.0, "beta_norm": 0.00977}):
        with pytest.raises(ParamsError, match="shapes.systems.beta_vae: give exactly one of beta and beta_norm"):
            validate(VaeConfig, values, "shapes.systems.beta_vae")
    with pytest.raises(ParamsError, match="beta = -1.0"):
        validate(VaeConfig, {"beta": -1.0}, "shapes.systems.beta_vae")
