import copy
import math

import numpy as np
import pytest
import torch
from dcgan_kit import random_images

from triptych.dcgan.gan.training import Adversarial, Gan, GanConfig, train_gan
from triptych.engine import Replica

SHAPE = (3, 32, 32)


def config(**changes):
    values = {"net": "svhn32", "width": 4, "z_dim": 8, "steps": 4, "batch_size": 16}
    return GanConfig(**(values | changes))


def images(n=64):
    return random_images(n)


def task(**changes):
    torch.manual_seed(0)
    c = config(**changes)
    made = Adversarial(Gan(c, SHAPE), c)
    made.batch = {"real": torch.rand(16, *SHAPE) * 2 - 1}
    return made


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()]).clone()


def cpu(seed=0):
    return Replica(seed, torch.device("cpu"))


def test_the_losses_are_those_of_the_paper():
    made = task()
    loss_g, _ = made.generator_loss()
    fake = made.batch["fake"]
    # the discriminator in train mode normalises each batch by itself, so it can simply be called again
    d_fake = made.gan.discriminator(fake).sigmoid()
    d_real = made.gan.discriminator(made.batch["real"]).sigmoid()
    assert loss_g.item() == pytest.approx(-d_fake.log().mean().item(), rel=1e-5)
    loss_d, logs = made.discriminator_loss()
    assert loss_d.item() == pytest.approx(-(d_real.log().mean() + (1 - d_fake).log().mean()).item(), rel=1e-5)
    assert logs["d_real"].item() == pytest.approx(d_real.mean().item(), rel=1e-5)
    assert logs["d_fake"].item() == pytest.approx(d_fake.mean().item(), rel=1e-5)


def test_real_and_fake_batches_are_normalised_separately():
    made = task()
    made.generator_loss()
    before = made.discriminator_loss()[1]["d_real"].item()
    made.batch["fake"] = made.batch["fake"] * 0 + 1
    assert made.discriminator_loss()[1]["d_real"].item() == pytest.approx(before)


@pytest.mark.parametrize("updates", ["both", "alternate"])
def test_each_phase_moves_its_own_net_only(updates):
    made = task(updates=updates)
    for phase, own, other in [(0, "generator", "discriminator"), (1, "discriminator", "generator")]:
        phase = made.phases()[phase]
        before = {n: weights(getattr(made.gan, n)) for n in (own, other)}
        optimiser = phase.optimiser([p for m in phase.modules for p in m.parameters()])
        phase.loss()[0].backward()
        optimiser.step()
        assert not torch.equal(weights(getattr(made.gan, own)), before[own])
        assert torch.equal(weights(getattr(made.gan, other)), before[other])


def test_alternate_gives_each_mini_batch_to_one_net():
    made = task(updates="alternate")
    first, second = made.batch["real"].split(8)
    loss_g, _ = made.generator_loss()
    made.batch["real"] = torch.cat([torch.full_like(first, float("nan")), second])  # the generator's share
    loss_d, _ = made.discriminator_loss()
    assert torch.isfinite(loss_g) and torch.isfinite(loss_d)
    made.batch["real"] = torch.cat([first, torch.full_like(second, float("nan"))])
    assert torch.isnan(made.discriminator_loss()[0])


@pytest.mark.parametrize("updates,steps", [("both", 4), ("alternate", 2)])
def test_steps_count_mini_batches_and_each_update_learns_from_a_whole_one(updates, steps):
    gan, seen = Gan(config(updates=updates), SHAPE), []
    gan.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    train_gan(gan, images(), config(updates=updates), cpu())
    calls = int(gan.generator.project[1].num_batches_tracked)
    assert calls == steps * (1 if updates == "both" else 2)  # `alternate` draws fakes of its own for D
    assert set(seen) == {16}


def test_the_optimiser_has_the_papers_settings():
    optimiser = task().phases()[0].optimiser([torch.nn.Parameter(torch.zeros(1))])
    group = optimiser.param_groups[0]
    assert type(optimiser) is torch.optim.Adam  # L2 in the gradient, not AdamW
    assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-4, (0.5, 0.999), 1e-5)


def test_codes():
    uniform = Gan(config(), SHAPE).codes(5000)
    gaussian = Gan(config(z="gaussian"), SHAPE).codes(5000)
    assert uniform.abs().max() <= 1 and uniform.std() == pytest.approx(1 / math.sqrt(3), rel=0.02)
    assert gaussian.abs().max() > 2 and gaussian.std() == pytest.approx(1, rel=0.02)


def test_training_brings_samples_to_the_data():
    """Data of one colour: after a few steps the samples' mean colour is near it."""
    data = np.zeros((64, *SHAPE), dtype=np.uint8) + np.array([230, 40, 40], dtype=np.uint8)[:, None, None]
    data = np.clip(data + np.random.default_rng(0).normal(0, 8, data.shape), 0, 255).astype(np.uint8)
    torch.manual_seed(0)
    c = config(steps=150, width=8, lr=1e-3)
    gan = Gan(c, SHAPE)

    def distance():
        colour = gan.sample(32).float().mean((0, 2, 3))
        return (colour - torch.from_numpy(data).float().mean((0, 2, 3))).norm().item()

    before = distance()
    train_gan(gan, data, c, cpu())
    assert distance() < 0.5 * before


def test_samples_belong_to_their_seed_are_normalised_by_their_own_batch_and_leave_the_nets_alone():
    """As the authors' are; what the running averages have become does not matter."""
    gan = Gan(config(), SHAPE)
    before = copy.deepcopy(gan.state_dict())
    a, b, c = gan.sample(8, seed=1), gan.sample(8, seed=1), gan.sample(8, seed=2)
    assert a.dtype == torch.uint8 and a.shape == (8, *SHAPE)
    assert torch.equal(a, b) and not torch.equal(a, c)
    assert torch.equal(gan.sample(1, seed=3), gan.sample(64, seed=3)[:1])  # one among those of a batch
    assert all(torch.equal(v, before[k]) for k, v in gan.state_dict().items())
    for norm in (m for m in gan.generator.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)):
        norm.running_mean.fill_(9.0)
    assert torch.equal(gan.sample(8, seed=1), a)
