"""Networks, training, and training of several models at once."""

import numpy as np
import pytest
import torch
from torch import nn

from triptych import systems
from triptych.beta_vae.model.networks import NetworkConfig, decoder, encoder
from triptych.beta_vae.model.stacked import Stacked
from triptych.beta_vae.model.vae import Vae, VaeConfig, fit_together
from triptych.beta_vae.model.vae_task import Batches, Noise
from triptych.config import ParamsError
from triptych.engine import Replica
from triptych.engine import stream as engine_stream
from triptych.systems import Spec

SPEC = Spec((1, 16, 16))
SMALL = {"hidden": 16, "latents": 3, "batch_size": 8, "beta": 1.0}
CPU = torch.device("cpu")


def images(n=64):
    """Squares of 4 pixels at random places."""
    rng = np.random.default_rng(0)
    out = np.zeros((n, 1, 16, 16), np.uint8)
    for image, (i, j) in zip(out, rng.integers(0, 12, (n, 2))):
        image[0, i : i + 4, j : j + 4] = 255
    return out


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


def test_conv_networks_refuse_sizes_they_cannot_halve():
    with pytest.raises(ParamsError, match="28×28"):
        encoder(NetworkConfig(network="conv"), (1, 28, 28))


def test_glorot_weights_have_their_variance_and_no_bias():
    layer = encoder(NetworkConfig(init="glorot", hidden=300), (1, 32, 32))[1]
    assert layer.weight.var().item() == pytest.approx(2 / (1024 + 300), rel=0.02)
    assert (layer.bias == 0).all()


def test_beta_follows_from_beta_norm_and_the_data():
    config = VaeConfig(beta_norm=10 / 4096, hidden=8)
    assert Vae(config, Spec((1, 64, 64))).beta == pytest.approx(1.0)
    assert Vae(config, Spec((1, 32, 32))).beta == pytest.approx(0.25)
    assert Vae(VaeConfig(beta=4.0, hidden=8), Spec((1, 64, 64))).beta_norm == pytest.approx(0.00977, rel=1e-3)


@pytest.mark.parametrize("optimiser", [{"optimiser": "adam", "lr": 1e-2}, {"optimiser": "adagrad", "lr": 3e-2}])
def test_training_lowers_the_objective_and_beta_holds_the_kl_down(optimiser):
    ends = {}
    for beta in (0.1, 30.0):
        model, replica = build(0, beta=beta, steps=300, **optimiser), Replica(0, CPU)
        model.fit(images(), None, replica)
        ends[beta] = {name: value for step, name, value in replica.history if step == 300}
        first = {name: value for step, name, value in replica.history if step == 100}
        assert set(first) == {"nll", "kl"}
        assert ends[beta]["nll"] + beta * ends[beta]["kl"] < first["nll"] + beta * first["kl"]
    assert ends[30.0]["kl"] < 0.5 * ends[0.1]["kl"]


def test_gaussian_decoder_trains_and_decodes_within_the_unit_interval():
    model = build(0, decoder="gaussian", steps=30, optimiser="adam", lr=1e-3)
    model.fit(images(), None, Replica(0, CPU))
    decoded = model.decode(5 * torch.randn(4, 3))
    assert decoded.min() >= 0 and decoded.max() <= 1


def test_models_trained_together_end_as_alone():
    config = {"steps": 60, "optimiser": "adam", "lr": 1e-2}
    alone, together = [build(s, **config) for s in (0, 1, 2)], [build(s, **config) for s in (0, 1, 2)]
    apart = [Replica(s, CPU) for s in (0, 1, 2)]
    for model, replica in zip(alone, apart):
        model.fit(images(), None, replica)
    replicas = [Replica(s, CPU) for s in (0, 1, 2)]
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


def test_noise_is_standard_normal_and_depends_on_seed_and_step_alone():
    noise = Noise([3, 4], (8, 5), Replica(3, CPU))
    ahead = noise.rows(1000).clone()
    first = torch.stack([noise.rows(s).clone() for s in range(300)])
    assert torch.equal(noise.rows(1000), ahead)
    assert torch.equal(Noise([4], (8, 5), Replica(4, CPU)).rows(7)[0], first[7, 1])
    assert abs(first.mean()) < 0.02 and abs(first.std() - 1) < 0.02
    assert not torch.equal(first[0], first[256]) and not torch.equal(first[0, 0], first[0, 1])


def test_streams_of_several_seeds_share_one_copy_of_the_data(monkeypatch):
    alone = [Batches(images(), [s], 8, Replica(s, CPU)) for s in (3, 4)]
    room = [True, False]  # for one copy only
    monkeypatch.setattr(engine_stream, "_fits", lambda *_: room.pop(0))
    both = Batches(images(), [3, 4], 8, Replica(3, CPU))
    assert room == [False] and both.streams[0]._tensors[0] is both.streams[1]._tensors[0]
    for step in (0, 7, 8, 3):
        assert torch.equal(both.rows(step), torch.cat([a.rows(step) for a in alone]))
    assert torch.equal(both.gather(both.rows(5))[1:], alone[1].gather(alone[1].rows(5)))


def test_a_checkpoint_of_fewer_models_is_not_taken_for_one_of_more(tmp_path, monkeypatch):
    """As when a stage that was killed starts again with one process in place of two."""
    monkeypatch.setenv("TRIPTYCH_CHECKPOINT_SECONDS", "0")
    config = {"steps": 20, "optimiser": "adam", "lr": 1e-2}

    def train(seeds):
        models = [build(s, **config) for s in seeds]
        fit_together(models, images(), [Replica(s, CPU, checkpoint=tmp_path / f"seed{s}.pt") for s in seeds])
        return models

    train([0, 1])
    three, alone = train([0, 1, 2]), build(2, **config)
    alone.fit(images(), None, Replica(2, CPU))
    for a, b in zip(alone.parameters(), three[2].parameters()):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_same_seed_same_bytes_and_a_killed_run_ends_the_same(tmp_path, monkeypatch):
    config = {"steps": 40, "optimiser": "adam", "lr": 1e-2}
    one, two = build(5, **config), build(5, **config)
    one.fit(images(), None, Replica(5, CPU))
    checkpoint = tmp_path / "seed5.pt"
    monkeypatch.setenv("TRIPTYCH_CHECKPOINT_SECONDS", "0")

    def kill(steps, total):
        for step in steps:
            if step == 23:
                raise KeyboardInterrupt
            yield step

    killed = Replica(5, CPU, checkpoint=checkpoint)
    with monkeypatch.context() as patch:
        patch.setattr(Replica, "progress", lambda self, steps, total: kill(steps, total))
        with pytest.raises(KeyboardInterrupt):
            two.fit(images(), None, killed)
    assert torch.load(checkpoint, weights_only=True)["step"] == 23
    two = build(5, **config)
    two.fit(images(), None, Replica(5, CPU, checkpoint=checkpoint))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters()))
