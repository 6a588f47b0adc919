"""The study of the code space, small."""

import pytest

from triptych.base.config import validate
from triptych.dcgan.studies.arithmetic.protocol import Protocol

VALUES = {
    "dataset": "faces",
    "seeds": [0],
    "gan": {"net": "svhn32", "width": 4, "z_dim": 8, "steps": 3, "batch_size": 8},
    "reader": {"width": 4, "steps": 3, "batch_size": 8},
    "pool": 40,
    "candidates": 6,
    "draws": 4,
    "held_out": 20,
    "bank": 30,
    "interpolation": {"series": 2, "points": 3, "steps": 4},
    "pairs": {"smile": {"changed": "Smiling", "across": "Male", "start": 0}},
    "turn": {"factor": "azimuth", "starts": 2, "points": 5},
    "filters": {},
    "forgetting": {"attribute": "Eyeglasses", "height": 8, "width": 20, "boxes": 6, "controls": 2},
}


@pytest.fixture
def protocol():
    """`protocol(key=value)`: with these keys changed; in `forgetting` single ones."""

    def made(**changes) -> Protocol:
        changes["forgetting"] = VALUES["forgetting"] | changes.get("forgetting", {})
        return validate(Protocol, VALUES | changes, "arithmetic")

    return made
