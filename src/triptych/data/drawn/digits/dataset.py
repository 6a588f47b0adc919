"""Rendered house numbers: the digit in the middle is the label, its neighbours distract (for SVHN).

As in SVHN (Netzer et al. 2011, cropped digits): colour images of a digit of a number, in many fonts, lighter
or darker than its plate, with the digits beside it cut by the border, under blur, uneven light and noise.
"""

from __future__ import annotations

import numpy as np

from triptych.data.drawn.digits.config import Config
from triptych.data.drawn.digits.house_numbers import FIELDS, NUMBERS, house_numbers
from triptych.data.drawn.noise import Draws, balanced_labels, drawn
from triptych.data.format import Split


def render(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """Splits `train` and `test` of (n, 3, `size`, `size`) images with labels 0 … 9, and the card.

    Image i of a split depends on (seed, split, i) only. Images over 1 GiB come as Chunks.
    """
    splits = {}
    for name in ("train", "test"):
        n = getattr(config, name)
        labels = balanced_labels(f"digits/{name}", config.seed, n, 10)

        def draw(rows: range, name: str = name, labels: np.ndarray = labels) -> np.ndarray:
            draws = Draws.of(f"digits/{name}", config.seed, rows, numbers=NUMBERS, fields=FIELDS, size=size)
            return house_numbers(config, labels[rows.start : rows.stop], draws)

        splits[name] = Split(drawn(draw, n, size), labels=labels)
    card = {
        "title": "rendered digits",
        "source": "rendered",
        "licence": (
            "drawn by this project, under its licence, with digits of the fonts of matplotlib: DejaVu (Bitstream Vera "
            "licence), STIX (SIL Open Font Licence 1.1), Computer Modern (BaKoMa Fonts Licence)"
        ),
        "made_by": "triptych.data.drawn.digits",
        "parameters": config.model_dump(),
        "class_names": [str(digit) for digit in range(10)],
    }
    return splits, card
