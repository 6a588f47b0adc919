"""The section `pathologies`: named experiments on what goes wrong when GANs are trained."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from pydantic import Field, PrivateAttr, model_validator

from triptych.base.config import ParamsError, ProtocolSection, Seeds, validate

EXPERIMENTS = ("vanishing_gradient", "mode_collapse", "cycling")


def experiment(name: str) -> ModuleType:
    """The module with its Config, run, evaluate and draw."""
    if name not in EXPERIMENTS:
        raise ParamsError(f"experiment = {name!r}: must be one of {', '.join(EXPERIMENTS)}")
    return importlib.import_module(f"triptych.dcgan.studies.pathologies.{name}")


class Protocol(ProtocolSection):
    """Each item: which `experiment`, and that experiment's own keys. `data`: the set that is learned where an
    experiment learns images."""

    data: str
    seeds: Seeds
    items: dict[str, dict[str, Any]] = Field(min_length=1)
    _configs: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _items_are_valid(self) -> Protocol:
        try:
            for name, item in self.items.items():
                config = experiment(item.get("experiment")).Config
                self._configs[name] = validate(config, item, f"items.{name}")
        except ParamsError as error:
            raise ValueError(str(error)) from None
        return self

    def config(self, item: str) -> Any:
        """Raises ParamsError if there is no such item."""
        if item not in self._configs:
            raise ParamsError(f"pathologies.items has no section {item!r}; there are {', '.join(self._configs)}")
        return self._configs[item]

    def datasets(self) -> list[str]:
        return [self.data]
