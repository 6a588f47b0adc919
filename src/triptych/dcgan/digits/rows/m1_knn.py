"""M1 + KNN (Kingma et al. 2014, table 2): nearest neighbours among the codes of a variational auto-encoder."""

from __future__ import annotations

from triptych.dcgan.digits.parts.m1 import M1Codes, M1Config
from triptych.dcgan.digits.parts.neighbours import NeighbourConfig, NeighbourSystem


class Config(M1Config, NeighbourConfig):
    """M1's settings and the numbers of neighbours tried."""


class System(M1Codes, NeighbourSystem):
    """k-NN in Euclidean distance on M1's posterior means."""
