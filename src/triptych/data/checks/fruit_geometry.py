"""Fruit that differ in geometry: see fruit.py."""

from triptych.data.checks.fruit import NEEDS, NOT_TOLD_APART, TOLD_APART, measure

LIMITS = {"conv_net_accuracy": TOLD_APART, "mean_colour_accuracy": NOT_TOLD_APART}

__all__ = ["LIMITS", "NEEDS", "measure"]
