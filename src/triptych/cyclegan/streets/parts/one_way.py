"""Training in one direction: a GAN term and a content term. Two such trainings, one each way, make a system.

    G: E (D(c, G(x)) - 1)^2 + l E content(G(x), x, y)      D: 1/2 [ E (D(c, y) - 1)^2 + E D(c, G(x))^2 ]

for G and D_Y; F and D_X learn with x and y exchanged. c is x for a critic that judges pairs (pix2pix) and nothing for
one that does not (SimGAN, feature loss). What the content term compares makes the system.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from triptych.cyclegan.gan.losses import critic_loss, realness
from triptych.cyclegan.gan.pool import Pool
from triptych.cyclegan.gan.streams import domains
from triptych.cyclegan.gan.translation import Training, steps_of
from triptych.cyclegan.streets.parts.generators import Adversarial
from triptych.engine import Phase, Replica, Stream, Task, train

Content = Callable[[Tensor, Tensor, Tensor], Tensor]  # (output, input, image of the target domain) -> scalar


def fit_both_ways(
    system: Adversarial,
    streams: dict[str, Stream],
    replica: Replica,
    *,
    content: Content,
    weight: float,
    pairs: bool = False,
    frozen: nn.Module | None = None,
) -> None:
    """Train G with D_Y on labels -> photos, then F with D_X back.

    `pairs`: the critics judge (input, output). `frozen`: a network that `content` uses and nothing trains. The
    replica's callback gets the steps of both trainings counted on, and in the first `still="to_labels untrained"`.
    """
    ways = {"to_photo": (system.G, system.D_Y, False), "to_labels": (system.F, system.D_X, True)}
    steps, done = steps_of(system.config.epochs, streams), 0
    for name, (generator, critic, from_photo) in ways.items():
        task = OneWay(system.config, generator, critic, content, weight, pairs, from_photo, steps, frozen)
        part = replica.part(name)
        if replica.callback is not None:
            still = {} if from_photo else {"still": "to_labels untrained"}
            part.callback = lambda step, done=done, still=still: replica.callback(done + step, **still)
            part.callbacks = replica.callbacks
        train(task, streams, steps=steps, replica=part)
        done += steps
        replica.history += [(step, f"{name}_{metric}", value) for step, metric, value in part.history]


class OneWay(Task):
    """`generator` against `critic`, from label maps to photos or, `from_photo`, the other way round."""

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
        """The batch as (inputs, images of the target domain) of this direction."""
        x, y = domains(self.batch)
        return (y, x) if self.from_photo else (x, y)

    def seen(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """What the critic sees of them."""
        return torch.cat([inputs, outputs], dim=1) if self.pairs else outputs

    def generate(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator's loss."""
        inputs, targets = self.ends()
        fake = self.generator(inputs)
        seen = self.seen(inputs, fake)
        self.batch["seen"] = seen.detach()
        gan = realness(self.critic(seen), 1.0, self.config.gan_loss)
        content = self.content(fake, inputs, targets)
        return gan + self.weight * content, {"loss_gan": gan, "loss_content": content}

    def judge(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The critic's loss."""
        fake = self.pool.exchange(self.batch["seen"])
        loss = critic_loss(self.critic, self.seen(*self.ends()), fake, self.config.gan_loss)
        return loss, {"loss_d": loss}
