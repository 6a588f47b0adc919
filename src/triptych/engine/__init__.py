"""The training loop that every trained system uses, and what stands around it."""

from triptych.engine.device import default_device, exact_products, inference, prepare
from triptych.engine.loop import Divergence, Phase, Task, linear_decay, train
from triptych.engine.replica import Replica
from triptych.engine.stream import Source, Stream

__all__ = [
    "Divergence",
    "Phase",
    "Replica",
    "Source",
    "Stream",
    "Task",
    "default_device",
    "exact_products",
    "inference",
    "linear_decay",
    "prepare",
    "train",
]
