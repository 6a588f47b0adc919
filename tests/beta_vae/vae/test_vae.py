"""Networks, training, and training of several models at once."""

from pathlib import Path

import pytest
import torch
from shapes_kit import squares
from torch import nn
from torch.distributions import Normal, kl_divergence

from triptych.base.config import ParamsError
from triptych.beta_vae.vae.networks import NetworkConfig, decoder, encoder
from triptych.beta_vae.vae.stacked import Stacked
from triptych.beta_vae.vae.training import VaeTask, fit_together
from triptych.beta_vae.vae.vae import Vae, VaeConfig
from triptych.data.spec import Spec
from triptych.engine import Divergence, Replica
from triptych.pipeline import systems
from triptych.pipeline.params import load_params

ROOT = Path(__file__).parents[3]
SPEC = Spec((1, 16, 16))
SMALL = {"hidden": 16, "latents": 3, "batch_size": 8, "beta": 1.0}
CPU = torch.device("cpu")


def images(n=64):
    return squares(n, side=4, among=12)


def build(seed, **config):
    return systems.build("shapes", "beta_vae", VaeConfig(**{**SMALL, **config}), SPEC, seed)


def test_dense_networks_are_the_papers():
    config, shape = NetworkConfig(), (1, 64, 64)
    kinds = [type(m) for m in encoder(config, shape) if not isinstance(m, nn.Flatten)]
    assert kinds == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    kinds = [type(m) for m in decoder(config, shape) if not isinstance(m, nn.Unflatten)]
    assert kinds == [nn.Linear, nn.Tanh, nn.Linear, nn.Tanh, nn.Linear, nn.Tanh, nn.Linear]
    sizes = [m.out_features for m in [*encoder(config, shape), *decoder(config, shape)] if isinstance(m, nn.Linear)]
    assert sizes == [1200, 1200, 20, 1200, 1200, 1200, 4096]


@pytest.mark.parametrize("network", ["dense", "conv", "conv_2x2"])
@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 64, 64)])
def test_networks_take_and_give_images(network, shape):
    config = NetworkConfig(network=network, hidden=8, latents=4)
    assert encoder(config, shape)(torch.rand(2, *shape)).shape == (2, 8)
    assert decoder(config, shape)(torch.randn(2, 4)).shape == (2, *shape)
    if network != "dense":
        with pytest.raises(ParamsError, match="28×28"):
            encoder(config, (1, 28, 28))


def convolutions(net, kind):
    return [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in net if isinstance(m, kind)]


@pytest.mark.parametrize(("network", "late"), [("conv", 4), ("conv_2x2", 2)])
def test_convolutional_networks_are_the_papers(network, late):
    """32, 32, 64, 64 channels, 4×4 of stride 2 (or 2×2 in the last two), a dense layer of 256; and the reverse."""
    config, shape = NetworkConfig(network=network, latents=32), (3, 64, 64)
    there, back = encoder(config, shape), decoder(config, shape)
    assert convolutions(there, nn.Conv2d) == [(3, 32, 4, 2), (32, 32, 4, 2), (32, 64, late, 2), (64, 64, late, 2)]
    assert convolutions(back, nn.ConvTranspose2d) == [(64, 64, 4, 2), (64, 32, 4, 2), (32, 32, 4, 2), (32, 3, 4, 2)]
    dense = [(m.in_features, m.out_features) for m in [*there, *back] if isinstance(m, nn.Linear)]
    assert dense == [(1024, 256), (256, 64), (32, 256), (256, 1024)]
    for net in (there, back):  # a ReLU after every layer but the last
        kinds = [type(m) for m in net if not isinstance(m, (nn.Flatten, nn.Unflatten))]
        assert kinds[1::2] == [nn.ReLU] * 5 and nn.ReLU not in kinds[::2]


@pytest.mark.parametrize("options", [{"hidden": 300}, {"network": "conv"}], ids=str)
def test_glorot_weights_have_their_variance_and_no_bias(options):
    config = NetworkConfig(init="glorot", latents=4, **options)
    for layer in [*encoder(config, (1, 32, 32)), *decoder(config, (1, 32, 32))]:
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            a, b = layer.weight.shape[:2]
            field = layer.weight[0, 0].numel()
            tolerance = 0.15 if layer.weight.numel() < 100_000 else 0.01
            assert layer.weight.std().item() == pytest.approx((2 / (field * (a + b))) ** 0.5, rel=tolerance)
            assert (layer.bias == 0).all()


def test_beta_follows_from_beta_norm_and_the_data():
    config = VaeConfig(beta_norm=10 / 4096, hidden=8)
    assert Vae(config, Spec((1, 64, 64))).beta == pytest.approx(1.0)
    assert Vae(config, Spec((1, 32, 32))).beta == pytest.approx(0.25)
    assert Vae(VaeConfig(beta=4.0, hidden=8), Spec((1, 64, 64))).beta_norm == pytest.approx(0.00977, rel=1e-3)
    faces = VaeConfig(beta=250.0, latents=32, hidden=8)  # N counts channels too
    assert Vae(faces, Spec((3, 64, 64))).beta_norm == pytest.approx(0.651, rel=1e-3)


def test_the_loss_is_the_sum_over_models_of_nll_and_its_own_beta_times_kl():
    """Both terms of each model against torch.distributions: sums over pixels and latents, means over the batch."""
    models = [build(seed, beta=beta) for seed, beta in ((0, 0.5), (1, 7.0))]
    x = torch.from_numpy(images(10)).view(2, 5, 1, 16, 16)
    noise = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    task = VaeTask(models)
    task.batch = {"images": x, "noise": noise}
    loss, logs = task.loss()
    expected = 0
    for r, model in enumerate(models):
        mean, logvar = model.encoder(x[r] / 255).chunk(2, 1)
        q = Normal(mean, (logvar / 2).exp())
        picture = torch.distributions.Bernoulli(logits=model.decoder(mean + q.stddev * noise[r]))
        nll = -picture.log_prob(x[r] / 255).sum() / 5
        kl = kl_divergence(q, Normal(0.0, 1.0)).sum() / 5
        expected = expected + nll + model.beta * kl
        for name, value in (("nll", nll), ("kl", kl)):
            torch.testing.assert_close(logs[name if r == 0 else f"{name}@{r}"], value)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize(("name", "kind"), [("adagrad", torch.optim.Adagrad), ("adam", torch.optim.Adam)])
def test_the_optimiser_is_the_one_named_at_its_rate(name, kind):
    (phase,) = VaeTask([build(0, optimiser=name, lr=0.03)]).phases()
    optimiser = phase.optimiser([nn.Parameter(torch.zeros(1))])
    assert type(optimiser) is kind and optimiser.param_groups[0]["lr"] == 0.03
    for start in (0.0, 10.0):  # Adagrad begins with this sum of squares
        (phase,) = VaeTask([build(0, initial_accumulator=start)]).phases()
        weight = nn.Parameter(torch.zeros(1))
        optimiser = phase.optimiser([weight])
        weight.grad = torch.full((1,), 2.0)
        optimiser.step()
        assert weight.item() == pytest.approx(-1e-2 * 2 / (start + 4) ** 0.5)


def test_the_paper_profile_survives_its_first_steps():
    """Adagrad from 0 sends log σ² of 1200-unit models to thousands in one step, and some weights' sums to infinity."""
    config = load_params(ROOT / "params" / "paper.yaml").tables["shapes"].systems["beta_vae"]
    generator = torch.Generator().manual_seed(0)
    squares = torch.zeros(256, 1, 64, 64, dtype=torch.uint8)
    for image in squares:
        side, x, y = (
            int(torch.randint(low, high, (1,), generator=generator)) for low, high in ((8, 20), (0, 44), (0, 44))
        )
        image[:, y : y + side, x : x + side] = 255
    told = {}
    for start in (0.0, config.initial_accumulator):
        own = config.model_copy(update={"initial_accumulator": start, "steps": 4})
        model = systems.build("shapes", "beta_vae", own, Spec((1, 64, 64)), 2)
        largest = told.setdefault(start, [])
        replica = Replica(2, CPU, sink=lambda rows, kept=largest: kept.extend(v for _, name, v in rows if name == "kl"))
        try:
            fit_together([model], squares.numpy(), [replica])
        except Divergence:
            largest.append(float("inf"))
    assert max(told[config.initial_accumulator]) < 1e4 < max(told[0.0])


@pytest.mark.parametrize("optimiser, named", [("adagrad", True), ("adam", False)])
def test_a_divergence_names_the_model_of_several_and_the_parameter_that_helps(optimiser, named):
    models = [build(seed, steps=5, optimiser=optimiser) for seed in (7, 8)]
    models[1].encoder[-1].bias.data.fill_(float("inf"))
    replicas = [Replica(seed, CPU, name=f"shapes/vae seed {seed}") for seed in (7, 8)]
    with pytest.raises(Divergence, match=r"^shapes/vae seed 8: the loss 'nll' became nan at step 0") as caught:
        fit_together(models, images(), replicas)
    assert ("raise initial_accumulator (now 0)" in str(caught.value)) == named


def test_posterior_and_reconstruction_are_those_of_the_networks():
    """Images reach the encoder in [0, 1]; a code is the mean, and a reconstruction is decoded from it, not a sample."""
    for decoder_, mean_image in (("bernoulli", torch.sigmoid), ("gaussian", lambda out: out.clamp(0, 1))):
        model, x = build(0, decoder=decoder_), torch.from_numpy(images(4))
        with torch.no_grad():
            out = model.encoder(x / 255)
            torch.testing.assert_close(torch.cat(model.posterior(x), 1), out)
            torch.testing.assert_close(model.encode(x), out[:, :3])
            torch.testing.assert_close(model.reconstruct(x), mean_image(model.decoder(out[:, :3])))


@pytest.mark.parametrize("optimiser", [{"optimiser": "adam", "lr": 1e-2}, {"optimiser": "adagrad", "lr": 3e-2}])
def test_training_lowers_the_objective_and_beta_holds_the_kl_down(optimiser):
    ends = {}
    for beta in (0.1, 30.0):
        model, replica = build(0, beta=beta, steps=200, **optimiser), Replica(0, CPU)
        model.fit(images(), None, replica)
        first, ends[beta] = ({n: v for step, n, v in replica.history if step == at} for at in (100, 200))
        assert set(first) == {"nll", "kl"}
        assert ends[beta]["nll"] + beta * ends[beta]["kl"] < first["nll"] + beta * first["kl"]
    assert ends[30.0]["kl"] < 0.5 * ends[0.1]["kl"]


def test_gaussian_decoder_trains_and_decodes_within_the_unit_interval():
    model = build(0, decoder="gaussian", steps=30, optimiser="adam", lr=1e-3)
    model.fit(images(), None, Replica(0, CPU))
    decoded = model.decode(5 * torch.randn(4, 3))
    assert decoded.min() >= 0 and decoded.max() <= 1


def test_models_trained_together_end_as_alone_whatever_fewer_of_them_have_left_behind(tmp_path):
    """As when a stage that was killed starts again with one process in place of two."""
    config = {"steps": 60, "optimiser": "adam", "lr": 1e-2}
    paths = [tmp_path / f"seed{s}.pt" for s in (0, 1, 2)]
    fit_together([build(s, **config) for s in (0, 1)], images(), [Replica(s, CPU, checkpoint=paths[s]) for s in (0, 1)])
    alone, together = [build(s, **config) for s in (0, 1, 2)], [build(s, **config) for s in (0, 1, 2)]
    apart, replicas = [Replica(s, CPU) for s in (0, 1, 2)], [Replica(s, CPU, checkpoint=paths[s]) for s in (0, 1, 2)]
    for model, replica in zip(alone, apart):
        model.fit(images(), None, replica)
    fit_together(together, images(), replicas)
    for a, b, first, second in zip(alone, together, apart, replicas):
        for x, y in zip(a.parameters(), b.parameters()):
            torch.testing.assert_close(x, y, atol=1e-4, rtol=1e-3)
        assert [row[:2] for row in first.history] == [row[:2] for row in second.history]
        assert [row[2] for row in first.history] == pytest.approx([row[2] for row in second.history], rel=1e-4)
    weights = [m.encoder[1].weight for m in together]
    assert (weights[0] - weights[1]).abs().max() > 0.01


def test_stacked_is_each_network_on_its_own_slice():
    nets = [nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)) for _ in range(3)]
    x = torch.randn(3, 5, 4)
    stack = Stacked(nets)
    torch.testing.assert_close(stack(x), torch.stack([n(r) for n, r in zip(nets, x)]))
    with torch.no_grad():
        for weight in stack.weights:
            weight += 1
    before = [n[0].weight.clone() for n in nets]
    stack.write_back()
    for net, old in zip(nets, before):
        torch.testing.assert_close(net[0].weight, old + 1)
    with pytest.raises(ValueError, match="buffers"):
        Stacked([nn.BatchNorm1d(2), nn.BatchNorm1d(2)])


def test_same_seed_same_bytes_and_a_killed_run_ends_the_same(tmp_path, killed):
    config, checkpoint = {"steps": 40, "optimiser": "adam", "lr": 1e-2}, tmp_path / "seed5.pt"
    one = build(5, **config)
    one.fit(images(), None, Replica(5, CPU))
    with killed(at=23):
        build(5, **config).fit(images(), None, Replica(5, CPU, checkpoint=checkpoint))
    assert torch.load(checkpoint, weights_only=True)["step"] == 23
    two = build(5, **config)
    two.fit(images(), None, Replica(5, CPU, checkpoint=checkpoint))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters()))
