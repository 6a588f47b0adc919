"""CycleGAN and its ablations as systems (Zhu et al. 2017, section 5.1.4)."""

from __future__ import annotations

from functools import partial

from triptych.cyclegan.gan.streams import Unpaired
from triptych.cyclegan.gan.translation import CycleTask, Weights, fit_together
from triptych.cyclegan.streets.parts.generators import Adversarial
from triptych.engine import Replica


class CycleSystem(Adversarial):
    """The full objective (gan/translation.py). An ablation is a subclass that sets a switch to 0."""

    gan = 1.0
    forward_cycle = 1.0
    backward_cycle = 1.0

    def fit(self, data: Unpaired, replica: Replica) -> None:
        """Learn G and F between label maps and photos, or between any two domains x and y."""
        c = self.config
        weights = Weights(
            gan=self.gan,
            forward=self.forward_cycle * c.cycle_weight,
            backward=self.backward_cycle * c.cycle_weight,
            identity=c.identity_weight * c.cycle_weight,
        )
        fit_together(c, data, replica, partial(CycleTask, self, weights))
