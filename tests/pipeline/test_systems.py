"""Every system of every table can be found, built, saved, and loaded again without unpickling."""

import json
import pickle

import numpy as np
import pytest
import torch

import triptych
from triptych.base.config import ParamsError
from triptych.base.errors import UserError
from triptych.data.spec import Spec
from triptych.pipeline import systems
from triptych.pipeline.registry import TABLES

SPECS = {
    "objects": Spec((3, 32, 32)),
    "digits": Spec((3, 32, 32), n_classes=10),
    "streets": Spec((3, 64, 64), classes=[{"id": 0, "name": "road", "train_id": 0, "colour": [1, 2, 3]}]),
    "shapes": Spec((1, 32, 32)),
}
SMALL = {("objects", "dcgan"): {"width": 4, "z_dim": 8, "steps": 1}, ("objects", "kmeans_1layer"): {"k": 8}}


@pytest.mark.parametrize("table, name", SMALL)
def test_saved_and_loaded_gives_the_same_features(tmp_path, table, name):
    config = systems.module(table, name).Config(**SMALL[table, name])
    system = systems.build(table, name, config, SPECS[table], seed=3).eval()
    systems.save(system, tmp_path / table / name / "seed3", table=table, name=name, config=config, spec=SPECS[table])
    again = triptych.load(f"{table}/{name}", seed=3, root=tmp_path)
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8))
    with torch.no_grad():
        torch.testing.assert_close(again.features(images), system.features(images))
    assert not any(module.training for module in again.modules())
    files = sorted(p.name for p in (tmp_path / table / name / "seed3").iterdir())
    assert files == ["config.json", "weights.safetensors"]
    assert json.loads((tmp_path / table / name / "seed3/config.json").read_text())["system"] == name


def test_initial_weights_depend_on_the_seed_alone():
    config = systems.module("objects", "dcgan").Config(**SMALL["objects", "dcgan"])
    weights = []
    for seed in (0, 0, 1):
        torch.rand(3)  # whatever was drawn before
        built = systems.build("objects", "dcgan", config, SPECS["objects"], seed)
        weights.append(next(built.parameters()).detach())
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_every_public_module_of_a_table_is_a_system():
    for table in TABLES:
        for name in systems.names(table):
            code = systems.module(table, name)
            assert hasattr(code, "Config") and hasattr(code, "System"), (table, name)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ParamsError, match="no such system; there are .*dcgan"):
        systems.module("objects", "dcgn")
    with pytest.raises(FileNotFoundError, match="dvc repro"):
        triptych.load("objects/dcgan", root=tmp_path)
    (tmp_path / "objects/dcgan/seed1").mkdir(parents=True)
    (tmp_path / "objects/dcgan/seed1/config.json").write_text("{half")
    with pytest.raises(UserError, match="config.json is not valid JSON"):
        triptych.load("objects/dcgan", seed=1, root=tmp_path)
    with pytest.raises(FileNotFoundError, match="there are seed1"):
        triptych.load("objects/dcgan", seed=0, root=tmp_path)


def test_weights_that_do_not_fit_are_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    config = systems.module("objects", "dcgan").Config(**SMALL["objects", "dcgan"])
    system = systems.build("objects", "dcgan", config, SPECS["objects"], seed=0)
    folder = tmp_path / "objects/dcgan/seed0"
    systems.save(system, folder, table="objects", name="dcgan", config=config, spec=SPECS["objects"])
    whole = (folder / "weights.safetensors").read_bytes()
    weights = load_file(folder / "weights.safetensors")
    weights.pop("discriminator.blocks.0.0.weight")
    save_file(weights, folder / "weights.safetensors")
    with pytest.raises(UserError, match="seed0.*Missing key.*train it again"):
        triptych.load("objects/dcgan", root=tmp_path)
    for damaged in (b"", whole[: len(whole) // 2], pickle.dumps({"weight": [1.0]}), b"<html>"):
        (folder / "weights.safetensors").write_bytes(damaged)
        with pytest.raises(UserError, match="seed0.*train it again"):
            triptych.load("objects/dcgan", root=tmp_path)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(UserError, match="seed0 are missing"):
        triptych.load("objects/dcgan", root=tmp_path)
    described = json.loads((folder / "config.json").read_text())
    for wrong in ({"table": "objcts"}, {"spec": "large"}, {"spec": {"image_shape": [3]}}, {"config": {"widht": 1}}):
        (folder / "config.json").write_text(json.dumps(described | wrong))
        with pytest.raises(UserError, match=r"config\.json"):
            triptych.load("objects/dcgan", root=tmp_path)


def test_what_a_system_knows_of_its_data_is_what_the_card_says():
    class Data:
        image_shape = (3, 8, 8)
        card = {"class_names": ["a", "b"], "classes": [{"id": 0}], "factors": [{"name": "x", "values": [0, 1]}]}

    assert Spec.of(Data) == Spec((3, 8, 8), 2, Data.card["classes"], Data.card["factors"])
    Data.card = {}
    assert Spec.of(Data) == Spec((3, 8, 8), 0, [], [])
