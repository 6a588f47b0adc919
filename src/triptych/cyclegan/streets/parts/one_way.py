"""Training in one direction: a GAN term and a content term. Two such runs, one each way, make a system.

    G: E (D(c, G(a)) - 1)^2 + l E content(G(a), a, b)      D: 1/2 [ E (D(c, b) - 1)^2 + E D(c, G(a))^2 ]

for input a and target b, where c is a for a critic that judges pairs (pix2pix) and nothing for one that does
not (SimGAN, feature loss). What the content term compares is what makes the system.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from triptych.cyclegan.gan.losses import critic_loss, realness
from triptych.cyclegan.gan.pool import Pool
from triptych.cyclegan.gan.streams import domains
from triptych.cyclegan.gan.translation import Adversarial, Training, steps_of
from triptych.engine import Phase, Replica, Stream, Task, train

Content = Callable[[Tensor, Tensor, Tensor], Tensor]  # (G(a), a, b) -> scalar


def fit_both_ways(
    system: Adversarial,
    streams: Callable[[], dict[str, Stream]],
    replica: Replica,
    *,
    content: Content,
    weight: float,
    pairs: bool = False,
    frozen: nn.Module | None = None,
) -> None:
    """Train G with D_Y on labels -> photos, then F with D_X back. `streams()` makes fresh streams.

    `pairs`: the critics judge (input, output). `frozen`: a network that `content` uses and nothing trains. The
    replica's callback gets the steps of both trainings counted on, and in the first `still="to_labels untrained"`.
    """
    ways = {"to_photo": (system.G, system.D_Y, False), "to_labels": (system.F, system.D_X, True)}
    done = 0
    for name, (generator, critic, from_photo) in ways.items():
        made = streams()
        steps = steps_of(system.config.epochs, made)
        task = OneWay(system.config, generator, critic, content, weight, pairs, from_photo, steps, frozen)
        part = replica.part(name)
        if replica.callback is not None:
            still = {} if from_photo else {"still": "to_labels untrained"}
            part.callback = lambda step, done=done, still=still: replica.callback(done + step, **still)
            part.callbacks = replica.callbacks
        train(task, made, steps=steps, replica=part)
        done += steps
        replica.history += [(step, f"{name}_{metric}", value) for step, metric, value in part.history]


class OneWay(Task):
    def __init__(
        self,
        config: Training,
        generator: nn.Module,
        critic: nn.Module,
        content: Content,
        weight: float,
        pairs: bool,
        from_photo: bool,
        steps: int,
        frozen: nn.Module | None = None,
    ):
        super().__init__()
        self.config, self.content, self.weight, self.pairs = config, content, weight, pairs
        self.generator, self.critic, self.frozen = generator, critic, frozen
        self.from_photo, self.steps = from_photo, steps
        self.pool = Pool(config.pool, (6 if pairs else 3, config.pixels, config.pixels))

    def phases(self) -> list[Phase]:
        return [
            self.config.phase("generator", [self.generator], self.generate, self.steps),
            self.config.phase("critic", [self.critic], self.judge, self.steps),
        ]

    def ends(self) -> tuple[Tensor, Tensor]:
        """(a, b): input and target domain of this direction."""
        x, y = domains(self.batch)
        return (y, x) if self.from_photo else (x, y)

    def seen(self, a: Tensor, b: Tensor) -> Tensor:
        """What the critic sees of input a and output b."""
        return torch.cat([a, b], dim=1) if self.pairs else b

    def generate(self) -> tuple[Tensor, dict[str, Tensor]]:
        a, b = self.ends()
        fake = self.generator(a)
        seen = self.seen(a, fake)
        self.batch["seen"] = seen.detach()
        gan = realness(self.critic(seen), 1.0, self.config.gan_loss)
        content = self.content(fake, a, b)
        return gan + self.weight * content, {"loss_gan": gan, "loss_content": content}

    def judge(self) -> tuple[Tensor, dict[str, Tensor]]:
        a, b = self.ends()
        fake = self.pool.exchange(self.batch["seen"])
        loss = critic_loss(self.critic, self.seen(a, b), fake, self.config.gan_loss)
        return loss, {"loss_d": loss}
