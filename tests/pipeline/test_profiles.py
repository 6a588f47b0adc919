"""params.yaml and the profiles in params/: the same keys, all valid."""

import difflib
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides

from triptych.base.config import Strict
from triptych.base.files import read_yaml
from triptych.pipeline.params import load_params

ROOT = Path(__file__).resolve().parents[2]
PROFILES = {
    "laptop": ROOT / "params.yaml",
    "workstation": ROOT / "params/workstation.yaml",
    "paper": ROOT / "params/paper.yaml",
    "smoke": ROOT / "params/smoke.yaml",
}
# the authors' weights: only where they can be downloaded
NEEDS_A_FILE = ("objects.systems.dcgan_released.", "digits.systems.dcgan_released.")


@pytest.mark.parametrize("profile", PROFILES)
def test_valid_and_named(profile):
    assert load_params(PROFILES[profile]).profile == profile


@pytest.mark.parametrize("profile", ["workstation", "paper", "smoke"])
def test_same_keys_as_shipped(profile):
    shipped, other = (load_params(PROFILES[p]) for p in ("laptop", profile))
    keys = [{k for k in p.flat(*p.raw) if not k.startswith(NEEDS_A_FILE)} for p in (shipped, other)]
    assert keys[0] == keys[1], f"only in one of the two: {sorted(keys[0] ^ keys[1])}"


@pytest.mark.parametrize("profile", PROFILES)
def test_the_file_has_the_form_that_dvc_gives_it(profile, tmp_path):
    """`dvc exp run -S` rewrites the file: lists item by item, lines of 80 characters, and without what follows a list
    as a comment. Twice, because a comment may be lost in the second writing alone."""
    before = PROFILES[profile].read_text()
    (tmp_path / "params.yaml").write_text(before)
    for value in (8, 9):
        apply_overrides(str(tmp_path / "params.yaml"), [f"objects.systems.dcgan.steps={value}"])
        after = (tmp_path / "params.yaml").read_text()
        changed = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]
        assert [line.split("#")[0].split() for line in changed][1] == ["+", "steps:", str(value)]
        assert len(changed) == 2, "\n".join(changed)
        before = after


@pytest.mark.parametrize("profile", PROFILES)
def test_no_key_is_one_that_dvcs_run_cache_ignores(profile):
    """A stage whose parameter `size` or `nfiles` changes would get its old result back from the run cache
    (treeverse/dvc #10296)."""
    assert not {"size", "nfiles"} & set(keys(read_yaml(PROFILES[profile])))


def test_no_section_declares_such_a_key():
    load_params(PROFILES["laptop"])  # imports every section's class
    wrong = {c.__qualname__ for c in descendants(Strict) if {"size", "nfiles"} & set(c.model_fields)}
    assert not wrong


def descendants(kind):
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


def keys(node):
    """Every key of a mapping and of what is in it, lists included."""
    if isinstance(node, dict):
        yield from node
    if isinstance(node, (dict, list)):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from keys(inner)
