"""M1 + TSVM (Kingma et al. 2014, table 2): a transductive SVM on the codes of a variational auto-encoder."""

from __future__ import annotations

from triptych.dcgan.digits.parts.m1 import M1Codes, M1Config
from triptych.dcgan.digits.parts.tsvm_system import TransductionConfig, TransductiveSystem


class Config(M1Config, TransductionConfig):
    """M1's settings and the machine's."""


class System(M1Codes, TransductiveSystem):
    """The machine on M1's posterior means."""
