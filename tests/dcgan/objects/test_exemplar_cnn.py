import numpy as np
import pytest
import torch
import torch.nn.functional as F

from triptych.base.config import ParamsError, validate
from triptych.data.spec import Spec
from triptych.dcgan.objects.parts.plateau import Plateau
from triptych.dcgan.objects.rows.exemplar_cnn import Config, Exemplars, Net, System, draw_surrogates
from triptych.engine import Replica
from triptych.pipeline import systems

SPEC = Spec((3, 16, 16))
SMALL = {
    "filters": [4, 6], "units": 8, "classes": 6, "samples": 8, "validation": 2, "patch": 16, "candidates": 3,
    "steps": 6, "batch_size": 12, "check_every": 2, "lr": 0.02, "dropout": 0.0, "standardize": True,
}  # fmt: skip


def images(n=20):
    return np.random.default_rng(0).integers(0, 256, (n, *SPEC.image_shape), dtype=np.uint8)


def fitted(**changes):
    system = systems.build("objects", "exemplar_cnn", Config(**SMALL | changes), SPEC, seed=0)
    replica = Replica(0, torch.device("cpu"))
    system.fit(images(), replica)
    return system, replica


@pytest.fixture(scope="module")
def system():
    return fitted()[0]


def test_the_papers_largest_net():
    net = Net(Config(steps=1, check_every=1), 3)
    assert [tuple(c.weight.shape[:2]) for c in net.convolutions] == [(92, 3), (256, 92), (512, 256)]
    assert all(c.kernel_size == (5, 5) for c in net.convolutions) and net.full.weight.shape == (1024, 512, 8, 8)
    assert net.head.weight.shape == (16_000, 1024)


def test_the_optimiser_is_the_papers():
    c = Config(steps=1, check_every=1)
    (phase,) = Exemplars(Net(Config(**SMALL), 3), c).phases()
    (group,) = phase.optimiser([torch.nn.Parameter(torch.zeros(1))]).param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.01, 0.9, 5e-4)


def test_some_units_of_the_fully_connected_layer_are_dropped_in_training():
    net, patches = Net(Config(**SMALL | {"dropout": 0.5}), 3), torch.from_numpy(images(4))
    assert not torch.equal(net(patches), net(patches))
    net.eval()
    assert torch.equal(net(patches), net(patches))


def test_patches_show_images_at_the_scale_they_are_enlarged_to():
    """On a ramp of 10 a pixel, a patch of an image twice as large rises by 5."""
    ramp = np.broadcast_to(10 * np.arange(16, dtype=np.uint8), (5, 3, 16, 16))
    still = dict.fromkeys(("shift", "rotation", "plus", "hue"), 0.0)
    still |= dict.fromkeys(("scale", "contrast", "power", "times"), 1.0)
    config = Config(**SMALL | {"seed_scale": 1.0, "transforms": still})
    patches, _ = draw_surrogates(ramp, config, Replica(0, torch.device("cpu")))
    assert patches.float().diff(dim=3)[..., 2:-2].mean().item() == pytest.approx(5, abs=0.1)


def test_each_seed_has_surrogate_classes_of_its_own():
    cpu = torch.device("cpu")
    first, again, other = (draw_surrogates(images(), Config(**SMALL), Replica(seed, cpu)) for seed in (0, 0, 1))
    assert torch.equal(first[0], again[0]) and not torch.equal(first[0], other[0])


def test_the_validation_loss_makes_the_plateaus(monkeypatch):
    seen, see = [], Plateau.see
    monkeypatch.setattr(Plateau, "see", lambda self, error: seen.append(error) or see(self, error))
    history = fitted()[1].history
    assert len(seen) == 3 and seen == [value for _, name, value in history if name == "validation_loss"]


def test_the_shapes_of_the_layers(system):
    patch, image = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 32, 32)
    assert [tuple(h.shape[1:]) for h in system.net.layers(patch)] == [(4, 16, 16), (6, 8, 8), (8, 1, 1)]
    assert [tuple(h.shape[1:]) for h in system.net.layers(image)] == [(4, 32, 32), (6, 16, 16), (8, 5, 5)]


def test_the_fully_connected_layer_slides_over_the_image(system):
    """On a larger image the layer is the same linear map at every place."""
    image = torch.rand(1, 3, 48, 48)
    inner = F.max_pool2d(system.net.layers(image)[1], 2)[:, :, 5:9, 4:8]
    expected = F.relu(F.linear(inner.flatten(1), system.net.full.weight.flatten(1), system.net.full.bias))
    torch.testing.assert_close(system.net.layers(image)[2][:, :, 5, 4], expected, atol=1e-5, rtol=1e-4)


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


def test_the_net_never_trains_on_what_is_set_apart(monkeypatch):
    seen = []
    loss = Exemplars.loss
    monkeypatch.setattr(Exemplars, "loss", lambda self: seen.append(self.batch["patches"]) or loss(self))
    fitted()
    assert {tuple(patches.shape) for patches, _ in seen} == {(12, 3, 16, 16)}
    distinct = {patch.numpy().tobytes() for patches, _ in seen for patch in patches}
    counts = torch.cat([classes for _, classes in seen]).bincount()
    assert len(distinct) == 6 * (8 - 2) and counts.eq(12).all()  # 6 steps of 12: two epochs of 36


def test_a_plateau_divides_the_rate():
    plateau = Plateau(3.0, divisions=2, patience=2)
    rates = []
    for error in (5.0, 4.0, 4.5, 4.0, 3.0, 3.5, 3.5, 9.0, 9.0, 9.0):
        plateau.see(error)
        rates.append(plateau.factor(0))
    third, ninth = pytest.approx(1 / 3), pytest.approx(1 / 9)
    assert rates == [1, 1, 1, third, third, third, ninth, ninth, ninth, ninth]  # 4.0 again is no improvement


def test_processes_divide_the_rate_together_though_each_measures_an_error_of_its_own(tmp_path, scripts):
    script = tmp_path / "script.py"
    script.write_text("""
import torch.distributed as dist
from triptych.dcgan.objects.parts.plateau import Plateau

dist.init_process_group("gloo")
plateau = Plateau(3.0, divisions=2, patience=1)
for look in range(3):
    plateau.see(1.0 + look * dist.get_rank())
    factors = [None, None]
    dist.all_gather_object(factors, plateau.factor(0))
    assert factors[0] == factors[1], factors
assert plateau.done == 2, "the first process saw no improvement twice"
dist.destroy_process_group()
""")
    scripts.run_two(script, cwd=tmp_path)


def test_a_plateau_is_in_the_checkpoint(tmp_path):
    task = Exemplars(Net(Config(**SMALL), 3), Config(**SMALL))
    for error in (1.0, 2.0, 2.0, 2.0, 2.0):
        task.plateau.see(error)
    torch.save(task.state_dict(), tmp_path / "state.pt")
    other = Exemplars(Net(Config(**SMALL), 3), Config(**SMALL))
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert other.plateau.get_extra_state() == {"best": 1.0, "bad": 1, "done": 1}
    assert other.phases()[0].schedule(99) == pytest.approx(1 / 3)


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, monkeypatch, system):
    monkeypatch.setenv("TRIPTYCH_CHECKPOINT_SECONDS", "0")
    replica = Replica(0, torch.device("cpu"), checkpoint=tmp_path / "seed0.pt", fingerprint="x")
    loss, calls = Exemplars.loss, []

    def dies(self):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return loss(self)

    monkeypatch.setattr(Exemplars, "loss", dies)
    with pytest.raises(KeyboardInterrupt):
        systems.build("objects", "exemplar_cnn", Config(**SMALL), SPEC, seed=0).fit(images(), replica)
    again = systems.build("objects", "exemplar_cnn", Config(**SMALL), SPEC, seed=0)
    again.fit(images(), Replica(0, torch.device("cpu"), checkpoint=tmp_path / "seed0.pt", fingerprint="x"))
    assert len(calls) == 5 + 2  # steps 5 and 6 only
    assert all(torch.equal(v, again.net.state_dict()[k]) for k, v in system.net.state_dict().items())


def test_what_does_not_fit_is_told():
    with pytest.raises(ParamsError, match="must leave some of 8 samples"):
        validate(Config, SMALL | {"validation": 8}, "objects.systems.exemplar_cnn")
    with pytest.raises(ParamsError, match="3 channels, not 1"):
        System(Config(**SMALL), Spec((1, 16, 16)))
    with pytest.raises(ParamsError, match="smaller than the enlarged"):
        System(Config(**SMALL | {"patch": 32}), SPEC)
