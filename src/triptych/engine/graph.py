"""A whole training step, recorded once as a CUDA graph and replayed: the host then launches one thing a step.

No full-scale run has been timed on a GPU yet, so what this saves there is not known: `make bench` compares. Without it
a step is the plain function that is given here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Tensors = dict[str, Tensor]


class RecordedStep:
    """`step(rows) -> losses`, replayed on the device from the fourth call on.

    `step` must read `rows` on the device only, must not wait for the device, and must leave nothing behind but what it
    writes in place: weights, the optimisers' state, buffers. `before_recording` clears what the recording must allocate
    itself (gradients).
    """

    warmup = 3  # calls run as they are, and for real, before one is recorded

    def __init__(self, step: Callable[[Tensors], Tensors], device: torch.device, before_recording: Callable[[], None]):
        self.step, self.device, self.before_recording = step, device, before_recording
        self.graph: torch.cuda.CUDAGraph | None = None
        self.rows: Tensors = {}
        self.losses: Tensors = {}
        self.calls = 0

    def __call__(self, rows: Tensors) -> Tensors:
        self.calls += 1
        if self.calls <= self.warmup:
            return self.on_side_stream(rows)
        if self.graph is None:
            self.record(rows)
        for name, value in rows.items():
            self.rows[name].copy_(value)
        self.graph.replay()
        return {name: value.clone() for name, value in self.losses.items()}

    def on_side_stream(self, rows: Tensors) -> Tensors:
        """Recording wants the calls before it on a stream of their own."""
        side = torch.cuda.Stream(self.device)
        side.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(side):
            losses = self.step(rows)
        torch.cuda.current_stream(self.device).wait_stream(side)
        return losses

    def record(self, rows: Tensors) -> None:
        """Record the step on copies of `rows`, which later calls overwrite."""
        self.rows = {name: value.clone() for name, value in rows.items()}
        self.before_recording()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.losses = self.step(self.rows)
