"""The plain files in examples/ compute what the engine computes: same weights and batches in, same losses out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.beta_vae.vae.training import VaeTask
from triptych.beta_vae.vae.vae import Vae, VaeConfig
from triptych.cyclegan.gan.translation import CycleConfig, CycleTask, Weights
from triptych.cyclegan.streets.parts.cycle import CycleSystem
from triptych.data.spec import Spec
from triptych.dcgan.gan.training import Adversarial, Gan, GanConfig
from triptych.engine import Replica, train

STEPS = 5
FOLDER = Path(__file__).parents[2] / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Fixed:
    """A source of given batches, one a step."""

    resident = True

    def __init__(self, batches):
        self.batches = batches

    def rows(self, step):
        return torch.tensor(step)

    def gather(self, rows):
        return self.batches[int(rows)]


def losses_of_the_engine(task, sources, *names):
    replica = Replica(0, torch.device("cpu"))
    train(task, sources, steps=STEPS, replica=replica, log_every=1)
    return [[value for _, metric, value in replica.history if metric == name] for name in names]


def same_weights(ours, theirs):
    pairs = list(zip(ours.parameters(), theirs.parameters(), strict=True))
    for mine, other in pairs:
        mine.data.copy_(other.data)


def close(*pairs):
    for mine, other in pairs:
        assert len(mine) == STEPS and np.ptp(mine) > 0
        assert mine == pytest.approx(other, rel=2e-4)


def test_dcgan_has_the_losses_of_the_engine():
    plain = example("dcgan")
    config = GanConfig(net="svhn32", width=8, z_dim=10, steps=STEPS, batch_size=16)
    torch.manual_seed(1)
    gan = Gan(config, (3, 32, 32))
    G, D = plain.generator(10, 8), plain.discriminator(8)
    same_weights(G, gan.generator)
    same_weights(D, gan.discriminator)
    batches = list(torch.rand(STEPS, 16, 3, 32, 32) * 2 - 1)
    loss_g, loss_d = losses_of_the_engine(Adversarial(gan, config), {"real": Fixed(batches)}, "loss_g", "loss_d")
    torch.manual_seed(0)  # the codes that the engine draws with seed 0
    plain_g, plain_d = zip(*plain.train(G, D, batches, z_dim=10))
    close((plain_g, loss_g), (plain_d, loss_d))


def test_cyclegan_has_the_losses_of_the_engine():
    plain = example("cyclegan")
    config = CycleConfig(pixels=32, load_size=32, width=4, blocks=2, critic_width=4, critic_layers=2)
    torch.manual_seed(1)
    system = CycleSystem(config, Spec((3, 32, 32)))
    nets = {name: getattr(system, name) for name in ("G", "F", "D_X", "D_Y")}
    copies = {name: plain.generator(4, 2) if name in "GF" else plain.critic(4) for name in nets}
    for name, net in nets.items():
        same_weights(copies[name], net)
    x, y = torch.rand(2, STEPS, 1, 3, 32, 32) * 2 - 1
    task = CycleTask(system, Weights(gan=1.0, forward=10.0, backward=10.0, identity=0.0), 1000)
    loss_g, d_x, d_y = losses_of_the_engine(
        task, {"x": Fixed(x), "y": Fixed(y)}, "loss_g", "loss_d_labels", "loss_d_photo"
    )
    plain_g, plain_d = zip(*plain.train(**copies, pairs=zip(x, y)))
    close((plain_g, loss_g), (plain_d, [a + b for a, b in zip(d_x, d_y)]))


def test_beta_vae_has_the_losses_of_the_engine():
    plain = example("beta_vae")
    config = VaeConfig(hidden=16, latents=4, beta=4.0, init="glorot", batch_size=8, steps=STEPS)
    torch.manual_seed(1)
    vae = Vae(config, Spec((1, 8, 8)))
    encode, decode = plain.encoder(64, 16, 4), plain.decoder(64, 16, 4)
    same_weights(encode, vae.encoder)
    same_weights(decode, vae.decoder)
    images = (torch.rand(STEPS, 1, 8, 1, 8, 8) > 0.5).to(torch.uint8) * 255
    noise = torch.randn(STEPS, 1, 8, 4)
    nll, kl = losses_of_the_engine(VaeTask([vae]), {"images": Fixed(images), "noise": Fixed(noise)}, "nll", "kl")
    plain_nll, plain_kl = zip(*plain.train(encode, decode, zip(images[:, 0].float() / 255, noise[:, 0]), beta=4.0))
    close((plain_nll, nll), (plain_kl, kl))


@pytest.mark.parametrize("name", ["dcgan", "cyclegan", "beta_vae"])
def test_an_example_fits_on_two_pages_and_needs_no_engine(name):
    text = (FOLDER / f"{name}.py").read_text()
    assert len(text.splitlines()) <= 120
    assert "triptych" not in text
