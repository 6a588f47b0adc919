"""Every row of the streets table: it trains, translates both ways, and comes back from disk the same."""

import numpy as np
import pytest
import torch
from torch import nn

from triptych import systems
from triptych.config import ParamsError, validate
from triptych.cyclegan.data import StreetData
from triptych.cyclegan.methods import bigan_ali, cogan, feature_loss_gan, pix2pix, pix2pix_unet, simgan
from triptych.cyclegan.rivals.one_way import OneWay
from triptych.data.classes import CITYSCAPES
from triptych.engine import Replica, inference
from triptych.engine.step import Stepper
from triptych.systems import Spec

SPEC = Spec((3, 16, 16), 0, CITYSCAPES)
TINY = dict(size=16, load_size=18, width=4, blocks=1, critic_width=4, critic_layers=1, epochs=1, pool=3)
FCN = dict(size=[32, 32], width=2, dense=4, steps=2, batch_size=2)
OWN = {
    "feature_loss_gan": {"features": "fcn", "feature_size": 32, "fcn": FCN},
    "cogan": {"pool": 0, "batch_size": 2, "z_dim": 4, "search_steps": 3, "search_starts": 2},
}
CPU = torch.device("cpu")


def streets(n=4, size=16):
    """Left and right halves of two classes; the photo shows them as dark and bright with a little noise."""
    rng = np.random.default_rng(0)
    edge = rng.integers(4, size - 4, n)
    right = np.broadcast_to(np.arange(size) >= edge[:, None, None], (n, size, size))
    photos = np.where(right, 200, 40)[:, None] + rng.integers(-20, 20, (n, 3, size, size))
    return StreetData(photos.astype(np.uint8), np.where(right, 23, 7).astype(np.uint8), CITYSCAPES)


def build(name, **changes):
    code = systems.module("streets", name)
    values = {k: v for k, v in TINY.items() if k in code.Config.model_fields}
    config = validate(code.Config, {**values, **OWN.get(name, {}), **changes}, name)
    return systems.build("streets", name, config, SPEC, 0), config


@pytest.mark.parametrize("name", systems.names("streets"))
def test_trains_translates_and_comes_back_from_disk(name, tmp_path):
    data, (system, config) = streets(), build(name)
    system.fit(data, Replica(0, CPU))
    system.eval()
    systems.save(system, tmp_path / f"streets/{name}/seed0", table="streets", name=name, config=config, spec=SPEC)
    again = systems.load(f"streets/{name}", 0, tmp_path)
    labels, photos = torch.from_numpy(data.labels), torch.from_numpy(data.photos)
    with torch.inference_mode():
        for way, images in (("to_photo", labels), ("to_labels", photos)):
            out = getattr(system, way)(images)
            assert out.shape == (4, 3, 16, 16) and out.dtype == torch.uint8
            assert torch.equal(getattr(again, way)(images), out)


@pytest.mark.parametrize("name", [n for n in systems.names("streets") if n != "untrained"])
def test_same_seed_same_weights(name):
    def weights():
        system, _ = build(name)
        system.fit(streets(), Replica(0, CPU))
        return system.state_dict()

    first, second = weights(), weights()
    assert all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", [n for n in systems.names("streets") if n != "untrained"])
def test_trains_as_a_graph_on_a_gpu_and_translates_there(name, monkeypatch):
    captured, capture = [], Stepper._capture
    monkeypatch.setattr(Stepper, "_capture", lambda self, rows: captured.append(1) or capture(self, rows))
    device, data = torch.device("cuda", 0), streets()
    system, _ = build(name, epochs=4)
    system.to(device).fit(data, Replica(0, device))
    assert captured
    for way, images in (("to_photo", data.labels), ("to_labels", data.photos)):
        assert inference(getattr(system.eval(), way), images, device).shape == (4, 3, 16, 16)


def test_pix2pix_learns_a_tiny_paired_set():
    data = streets()
    system, _ = build("pix2pix", width=8, epochs=60, lr=2e-3, load_size=16)

    def error():
        with torch.inference_mode():
            made = system.to_photo(torch.from_numpy(data.labels)).float()
            read = system.to_labels(torch.from_numpy(data.photos)).float()
        return (made - data_t(data.photos)).abs().mean().item(), (read - data_t(data.labels)).abs().mean().item()

    before = error()
    system.fit(data, Replica(0, CPU))
    after = error()
    assert after[0] < 20 and after[1] < 20 and min(before) > 40  # noise of the photos alone: about 10


def data_t(images):
    return torch.from_numpy(np.asarray(images)).float()


def one_way(pairs, from_photo, content):
    config = pix2pix.Config(**TINY)
    torch.manual_seed(0)
    system = (pix2pix if pairs else simgan).System(pix2pix.Config(**TINY), SPEC)
    task = OneWay(config, system.F if from_photo else system.G, system.D_X, content, 10.0, pairs, from_photo, 10)
    task.batch = {"pair": (torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16))}
    return task


@pytest.mark.parametrize("from_photo", [False, True])
def test_critic_of_pairs_sees_the_input_beside_the_output(from_photo):
    task = one_way(True, from_photo, lambda fake, a, b: (fake - b).abs().mean())
    label, photo = task.batch["pair"]
    task.generate()
    assert torch.equal(task.batch["seen"][:, :3], photo if from_photo else label)
    assert torch.equal(task.seen(*task.ends())[:, 3:], label if from_photo else photo)


def test_content_term_has_its_weight():
    asked = []

    def content(fake, a, b):
        asked.append((fake, a, b))
        return torch.tensor(0.25)

    task = one_way(False, False, content)
    loss, logs = task.generate()
    assert loss.item() == pytest.approx(logs["loss_gan"].item() + 2.5)
    _, a, b = asked[0]
    assert torch.equal(a, task.batch["pair"][0]) and torch.equal(b, task.batch["pair"][1])


@pytest.mark.parametrize("name", ["simgan", "pix2pix"])
def test_the_second_way_counts_the_steps_on(name):
    """Both trainings of one system: nothing that is kept under its step is lost, and what is untrained is said."""
    system, _ = build(name)
    seen = []
    system.fit(streets(), Replica(0, CPU), lambda step, still="": seen.append((step, still)), 2)  # 4 steps each
    assert seen == [(2, "to_labels untrained"), (4, "to_labels untrained"), (6, ""), (8, "")]


def test_rows_say_what_is_not_published():
    assert "3 steps × 2 starts" in build("cogan")[0].notes[0] and "our reconstruction" in build("cogan")[0].notes[0]
    assert build("pix2pix", l1_weight=7.0)[0].notes[0].startswith("weight of the L1 term 7: not published")
    assert not hasattr(build("pix2pix_unet")[0], "notes")  # 100 is
    assert not issubclass(pix2pix_unet.System, pix2pix.System)  # what they share is in `paired`
    assert "torchvision's" in build("feature_loss_gan", features="vgg16")[0].notes[0]


def test_bigan_pulls_the_pairs_towards_each_other():
    """The critic calls (x, G(x)) real and (F(y), y) fake; the generators want the reverse."""
    system, _ = build("bigan_ali")
    task = bigan_ali.Pairs(system, 10)
    task.batch = {"x": torch.zeros(1, 3, 16, 16), "y": torch.ones(1, 3, 16, 16)}

    class Sure(nn.Module):  # 1 for (x, G(x)) whose first half is all 0, else 0
        def forward(self, pairs):
            return (pairs[:, :3].abs().amax((1, 2, 3)) == 0).float()

    system.D = Sure()
    _, logs = task.generators()
    assert logs["loss_gan_to_photo"] == 1 and logs["loss_gan_to_labels"] == 1  # both caught
    loss, _ = task.critic()
    assert loss == 0  # and the critic right


def test_features_stay_as_they_are():
    data, (system, config) = streets(), build("feature_loss_gan")
    network = feature_loss_gan._network(config, data, Replica(0, CPU))
    features = feature_loss_gan.Features(network, 32)
    task = OneWay(config, system.G, system.D_Y, lambda *a: 0, 1.0, False, False, 10, features)
    task.train()
    assert not any(m.training for m in features.modules())
    out = features(torch.zeros(2, 3, 16, 16))
    assert out.shape == (2, 8 * FCN["width"], 4, 4) and out.min() >= 0  # relu4_2, an eighth of 32
    with torch.autocast("cpu", torch.bfloat16):
        assert features(torch.zeros(2, 3, 16, 16)).dtype == torch.float32


def test_random_features_have_seen_nothing_and_measure_structure():
    data, (system, config) = streets(), build("feature_loss_gan", features="random", random_width=8)

    def features(seed):
        return feature_loss_gan.Features(feature_loss_gan._network(config, data, Replica(seed, CPU)), 32)

    first, again, other = features(0), features(0), features(1)
    grey = torch.zeros(1, 3, 16, 16)
    assert torch.equal(first(grey), again(grey)) and not torch.equal(first(grey), other(grey))
    edge = grey.clone()
    edge[..., 8:] = 1
    dim = 0.95 * edge
    assert 0 < (first(edge) - first(dim)).abs().mean() < 0.5 * (first(edge) - first(grey)).abs().mean()
    assert "no labels" in system.notes[0] and "labels" in build("feature_loss_gan")[0].notes[0]


def test_cogan_is_trained_by_the_log_loss():
    assert cogan.Config().gan_loss == "log"
    with pytest.raises(ParamsError, match="pool"):
        build("cogan", pool=50)
    with pytest.raises(ParamsError, match="critic_layers"):  # its critics are no patch critics
        build("cogan", critic_layers=3)


def test_cogan_search_finds_a_scene_it_can_make():
    system, config = build("cogan", search_steps=150, search_starts=4, width=8)
    system.eval()
    with torch.no_grad():
        label, photo = system.G(torch.randn(3, config.z_dim))
    labels = cogan.to_uint8(label)
    quick, _ = build("cogan", search_steps=1, search_starts=1, width=8)
    found = (system.to_photo(labels).float() - cogan.to_uint8(photo).float()).abs().mean()
    missed = (quick.eval().to_photo(labels).float() - cogan.to_uint8(photo).float()).abs().mean()
    assert found < 0.5 * missed
    assert torch.equal(system.to_photo(labels[:1]), system.to_photo(labels)[:1])


def test_sizes_that_networks_cannot_have_are_refused():
    for name in ("pix2pix_unet", "cogan"):
        with pytest.raises(ParamsError, match="power of two"):
            build(name, size=48, load_size=50)
