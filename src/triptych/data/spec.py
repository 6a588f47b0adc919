"""What a system must know of its data to build its networks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from triptych.data.format import Dataset


@dataclass(frozen=True)
class Spec:
    """Shape of an image, number of classes, and what the ids of label maps and the factors mean."""

    image_shape: tuple[int, int, int]  # (C, H, W)
    n_classes: int = 0
    classes: list[dict[str, Any]] = field(default_factory=list)  # of label maps: {id, name, train_id, colour}
    factors: list[dict[str, Any]] = field(default_factory=list)  # {name, values}

    @classmethod
    def of(cls, dataset: Dataset) -> Spec:
        card = dataset.card
        return cls(
            dataset.image_shape,
            len(card.get("class_names", [])),
            card.get("classes", []),
            card.get("factors", []),
        )
