"""The stacked what-where auto-encoder without dropout (Zhao, Mathieu, Goroshin, LeCun 2015)."""

from __future__ import annotations

from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.swwae import SwwaeConfig, SwwaeSystem


class Config(SwwaeConfig):
    """Nothing beside what both rows share."""


class System(SwwaeSystem):
    """The net without dropout."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__(config, spec, dropout=0.0)
