"""The stacked what-where auto-encoder with dropout (Zhao, Mathieu, Goroshin, LeCun 2015)."""

from __future__ import annotations

from pydantic import Field

from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.swwae import SwwaeConfig, SwwaeSystem


class Config(SwwaeConfig):
    """The settings of `swwae` and the rate."""

    dropout: float = Field(default=0.5, gt=0, lt=1, description="of the classifier's input")


class System(SwwaeSystem):
    """Half of the classifier's inputs are dropped in training."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__(config, spec, dropout=config.dropout)
