"""Every row of the streets table: it trains, translates both ways, and comes back from disk the same."""

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf
from torch import nn

from triptych.base.config import ParamsError, validate
from triptych.base.pixels import to_uint8
from triptych.cyclegan.gan.streams import StreetData
from triptych.cyclegan.streets.judge import fcn8s
from triptych.cyclegan.streets.parts import one_way as one_way_module
from triptych.cyclegan.streets.parts.one_way import OneWay
from triptych.cyclegan.streets.rows import bigan_ali, cogan, feature_loss_gan, pix2pix, pix2pix_unet, simgan
from triptych.data.label_classes import CITYSCAPES
from triptych.data.spec import Spec
from triptych.engine import Replica, inference
from triptych.engine.graph import RecordedStep
from triptych.pipeline import systems

SPEC = Spec((3, 16, 16), 0, CITYSCAPES)
TINY = dict(pixels=16, load_size=18, width=4, blocks=1, critic_width=4, critic_layers=1, epochs=1, pool=3)
FCN = dict(pixels=[32, 32], width=2, dense=4, steps=2, batch_size=2)
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
    captured, record = [], RecordedStep.record
    monkeypatch.setattr(RecordedStep, "record", lambda self, rows: captured.append(1) or record(self, rows))
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


@pytest.mark.parametrize("pairs", [False, True])
def test_one_way_by_hand(pairs):
    """G: (D - 1)^2 + 10 content; D: half of (D(real) - 1)^2 + D(fake)^2, of the step's fake by way of the pool."""
    task = one_way(pairs, False, lambda fake, a, b: (fake - b).abs().mean())
    a, b = task.batch["pair"]
    with torch.no_grad():
        fake = task.generator(a)
        real, made = (torch.cat([a, image], 1) if pairs else image for image in (b, fake))
        content = (fake - b).abs().mean()
        expected = (task.critic(made) - 1).square().mean() + 10 * content
        critics = 0.5 * ((task.critic(real) - 1).square().mean() + task.critic(made).square().mean())
    loss, _ = task.generate()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5) and loss.requires_grad
    assert torch.allclose(task.batch["seen"], made) and not task.batch["seen"].requires_grad
    assert task.judge()[0].item() == pytest.approx(critics.item(), rel=1e-5)
    assert task.pool.size == 3 and task.pool.count == 2


def test_both_ways_have_their_own_networks(monkeypatch):
    tasks, (system, _) = [], build("simgan")

    def train(task, streams, *, steps, replica, **_):
        tasks.append(task)
        replica.history.append((steps, "loss", 1.0))

    monkeypatch.setattr(one_way_module, "train", train)
    frozen, replica = nn.Identity(), Replica(0, CPU)
    streams = streets().unpaired(replica, batch_size=1, load_size=16, size=16)
    one_way_module.fit_both_ways(system, lambda: streams, replica, content=max, weight=3.0, pairs=True, frozen=frozen)
    there, back = tasks
    assert (there.generator, there.critic, there.from_photo) == (system.G, system.D_Y, False)
    assert (back.generator, back.critic, back.from_photo) == (system.F, system.D_X, True)
    for task in tasks:
        assert (task.content, task.weight, task.pairs, task.steps) == (max, 3.0, True, 4)
        assert task.frozen is frozen
    assert replica.history == [(4, "to_photo_loss", 1.0), (4, "to_labels_loss", 1.0)]


def test_ends_of_either_way():
    for from_photo in (False, True):
        task = one_way(False, from_photo, None)
        label, photo = task.batch["pair"]
        assert all(a is b for a, b in zip(task.ends(), (photo, label) if from_photo else (label, photo)))


def asked(name, monkeypatch, **changes):
    """What a system asks of its training each way."""
    kept, (system, _) = {}, build(name, **changes)
    module = "rivals.paired" if name.startswith("pix2pix") else f"methods.{name}"
    monkeypatch.setattr(f"triptych.cyclegan.{module}.fit_both_ways", lambda *_, **options: kept.update(options))
    system.fit(streets(), Replica(0, CPU))
    return kept


def test_simgan_stays_close_to_its_input_and_pix2pix_to_the_true_output(monkeypatch):
    fake, a, b = torch.rand(3, 2, 3, 16, 16)
    simgan = asked("simgan", monkeypatch, pixel_weight=7.0)
    assert simgan["weight"] == 7 and not simgan.get("pairs")
    assert simgan["content"](fake, a, b).item() == pytest.approx((fake - a).abs().mean().item())
    for name in ("pix2pix", "pix2pix_unet"):
        paired = asked(name, monkeypatch, l1_weight=7.0)
        assert paired["weight"] == 7 and paired["pairs"]
        assert paired["content"](fake, a, b).item() == pytest.approx((fake - b).abs().mean().item())


def test_feature_loss_keeps_the_features_of_the_input(monkeypatch):
    options = asked("feature_loss_gan", monkeypatch, features="random", random_width=2, feature_weight=7.0)
    features, content = options["frozen"], options["content"]
    assert options["weight"] == 7 and not options.get("pairs")
    fake, a, b = torch.rand(3, 2, 3, 16, 16)
    fake.requires_grad_()
    value = content(fake, a, b)
    assert value.item() == pytest.approx((features(fake) - features(a)).abs().mean().item(), rel=1e-5)
    assert content(a, a, b) == 0
    value.backward()
    assert fake.grad.abs().sum() > 0


class Asked(Exception):
    pass


class AskingData(StreetData):
    def unpaired(self, replica, **options):
        raise Asked("unpaired", options)

    def paired(self, replica, **options):
        raise Asked("paired", options)


UNPAIRED = [n for n in systems.names("streets") if n != "untrained" and not n.startswith("pix2pix")]


@pytest.mark.parametrize("name", [*UNPAIRED, "pix2pix", "pix2pix_unet"])
def test_only_pix2pix_sees_pairs_and_the_others_can_do_without_any(name):
    data = streets()
    options = {"disjoint": True} if name in UNPAIRED else {}
    extra = {"features": "random", "random_width": 2} if name == "feature_loss_gan" else {}
    system, _ = build(name, batch_size=3, **options, **extra)
    with pytest.raises(Asked) as e:
        system.fit(AskingData(data.photos, data.label_maps, data.classes), Replica(0, CPU))
    kind = "unpaired" if name in UNPAIRED else "paired"
    assert e.value.args == (kind, {"batch_size": 3, "load_size": 18, "size": 16, **options})


def test_defaults_are_the_papers():
    c = simgan.Config()
    assert (c.pixel_weight, c.gan_loss, c.pool, c.disjoint) == (10, "lsgan", 50, False)
    c = feature_loss_gan.Config()
    assert (c.feature_weight, c.features, c.feature_size) == (10, "vgg16", 224)
    c = pix2pix.Config()
    assert (c.pixels, c.load_size, c.l1_weight, c.gan_loss, c.pool, c.decay_from) == (128, 143, 10, "lsgan", 50, 0.5)
    c = pix2pix_unet.Config()  # of pix2pix's own paper
    assert (c.pixels, c.load_size, c.l1_weight, c.gan_loss, c.pool, c.decay_from) == (256, 286, 100, "log", 0, 1)
    assert (c.lr, c.beta1, c.beta2, c.batch_size, c.epochs) == (2e-4, 0.5, 0.999, 1, 200)
    c = cogan.Config()
    assert (c.z_dim, c.batch_size, c.lr, c.beta1, c.beta2) == (100, 64, 2e-4, 0.5, 0.999)
    assert (c.search_steps, c.search_starts) == (500, 4)
    assert bigan_ali.Config().pool == 50 and not hasattr(bigan_ali.Config(), "cycle_weight")


@pytest.mark.parametrize("name", ["simgan", "pix2pix"])
def test_the_second_way_counts_the_steps_on(name):
    """Both trainings of one system: nothing that is kept under its step is lost, and what is untrained is said."""
    system, _ = build(name)
    seen = []
    replica = Replica(0, CPU, callback=lambda step, still="": seen.append((step, still)), callbacks=2)
    system.fit(streets(), replica)  # 4 steps each
    assert seen == [(2, "to_labels untrained"), (4, "to_labels untrained"), (6, ""), (8, "")]


def test_rows_say_what_is_not_published():
    assert "3 steps × 2 starts" in build("cogan")[0].notes[0] and "our reconstruction" in build("cogan")[0].notes[0]
    assert build("pix2pix", l1_weight=7.0)[0].notes[0].startswith("weight of the L1 term 7: not published")
    assert not hasattr(build("pix2pix_unet")[0], "notes")  # 100 is
    assert not issubclass(pix2pix_unet.System, pix2pix.System)  # what they share is in `paired`
    assert "torchvision's" in build("feature_loss_gan", features="vgg16")[0].notes[0]


def test_the_floor_is_cyclegan_before_any_training():
    data, (floor, _), (cyclegan, _) = streets(), build("untrained"), build("cyclegan")
    floor.fit(data, Replica(0, CPU))
    labels, photos = torch.from_numpy(data.labels), torch.from_numpy(data.photos)
    with torch.inference_mode():
        assert torch.equal(floor.to_photo(labels), cyclegan.to_photo(labels))
        assert torch.equal(floor.to_labels(photos), cyclegan.to_labels(photos))


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


def test_bigan_by_hand():
    """D on (x, G(x)) to 1 and on (F(y), y) to 0, halved; G and F the other way round; fakes by way of the pools."""
    system, _ = build("bigan_ali")
    task, critic = bigan_ali.Pairs(system, 10), system.D
    x, y = torch.rand(2, 1, 3, 16, 16) * 2 - 1
    task.batch = {"x": x, "y": y}
    with torch.no_grad():
        on_x, on_y = critic(torch.cat([x, system.G(x)], 1)), critic(torch.cat([system.F(y), y], 1))
    loss, _ = task.generators()
    assert loss.item() == pytest.approx((on_x.square().mean() + (on_y - 1).square().mean()).item(), rel=1e-5)
    assert not task.batch["from_x"].requires_grad and not task.batch["from_y"].requires_grad
    expected = 0.5 * ((on_x - 1).square().mean() + on_y.square().mean())
    assert task.critic()[0].item() == pytest.approx(expected.item(), rel=1e-5)
    assert task.pool_x.count == task.pool_y.count == 1


def test_features_are_relu4_2_of_vgg16():
    """As torchvision builds VGG-16, here a sixteenth as wide, with our weights."""
    from torchvision.models import VGG16_Weights
    from torchvision.models.vgg import make_layers

    network = fcn8s.FCN8s(fcn8s.Config(norm="none", width=4, dense=1), 1)
    theirs = make_layers([4, 4, "M", 8, 8, "M", 16, 16, 16, "M", 32, 32, 32, "M", 32, 32, 32, "M"])
    convolutions = [[m for m in net.modules() if isinstance(m, nn.Conv2d)] for net in (network.blocks, theirs)]
    for ours, other in zip(*convolutions, strict=True):
        other.load_state_dict(ours.state_dict())
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    pixels = nnf.interpolate((images + 1) / 2, (48, 48), mode="bilinear", align_corners=False)
    standard = VGG16_Weights.IMAGENET1K_V1.transforms()
    pixels = (pixels - torch.tensor(standard.mean)[:, None, None]) / torch.tensor(standard.std)[:, None, None]
    relu4_2 = theirs[:21](pixels)  # 17 conv4_1, 18 relu4_1, 19 conv4_2, 20 relu4_2
    assert relu4_2.abs().sum() > 0
    assert torch.allclose(feature_loss_gan.Features(network, 48)(images), relu4_2, rtol=1e-4, atol=1e-5)


def test_features_of_vgg16_start_from_its_weights(monkeypatch):
    started = []
    monkeypatch.setattr(fcn8s.FCN8s, "start_from_vgg16", lambda net: started.append(net))
    _, config = build("feature_loss_gan", features="vgg16")
    assert feature_loss_gan._network(config, streets(), Replica(0, CPU)) is started[0]


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


def test_cogan_losses_by_hand():
    """Both domains' log losses summed: -log s(D) for G; -log s(D(real)) - log(1 - s(D(fake))) for D."""
    system, _ = build("cogan")
    task = cogan.Coupled(system.train(), 10)
    x, y = torch.rand(2, 2, 3, 16, 16) * 2 - 1
    task.batch = {"x": x, "y": y}
    loss, _ = task.generators()
    fakes = task.batch["fakes"]
    assert not any(f.requires_grad for f in fakes)
    expected = -sum(torch.sigmoid(scores).log().mean() for scores in system.D(*fakes))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    on_real = sum(torch.sigmoid(scores).log().mean() for scores in system.D(x, y))
    on_fake = sum((1 - torch.sigmoid(scores)).log().mean() for scores in system.D(*fakes))
    assert task.critics()[0].item() == pytest.approx(-(on_real + on_fake).item(), rel=1e-4)


@pytest.mark.parametrize("way, source", [("to_photo", 0), ("to_labels", 1)])
def test_cogan_keeps_the_best_start_of_each_image(way, source):
    """With hardly a step, an image becomes the other domain's image of the start that is nearest to it."""
    system, config = build("cogan", search_steps=1, search_starts=4, search_lr=1e-6, search_seed=1)

    class Grey(nn.Module):
        def forward(self, z):
            x = (0.2 * z[:, :1, None, None]).expand(-1, 3, 16, 16)
            return x, 0.3 - 2 * x  # as label map and as photo

    system.G = Grey()
    starts = torch.randn(4, 1, config.z_dim, generator=torch.Generator().manual_seed(1))[:, 0]
    both = [to_uint8(images) for images in Grey()(starts)]
    assert len(both[0][:, 0, 0, 0].unique()) == 4
    wanted = [2, 0, 3, 1, 0]
    out = getattr(system, way)(both[source][wanted])
    assert (out.int() - both[1 - source][wanted].int()).abs().max() <= 1


def test_unet_noise_is_the_same_at_every_call_and_no_one_elses():
    data, (system, _) = streets(), build("pix2pix_unet")
    labels, photos = torch.from_numpy(data.labels), torch.from_numpy(data.photos)
    with torch.no_grad():
        nn.init.normal_(system.G.up[-1][1].weight)  # so that the noise shows in 8 bits
        nn.init.normal_(system.F.up[-1][1].weight)
        state = torch.get_rng_state()
        first = system.to_photo(labels), system.to_labels(photos)
        assert torch.equal(torch.get_rng_state(), state)
        torch.rand(5)
        assert all(torch.equal(a, b) for a, b in zip(first, (system.to_photo(labels), system.to_labels(photos))))
        system.config = system.config.model_copy(update={"noise_seed": 1})
        assert not torch.equal(system.to_photo(labels), first[0])
        assert not torch.equal(system.to_labels(photos), first[1])


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
            build(name, pixels=48, load_size=50)
