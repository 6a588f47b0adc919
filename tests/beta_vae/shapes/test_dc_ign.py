"""DC-IGN: clamping forward and backward, batches by factor, and that the tied latents come to follow their
factor."""

import numpy as np
import pytest
import torch
from shapes_kit import images_of

from triptych.base.config import ParamsError
from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.rows import dc_ign
from triptych.beta_vae.shapes.rows.dc_ign import ActiveMask, Clamp, Config, DcIgnTask, FactorBatches, latent_groups
from triptych.data.spec import Spec
from triptych.engine import Replica
from triptych.pipeline import systems

CPU = torch.device("cpu")
SMALL = {"channels": [6, 4, 4], "latents": 6, "batch_size": 10}


@pytest.fixture(scope="module")
def data(dataset):
    return images_of(dataset), Spec.of(dataset)


def build(data, **config):
    return systems.build("shapes", "dc_ign", Config(**{**SMALL, **config}), data[1], 0)


def test_clamped_latents_are_their_mean_and_their_gradients_do_not_depend_on_the_reconstruction():
    active = torch.tensor([True, False, True, False])
    start, clamped = torch.randn(8, 4), ~active
    gradients = []
    for target in (torch.randn(8, 4), 100 * torch.randn(8, 4)):
        z = start.clone().requires_grad_()
        out = Clamp.apply(z, active, 0.01)
        assert torch.equal(out[:, active], z[:, active])
        torch.testing.assert_close(out[:, clamped], z[:, clamped].mean(0).expand(8, 2))
        (out - target).square().sum().backward()
        gradients.append(z.grad)
    torch.testing.assert_close(gradients[0][:, clamped], gradients[1][:, clamped])
    torch.testing.assert_close(gradients[0][:, clamped], 0.01 / 8 * (start - start.mean(0))[:, clamped])
    assert (gradients[0][:, active] - gradients[1][:, active]).abs().min() > 0.1


@pytest.mark.parametrize("beta", [1.0, 3.0])
def test_the_task_uses_the_clamp(data, beta):
    """Clamped latents' means get the gradient of `pull` and of the KL, which is of all latents in every batch, and
    nothing else, whatever the images are: their KL is not clamped away."""
    found = []
    for images in (torch.zeros(10, 1, 16, 16), torch.rand(10, 1, 16, 16) * 255):
        model = build(data, beta=beta)
        task = DcIgnTask(model)
        mean = torch.randn(10, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
        logvar = torch.zeros(10, 6)
        model.encoder.forward = lambda x, mean=mean, logvar=logvar: torch.cat([mean, logvar], 1)
        active = torch.tensor([True, False, False, False, False, False])
        task.batch = {"images": images.to(torch.uint8), "active": active, "noise": torch.zeros(1, 10, 6)}
        task.loss()[0].backward()
        of_kl = beta * mean.detach() / 10  # the mean over a batch of 10 of β ½ μ²
        found.append(mean.grad - of_kl)
        pull = 0.01 / 10 * (mean - mean.mean(0)).detach()
        torch.testing.assert_close(found[-1][:, 1:], pull[:, 1:], atol=1e-6, rtol=1e-4)
    assert not torch.allclose(found[0][:, 0], found[1][:, 0])


def test_one_factor_varies_in_a_batch_and_its_latents_are_the_active_ones(data):
    images, spec = data
    grid, config = Grid(spec.factors), Config(**SMALL)
    groups = latent_groups(config, grid)
    assert {grid.names[k]: v for k, v in groups.items()} == {
        "x": [0], "y": [1], "scale": [2], "orientation": [3], "shape": [4, 5],
    }  # fmt: skip
    replica = Replica(3, CPU)
    batches = FactorBatches(images, grid, list(groups), 40, replica)
    masks = ActiveMask(grid, groups, 6, replica)
    seen = []
    for step in range(60):
        factors = grid.factors(batches.rows(step))
        varying = [k for k in range(5) if len(factors[:, k].unique()) > 1]
        active = masks.rows(step).nonzero()[:, 0].tolist()
        assert len(varying) == 1 and active == groups[varying[0]]
        seen.append(varying[0])
    assert set(seen) == {0, 1, 2, 3, 4}
    assert torch.equal(batches.rows(7), FactorBatches(images, grid, list(groups), 40, replica).rows(7))
    assert not torch.equal(batches.rows(7), batches.rows(8))
    assert not torch.equal(batches.rows(7), FactorBatches(images, grid, list(groups), 40, Replica(4, CPU)).rows(7))
    assert np.array_equal(batches.gather(batches.rows(0)).numpy(), images[batches.rows(0).numpy()])


def test_each_of_several_processes_does_the_whole_batch(data, monkeypatch):
    """Images, noise and mask are those of one process alone: so are the batch means that clamping takes."""

    def batch():
        made = {}
        monkeypatch.setattr(dc_ign, "train", lambda task, streams, **options: made.update(streams))
        build(data).fit(data[0], None, Replica(0, CPU))
        return {name: stream.gather(stream.rows(5)) for name, stream in made.items()}

    alone = batch()
    monkeypatch.setattr(Replica, "world", 2)
    monkeypatch.setattr(Replica, "rank", 1)
    second = batch()
    assert all(torch.equal(alone[name], second[name]) for name in alone)
    assert alone["noise"].shape == (1, 10, 6)


def test_supervision_ties_latents_to_their_factors(data):
    """After a short training, x moves latent 1 more than any other latent with a factor of its own, y latent
    2."""
    images, spec = data
    model = build(data, channels=[12, 8], batch_size=20, lr=2e-3, steps=400)
    replica = Replica(0, CPU)
    model.fit(images, None, replica)
    grid = Grid(spec.factors)
    with torch.inference_mode():
        mean = model.encode(torch.from_numpy(images))
        assert model.decode(mean[:2]).shape == (2, 1, 16, 16)
    table = mean.view(*grid.sizes, 6)
    for factor, latent in (("x", 0), ("y", 1)):
        moved = table.var(dim=grid.names.index(factor)).mean((0, 1, 2, 3))
        assert moved.argmax() == latent
    assert {name for _, name, _ in replica.history} == {"nll", "kl"}


def test_wrong_sizes_are_refused(data):
    with pytest.raises(ParamsError, match="multiple of 8"):
        systems.build("shapes", "dc_ign", Config(**SMALL), Spec((1, 20, 20), factors=data[1].factors), 0)
    with pytest.raises(ParamsError, match="latents = 5"):
        build(data, latents=5, single=["x", "y", "scale", "orientation", "shape"])


def test_networks_and_optimiser_are_the_protocols():
    """3×3 convolutions of 96, 48, 48 channels, each halved; back over 48, 96 to logits. RMSprop."""
    factors = [{"name": n, "values": [0.0, 1.0]} for n in ("shape", "scale", "orientation", "x", "y")]
    model = systems.build("shapes", "dc_ign", Config(), Spec((1, 64, 64), factors=factors), 0)
    nets = [[m for m in net if isinstance(m, torch.nn.Conv2d)] for net in (model.encoder, model.decoder)]
    assert [[m.out_channels for m in net] for net in nets] == [[96, 48, 48], [48, 96, 1]]
    assert all(m.kernel_size == (3, 3) for net in nets for m in net)
    assert isinstance(model.decoder[-1], torch.nn.Conv2d)
    (phase,) = DcIgnTask(model).phases()
    optimiser = phase.optimiser([torch.nn.Parameter(torch.zeros(1))], fused=True)
    assert type(optimiser) is torch.optim.RMSprop and optimiser.param_groups[0]["lr"] == 1e-3
