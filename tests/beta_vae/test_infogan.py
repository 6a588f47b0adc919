"""InfoGAN: shapes, who descends what, and that Q learns to read the codes from the pictures."""

import numpy as np
import pytest
import torch

from triptych import systems
from triptych.beta_vae.systems.infogan import Config, InfoGanTask
from triptych.config import ParamsError
from triptych.engine import Replica
from triptych.systems import Spec

CPU = torch.device("cpu")
SMALL = {"channels": [4, 8], "dense": 16, "head": 8, "codes": 2, "noise": 2, "batch_size": 16}


def build(**config):
    return systems.build("shapes", "infogan", Config(**{**SMALL, **config}), Spec((1, 16, 16)), 0)


def images(n=256):
    rng = np.random.default_rng(0)
    out = np.zeros((n, 1, 16, 16), np.uint8)
    for image, (i, j) in zip(out, rng.integers(0, 10, (n, 2))):
        image[0, i : i + 6, j : j + 6] = 255
    return out


def test_codes_in_images_out_and_back():
    model = build().eval()
    decoded = model.decode(torch.rand(5, 2) * 2 - 1)
    assert decoded.shape == (5, 1, 16, 16) and decoded.min() >= 0 and decoded.max() <= 1
    codes = model.encode(torch.from_numpy(images(6)))
    assert codes.shape == (6, 2)
    torch.testing.assert_close(
        codes[:1], model.encode(torch.from_numpy(images(6))[:1])
    )  # whatever else is in the batch


def test_each_phase_trains_its_own_networks():
    task = InfoGanTask(build())
    phases = {p.name: p for p in task.phases()}
    trained = {n: {id(w) for m in p.modules for w in m.parameters()} for n, p in phases.items()}
    assert not trained["discriminator"] & trained["generator"]
    assert len(trained["discriminator"] | trained["generator"]) == len(list(task.parameters()))


def test_the_discriminators_loss_sends_no_gradient_to_the_generator():
    task = InfoGanTask(build())
    task.batch = {"images": torch.from_numpy(images(16))}
    task.discriminator_loss()[0].backward()
    assert all(p.grad is None for p in task.generator.parameters())
    assert all(p.grad is not None for p in task.inference.parameters())


def test_information_term_is_the_gaussian_log_density_less_its_constant():
    task = InfoGanTask(build(code_std=0.5))
    features, codes = torch.randn(9, 16), torch.rand(9, 2)
    q = torch.distributions.Normal(task.inference(features), 0.5)
    constant = q.log_prob(q.mean).sum(1)
    torch.testing.assert_close(task.surprise(features, codes), (constant - q.log_prob(codes).sum(1)).mean())


def test_q_learns_to_read_the_codes():
    model, replica = build(steps=600, lr_d=2e-3, lr_g=2e-3), Replica(0, CPU)
    model.fit(images(), None, replica)
    error = [value for _, name, value in replica.history if name == "code_error"]
    chance = 2 * 0.5 / 3  # ½ E c² of two codes uniform on (−1, 1)
    assert error[-1] < 0.75 * chance
    torch.manual_seed(1)
    codes = torch.rand(200, 2) * 2 - 1
    with torch.inference_mode():
        found = model.encode((model.decode(codes) * 255).round().to(torch.uint8))
    assert max(np.corrcoef(codes[:, j], found[:, j])[0, 1] for j in range(2)) > 0.5


def test_sizes_that_cannot_be_halved_three_times_are_refused():
    with pytest.raises(ParamsError, match="28×28"):
        systems.build("shapes", "infogan", Config(**SMALL), Spec((1, 28, 28)), 0)
