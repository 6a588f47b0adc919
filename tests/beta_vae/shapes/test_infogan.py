"""InfoGAN: shapes, who descends what, and that Q learns to read the codes from the pictures."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from shapes_kit import squares

from triptych.base.config import ParamsError
from triptych.beta_vae.shapes.rows.infogan import Config, InfoGanTask
from triptych.data.spec import Spec
from triptych.engine import Replica
from triptych.pipeline import systems

CPU = torch.device("cpu")
SMALL = {"channels": [4, 8], "dense": 16, "head": 8, "codes": 2, "noise": 2, "batch_size": 16}


def build(**config):
    return systems.build("shapes", "infogan", Config(**{**SMALL, **config}), Spec((1, 16, 16)), 0)


def images(n=256):
    return squares(n, side=6, among=10)


def test_codes_in_images_out_and_back():
    model = build().eval()
    decoded = model.decode(torch.rand(5, 2) * 2 - 1)
    assert decoded.shape == (5, 1, 16, 16) and decoded.min() >= 0 and decoded.max() <= 1
    codes, alone = (model.encode(torch.from_numpy(images(6))[:n]) for n in (6, 1))
    assert codes.shape == (6, 2)
    torch.testing.assert_close(codes[:1], alone)  # whatever else is in the batch
    model.trunk, model.inference = torch.nn.Flatten(), torch.nn.Identity()  # the trunk sees −1 to 1
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 1, 1, 3)
    assert model.encode(pixels)[0].tolist() == pytest.approx([-1, -0.6, 1])


def test_each_phase_trains_its_own_networks():
    task = InfoGanTask(build())
    phases = {p.name: p for p in task.phases()}
    trained = {n: {id(w) for m in p.modules for w in m.parameters()} for n, p in phases.items()}
    assert not trained["discriminator"] & trained["generator"]
    assert len(trained["discriminator"] | trained["generator"]) == len(list(task.parameters()))
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


def test_losses_are_the_gans_and_lambda_times_the_surprise_at_the_fakes_codes():
    """D: −log D(real) − log(1 − D(fake)); G: −log D(fake); both with λ times Q's squared error on the fakes."""
    task = InfoGanTask(build(weight=0.3, instance_noise=0.5))
    task.batch = {"images": torch.from_numpy(images(8))}
    real = task.batch["images"] / 127.5 - 1

    def surprise(features, codes):
        return 0.5 * (task.inference(features) - codes).square().sum() / len(codes)

    torch.manual_seed(5)
    loss, logs = task.discriminator_loss()
    torch.manual_seed(5)
    codes, fake = task.imagine(8)
    both = torch.cat([real, fake])
    features = task.trunk(both + 0.5 * torch.randn_like(both))
    scores = task.judge(features)[:, 0].sigmoid()
    expected = -scores[:8].log().mean() - (1 - scores[8:]).log().mean()
    torch.testing.assert_close(logs["loss_d"], expected)
    torch.testing.assert_close(loss, expected + 0.3 * surprise(features[8:], codes))

    torch.manual_seed(6)
    loss, logs = task.generator_loss()
    torch.manual_seed(6)
    codes, fake = task.imagine(8)
    features = task.trunk(fake + 0.5 * torch.randn_like(fake))
    expected = -F.logsigmoid(task.judge(features)).mean()
    torch.testing.assert_close(logs["loss_g"], expected)
    torch.testing.assert_close(loss, expected + 0.3 * surprise(features, codes))


def test_codes_are_uniform_and_the_last_inputs_of_the_generator():
    task = InfoGanTask(build(noise=4))
    task.generator = torch.nn.Identity()
    codes, inputs = task.imagine(4000)
    assert inputs.shape == (4000, 6) and torch.equal(codes, inputs[:, 4:])
    assert inputs.min() == pytest.approx(-1, abs=0.01) and inputs.max() == pytest.approx(1, abs=0.01)
    torch.testing.assert_close(inputs.var(0), torch.full((6,), 1 / 3), atol=0.03, rtol=0)
    model = build(noise=4)
    model.generator = torch.nn.Identity()
    expected = torch.cat([torch.zeros(3, 4), codes[:3]], 1)
    torch.testing.assert_close(model.decode(codes[:3]), expected / 2 + 0.5)


def test_optimisers_and_slopes_are_the_papers():
    model = build()
    for phase, rate in zip(InfoGanTask(model).phases(), (2e-4, 1e-3)):
        optimiser = phase.optimiser([torch.nn.Parameter(torch.zeros(1))])
        group = optimiser.param_groups[0]
        assert type(optimiser) is torch.optim.Adam and group["betas"] == (0.5, 0.999) and group["lr"] == rate
    slopes = [m.negative_slope for m in [*model.trunk, *model.inference] if isinstance(m, torch.nn.LeakyReLU)]
    assert slopes == [0.2] * 5


def test_q_learns_to_read_the_codes():
    model, replica = build(steps=400, lr_d=3e-3, lr_g=3e-3), Replica(0, CPU)
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
