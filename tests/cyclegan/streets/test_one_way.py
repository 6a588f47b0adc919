"""Systems that are two trainings, one each way: SimGAN, feature loss + GAN, pix2pix."""

import pytest
import torch
import torch.nn.functional as nnf
from tiny_streets import CPU, FCN, SPEC, TINY, build, streets
from torch import nn

from triptych.cyclegan.streets.judge import fcn8s
from triptych.cyclegan.streets.parts.one_way import OneWay
from triptych.cyclegan.streets.rows import feature_loss_gan, pix2pix, simgan
from triptych.engine import Replica

WEIGHTS = {"simgan": "pixel_weight", "feature_loss_gan": "feature_weight", "pix2pix": "l1_weight"}


def test_pix2pix_learns_a_tiny_paired_set():
    data = streets()
    system, _ = build("pix2pix", width=8, epochs=40, lr=3e-3, load_size=16)
    labels, photos = torch.from_numpy(data.labels), torch.from_numpy(data.photos)

    def errors():
        with torch.inference_mode():
            made, read = system.to_photo(labels).float(), system.to_labels(photos).float()
        return [(a - b.float()).abs().mean().item() for a, b in ((made, photos), (read, labels))]

    before = errors()
    system.fit(data, Replica(0, CPU))
    assert max(errors()) < 20 and min(before) > 40  # noise of the photos alone: about 10


def one_way(pairs, from_photo, content):
    config = pix2pix.Config(**TINY)
    torch.manual_seed(0)
    system = (pix2pix if pairs else simgan).System(config, SPEC)
    task = OneWay(config, system.F if from_photo else system.G, system.D_X, content, 10.0, pairs, from_photo, 10)
    task.batch = {"pair": (torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16))}
    return task


@pytest.mark.parametrize("from_photo", [False, True])
def test_critic_of_pairs_sees_the_input_beside_the_output(from_photo):
    task = one_way(True, from_photo, lambda fake, inputs, truth: (fake - truth).abs().mean())
    label, photo = task.batch["pair"]
    task.generate()
    assert torch.equal(task.batch["seen"][:, :3], photo if from_photo else label)
    assert torch.equal(task.seen(*task.ends())[:, 3:], label if from_photo else photo)


@pytest.mark.parametrize("pairs", [False, True])
def test_one_way_by_hand(pairs):
    """G: (D - 1)^2 + 10 content; D: half of (D(real) - 1)^2 + D(fake)^2, of the step's fake by way of the pool."""
    task = one_way(pairs, False, lambda fake, inputs, truth: (fake - truth).abs().mean() + inputs.mean())
    x, y = task.batch["pair"]
    with torch.no_grad():
        fake = task.generator(x)
        real, made = (torch.cat([x, image], 1) if pairs else image for image in (y, fake))
        expected = (task.critic(made) - 1).square().mean() + 10 * ((fake - y).abs().mean() + x.mean())
        critics = 0.5 * ((task.critic(real) - 1).square().mean() + task.critic(made).square().mean())
    loss, _ = task.generate()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5) and loss.requires_grad
    assert torch.allclose(task.batch["seen"], made) and not task.batch["seen"].requires_grad
    assert task.judge()[0].item() == pytest.approx(critics.item(), rel=1e-5)
    assert task.pool.size == 3 and task.pool.count == 2


@pytest.mark.parametrize("name", ["simgan", "pix2pix"])
def test_each_way_trains_its_own_networks_and_counts_the_steps_on(name):
    """Nothing that is kept under its step is lost, and what is untrained is said."""
    system, _ = build(name)
    start = {net: [p.clone() for p in getattr(system, net).parameters()] for net in ("G", "F", "D_X", "D_Y")}
    seen = []

    def look(step, still=""):
        learned = {n for n, old in start.items() if not all(map(torch.equal, old, getattr(system, n).parameters()))}
        seen.append((step, still, learned))

    replica = Replica(0, CPU, callback=look, callbacks=2)
    system.fit(streets(), replica)  # 4 steps each
    first, both = {"G", "D_Y"}, {"G", "F", "D_X", "D_Y"}
    untrained = "to_labels untrained"
    assert seen == [(2, untrained, first), (4, untrained, first), (6, "", both), (8, "", both)]
    assert {(step, metric.split("_loss")[0]) for step, metric, _ in replica.history} == {
        (4, "to_photo"),
        (4, "to_labels"),
    }


@pytest.mark.parametrize("name", WEIGHTS)
def test_what_an_output_has_to_stay_close_to(name):
    """One scene and one step: the content term of the first generator, whichever way the images were mirrored."""
    options = {"features": "random", "random_width": 2} if name == "feature_loss_gan" else {}
    data, replica = streets(1), Replica(0, CPU)
    (system, config), (heavy, _) = (build(name, load_size=16, **{WEIGHTS[name]: w}, **options) for w in (0.0, 7.0))
    x, y = (torch.from_numpy(images).float() / 127.5 - 1 for images in (data.labels, data.photos))
    with torch.no_grad():
        made = [(system.G(a), a, b) for a, b in ((x, y), (x.flip(3), y.flip(3)))]
        if name == "pix2pix":
            expected = [(fake - b).abs().mean().item() for fake, _, b in made]
        else:
            kind = nn.Identity()
            if name == "feature_loss_gan":
                kind = feature_loss_gan.Features(feature_loss_gan.feature_network(config, data, replica), 32)
            expected = [(kind(fake) - kind(a)).abs().mean().item() for fake, a, _ in made]
    system.fit(data, replica)
    (content,) = (value for _, metric, value in replica.history if metric == "to_photo_loss_content")
    assert min(abs(content / value - 1) for value in expected) < 1e-4
    heavy.fit(data, Replica(0, CPU))
    assert not torch.equal(heavy.G[1].weight, system.G[1].weight)  # its weight counts


def features_of(config, data, seed=0, size=32):
    return feature_loss_gan.Features(feature_loss_gan.feature_network(config, data, Replica(seed, CPU)), size)


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
    assert feature_loss_gan.feature_network(config, streets(), Replica(0, CPU)) is started[0]


def test_features_stay_as_they_are():
    data, (system, config) = streets(), build("feature_loss_gan")
    features = features_of(config, data)
    task = OneWay(config, system.G, system.D_Y, lambda *a: 0, 1.0, False, False, 10, features)
    task.train()
    assert not any(m.training for m in features.modules())
    grey = torch.zeros(2, 3, 16, 16, requires_grad=True)
    out = features(grey)
    assert out.shape == (2, 8 * FCN["width"], 4, 4) and out.min() >= 0  # relu4_2, an eighth of 32
    out.sum().backward()
    assert grey.grad.abs().sum() > 0  # the generator learns through them
    with torch.autocast("cpu", torch.bfloat16):
        assert features(torch.zeros(2, 3, 16, 16)).dtype == torch.float32


def test_random_features_have_seen_nothing_and_measure_structure():
    data, (_, config) = streets(), build("feature_loss_gan", features="random", random_width=8)
    first, again, other = (features_of(config, data, seed) for seed in (0, 0, 1))
    grey = torch.zeros(1, 3, 16, 16)
    assert torch.equal(first(grey), again(grey)) and not torch.equal(first(grey), other(grey))
    edge = grey.clone()
    edge[..., 8:] = 1
    dim = 0.95 * edge
    assert 0 < (first(edge) - first(dim)).abs().mean() < 0.5 * (first(edge) - first(grey)).abs().mean()
