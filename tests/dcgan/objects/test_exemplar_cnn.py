import sys

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from dcgan_kit import STILL, random_images

from triptych.base.config import ParamsError, validate
from triptych.data.spec import Spec
from triptych.dcgan.objects.parts.plateau import Plateau
from triptych.dcgan.objects.rows.exemplar_cnn import Config, Exemplars, Net, System, draw_surrogates
from triptych.engine import Replica
from triptych.engine.parallel import fork_map
from triptych.pipeline import systems

SPEC = Spec((3, 16, 16))
SMALL = {
    "filters": [4, 6], "units": 8, "classes": 6, "samples": 8, "validation": 2, "patch": 16, "candidates": 3,
    "steps": 6, "batch_size": 12, "check_every": 2, "lr": 0.02, "dropout": 0.0, "standardize": True,
}  # fmt: skip


CPU = torch.device("cpu")


def images(n=20):
    return random_images(n, shape=SPEC.image_shape)


def fitted(checkpoint=None, **changes):
    system = systems.build("objects", "exemplar_cnn", Config(**SMALL | changes), SPEC, seed=0)
    replica = Replica(0, CPU, checkpoint=checkpoint, fingerprint="x")
    system.fit(images(), replica)
    return system, replica


@pytest.fixture(scope="module")
def system():
    return fitted()[0]


def test_the_papers_largest_net_and_its_optimiser():
    config = Config(steps=1, check_every=1)
    net = Net(config, 3)
    assert [tuple(c.weight.shape[:2]) for c in net.convolutions] == [(92, 3), (256, 92), (512, 256)]
    assert all(c.kernel_size == (5, 5) for c in net.convolutions) and net.full.weight.shape == (1024, 512, 8, 8)
    assert net.head.weight.shape == (16_000, 1024)
    (phase,) = Exemplars(Net(Config(**SMALL), 3), config).phases()
    (group,) = phase.optimiser([torch.nn.Parameter(torch.zeros(1))]).param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.01, 0.9, 5e-4)


def test_patches_show_images_at_the_scale_they_are_enlarged_to_and_are_the_seeds():
    """On a ramp of 10 a pixel, a patch of an image twice as large rises by 5."""
    ramp = np.broadcast_to(10 * np.arange(16, dtype=np.uint8), (5, 3, 16, 16))
    patches, _ = draw_surrogates(ramp, Config(**SMALL | {"seed_scale": 1.0, "transforms": STILL}), Replica(0, CPU))
    assert patches.float().diff(dim=3)[..., 2:-2].mean().item() == pytest.approx(5, abs=0.1)
    first, again, other = (draw_surrogates(images(), Config(**SMALL), Replica(seed, CPU))[0] for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_fully_connected_layer_slides_over_the_image(system):
    """On a larger image the layer is the same linear map at every place."""
    patch, image = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 32, 32)
    assert [tuple(h.shape[1:]) for h in system.net.layers(patch)] == [(4, 16, 16), (6, 8, 8), (8, 1, 1)]
    assert [tuple(h.shape[1:]) for h in system.net.layers(image)] == [(4, 32, 32), (6, 16, 16), (8, 5, 5)]
    image = torch.rand(1, 3, 48, 48)
    inner = F.max_pool2d(system.net.layers(image)[1], 2)[:, :, 5:9, 4:8]
    expected = F.relu(F.linear(inner.flatten(1), system.net.full.weight.flatten(1), system.net.full.bias))
    torch.testing.assert_close(system.net.layers(image)[2][:, :, 5, 4], expected, atol=1e-5, rtol=1e-4)
    dropping = Net(Config(**SMALL | {"dropout": 0.5}), 3)
    assert not torch.equal(dropping(patch), dropping(patch))  # some units of that layer, in training
    dropping.eval()
    assert torch.equal(dropping(patch), dropping(patch))


def test_features_are_the_maxima_of_the_quadrants_of_enlarged_images(system):
    batch = torch.from_numpy(images(3))
    large = F.interpolate(batch.float(), scale_factor=2, mode="bilinear")
    expected = []
    for h in system.net.layers((large - system.net.mean) / system.net.deviation):
        half, rest = (h.shape[2] + 1) // 2, h.shape[2] // 2  # of five places the middle one is in both halves
        parts = [
            h[:, :, r, c].amax((2, 3))
            for r in (slice(half), slice(rest, None))
            for c in (slice(half), slice(rest, None))
        ]
        expected.append(torch.stack(parts, dim=2).flatten(1))
    system.standardizer.reset()
    found = system.features(batch)
    torch.testing.assert_close(found, torch.cat(expected, dim=1), atol=1e-4, rtol=1e-4)
    assert found.shape == (3, 4 * (4 + 6 + 8))


def test_training_learns_the_surrogate_classes():
    replica = fitted(steps=150, check_every=50, samples=20, lr=0.03, weight_decay=0.0)[1]
    history = {}
    for _, name, value in replica.history:
        history.setdefault(name, []).append(value)
    assert history["loss"][-1] < 0.8 * np.log(6)  # noise patches; chance is log 6 and 1/6
    assert history["validation_accuracy"][-1] > 2 / 6


def test_the_net_never_trains_on_what_is_set_apart_which_makes_the_plateaus(monkeypatch):
    trained, loss, told, see = [], Exemplars.loss, [], Plateau.see
    monkeypatch.setattr(Exemplars, "loss", lambda self: trained.append(self.batch["patches"]) or loss(self))
    monkeypatch.setattr(Plateau, "see", lambda self, error: told.append(error) or see(self, error))
    history = fitted()[1].history
    assert {tuple(patches.shape) for patches, _ in trained} == {(12, 3, 16, 16)}
    distinct = {patch.numpy().tobytes() for patches, _ in trained for patch in patches}
    counts = torch.cat([classes for _, classes in trained]).bincount()
    assert len(distinct) == 6 * (8 - 2) and counts.eq(12).all()  # 6 steps of 12: two epochs of 36
    assert len(told) == 3 and told == [value for _, name, value in history if name == "validation_loss"]


def test_a_plateau_divides_the_rate():
    plateau = Plateau(3.0, divisions=2, patience=2)
    rates = []
    for error in (5.0, 4.0, 4.5, 4.0, 3.0, 3.5, 3.5, 9.0, 9.0, 9.0):
        plateau.see(error)
        rates.append(plateau.factor(0))
    third, ninth = pytest.approx(1 / 3), pytest.approx(1 / 9)
    assert rates == [1, 1, 1, third, third, third, ninth, ninth, ninth, ninth]  # 4.0 again is no improvement


@pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")
def test_processes_divide_the_rate_together_though_each_measures_an_error_of_its_own(tmp_path):
    def work(rank):
        dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=rank, world_size=2)
        plateau, factors = Plateau(3.0, divisions=2, patience=1), []
        for look in range(3):
            plateau.see(1.0 - 0.1 * look * rank)
            factors.append(plateau.factor(0))
        dist.destroy_process_group()
        return factors, plateau.done

    (first, done), (second, _) = fork_map(work, [0, 1], 2)
    assert first == second and done == 2, "the first process sees no improvement, the second one does"


def test_a_plateau_is_in_the_checkpoint(tmp_path):
    task = Exemplars(Net(Config(**SMALL), 3), Config(**SMALL))
    for error in (1.0, 2.0, 2.0, 2.0, 2.0):
        task.plateau.see(error)
    torch.save(task.state_dict(), tmp_path / "state.pt")
    other = Exemplars(Net(Config(**SMALL), 3), Config(**SMALL))
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert other.plateau.get_extra_state() == {"best": 1.0, "bad": 1, "done": 1}
    assert other.phases()[0].schedule(99) == pytest.approx(1 / 3)


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, monkeypatch, killed, system):
    with killed(at=4):
        fitted(checkpoint=tmp_path / "seed0.pt")
    loss, calls = Exemplars.loss, []
    monkeypatch.setattr(Exemplars, "loss", lambda self: calls.append(1) or loss(self))
    again, _ = fitted(checkpoint=tmp_path / "seed0.pt")
    assert len(calls) == 2  # steps 5 and 6 only
    assert all(torch.equal(v, again.net.state_dict()[k]) for k, v in system.net.state_dict().items())


def test_what_does_not_fit_is_told():
    with pytest.raises(ParamsError, match="must leave some of 8 samples"):
        validate(Config, SMALL | {"validation": 8}, "objects.systems.exemplar_cnn")
    with pytest.raises(ParamsError, match="3 channels, not 1"):
        System(Config(**SMALL), Spec((1, 16, 16)))
    with pytest.raises(ParamsError, match="smaller than the enlarged"):
        System(Config(**SMALL | {"patch": 32}), SPEC)
