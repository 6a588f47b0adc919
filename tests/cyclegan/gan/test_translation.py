"""The cycle objective: which network learns from which term, in which phase; and its ablations."""

from types import SimpleNamespace

import pytest
import torch
from tiny_streets import CPU, TINY, noise

from triptych.base.config import ParamsError, validate
from triptych.cyclegan.gan import translation
from triptych.cyclegan.gan.losses import distance, realness
from triptych.cyclegan.gan.networks import PatchCritic
from triptych.cyclegan.gan.streams import domains, enlarge
from triptych.cyclegan.gan.translation import CycleConfig, CycleTask, Weights, steps_of
from triptych.cyclegan.streets.parts.cycle import CycleSystem
from triptych.data.spec import Spec
from triptych.engine import Replica, train
from triptych.engine.step import frozen
from triptych.pipeline import systems

SPEC = Spec((3, 16, 16))


def cycle_task(**weights):
    torch.manual_seed(0)
    system = CycleSystem(CycleConfig(**TINY), SPEC)
    task = CycleTask(system, Weights(**{"gan": 0.0, "forward": 0.0, "backward": 0.0, "identity": 0.0, **weights}), 10)
    task.batch = {"x": torch.rand(1, 3, 16, 16) * 2 - 1, "y": torch.rand(1, 3, 16, 16) * 2 - 1}
    return task


def reached(module):
    return sum(float(p.grad.abs().sum()) for p in module.parameters() if p.grad is not None) > 0


@pytest.mark.parametrize("weights", [{"forward": 1.0}, {"backward": 1.0}])
def test_either_cycle_alone_teaches_both_generators(weights):
    task = cycle_task(**weights)
    task.generators()[0].backward()
    assert [reached(getattr(task.system, net)) for net in ("G", "F", "D_X", "D_Y")] == [True, True, False, False]


def test_critics_get_nothing_from_the_generators_phase_and_the_other_way_round():
    task = cycle_task(gan=1.0, forward=10.0, backward=10.0)
    for phase in task.phases():
        inside = {id(p) for m in phase.modules for p in m.parameters()}
        others = [p for p in task.parameters() if id(p) not in inside]
        task.zero_grad(set_to_none=True)
        with frozen(others):
            loss, _ = phase.loss()
        loss.backward()
        assert all(reached(m) for m in phase.modules)
        assert all(p.grad is None for p in others)


def test_objective_by_hand():
    """Forward is from labels by way of a photo to labels."""
    task = cycle_task(gan=1.0, forward=10.0, backward=7.0, identity=5.0)
    s, (x, y) = task.system, domains(task.batch)
    with torch.no_grad():
        loss, logs = task.generators()
        fy, fx = s.G(x), s.F(y)
        expected = realness(s.D_Y(fy), 1, "lsgan") + realness(s.D_X(fx), 1, "lsgan")
        expected += 10 * distance(s.F(fy), x) + 7 * distance(s.G(fx), y)
        expected += 5 * (distance(s.G(y), y) + distance(s.F(x), x))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert set(logs) == {
        "loss_g",
        *(f"loss_{n}" for n in ("gan_to_photo", "gan_to_labels", "forward_cycle", "backward_cycle", "identity")),
    }


def test_critics_objective_by_hand():
    """Half of (D(real) - 1)^2 + D(fake)^2, each critic with the images of its own domain; fakes are those of the step,
    by way of the pools."""
    task = cycle_task(gan=1.0)
    s, (x, y) = task.system, domains(task.batch)
    with torch.no_grad():
        task.generators()
        loss, logs = task.critics()
        on_labels = 0.5 * ((s.D_X(x) - 1).square().mean() + s.D_X(s.F(y)).square().mean())
        on_photos = 0.5 * ((s.D_Y(y) - 1).square().mean() + s.D_Y(s.G(x)).square().mean())
    assert logs["loss_d_labels"].item() == pytest.approx(on_labels.item(), rel=1e-5)
    assert logs["loss_d_photo"].item() == pytest.approx(on_photos.item(), rel=1e-5)
    assert loss.item() == pytest.approx(on_labels.item() + on_photos.item(), rel=1e-5)
    assert task.pool_y.count == task.pool_x.count == 1
    task.generators()
    assert not task.batch["fake_y"].requires_grad
    task.critics()
    assert torch.equal(task.pool_y.images[1], task.batch["fake_y"][0])


def test_each_way_has_its_generator_and_its_resizing():
    system, data = CycleSystem(CycleConfig(**TINY), SPEC), noise(size=20)
    system.G, system.F = torch.nn.Identity(), torch.nn.Tanh()
    labels, photos = torch.from_numpy(data.labels), torch.from_numpy(data.photos)
    assert torch.equal(system.to_photo(labels), enlarge(labels, 16, "nearest"))  # no colour that is no class
    squashed = torch.tanh(enlarge(photos, 16, "bicubic") / 127.5 - 1)
    assert torch.equal(system.to_labels(photos), ((squashed + 1) * 127.5).round().to(torch.uint8))


def test_training_is_by_adam_at_a_rate_that_falls_to_zero():
    def phase_of(config):
        phase = config.phase("generators", [], lambda: None, 400)
        optimiser = phase.optimiser([torch.nn.Parameter(torch.zeros(1))])
        assert type(optimiser) is torch.optim.Adam and optimiser.defaults["weight_decay"] == 0
        return optimiser.defaults, phase.schedule

    adam, rate = phase_of(CycleConfig())  # the paper's: 100 epochs at the full rate and 100 down to 0
    assert (adam["lr"], adam["betas"]) == (2e-4, (0.5, 0.999))
    assert [rate(step) for step in (0, 199, 200, 300, 399)] == pytest.approx([1, 1, 1, 0.5, 0.005])
    adam, rate = phase_of(CycleConfig(lr=1e-3, beta1=0.9, beta2=0.99, decay_from=0.25))
    assert (adam["lr"], adam["betas"], rate(99), rate(250)) == (1e-3, (0.9, 0.99), 1, 0.5)
    # an epoch passes through the larger domain
    assert steps_of(3, {"x": SimpleNamespace(per_epoch=2), "y": SimpleNamespace(per_epoch=5)}) == 15


def test_both_critics_are_as_configured(receptive_field):
    system = CycleSystem(CycleConfig(**{**TINY, "pixels": 32, "load_size": 32, "critic_layers": 2}), SPEC)
    for critic in (system.D_X, system.D_Y):
        assert receptive_field(critic) == 34 and critic[0].out_channels == 4


VARIANTS = {
    "cyclegan": {"gan_to_photo", "gan_to_labels", "forward_cycle", "backward_cycle"},
    "cycle_alone": {"forward_cycle", "backward_cycle"},
    "gan_alone": {"gan_to_photo", "gan_to_labels"},
    "gan_forward": {"gan_to_photo", "gan_to_labels", "forward_cycle"},
    "gan_backward": {"gan_to_photo", "gan_to_labels", "backward_cycle"},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_train_on_their_terms_only(name):
    config = validate(systems.module("streets", name).Config, TINY, name)
    system = systems.build("streets", name, config, SPEC, 0)
    before = {k: v.clone() for k, v in system.state_dict().items()}
    replica = Replica(0, CPU)
    system.fit(noise(), replica)
    logged = {metric.removeprefix("loss_") for _, metric, _ in replica.history}
    assert logged - {"g", "d_photo", "d_labels"} == VARIANTS[name]
    critics = any(not torch.equal(v, before[k]) for k, v in system.state_dict().items() if k.startswith("D_"))
    assert critics == ("gan_to_photo" in VARIANTS[name])
    for net in ("G.", "F."):
        assert any(not torch.equal(v, before[k]) for k, v in system.state_dict().items() if k.startswith(net))


@pytest.mark.parametrize("weights", [(1.0, 10.0, 10.0, 5.0), (1.0, 0.0, 10.0, 0.0)], ids=["full", "backward"])
def test_networks_in_pairs_learn_what_each_would_alone(weights, monkeypatch):
    def losses():
        torch.manual_seed(0)
        config = CycleConfig(**{**TINY, "pixels": 32, "load_size": 36})
        replica, data = Replica(0, CPU), noise(3, 36)
        system = CycleSystem(config, Spec((3, 32, 32)))
        streams = config.streams(data, replica)
        train(CycleTask(system, Weights(*weights), 3), streams, steps=3, replica=replica, log_every=1)
        return {(step, name): value for step, name, value in replica.history}

    paired = losses()
    calls = []
    monkeypatch.setattr(translation, "both", lambda f, g: lambda a, b: calls.append(1) or (f(a), g(b)))
    alone = losses()
    assert calls and paired.keys() == alone.keys()
    for (step, name), value in paired.items():
        assert value == pytest.approx(alone[step, name], rel=1e-5 if step == 1 else 1e-2), (step, name)


def test_identity_weight_is_a_share_of_lambda():
    config = CycleConfig(**{**TINY, "identity_weight": 0.5, "cycle_weight": 8.0})
    torch.manual_seed(0)
    system, replica = CycleSystem(config, SPEC), Replica(0, CPU)
    system.fit(noise(1), replica)
    h = {metric: value for _, metric, value in replica.history}
    expected = h["loss_gan_to_photo"] + h["loss_gan_to_labels"] + 4 * h["loss_identity"]
    assert h["loss_g"] == pytest.approx(expected + 8 * (h["loss_forward_cycle"] + h["loss_backward_cycle"]), rel=1e-4)


def test_a_killed_run_ends_with_the_same_weights(tmp_path):
    def fit(stop=None, checkpoint=None):
        torch.manual_seed(0)
        system = CycleSystem(CycleConfig(**{**TINY, "epochs": 3}), SPEC)

        def callback(step):
            if step == stop:
                raise KeyboardInterrupt

        kept = {"checkpoint": checkpoint, "fingerprint": "x", "callback": callback, "callbacks": 2}
        system.fit(noise(), Replica(0, CPU, **kept))
        return system.state_dict()

    whole, path = fit(), tmp_path / "c.pt"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setenv("TRIPTYCH_CHECKPOINT_SECONDS", "0")
        fit(stop=6, checkpoint=path)
    assert path.is_file()
    again = fit(checkpoint=path)
    assert all(torch.equal(again[k], v) for k, v in whole.items())


def test_load_size_below_size_is_refused():
    with pytest.raises(ParamsError, match="load_size = 15"):
        validate(CycleConfig, {**TINY, "load_size": 15}, "streets.systems.cyclegan")


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_images_too_small_for_the_critic_are_refused_and_the_smallest_work(layers):
    least = 3 * 2**layers
    if least >= 16:  # below that no size is allowed
        assert PatchCritic(3, 2, layers)(torch.zeros(1, 3, least, least)).shape == (1, 1, 1, 1)
        validate(CycleConfig, {**TINY, "pixels": least, "load_size": least, "critic_layers": layers}, "c")
    if least > 16:
        with pytest.raises(ParamsError, match=f"critic_layers = {layers} needs at least {least}"):
            validate(CycleConfig, {**TINY, "pixels": least - 4, "load_size": least, "critic_layers": layers}, "c")
