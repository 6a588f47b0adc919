"""Small scenes and small systems."""

import numpy as np
import torch

from triptych.base.config import validate
from triptych.cyclegan.streets.data import StreetData
from triptych.data.label_classes import CITYSCAPES
from triptych.data.spec import Spec
from triptych.pipeline import systems

CPU = torch.device("cpu")
SPEC = Spec((3, 16, 16), 0, CITYSCAPES)
TINY = dict(pixels=16, load_size=18, width=4, blocks=1, critic_width=4, critic_layers=1, epochs=1, pool=3)
FCN = dict(pixels=[32, 32], width=2, dense=4, steps=2, batch_size=2)
OWN = {
    "feature_loss_gan": {"features": "fcn", "feature_size": 32, "fcn": FCN},
    "cogan": {"pool": 0, "batch_size": 2, "z_dim": 4, "search_steps": 3, "search_starts": 2},
}
ROWS = systems.names("streets")
LEARNED = [name for name in ROWS if name != "untrained"]


def streets(n=4, size=16):
    """Left and right halves of two classes; the photo shows them as dark and bright with a little noise."""
    rng = np.random.default_rng(0)
    edge = rng.integers(4, size - 4, n)
    right = np.broadcast_to(np.arange(size) >= edge[:, None, None], (n, size, size))
    photos = np.where(right, 200, 40)[:, None] + rng.integers(-20, 20, (n, 3, size, size))
    return StreetData(photos.astype(np.uint8), np.where(right, 23, 7).astype(np.uint8), CITYSCAPES)


def noise(n=4, size=16):
    """Scenes without any order."""
    rng = np.random.default_rng(0)
    photos = rng.integers(0, 256, (n, 3, size, size), dtype=np.uint8)
    return StreetData(photos, rng.integers(7, 20, (n, size, size), dtype=np.uint8), CITYSCAPES)


def build(name, **changes):
    """A fresh system of the row, and its config."""
    code = systems.module("streets", name)
    values = {k: v for k, v in TINY.items() if k in code.Config.model_fields}
    config = validate(code.Config, {**values, **OWN.get(name, {}), **changes}, name)
    return systems.build("streets", name, config, SPEC, 0), config
