"""Two games so small that their gradient descent can be written down, both with their equilibrium at (0, 0).

Bilinear: min_a max_b a·b. Simultaneous steps of size h multiply the radius by √(1 + h²) every time; alternating steps
(b answers the new a) keep a² + b² − h·a·b, an ellipse.

Dirac-GAN (Mescheder et al. 2018): the data are the point 0, the generator makes the point θ, the discriminator's
logit is s(x) = ψ·x. With sp(u) = log(1 + eᵘ):

    L_D = sp(0) + sp(ψθ) + γ/2 ψ²      the last term is R1: the squared slope of the logit at the data
    L_G = −sp(ψθ)  or  sp(−ψθ)         minimax or non-saturating

Instance noise adds N(0, ς²) to data and fakes; the expectations are integrated exactly enough by Gauss-Hermite. Near
(0, 0) a step of size h multiplies the state by 1 + hλ, λ² + cλ + 1/4 = 0, with c = γ or c = ς²/2: without
a cure (c = 0) the radius grows by √(1 + h²/4), for both losses. Farther out a step of the minimax game multiplies it
by √(1 + h² σ(ψθ)²), which comes near 1 where the discriminator is sure; the non-saturating one settles on a cycle where
its own damping, −2ψθ tanh(ψθ/2), balances the growth.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable

import numpy as np

from triptych.dcgan.studies.pathologies.objectives import Loss

State = np.ndarray  # (2,): (a, b) or (θ, ψ)
Step = Callable[[State], State]


def bilinear(h: float, alternating: bool) -> Step:
    """A descends a·b, b ascends it."""

    def step(state: State) -> State:
        a, b = state
        a_next = a - h * b
        return np.array([a_next, b + h * (a_next if alternating else a)])

    return step


def dirac(h: float, loss: Loss, r1: float = 0.0, noise: float = 0.0, nodes: int = 40) -> Step:
    """Simultaneous gradient descent of both nets of the Dirac-GAN."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    epsilon, weights = noise * points, weights / weights.sum()

    def step(state: State) -> State:
        theta, psi = state
        fake = theta + epsilon
        slope_d = weights @ (_sigmoid(psi * fake) * fake - _sigmoid(-psi * epsilon) * epsilon) + r1 * psi
        sure = -_sigmoid(psi * fake) if loss == "minimax" else -_sigmoid(-psi * fake)
        return np.array([theta - h * (weights @ sure) * psi, psi - h * slope_d])

    return step


def dirac_growth(h: float, r1: float = 0.0, noise: float = 0.0) -> float:
    """The factor by which a step near the equilibrium changes the radius, in the long run: max |1 + hλ|."""
    c = r1 + noise**2 / 2
    root = cmath.sqrt(c**2 / 4 - 1 / 4)
    return max(abs(1 + h * (-c / 2 + root)), abs(1 + h * (-c / 2 - root)))


def trajectory(step: Step, start: State, steps: int) -> np.ndarray:
    """(steps + 1, 2)."""
    states = [np.asarray(start, dtype=float)]
    for _ in range(steps):
        states.append(step(states[-1]))
    return np.array(states)


def growth(path: np.ndarray) -> float:
    """The factor of the radius per step, by least squares on its logarithm over the path's last half; of a path that
    floating point cannot hold to the end (too far out, or at the equilibrium itself), over what there is before."""
    with np.errstate(over="ignore", invalid="ignore"):
        radius = np.linalg.norm(path, axis=1)
    held = np.logical_and.accumulate((radius > 0) & np.isfinite(radius))
    log_radius = np.log(radius[held])[held.sum() // 2 :]
    return math.exp(np.polyfit(np.arange(len(log_radius)), log_radius, 1)[0])


def _sigmoid(u: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(u / 2))
