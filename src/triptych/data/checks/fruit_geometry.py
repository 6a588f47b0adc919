"""Fruit that differ in geometry: see _fruit.py."""

from triptych.data.checks._fruit import NEEDS, measure

__all__ = ["NEEDS", "measure"]
