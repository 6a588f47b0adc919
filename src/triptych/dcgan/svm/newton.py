"""Newton's method for the squared hinge, many problems on the same data at once.

P(w) = ½‖w‖² + C Σ ξᵢ², ξᵢ = max(0, 1 − sᵢ w·xᵢ), is quadratic where the active set A = {ξ > 0} does not
change:

    ∇P = w − Xᵀα,   α = 2C ξ s,        H = I + 2C X_Aᵀ X_A

A step solves H p = −∇P by conjugate gradients, to a tenth, and goes to the exact minimum along p (Keerthi &
DeCoste 2005; Chapelle 2007).

How far is w from the minimiser w*? P is ½‖w‖² plus something convex, so ‖w − w*‖ ≤ ‖∇P‖ and P − P* ≤ ½‖∇P‖²
(which is the duality gap of α). The stopping rule is ‖∇P‖ ≤ τ ‖w‖: w is exact to τ, P to τ².

All problems share one preconditioner, M = I + 2Cρ XᵀX: active sets differ, but a part ρ of the data bends P
in about the directions that all of it does. It makes tens of products of what would be thousands on features
as correlated as pixels.

A column of a matrix is one problem: a class and a C. The data enter only through a space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from triptych.engine import Divergence

Rows = Tensor | np.ndarray  # (n, d)
BLOCK_BYTES = 2**28
NEWTON_STEPS, CG_STEPS, LINE_STEPS = 200, 100, 12
FORCING = 0.1  # conjugate gradients stop when the residual is this fraction of the gradient
PATIENCE = 3  # Newton steps that do not lower P, before a column is given up in this precision
ACTIVE_SHARE = 0.3  # ρ

Solve = Callable[[Tensor], Tensor]


class Weights:
    """Vectors are weights (d + 1, m), the bias last."""

    def __init__(self, x: Rows, device: torch.device):
        self.x, self.device = x, device
        self._grams: dict[torch.dtype, Tensor] = {}

    def zeros(self, m: int) -> Tensor:
        return torch.zeros(self.x.shape[1] + 1, m, device=self.device)

    def image(self, v: Tensor) -> Tensor:
        """X v, (n, m): the scores of the samples."""
        return torch.cat([b.to(v.dtype) @ v[:-1] for b in blocks(self.x, self.device)]).add_(v[-1])

    def adjoint(self, r: Tensor) -> Tensor:
        """Xᵀ r."""
        out = r.new_zeros(self.x.shape[1] + 1, r.shape[1])
        at = 0
        for b in blocks(self.x, self.device):
            out[:-1].addmm_(b.to(r.dtype).T, r[at : at + len(b)])
            at += len(b)
        out[-1] = r.sum(0)
        return out

    def dot(self, u: Tensor, v: Tensor, image_of_v: Tensor) -> Tensor:
        return (u * v).sum(0)

    def square(self, v: Tensor) -> Tensor:
        return v.square().sum(0)

    def gram(self, dtype: torch.dtype) -> Tensor:
        """XᵀX, (d + 1, d + 1)."""
        if dtype not in self._grams:
            d = self.x.shape[1]
            gram = torch.zeros(d + 1, d + 1, device=self.device, dtype=dtype)
            for b in blocks(self.x, self.device):
                b = b.to(dtype)
                gram[:d, :d].addmm_(b.T, b)
                gram[d, :d] += b.sum(0)
            gram[:d, d], gram[d, d] = gram[d, :d], len(self.x)
            self._grams[dtype] = gram
        return self._grams[dtype]

    def weights(self, v: Tensor) -> Tensor:
        return v


class Coefficients:
    """For n < d. A vector Xᵀa is given by a (n, m): Xᵀr is r, X Xᵀa is K a, and ⟨Xᵀa, Xᵀb⟩ = a·K b.

    The iterates are those of `Weights`, at half the products, of n × n.
    """

    def __init__(self, x: Rows, device: torch.device):
        self.x, self.device = x, device
        self._grams: dict[torch.dtype, Tensor] = {}

    def gram(self, dtype: torch.dtype) -> Tensor:
        """K, (n, n); the bias's feature is 1."""
        if dtype not in self._grams:
            gram = torch.ones(len(self.x), len(self.x), device=self.device, dtype=dtype)
            for block in _column_blocks(self.x, self.device):
                block = block.to(dtype)
                gram.addmm_(block, block.T)
            self._grams[dtype] = gram
        return self._grams[dtype]

    def zeros(self, m: int) -> Tensor:
        return torch.zeros(len(self.x), m, device=self.device)

    def image(self, v: Tensor) -> Tensor:
        return self.gram(v.dtype) @ v

    def adjoint(self, r: Tensor) -> Tensor:
        return r

    def dot(self, u: Tensor, v: Tensor, image_of_v: Tensor) -> Tensor:
        return (u * image_of_v).sum(0)

    def square(self, v: Tensor) -> Tensor:
        return (v * self.image(v)).sum(0).clamp(min=0)

    def weights(self, v: Tensor) -> Tensor:
        return Weights(self.x, self.device).adjoint(v)


Space = Weights | Coefficients


def _preconditioner(gram: Tensor, c: float) -> Solve:
    """v -> M⁻¹ v = (I + 2cρ G)⁻¹ v, in either space: M⁻¹ Xᵀa = Xᵀ (I + 2cρ K)⁻¹ a.

    Raises Divergence if features are NaN or infinite, or too large for their squares.
    """
    if not gram.diagonal().isfinite().all():  # sums of squares: every feature, or every sample, is in one of them
        raise Divergence("the features are not finite: an SVM cannot learn from them; the network has diverged")
    shift = 1.0
    while True:
        shifted = gram * (2 * c * ACTIVE_SHARE)
        shifted.diagonal().add_(shift)
        factor, failed = torch.linalg.cholesky_ex(shifted)
        if not failed:
            return lambda v: torch.cholesky_solve(v, factor)
        shift *= 10  # rounding made G indefinite


def solve(space: Space, signs: Tensor, c: Tensor, start: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    """Minimise P for each column: signs (n, m) ±1, c (m,), start (·, m) -> minimisers, and ‖∇P‖ / ‖w‖ there.

    In float32, then in float64 from there for the columns that rounding stopped short of `tolerance`.
    """
    v, error = _newton(space, signs, c, start, tolerance)
    short = (error > tolerance).nonzero().squeeze(1)
    if len(short):
        columns = (signs[:, short].double(), c[short].double(), v[:, short].double())
        fine, fine_error = _newton(space, *columns, tolerance)
        v[:, short], error[short] = fine.to(v.dtype), fine_error.to(error.dtype)
    return v, error


def _newton(space: Space, signs: Tensor, c: Tensor, v: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    precondition = _preconditioner(space.gram(v.dtype), float(c.log().mean().exp()))
    least = 8 * torch.finfo(v.dtype).eps  # a smaller relative decrease of P is rounding
    result, errors = v.clone(), torch.full_like(c, torch.inf)
    left = torch.arange(len(c), device=c.device)  # columns still to do; finished ones drop out of every product
    scores, stalled, lowest = space.image(v), torch.zeros_like(left), torch.full_like(c, torch.inf)
    for _ in range(NEWTON_STEPS):
        slack = (1 - signs * scores).clamp_(min=0)
        gradient = v - space.adjoint(2 * c * slack * signs)
        norm = space.dot(v, v, scores)
        value = norm / 2 + c * slack.square().sum(0)
        error = (space.square(gradient) / norm).sqrt()
        better = error < errors[left]
        result[:, left[better]], errors[left[better]] = v[:, better], error[better]
        stalled = torch.where(value < lowest * (1 - least), 0, stalled + 1)
        lowest = torch.minimum(value, lowest)
        going = ~(error <= tolerance) & (stalled < PATIENCE)
        if not going.any():
            break
        left, signs, c, stalled, lowest = (
            left[going],
            signs[:, going],
            c[going],
            stalled[going],
            lowest[going],
        )
        v, scores, slack, gradient = v[:, going], scores[:, going], slack[:, going], gradient[:, going]
        p, image = _conjugate_gradients(space, precondition, (slack > 0) * 2 * c, gradient)
        t = _line_search(space, signs, c, (v, scores), (p, image))
        v, scores = v + t * p, scores + t * image
    return result, errors


def _conjugate_gradients(
    space: Space, precondition: Solve, curvature: Tensor, gradient: Tensor
) -> tuple[Tensor, Tensor]:
    """p with H p ≈ −gradient, and its image; H = I + Xᵀ diag(curvature) X."""
    residual, p = -gradient, torch.zeros_like(gradient)
    z = precondition(residual)
    direction, image_d = z, space.image(z)
    image_p = torch.zeros_like(image_d)
    square = space.dot(residual, z, image_d)
    goal = FORCING**2 * square
    for _ in range(CG_STEPS):
        h = direction + space.adjoint(curvature * image_d)
        bend = space.dot(direction, direction, image_d) + (curvature * image_d.square()).sum(0)
        size = torch.where(square > goal, square / bend, 0)  # a column that is done stands still
        p, image_p = p + size * direction, image_p + size * image_d
        residual = residual - size * h
        z = precondition(residual)
        image_z = space.image(z)
        before, square = square, space.dot(residual, z, image_z)
        if not (square > goal).any():
            break
        ratio = torch.where(before > goal, square / before, 0)
        direction, image_d = z + ratio * direction, image_z + ratio * image_d
    return p, image_p


def _line_search(
    space: Space, signs: Tensor, c: Tensor, at: tuple[Tensor, Tensor], along: tuple[Tensor, Tensor]
) -> Tensor:
    """The minimiser t > 0 of P(v + t p) per column: Newton on a convex, piecewise quadratic function,
    bracketed.
    """
    (v, scores), (p, image) = at, along
    linear, square = space.dot(v, p, image), space.dot(p, p, image)
    margins, slopes = 1 - signs * scores, signs * image
    low, high = torch.zeros_like(c), torch.full_like(c, torch.inf)
    t = torch.ones_like(c)
    for _ in range(LINE_STEPS):
        slack = (margins - t * slopes).clamp_(min=0)
        first = linear + t * square - 2 * c * (slack * slopes).sum(0)
        second = square + 2 * c * ((slack > 0) * slopes.square()).sum(0)
        low, high = torch.where(first < 0, t, low), torch.where(first > 0, t, high)
        following = t - first / second
        inside = (following > low) & (following < high)
        t = torch.where(inside, following, torch.where(high.isinf(), 2 * t, (low + high) / 2))
    return t


def blocks(x: Rows, device: torch.device) -> Iterator[Tensor]:
    """The rows of `x` as float tensors on the device: a tensor at once, an array in blocks."""
    if isinstance(x, Tensor):
        yield x.to(device)
        return
    rows = max(1, BLOCK_BYTES // (4 * x.shape[1]))
    for start in range(0, len(x), rows):
        yield torch.from_numpy(np.require(x[start : start + rows], np.float32, ["C", "W"])).to(device)


def _column_blocks(x: Rows, device: torch.device) -> Iterator[Tensor]:
    if isinstance(x, Tensor):
        yield x
        return
    columns = max(1, BLOCK_BYTES // (4 * len(x)))
    for start in range(0, x.shape[1], columns):
        yield torch.from_numpy(np.require(x[:, start : start + columns], np.float32, ["C", "W"])).to(device)
