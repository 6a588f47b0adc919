"""The tables that `dvc plots show` draws."""

import csv
import io
from pathlib import Path

import yaml
from hand_made import row

from triptych.report.load import Inputs, read_inputs
from triptych.report.plots import STUDIES, plot_tables

ROOT = Path(__file__).parents[2]


def tables(tmp_path, **results):
    files = plot_tables(Inputs(tmp_path, "laptop", {}, results, {}))
    return {name: list(csv.DictReader(io.StringIO(text))) for name, text in files.items()}


def test_our_rows_stand_beside_the_papers(tmp_path):
    told = tables(tmp_path, objects={"dcgan": row(accuracy=[0.7, 0.8]), "raw_pixels": row(accuracy=[0.25])})
    found = {(r["row"], r["whose"]): r["value"] for r in told["objects-accuracy.csv"]}
    assert found["DCGAN + L2-SVM", "paper"] == "0.828" and found["DCGAN + L2-SVM", "ours"] == "0.75"
    assert ("raw pixels", "paper") not in found and found["raw pixels", "ours"] == "0.25"
    assert ("Exemplar CNN", "ours") not in found and found["Exemplar CNN", "paper"] == "0.843"
    assert told["shapes-higgins.csv"] and "beta_sweep.csv" not in told


def test_scores_stand_against_what_was_turned(tmp_path):
    sweep = {"beta_norm_0.5": 0.4, "beta_norm_0.01": 0.8, "latents_16_beta_norm_0.01": 0.7}
    lengths = {"vae_1000": 0.5, "beta_vae_1000": 0.6, "vae_at_stop": 0.0}
    told = tables(
        tmp_path,
        beta_sweep={name: row(higgins=[value]) for name, value in sweep.items()},
        training_length={name: row(higgins=[value]) for name, value in lengths.items()},
        images_seen={"images_0": row(accuracy_few=[0.3]), "kmeans_1layer": row(accuracy_few=[0.7])},
    )
    found = {name: [tuple(r.values()) for r in told[f"{name}.csv"]] for name in STUDIES}
    assert found["beta_sweep"] == [("0.01", "ours", "0.8"), ("0.01", "16 latents", "0.7"), ("0.5", "ours", "0.4")]
    assert found["training_length"] == [("1000.0", "vae", "0.5"), ("1000.0", "beta_vae", "0.6")]
    assert found["images_seen"] == [("0.0", "ours", "0.3")]


def test_dvc_yaml_names_tables_and_templates_that_are_there(tmp_path):
    told = plot_tables(read_inputs(ROOT, "laptop"))
    plots = yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]
    named = [
        (plot, Path(file).name)
        for entry in plots
        for plot in entry.values()
        for file in plot["y"]
        if "reports/" in file
    ]
    assert len(named) == 8
    for plot, file in named:
        text = told.get(file)
        assert text is None and file.split(".")[0] in STUDIES or text.startswith(f"{plot['x']},whose,value\n"), file
        assert (ROOT / ".dvc" / "plots" / f"{plot['template']}.json").is_file()
