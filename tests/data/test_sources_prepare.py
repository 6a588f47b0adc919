"""The dataset section of params.yaml: which source is taken, what is checked, what is written."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from triptych import cli
from triptych.base.config import ParamsError, Strict, validate
from triptych.data import drawn
from triptych.data.format import DataError, Dataset
from triptych.data.prepare import DatasetConfig, check, prepare

DOTS = """
import numpy as np
from pydantic import Field
from triptych import cli
from triptych.base.config import Strict
from triptych.data.format import Split

class Config(Strict):
    train: int = Field(gt=0)
    seed: int = 0

def render(config, size):
    shape = (config.train, 3, size, size)
    images = np.random.default_rng(config.seed).integers(0, 256, shape, dtype=np.uint8)
    card = {"title": "dots", "source": "rendered", "licence": "own", "made_by": "dots"}
    return {"train": Split(images)}, card
"""


@pytest.fixture(autouse=True)
def dots(tmp_path, monkeypatch):
    """A renderer called `dots`."""
    (tmp_path / "renderers").mkdir()
    (tmp_path / "renderers/dots.py").write_text(DOTS)
    monkeypatch.setattr(drawn, "__path__", [*drawn.__path__, str(tmp_path / "renderers")])
    monkeypatch.setattr(drawn, "RENDERERS", (*drawn.RENDERERS, "dots"))
    yield
    sys.modules.pop("triptych.data.drawn.dots", None)


@pytest.fixture
def section(tmp_path):
    """All four sources side by side, as in params.yaml."""
    (tmp_path / "mine").mkdir()
    Image.new("RGB", (9, 9), (1, 2, 3)).save(tmp_path / "mine/0.png")
    return {
        "source": "rendered",
        "pixels": 16,
        "rendered": {"renderer": "dots", "train": 5, "seed": 3},
        "torchvision": {"dataset": "CIFAR10", "root": str(tmp_path), "download": False},
        "official": {"dataset": "cityscapes", "root": str(tmp_path), "load_size": 18},
        "folder": {"path": str(tmp_path / "mine"), "title": "my own"},
    }


def config(section):
    return validate(DatasetConfig, section, "data.objects")


def test_rendered(section, tmp_path):
    data = prepare("objects", config(section), tmp_path / "out")
    assert data.card["title"] == "dots" and data.card["name"] == "objects"
    assert data["train"].images.shape == (5, 3, 16, 16)
    again = prepare("objects", config(section), tmp_path / "again")
    assert again.card["sha256"] == data.card["sha256"]


def test_one_word_changes_the_source(section, tmp_path):
    unfinished = {"torchvision": None, "rendered": None}  # of sections that are not used
    data = prepare("mine", config(section | unfinished | {"source": "folder"}), tmp_path / "out")
    assert data.card["title"] == "my own" and np.array_equal(data["train"].images[0, :, 0, 0], [1, 2, 3])
    with pytest.raises(DataError, match="cifar-10-python.tar.gz is missing"):
        prepare("objects", config(section | {"source": "torchvision"}), tmp_path / "out")
    with pytest.raises(DataError, match="csDownload"):
        prepare("objects", config(section | {"source": "official"}), tmp_path / "out")
    assert Dataset(tmp_path / "out").card["title"] == "my own", "a failure leaves what was there"


class Params(Strict):
    data: dict[str, DatasetConfig]


@pytest.mark.parametrize(("change", "message"), [
    ({"source": "web"}, r"objects\.source = 'web': input should be 'rendered', 'torchvision', 'official' or"),
    ({"pixels": 0}, r"objects\.pixels = 0: "),
    ({"rendered": None}, r"objects\.source = 'rendered': there is no section 'rendered'"),
    ({"rendered": {"train": 5}}, r"rendered\.renderer = None: there is no such renderer; available: .*dots"),
    ({"rendered": {"renderer": "dost"}}, r"rendered\.renderer = 'dost': .*available: .*dots"),
    ({"rendered": {"renderer": "noise"}}, "there is no such renderer"),
    ({"rendered": {"renderer": "dots", "train": 0}}, r"rendered\.train = 0: input should be greater than 0"),
    ({"rendered": {"renderer": "dots"}}, r"rendered\.train: missing; give it a value"),
    ({"rendered": {"renderer": "dots", "trian": 5}}, r"rendered\.trian = 5: unknown key; did you mean 'tr"),
    ({"torchvision": {"dataset": "CIFAR"}}, r"torchvision\.dataset = 'CIFAR': input should be 'CIFAR10'"),
    ({"official": {"dataset": "imagenets"}}, r"official\.dataset = 'imagenets': .*dsprites, cityscapes"),
    ({"folder": {"path": "x", "classes": [{"id": 0, "name": "sky", "colur": [0, 0, 0]}]}},
     r"colur = .*: unknown key; did you mean 'colour'\? allowed here: id"),
    ({"official": {"dataset": "dsprites", "load_size": 9}}, r"official\.load_size = 9: unknown key"),
    ({"official": {"dataset": "cityscapes", "prepared_as": "jpg"}},
     r"official\.prepared_as = 'jpg': input should be 'png' or 'jpeg_bicubic'"),
    ({"folder": {"prepared_as": "JPEG"}}, r"folder\.prepared_as = 'JPEG': input should be 'png' or 'jpeg_bicubic'"),
    ({"folder": {"crop": "left"}}, r"folder\.crop = 'left': input should be 'centre' or 'none'"),
    ({"folder": {"path": None}, "source": "folder"}, r"folder\.path = None: give the folder or archive"),
    ({"rendred": {}}, r"objects\.rendred: unknown key"),
])  # fmt: skip
def test_every_section_is_checked_and_errors_name_the_key(section, change, message):
    """Also when the dataset is one of several, and when the section is not the one in use."""
    with pytest.raises(ParamsError, match=r"data\.objects.*" + message.removeprefix("objects")):
        validate(Params, {"data": {"objects": section | change}}, "")
    with pytest.raises(ParamsError, match=r"data\.objects.*" + message.removeprefix("objects")):
        config(section | change)


def own(tmp_path, *files):
    for file in files:
        (tmp_path / "own" / file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9)).save(tmp_path / "own" / file)
    return {"source": "folder", "pixels": 8, "folder": {"path": str(tmp_path / "own")}}


@pytest.mark.parametrize(("name", "files", "message"), [
    ("objects", ["train/a/1.png", "train/b/1.png"], "there is no split 'test', only train: add a folder test/"),
    ("objects", ["train/1.png", "test/1.png"], "no labels in train, test: put the images of each class into a"),
    ("objects", ["train/a/1.png", "test/a/1.png"], "no labels in train, test: put the images of each class into a"),
    ("streets", ["train/1.png", "val/1.png"], "no label_maps in train, val: give photo/ and label/"),
    ("fruit_texture", ["train/1.png"], "there is no split 'trainA', only train"),
    ("faces", ["train/1.png", "test/1.png"], "no factors in train, test: images of one's own have no known"),
    ("../evil", ["1.png"], "'../evil' cannot be a dataset's name"),
    ("objects", ["train/cat/1.png", "test/Cat/1.png"], "give both the same name"),
])  # fmt: skip
def test_what_the_pipeline_needs_is_asked_for_before_any_work(tmp_path, name, files, message):
    given = config(own(tmp_path, *files))
    (problem,) = check(name, given)
    assert message in problem
    with pytest.raises(DataError, match=re.escape(message)):
        prepare(name, given, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_said_of_what_is_right(tmp_path, section):
    given = config(own(tmp_path, "train/a/1.png", "train/b/1.png", "test/a/2.png", "test/b/2.png"))
    assert check("objects", given) == check("objects", config(section)) == []
    (problem,) = check("objects", config(own(tmp_path) | {"folder": {"path": str(tmp_path / "nowhere")}}))
    assert "nowhere: put the data there" in problem


def test_a_factor_with_one_value_is_named(tmp_path):
    chairs = {"renderer": "chairs", "backs": 1, "legs": 2, "widths": 1, "heights": 1, "azimuths": 2}
    made = prepare("chairs", config({"source": "rendered", "pixels": 8, "rendered": chairs}), tmp_path / "out")
    assert made.card["notes"] == ["factors with one value, which tell no images apart: back, width, height"]


def test_triptych_check_looks_at_folders(tmp_path, monkeypatch, capsys):
    own(tmp_path, "train/cat/1.png", "test/Cat/1.png")
    params = yaml.safe_load((Path(__file__).parents[2] / "params/smoke.yaml").read_text())
    params["data"]["objects"] |= {"source": "folder", "folder": {"path": "own"}}  # from the project's folder
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert cli.main(["check", "../params.yaml"]) == 2
    assert "data.objects: " in (said := capsys.readouterr().err) and "give both the same name" in said
