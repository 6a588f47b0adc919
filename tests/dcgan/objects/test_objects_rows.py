"""What every row that learns features must do."""

import pytest
import torch
from dcgan_kit import grainy_images as images

import triptych
from triptych.base.config import validate
from triptych.data.spec import Spec
from triptych.engine import Replica
from triptych.pipeline import systems

CPU = torch.device("cpu")
SPEC = Spec((3, 32, 32))
SMALL = {
    "kmeans_1layer": {"k": 9, "patches": 300, "iterations": 3},
    "kmeans_3layer_rf": {"k": 12, "patches": 300, "groups": 3, "members": 5, "k_group": 4, "images": 20,
                         "windows": 300, "iterations": 3},
    "view_invariant_kmeans": {"k": 6, "levels": 2, "bags": 100, "iterations": 2, "offsets": [-1, 1]},
    "exemplar_cnn": {"filters": [4, 6], "units": 8, "classes": 6, "samples": 8, "validation": 2, "patch": 16,
                     "candidates": 3, "steps": 4, "batch_size": 12, "check_every": 2, "standardize": True},
    "dcgan": {"width": 2, "z_dim": 4, "steps": 2, "batch_size": 4, "standardize": True},
}  # fmt: skip
WHAT_IT_TOLD = {
    "kmeans_1layer": {"distortion"},
    "kmeans_3layer_rf": {"distortion", "distortion_2", "distortion_3"},
    "view_invariant_kmeans": {"distortion_1", "distortion_2"},
    "exemplar_cnn": {"loss", "validation_loss", "validation_accuracy", "lr"},
    "dcgan": {"loss_d", "loss_g", "d_real", "d_fake"},
}


def fitted(name, seed=0):
    config = validate(systems.module("objects", name).Config, SMALL[name], name)
    system, replica = systems.build("objects", name, config, SPEC, 0), Replica(seed, CPU)
    system.fit(images(), replica)
    return system, replica, config


@pytest.mark.parametrize("name", list(SMALL))
def test_a_row_learns_from_its_seed_and_survives_saving(name, tmp_path):
    """Weights begin from one seed: only what `fit` draws differs."""
    system, replica, config = fitted(name)
    assert {metric for _, metric, _ in replica.history} == WHAT_IT_TOLD[name]
    state, again, other = (made.state_dict() for made in (system, fitted(name)[0], fitted(name, seed=1)[0]))
    assert all(torch.equal(value, again[key]) for key, value in state.items())
    assert any(value.is_floating_point() and not torch.allclose(value, other[key]) for key, value in state.items())

    system.adapt(images(), CPU)
    batch = torch.from_numpy(images())
    with torch.inference_mode():
        found = system.eval().features(batch)
    assert found.mean(0).abs().max() < 1e-3 and (found.var(0) < 1.1).all()  # standardised
    where = tmp_path / "objects" / name / "seed0"
    systems.save(system, where, table="objects", name=name, config=config, spec=SPEC)
    with torch.inference_mode():
        assert torch.equal(triptych.load(f"objects/{name}", root=tmp_path).features(batch), found)
