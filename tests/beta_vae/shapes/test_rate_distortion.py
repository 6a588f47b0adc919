"""Rate, distortion and information of models whose values are known."""

import math

import numpy as np
import pytest
import torch

from triptych.beta_vae.shapes.judge import rate_distortion
from triptych.beta_vae.shapes.judge.rate_distortion import information, measure
from triptych.beta_vae.vae.autoencoder import Autoencoder
from triptych.beta_vae.vae.objective import Gaussian
from triptych.beta_vae.vae.vae import Vae, VaeConfig
from triptych.data.spec import Spec


class Ignorant(Autoencoder):
    """Its encoder knows the brightness of the picture (or nothing), its decoder draws the same for every code."""

    def __init__(self, signal: float):
        super().__init__()
        self.signal = signal

    def encoder(self, x):
        return torch.stack([self.signal * x.flatten(1).mean(1), torch.zeros(len(x)), *2 * [torch.zeros(len(x))]], 1)

    def decoder(self, z):
        return torch.zeros(len(z), 1, 16, 16)


def test_a_decoder_that_ignores_its_code_is_found_out():
    images = (torch.rand(300, 1, 16, 16, generator=torch.Generator().manual_seed(0)) < 0.3).byte() * 255
    found = measure(Ignorant(0.0), images)
    assert found.nll == pytest.approx(256 * math.log(2), rel=1e-5)
    assert found.kl == found.active_units == found.reconstruction_spread == found.decoder_spread == 0
    assert found.information == pytest.approx(0, abs=1e-4)
    knowing = measure(Ignorant(30.0), images)  # the code carries something, and still the decoder ignores it
    assert knowing.active_units == 1 and knowing.kl > 1 and knowing.information > 0.1
    assert knowing.reconstruction_spread == knowing.decoder_spread == 0


class Copying(Autoencoder):
    """Its one latent is the image's class; it draws what it saw."""

    def encoder(self, x):
        mean = 8 * x[:, 0, 0, 0] - 4
        return torch.stack([mean, torch.full_like(mean, -6.0)], 1)

    def decoder(self, z):
        return (100 * z.sign())[:, :, None, None].expand(-1, 1, 2, 2)


def test_a_code_that_tells_two_pictures_apart_is_worth_log_2():
    images = torch.zeros(400, 1, 2, 2, dtype=torch.uint8)
    images[::2] = 255
    found = measure(Copying(), images)
    assert found.information == pytest.approx(math.log(2), abs=0.01)
    assert found.nll == pytest.approx(0, abs=1e-3) and found.active_units == 1
    assert found.reconstruction_spread == pytest.approx(1, abs=1e-4)
    assert found.decoder_spread == pytest.approx(1, abs=0.05)
    assert found.kl == pytest.approx(0.5 * (16 + math.exp(-6) - 1 + 6), rel=1e-4)


class Drawing(Autoencoder):
    """Its posterior is N(mean, e^logvar) for every image; it draws the code itself, as a Gaussian decoder."""

    likelihood = Gaussian(1.0)

    def __init__(self, mean: float, logvar: float):
        super().__init__()
        self.moments = torch.tensor([mean, mean, logvar, logvar])

    def encoder(self, x):
        return self.moments.expand(len(x), -1)

    def decoder(self, z):
        return z.view(-1, 1, 1, 2)


def test_distortion_is_of_codes_drawn_from_the_posterior_and_the_decoders_spread_of_codes_of_the_prior():
    images = torch.zeros(1000, 1, 1, 2, dtype=torch.uint8)
    images[::2] = 255
    wide = measure(Drawing(0.5, math.log(0.09)), images)
    assert wide.nll == pytest.approx(0.5 * 2 * (0.25 + 0.09), rel=0.05)  # the mean alone would give 0.25
    still = measure(Drawing(0.5, -30.0), images)
    assert still.reconstruction_spread == 0
    clamped = torch.randn(100_000, generator=torch.Generator().manual_seed(0)).clamp(0, 1).var()
    assert still.decoder_spread == pytest.approx(float(clamped) / 0.25, rel=0.1)
    assert measure(Drawing(0.5, -1.0), images, 3).nll != measure(Drawing(0.5, -1.0), images, 4).nll


def test_spread_is_the_variance_over_images_not_over_pixels():
    images = torch.rand(9, 1, 3, 3, generator=torch.Generator().manual_seed(0)) * torch.arange(9.0).view(1, 3, 3)
    expected = np.var(images.numpy().reshape(9, 9), axis=0, ddof=1).mean()
    assert float(rate_distortion._spread(images)) == pytest.approx(expected)
    assert rate_distortion._spread(torch.arange(4.0).view(1, 1, 2, 2).expand(5, -1, -1, -1)) == 0


def test_information_is_the_mean_log_ratio_of_posterior_and_aggregate_posterior():
    """Also where posteriors are of different widths; against torch.distributions, all pairs at once."""
    generator = torch.Generator().manual_seed(0)
    mean, logvar, noise = torch.randn(3, 300, 2, generator=generator)
    z = mean + (logvar / 2).exp() * noise
    q = torch.distributions.Normal(mean, (logvar / 2).exp())
    log = q.log_prob(z[:, None]).sum(-1)  # (i, j): log q(z_i | x_j)
    expected = (log.diagonal() - log.logsumexp(1) + math.log(300)).mean()
    assert information(z, mean, logvar) == pytest.approx(float(expected), rel=1e-4)
    for n, width, logvar in ((500, 10, -8.0), (6, 1, -120.0)):  # at most log n; also where float32 knows no such width
        mean = width * torch.arange(float(n))[:, None].expand(n, 2)
        narrow = torch.full_like(mean, logvar)
        assert information(mean, mean, narrow) == pytest.approx(math.log(n), rel=1e-4)
    assert information(mean + 1e-30, mean, narrow) == pytest.approx(math.log(6))


def test_distortion_is_the_decoders_own_likelihood():
    spec = Spec((1, 16, 16))
    x, z = torch.rand(3, 1, 16, 16), torch.randn(3, 4)
    for kind in ("bernoulli", "gaussian"):
        model = Vae(VaeConfig(hidden=16, latents=4, beta=1.0, decoder=kind), spec)
        out = model.decoder(z)
        if kind == "gaussian":
            expected = 0.5 * (out - x).square().sum((1, 2, 3))
        else:
            expected = torch.nn.functional.binary_cross_entropy(out.sigmoid(), x, reduction="none").sum((1, 2, 3))
        torch.testing.assert_close(rate_distortion.distortion(model, z, x), expected)
