"""Training speed of the three headline systems, beside a plain eager fp32 loop over the same networks and losses, in
one process on one machine: `python benchmarks/training_speed.py [--full] [--steps N] [--replicas R]`; and of R dense
VAEs with stacked weights, beside the same R one after the other, and beside a DataLoader loop over each.

The plain loop is what a reader would write: data in host memory, where each batch is gathered and normalised before it
is copied over; losses read at every step, default optimiser and memory format. Compare by the ratio; the times belong
to the machine.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from triptych.base.pixels import signed, unit
from triptych.beta_vae.vae.objective import bernoulli_nll, kl_per_latent, reparameterise
from triptych.beta_vae.vae.training import Batches, Noise, VaeTask, fit_together
from triptych.beta_vae.vae.vae import Vae, VaeConfig
from triptych.cyclegan.gan.translation import CycleConfig, CycleTask, Weights
from triptych.data.spec import Spec
from triptych.dcgan.gan.training import Adversarial, Gan
from triptych.dcgan.objects.rows.dcgan import Config as DcganConfig
from triptych.engine import Replica, Stream, Task, train
from triptych.pipeline.systems import build


def dcgan(full: bool) -> tuple[Callable[[], Task], Callable[[Replica], dict], int]:
    config = DcganConfig(width=128 if full else 16, z_dim=256 if full else 64, steps=1, batch_size=128 if full else 16)
    images = np.random.default_rng(0).integers(0, 256, (4096, 3, 32, 32), dtype=np.uint8)
    stream = lambda r: {"real": Stream(images, batch_size=config.batch_size, seed=0, device=r.device, transform=signed)}  # noqa: E731
    return lambda: Adversarial(Gan(config, (3, 32, 32)), config), stream, config.batch_size


def cyclegan(full: bool) -> tuple[Callable[[], Task], Callable[[Replica], dict], int]:
    size, widths = (128, {}) if full else (64, {"width": 8, "blocks": 3, "critic_width": 12, "critic_layers": 2})
    config = CycleConfig(pixels=size, load_size=size, epochs=1, **widths)
    images = np.random.default_rng(0).integers(0, 256, (256, 3, size, size), dtype=np.uint8)

    def streams(r: Replica) -> dict:
        return {n: Stream(images, batch_size=1, seed=i, device=r.device, transform=signed) for i, n in enumerate("ab")}

    def task() -> Task:
        system = build("streets", "cyclegan", config, Spec((3, size, size)), 0)
        return CycleTask(system, Weights(gan=1.0, forward=10.0, backward=10.0, identity=0.0), 10_000)

    return task, lambda r: dict(zip(("x", "y"), streams(r).values())), 1


def vae(full: bool) -> tuple[Callable[[], Task], Callable[[Replica], dict], int]:
    size, hidden = (64, 1200) if full else (32, 128)
    config = VaeConfig(beta=4.0, hidden=hidden, steps=1, init="glorot")
    images = np.random.default_rng(0).integers(0, 2, (4096, 1, size, size), dtype=np.uint8) * np.uint8(255)

    def task() -> Task:
        return VaeTask([build("shapes", "beta_vae", config, Spec((1, size, size)), 0)])

    def streams(r: Replica) -> dict:
        shape = (config.batch_size, config.latents)
        return {"images": Batches(images, [0], config.batch_size, r), "noise": Noise([0], shape, r)}

    return task, streams, config.batch_size


def many_vaes(full: bool, replicas: int, steps: int, device: torch.device) -> str:
    """`replicas` VAEs: stacked, one after the other, in a DataLoader loop. Images a second, summed over replicas."""
    size, hidden = (64, 1200) if full else (32, 128)
    config = VaeConfig(beta=4.0, hidden=hidden, steps=steps, init="glorot")
    images = np.random.default_rng(0).integers(0, 2, (4096, 1, size, size), dtype=np.uint8) * np.uint8(255)

    def fresh() -> list[Vae]:
        return [build("shapes", "beta_vae", config, Spec((1, size, size)), r).to(device) for r in range(replicas)]

    def stacked() -> None:
        fit_together(fresh(), images, [Replica(r, device) for r in range(replicas)])

    def in_turn() -> None:
        for r, model in enumerate(fresh()):
            fit_together([model], images, [Replica(r, device)])

    def plain() -> None:
        for model in fresh():
            dataloader_loop(model, images, device, steps)

    ways = {"stacked": stacked, "one after the other": in_turn, "DataLoader loop": plain}
    return rates(ways, replicas * steps * config.batch_size, device)


def rates(ways: dict[str, Callable[[], None]], images: int, device: torch.device, rounds: int = 3) -> str:
    """Images a second of each way, the best of `rounds` in which they take turns, and beside it the ratio to the last
    one's. A round before them warms up. Building the networks and, on a GPU, capturing the graph count too."""
    seconds = dict.fromkeys(ways, float("inf"))
    for number in range(rounds + 1):
        for name, way in ways.items():
            spent = timed(way, device)
            if number:
                seconds[name] = min(seconds[name], spent)
    last = images / list(seconds.values())[-1]
    return ", ".join(f"{name} {images / s:.0f} images/s ({images / s / last:.2f})" for name, s in seconds.items())


def dataloader_loop(model: Vae, images: np.ndarray, device: torch.device, steps: int) -> None:
    """What a reader would write: a shuffling DataLoader over the uint8 images, Adagrad, the loss read at every step."""
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(images))
    loader = torch.utils.data.DataLoader(dataset, model.config.batch_size, shuffle=True, drop_last=True)
    optimiser = torch.optim.Adagrad(model.parameters(), lr=model.config.lr)
    done = 0
    while done < steps:
        for (batch,) in itertools.islice(loader, steps - done):
            x = unit(batch.to(device))
            mean, logvar = model.encoder(x).chunk(2, dim=1)
            z = reparameterise(mean, logvar, torch.randn_like(mean))
            loss = (bernoulli_nll(model.decoder(z), x) + model.beta * kl_per_latent(mean, logvar).sum(1)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()
            done += 1


def plain_loop(task: Task, streams: dict, device: torch.device, steps: int) -> None:
    """Eager, fp32, contiguous, a host read per step. `streams` lie in host memory."""
    task.to(device).train()
    phases = [(p, p.optimiser([w for m in p.modules for w in m.parameters()])) for p in task.phases()]
    for step in range(steps):
        task.batch = {name: moved(stream.gather(stream.rows(step)), device) for name, stream in streams.items()}
        for phase, optimiser in phases:
            loss, logs = phase.loss()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            {name: value.item() for name, value in logs.items()}


def moved(batch: Tensor | tuple[Tensor, ...], device: torch.device) -> Tensor | tuple[Tensor, ...]:
    return batch.to(device) if isinstance(batch, Tensor) else tuple(part.to(device) for part in batch)


def timed(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="the papers' widths and sizes (for a GPU)")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--replicas", type=int, default=10, help="VAEs that train at once")
    arguments = parser.parse_args()
    replica = Replica(0)
    where = torch.cuda.get_device_name() if replica.device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    print(f"{where}, torch {torch.__version__}, {arguments.steps} steps, {'full' if arguments.full else 'laptop'} size")
    for name, make in {"dcgan": dcgan, "cyclegan": cyclegan, "vae": vae}.items():
        print(f"{name}: {compare(*make(arguments.full), arguments.steps, replica)}", flush=True)
    many = many_vaes(arguments.full, arguments.replicas, arguments.steps, replica.device)
    print(f"{arguments.replicas} dense VAEs, summed: {many}")


def compare(task: Callable[[], Task], streams: Callable, batch: int, steps: int, replica: Replica) -> str:
    """Images a second of both loops."""

    def ours() -> None:
        train(task(), streams(replica), steps=steps, replica=replica)

    def plain() -> None:
        plain_loop(task(), streams(Replica(0, torch.device("cpu"))), replica.device, steps)

    return rates({"ours": ours, "plain loop": plain}, steps * batch, replica.device)


if __name__ == "__main__":
    main()
