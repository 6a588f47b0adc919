"""What is wrong with the data is told before a training, by `triptych check` and by the stage that trains."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from triptych.base.config import ParamsError
from triptych.base.files import read_yaml
from triptych.cli import main
from triptych.data.drawn.shapes import Config, render
from triptych.data.format import DataError, Split, write_dataset
from triptych.pipeline import stage as stages

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """`project(objects={"probe": {"validation": 9}})`: the smoke profile, changed, in the folder where one stands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIPTYCH_DEVICE", "cpu")

    def merged(node, changes):
        return {**node, **{k: merged(node[k], v) if isinstance(v, dict) else v for k, v in changes.items()}}

    def write(**changes):
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(merged(read_yaml(ROOT / "params/smoke.yaml"), changes)))

    return write


def images(folder, n=2, classes=("a", "b")):
    for name in classes:
        (Path(folder) / name).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            Image.new("RGB", (32, 32)).save(Path(folder) / name / f"{i}.png")


def own(path):
    return {"objects": {"source": "folder", "folder": {"path": path}}}


def told(capsys, message, *stage):
    """By the command, and by a stage before its work."""
    assert main(["check"]) == 2
    assert message in capsys.readouterr().err
    with pytest.raises((DataError, ParamsError), match=re.escape(message)):
        stages.Stage(*stage)


FEATURES = ("objects", "dcgan", "features")


def test_the_parameters_as_they_are_run(project, capsys):
    project()
    assert main(["check"]) == 0
    stages.Stage(*FEATURES)


def test_a_mistyped_path_of_the_judged_images(project, capsys):
    project(data=own("nowhere"))
    told(capsys, "data.objects: there is no", *FEATURES)


def test_a_mistyped_path_in_place_of_the_drawn_images(project, capsys):
    project(data=own("nowhere"))
    card = {"title": "drawn", "source": "rendered", "licence": "none", "made_by": "a test"}
    write_dataset(Path("data/prepared/objects"), {"train": Split(np.zeros((300, 3, 32, 32), np.uint8))}, card)
    told(capsys, "data.objects: there is no", *FEATURES)


def test_no_test_split(project, capsys):
    images("mine/train")
    project(data=own("mine"))
    told(capsys, "there is no split 'test'", *FEATURES)


def test_images_without_class_folders(project, capsys):
    images("mine/train")
    images("mine/test", classes=("",))
    project(data=own("mine"))
    told(capsys, "`labels: true` asks for class folders", *FEATURES)


def test_fewer_images_of_ones_own_than_are_set_apart(project, capsys):
    images("mine/train"), images("mine/test")
    project(data=own("mine"))
    told(capsys, "objects.probe.validation = 60: must leave some of 4 training images", *FEATURES)


@pytest.mark.parametrize(
    "changes, message, stage",
    [
        ({"objects": {"probe": {"validation": 200}}}, "must leave some of 200 training images", FEATURES),
        ({"digits": {"validation": 200}}, "more than the 200 training images", ("digits", "knn", "semisupervised")),
        ({"digits": {"extra": True}}, "digits has no split `extra`", ("digits", "knn", "semisupervised")),
        ({"data": {"streets": {"rendered": {"val": 1}}}}, "one scene in val", ("streets", "cyclegan", "translate")),
        (
            {"objects": {"systems": {"dcgan": {"batch_size": 121}}}},
            "objects.systems.dcgan.batch_size = 121: objects_unlabelled has only 120 training images",
            FEATURES,
        ),
    ],
)
def test_amounts_that_drawn_data_do_not_have(project, capsys, changes, message, stage):
    project(**changes)
    told(capsys, message, *stage)


def test_more_images_than_the_grid_has(project, capsys):
    project()
    splits, card = render(Config(scale_every=5, orientation_every=20, x_every=31, y_every=31), 8)
    write_dataset(Path("data/prepared/shapes"), splits, card)
    told(
        capsys,
        "shapes.metrics.probe_train + probe_test = 180: the grid has only 48 different images",
        *("shapes", "vae", "represent"),
    )


def test_what_is_prepared_is_taken_as_it_is(project):
    """The folder may be gone by then."""
    project(data=own("nowhere"))
    card = {"title": "mine", "source": "folder", "licence": "none", "made_by": "a test"}
    write_dataset(Path("data/prepared/objects"), {"train": Split(np.zeros((48, 3, 32, 32), np.uint8))}, card)
    with pytest.raises(ParamsError, match="must leave some of 48"):
        stages.Stage(*FEATURES)


def test_a_class_of_fewer_images_than_are_drawn(project, capsys):
    project()
    train = Split(np.zeros((300, 3, 32, 32), np.uint8), labels=np.repeat([0, 1], [3, 297]))
    card = {"title": "drawn", "source": "rendered", "licence": "none", "made_by": "a test", "class_names": ["a", "b"]}
    write_dataset(Path("data/prepared/objects"), {"train": train}, card)
    told(capsys, "objects.probe.per_class = 4: the rarest class of objects has 3 images", *FEATURES)


@pytest.mark.parametrize("damage", ["labels", "card"])
def test_a_damaged_set_is_called_damaged_before_its_amounts_are_looked_at(project, capsys, damage):
    project()
    train = Split(np.zeros((300, 3, 32, 32), np.uint8), labels=np.repeat([0, 1], 150))
    card = {"title": "drawn", "source": "rendered", "licence": "none", "made_by": "a test", "class_names": ["a", "b"]}
    folder = Path("data/prepared/objects")
    write_dataset(folder, {"train": train}, card)
    if damage == "labels":
        np.save(folder / "train/labels.npy", np.zeros(3, int))
    else:
        kept = json.loads((folder / "card.json").read_text())
        (folder / "card.json").write_text(json.dumps({key: kept[key] for key in kept if key != "splits"}))
    told(capsys, "data/prepared/objects is damaged", *FEATURES)
