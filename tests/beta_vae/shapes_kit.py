"""What several tests of the β-VAE paper build."""

import numpy as np
import torch

from triptych.beta_vae.studies.traversals.factor_net import describe
from triptych.data.spec import Spec
from triptych.pipeline import systems

# Hadamard's matrix: every latent holds as much of each of four factors as every other one does.
ROTATION = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2

CARD = [
    {"name": "x", "values": [0.0, 1.0, 2.0, 3.0]},
    {"name": "turn", "values": [0.0, 90.0, 180.0, 270.0]},
    {"name": "make", "values": ["a", "b", "c"]},
]
INDICES = np.indices((4, 4, 3)).reshape(3, -1).T
FACTORS = describe(CARD, INDICES, {"turn": 360.0}, [])


def build(name, dataset, seed=0, **config):
    return systems.build("shapes", name, systems.module("shapes", name).Config(**config), Spec.of(dataset), seed)


def images_of(dataset):
    return np.array(dataset["train"].images)


def squares(n, side, among):
    """Images (n, 1, 16, 16) with a white square each, at random among so many places a side."""
    rng = np.random.default_rng(0)
    out = np.zeros((n, 1, 16, 16), np.uint8)
    for image, (i, j) in zip(out, rng.integers(0, among, (n, 2))):
        image[0, i : i + side, j : j + side] = 255
    return out
