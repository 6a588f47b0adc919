"""Fruit that differ in texture: see _fruit.py."""

from triptych.data.standards._fruit import measure

__all__ = ["measure"]
