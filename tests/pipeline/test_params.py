"""params.yaml: every wrong key is named, with its value and what is allowed, before anything starts."""

from pathlib import Path

import pytest
import yaml

from triptych.base.files import parse_yaml
from triptych.pipeline.params import ParamsError, load_params
from triptych.pipeline.registry import STUDIES, TABLES

SMOKE = Path(__file__).resolve().parents[2] / "params" / "smoke.yaml"


def changed(tmp_path, change) -> Path:
    raw = load_params(SMOKE).raw
    change(raw)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


def rename(section, old, new):
    section[new] = section.pop(old)


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda p: rename(p, "objects", "objcts"), ["objcts: unknown section", "objects"]),
        (lambda p: p.update(profile="Lap Top"), ["profile = 'Lap Top'", "lower-case"]),
        (
            lambda p: rename(p["objects"]["systems"], "dcgan", "dcgam"),
            ["objects.systems.dcgam: no such system", "dcgan"],
        ),
        (
            lambda p: rename(p["guidelines"]["variants"], "pooling", "width/2"),
            ["guidelines.variants.width/2", "letters"],
        ),
        (lambda p: rename(p["pathologies"]["items"], "ring", "a.b"), ["pathologies.items.a.b", "letters"]),
        (lambda p: p["objects"].update(seeds=[2**32]), ["objects.seeds.0 = 4294967296"]),
        (lambda p: p["objects"]["systems"]["dcgan"].update(widht=3), ["objects.systems.dcgan.widht", "'width'"]),
        (
            lambda p: p["objects"]["systems"]["dcgan"].update(lr=-1.0),
            ["objects.systems.dcgan.lr = -1.0", "greater than 0"],
        ),
        (lambda p: p["shapes"]["systems"]["beta_vae"].update(beta=4.0), ["shapes.systems.beta_vae", "beta_norm"]),
        (
            lambda p: p["streets"]["systems"]["cyclegan"].update(load_size=16),
            ["load_size = 16", "at least pixels = 32"],
        ),
        (lambda p: p["streets"]["fcn"].update(start="vgg16"), ["streets.fcn", "needs width = 64"]),
        (lambda p: p["digits"].update(dataset="svhn"), ["digits uses the dataset 'svhn'", "under `data`"]),
        (lambda p: p["pathologies"].update(data="svhn"), ["pathologies uses the dataset 'svhn'", "under `data`"]),
        (
            lambda p: rename(p["data"]["digits"], "pixels", "size"),
            ["data.digits.size: unknown key; did you mean 'pixels'"],
        ),
        (
            lambda p: rename(p["streets"]["fcn"], "pixels", "size"),
            ["streets.fcn.size: unknown key; did you mean 'pixels'"],
        ),
        (
            lambda p: p["data"]["objects"].update(pixels=64),
            [
                "objects needs images of one size",
                "data.objects_unlabelled.pixels = 32, data.objects.pixels = 64",
                "guidelines",
            ],
        ),
        (
            lambda p: p["beta_sweep"].update(other_latents=[1]),
            ["beta_sweep.other_latents", "greater than or equal to 2"],
        ),
        (lambda p: p["data"]["objects"].update(source="web"), ["data.objects.source = 'web'"]),
        (lambda p: p["data"]["shapes"].pop("rendered"), ["data.shapes", "rendered"]),
    ],
)
def test_one_message_names_it(tmp_path, change, expected):
    with pytest.raises(ParamsError) as caught:
        load_params(changed(tmp_path, change))
    for part in expected:
        assert part in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "params.yaml"))


def test_all_problems_of_all_sections_at_once(tmp_path):
    def change(p):
        p["objects"]["systems"]["dcgan"]["widht"] = 3
        p["digits"]["validation"] = 0
        p["data"]["streets"]["pixels"] = "big"

    with pytest.raises(ParamsError) as caught:
        load_params(changed(tmp_path, change))
    text = str(caught.value)
    assert all(key in text for key in ("dcgan.widht", "digits.validation = 0", "data.streets.pixels = 'big'"))


def test_scientific_notation_is_a_number_as_for_dvc(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(SMOKE.read_text().replace("lr: 0.001", "lr: 1e-3", 1))
    assert load_params(path).raw["objects"]["systems"]["dcgan"]["lr"] == 1e-3
    values = parse_yaml("[1e3, 1.5e-4, -2E+1, .5, 2., 3, 1e, e3, 1.2.3, .inf]")
    assert values == [1000.0, 1.5e-4, -20.0, 0.5, 2.0, 3, "1e", "e3", "1.2.3", float("inf")]
    assert [type(value) for value in values[:6]] == [float] * 5 + [int]


def test_flat_names_are_those_of_the_file():
    flat = load_params(SMOKE).flat("objects.systems.dcgan", "objects.seeds")
    assert flat["objects.systems.dcgan.width"] == 4 and flat["objects.seeds"] == [0, 1]


def test_missing_or_broken_file(tmp_path):
    with pytest.raises(ParamsError, match="not found"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [1")
    with pytest.raises(ParamsError, match="not valid YAML"):
        load_params(tmp_path / "params.yaml")


def test_every_protocol_refuses_a_seed_that_is_there_twice(tmp_path):
    sections = [*TABLES, *STUDIES]
    with pytest.raises(ParamsError) as caught:
        load_params(changed(tmp_path, lambda p: [p[section].update(seeds=[0, 0]) for section in sections]))
    for section in sections:
        assert f"{section}.seeds = [0, 0]: the seeds must differ" in str(caught.value)
