"""Fruit that differ in texture: see _fruit.py."""

from triptych.data.checks._fruit import NEEDS, measure

__all__ = ["NEEDS", "measure"]
