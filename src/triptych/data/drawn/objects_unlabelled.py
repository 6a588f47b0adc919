"""Rendered objects without labels: more classes than `objects`, its ten among them (for ImageNet)."""

from __future__ import annotations

from pydantic import Field

from triptych.data.drawn.objects.dataset import draw_set
from triptych.data.drawn.objects.scene import Scene
from triptych.data.drawn.objects.things import THINGS
from triptych.data.drawn.objects.unlabelled_things import FURTHER_THINGS
from triptych.data.format import Split

_THINGS = THINGS + FURTHER_THINGS


class Config(Scene):
    """Count, a seed, how many classes are in it, and how hard the scenes are."""

    train: int = Field(gt=0)
    seed: int = Field(ge=0)
    classes: int = Field(default=len(_THINGS), ge=1, le=len(_THINGS), description="so many of all classes")


def render(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """One split, `train`, of (n, 3, `size`, `size`) images without labels, and the card.

    Image i depends on (seed, i) and `classes` only. Images over 1 GiB come as Chunks.
    """
    things = _THINGS[: config.classes]
    images, _ = draw_set("objects_unlabelled/train", config, things, config.seed, config.train, size)
    card = {
        "title": "rendered objects, unlabelled",
        "source": "rendered",
        "licence": "drawn by this project, under its licence",
        "made_by": "triptych.data.drawn.objects_unlabelled",
        "parameters": config.model_dump(),
        "things": [thing.__name__ for thing in things],
    }
    return {"train": Split(images)}, card
