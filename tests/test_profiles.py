"""params.yaml, params/paper.yaml and params/smoke.yaml: the same keys, all valid."""

from pathlib import Path

import pytest

from triptych.pipeline.params import load_params

ROOT = Path(__file__).resolve().parents[1]
PROFILES = {
    "laptop": ROOT / "params.yaml",
    "paper": ROOT / "params/paper.yaml",
    "smoke": ROOT / "params/smoke.yaml",
}
NEEDS_A_FILE = "digits.systems.dcgan_released."  # the authors' weights: only where they can be downloaded


@pytest.mark.parametrize("profile", PROFILES)
def test_valid_and_named(profile):
    assert load_params(PROFILES[profile]).profile == profile


@pytest.mark.parametrize("profile", ["paper", "smoke"])
def test_same_keys_as_shipped(profile):
    shipped, other = (load_params(PROFILES[p]) for p in ("laptop", profile))
    keys = [{k for k in p.flat(*p.raw) if not k.startswith(NEEDS_A_FILE)} for p in (shipped, other)]
    assert keys[0] == keys[1], f"only in one of the two: {sorted(keys[0] ^ keys[1])}"
