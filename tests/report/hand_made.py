"""Results made by hand, and a small project that has them."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from triptych.base.results import summary, write_result
from triptych.pipeline.history import add_rows, history_file
from triptych.published import load
from triptych.report.load import Inputs
from triptych.report.table import build_tables


def row(seeds=None, data="rendered", **metrics):
    """A result with a list of values for each metric: of as many trainings as it has values, unless `seeds` says how
    many. A name of a metric that is no Python name is given with __ for /."""
    found = {name.replace("__", "/"): summary(values) for name, values in metrics.items()}
    seeds = range(max(number["n"] for number in found.values())) if seeds is None else range(seeds)
    return {"data": {"test": f"{data} (test, n=9)"} if data else {}, "seeds": list(seeds), "metrics": found}


def inputs(table, metric, values, data="rendered", root=Path("nowhere"), kept=None):
    """What the report has read of a table: three trainings of each row, all of one value. `kept`: row -> value, of
    another profile."""
    ours, others = (
        {system: row(data=data, **{metric.replace("/", "__"): [value] * 3}) for system, value in rows.items()}
        for rows in (values, kept or {})
    )
    others = {system: result | {"profile": "paper"} for system, result in others.items()}
    return Inputs(root, "laptop", {}, {table: ours}, {table: others} if others else {})


def printed(table, metric, values, place=0, **options):
    return build_tables(load(table), inputs(table, metric, values, **options))[place]


def column(table, kind="ours", whose=""):
    """System -> cell of the first column of this kind (paper, ours, kept) with these words in its head."""
    place = next(k for k, head in enumerate(table.heads) if head.kind == kind and whose in head.whose)
    return {row.system: row.cells[place] for row in table.rows}


def bold(table, kind="ours"):
    return {row.system for row in table.rows if any(c.bold for c, h in zip(row.cells, table.heads) if h.kind == kind)}


SYSTEMS = {"kmeans_1layer": 0.6, "kmeans_3layer_rf": 0.5, "exemplar_cnn": 0.8, "dcgan": 0.7}


def result(root, system, value, table="objects", metric="accuracy", data="rendered objects", **kwargs):
    given = {"profile": "laptop", "seeds": [0, 1]} | kwargs
    folder = root / ("reports/paper/results" if given["profile"] == "paper" else "results")
    roles = {"train": f"{data} (train, n=500)", "test": f"{data} (test, n=200)"}
    metrics = {metric: [value - 0.01, value + 0.01]}
    file = folder / table / f"{system}.json"
    write_result(file, table=table, system=system, data=roles, metrics=metrics, **given)


def picture(file, size=(64, 48)):
    file.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(file)


def project(root):
    names = ", ".join(f"{name}: {{}}" for name in [*SYSTEMS, "tsvm", "mine"])
    params = f"profile: laptop\nobjects:\n  systems: {{{names}}}\n".replace("dcgan: {}", "dcgan: {steps: 2600}")
    (root / "params.yaml").write_text(params)
    for system, value in SYSTEMS.items():
        result(root, system, value)
    run = root / "runs/objects/dcgan/features"
    run.mkdir(parents=True)
    for seed in (0, 1):
        add_rows(history_file(run, seed), [(step, "loss_d", 1 / (step + 1 + seed)) for step in range(9)])
    (run / "cost.json").write_text('{"seconds": 130.0, "device": "CPU", "precision": "float32"}')
    (run / "run.json").write_text('{"profile": "laptop", "params": {"objects.systems.dcgan.steps": 2600}}')
    samples = {"file": "samples.png", "caption": "Samples <b>of</b> DCGAN", "numbers": {"diversity_ratio": 0.81234}}
    figures(root / "outputs/objects/dcgan/features", samples, {"file": "gone.png", "caption": "never made"})
    walk = root / "runs/arithmetic/faces/arithmetic"  # a stage's own folder below the item
    walk.mkdir(parents=True)
    (walk / "run.json").write_text('{"profile": "laptop"}')
    figures(root / "outputs/arithmetic/faces/arithmetic", {"file": "walk.png", "caption": "A walk"})
    picture(root / "outputs/data/objects/sheet.png", (90, 70))
    standard = {"title": "rendered objects", "measures": {"raw pixels + SVM": 0.31}, "notes": ["Drawn."]}
    (root / "outputs/data/objects/standard.json").write_text(json.dumps(standard))
    return root


def figures(folder, *entries):
    picture(folder / entries[0]["file"])
    (folder / "figures.json").write_text(json.dumps(entries))
