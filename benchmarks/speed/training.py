"""Training steps, beside the plain loop that a reader would write.

The plain loops are those of `examples/`: eager, float32, the losses read at every step, default optimisers and memory
order; here a shuffling DataLoader feeds them. Tests hold that they have the losses of the engine. The step of
`examples/dcgan.py` stands for that of pytorch/examples (there the discriminator moves first; the work is the same), and
that of `examples/beta_vae.py` for that of disentangling-vae, which are not installed.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import torch
from measure import ROOT, Timing, Work, compared, in_turns, operations, shares
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from triptych.base.pixels import signed
from triptych.beta_vae.vae.training import fit_together
from triptych.beta_vae.vae.vae import VaeConfig
from triptych.cyclegan.gan.translation import CycleConfig, CycleTask, Weights
from triptych.data.spec import Spec
from triptych.dcgan.gan.training import Gan, train_gan
from triptych.dcgan.objects.rows.dcgan import Config as DcganConfig
from triptych.engine import Replica, train
from triptych.engine.device import wanted_precision
from triptych.pipeline.systems import build


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pictures(n: int, channels: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, channels, size, size), dtype=np.uint8)


def loaded(images: np.ndarray, batch_size: int, steps: int, device: torch.device) -> Iterator[Tensor]:
    """`steps` batches of uint8 images, shuffled anew in every epoch."""
    loader = DataLoader(TensorDataset(torch.from_numpy(images)), batch_size, shuffle=True, drop_last=True)
    epochs = itertools.chain.from_iterable(itertools.repeat(loader))
    return (batch.to(device) for (batch,) in itertools.islice(epochs, steps))


def drained(losses: Iterator[Any]) -> Work:
    return lambda: [None for _ in losses]


# -- DCGAN -------------------------------------------------------------------------------------------------------


def gan_config(width: int, batch_size: int, steps: int) -> DcganConfig:
    return DcganConfig(width=width, z_dim=64, steps=steps, batch_size=batch_size)


def our_dcgan(config: DcganConfig, images: np.ndarray, device: torch.device) -> Work:
    gan = Gan(config, (3, 32, 32)).to(device)
    return lambda: train_gan(gan, images, config, Replica(0, device))


def dcgan(name: str, width: int, batch_size: int, steps: int, rounds: int, rate: float, device: torch.device) -> dict:
    """32 px, the net of the table `objects`."""
    config, images, plain = gan_config(width, batch_size, steps), pictures(1024, 3, 32), example("dcgan")

    def loop() -> Work:
        gan = Gan(config, (3, 32, 32)).to(device)
        batches = (signed(x) for x in loaded(images, batch_size, steps, device))
        return drained(plain.train(gan.generator, gan.discriminator, batches, config.z_dim, config.lr))

    timings = in_turns({"ours": lambda: our_dcgan(config, images, device), "other": loop}, rounds, device)
    what = f"a step of DCGAN, 32 × 32 px, width {width}, batch {batch_size}, {wanted_precision() or 'float32'}"
    row = compared(name, what, "a plain loop", **timings, device=device.type, unit="ms a step", per=steps)
    one = our_dcgan(gan_config(width, batch_size, 1), images, device)
    return shares(row, operations(one), rate)


# -- CycleGAN ----------------------------------------------------------------------------------------------------


def our_cyclegan(config: CycleConfig, images: np.ndarray, steps: int, device: torch.device) -> Work:
    system = build("streets", "cyclegan", config, Spec((3, config.pixels, config.pixels)), 0)
    task = CycleTask(system, Weights(gan=1.0, forward=10.0, backward=10.0, identity=0.0), 10_000)
    replica = Replica(0, device)
    streams = {n: replica.stream(images, batch_size=1, seed=i, transform=signed) for i, n in enumerate("xy")}
    return lambda: train(task, streams, steps=steps, replica=replica)


def cycle_config(size: int) -> CycleConfig:
    return CycleConfig(pixels=size, load_size=size, epochs=1, width=8, blocks=3, critic_width=12, critic_layers=2)


def cyclegan(size: int, steps: int, rounds: int, rate: float, device: torch.device) -> dict:
    config, images, plain = cycle_config(size), pictures(256, 3, size), example("cyclegan")

    def loop() -> Work:
        nets = [plain.generator(8, 3), plain.generator(8, 3), plain.critic(12), plain.critic(12)]
        streams = [map(signed, loaded(images, 1, steps, device)) for _ in range(2)]
        return drained(plain.train(*(plain.initialise(net).to(device) for net in nets), zip(*streams)))

    timings = in_turns({"ours": lambda: our_cyclegan(config, images, steps, device), "other": loop}, rounds, device)
    what = f"a step of CycleGAN, {size} × {size} px, width 8, batch 1, float32"
    row = compared("cyclegan_step", what, "a plain loop", **timings, device=device.type, unit="ms a step", per=steps)
    return shares(row, operations(our_cyclegan(config, images, 1, device)), rate)


# -- many VAEs ---------------------------------------------------------------------------------------------------


def our_vaes(config: VaeConfig, images: np.ndarray, replicas: int, device: torch.device) -> Work:
    spec = Spec(images.shape[1:])
    models = [build("shapes", "beta_vae", config, spec, r).to(device) for r in range(replicas)]
    return lambda: fit_together(models, images, [Replica(r, device) for r in range(replicas)])


def vae_config(hidden: int, steps: int) -> VaeConfig:
    return VaeConfig(beta=4.0, hidden=hidden, steps=steps, init="glorot")


def vaes(hidden: int, size: int, replicas: int, steps: int, rounds: int, rate: float, device: torch.device) -> list:
    """Two rows: beside plain loops, one model after the other, and beside this project's own loop, one after the other.
    A step is one of all models."""
    config, images, plain = vae_config(hidden, steps), pictures(4096, 1, size) // 128 * 255, example("beta_vae")

    def plain_loop() -> Work:
        def one() -> Iterator:
            nets: list[nn.Module] = [plain.encoder(size**2, hidden), plain.decoder(size**2, hidden)]
            for net in nets:
                plain.initialise(net.to(device))
            batches = (x.float() / 255 for x in loaded(images, config.batch_size, steps, device))
            noisy = ((x, torch.randn(len(x), config.latents, device=device)) for x in batches)
            return plain.train(*nets, noisy)

        return drained(itertools.chain(*[one() for _ in range(replicas)]))

    def one_by_one() -> Work:
        models = [our_vaes(config, images, 1, device) for _ in range(replicas)]
        return lambda: [fit() for fit in models]

    ways: dict[str, Callable[[], Work]] = {
        "stack": lambda: our_vaes(config, images, replicas, device),
        "plain": plain_loop,
        "alone": one_by_one,
    }
    timings: dict[str, Timing] = in_turns(ways, rounds, device)
    done = operations(our_vaes(vae_config(hidden, 1), images, replicas, device))
    what = f"a step of {replicas} dense VAEs, {size} × {size} px, {hidden} units, batch 64, float32"
    rows = []
    for name, way, other_is in (
        ("vae_stack", "plain", "plain loops, one model after the other"),
        ("vae_stack_alone", "alone", "this project's loop, one model after the other"),
    ):
        options = {"device": device.type, "unit": "ms a step", "per": steps}
        rows.append(shares(compared(name, what, other_is, timings["stack"], timings[way], **options), done, rate))
    return rows
