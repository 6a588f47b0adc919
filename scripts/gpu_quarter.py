"""For gpu_quarter.sh: the parameters that it runs with, and what it brings back of all that the stages wrote."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from triptych.pipeline.demo import write_params
from triptych.pipeline.history import read_history

ROOT = Path(__file__).resolve().parents[1]
POINTS = 200  # of a curve
CHANGES: dict[str, Any] = {
    "profile": "gpu_quarter",
    "shapes.seeds": list(range(10)),
    "shapes.metrics.dci_model": "forest",
    "shapes.metrics.probe_iterations": 100,
    "shapes.systems.vae.steps": 60_000,
    "shapes.systems.beta_vae.steps": 60_000,
    "data.streets.source": "folder",
    "data.streets.pixels": 128,
    "data.streets.folder.path": str(ROOT / "data" / "raw" / "camvid"),
    "data.streets.folder.title": "CamVid",
    "data.streets.folder.classes": "camvid",
    "data.streets.folder.crop": "none",
    "streets.seeds": [0],
    "streets.evaluation.cycle_scenes": 50,
    "streets.fcn.pixels": [128, 128],
    "streets.fcn.width": 32,
    "streets.fcn.dense": 256,
    "streets.fcn.norm": "batch",
    "streets.fcn.start": "scratch",
    "streets.fcn.steps": 1500,
    "streets.fcn.lr": 1e-3,
    "streets.systems.cyclegan.epochs": 12,
}
TINY: dict[str, Any] = {
    "data.shapes.rendered.scale_every": 2,
    "data.shapes.rendered.orientation_every": 10,
    "data.shapes.rendered.x_every": 8,
    "data.shapes.rendered.y_every": 8,
    "shapes.seeds": [0, 1],
    "shapes.metrics.pairs": 4,
    "shapes.metrics.train_points": 40,
    "shapes.metrics.test_points": 20,
    "shapes.metrics.classifier_steps": 20,
    "shapes.metrics.classifier_curve": [10],
    "shapes.metrics.dlib_pairs": 4,
    "shapes.metrics.probe_train": 200,
    "shapes.metrics.probe_test": 40,
    "shapes.metrics.metric_train": 200,
    "shapes.metrics.metric_test": 40,
    **{
        f"shapes.systems.{row}.{key}": value
        for row in ("vae", "beta_vae")
        for key, value in (("hidden", 8), ("steps", 6))
    },
    "data.streets.source": "rendered",
    "data.streets.pixels": 32,
    "data.streets.rendered.train": 64,  # a batch of CoGAN
    "data.streets.rendered.val": 2,
    "streets.evaluation.cycle_scenes": 2,
    "streets.fcn.pixels": [32, 32],
    "streets.fcn.width": 2,
    "streets.fcn.dense": 4,
    "streets.fcn.steps": 2,
    "streets.fcn.batch_size": 2,
    "streets.systems.cyclegan.pixels": 32,
    "streets.systems.cyclegan.load_size": 36,
    "streets.systems.cyclegan.width": 2,
    "streets.systems.cyclegan.blocks": 1,
    "streets.systems.cyclegan.critic_width": 2,
    "streets.systems.cyclegan.critic_layers": 1,
    "streets.systems.cyclegan.epochs": 1,
}


def gather(work: Path, out: Path) -> None:
    """Results with their costs, a file a table; all histories, thinned; the last picture of CycleGAN."""
    for table in ("shapes", "streets"):
        found = {file.stem: json.loads(file.read_text()) for file in sorted(work.glob(f"results/{table}/*.json"))}
        costs = {"/".join(f.parts[-3:-1]): json.loads(f.read_text()) for f in work.glob(f"runs/{table}/*/*/cost.json")}
        if costs:
            (out / f"{table}.json").write_text(json.dumps({"results": found, "costs": costs}, indent=1) + "\n")
    with open(out / "histories.csv", "w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["table", "row", "stage", "seed", "metric", "step", "value"])
        for run in sorted(work.glob("runs/*/*/*/history")):
            rows = read_history(run.parent)
            steps = sorted({row["step"] for row in rows})
            shown = set(steps[:: max(1, len(steps) // POINTS)]) | set(steps[-1:])
            for row in rows:
                if row["step"] in shown:
                    value = f"{row['value']:.5g}"
                    lines.writerow([*run.parts[-4:-1], row["seed"], row["metric"], row["step"], value])
    pictures = [*work.glob("checkpoints/streets/**/*.png"), *work.glob("outputs/streets/cyclegan/translate/*.png")]
    if pictures:
        shutil.copyfile(max(pictures, key=lambda file: file.stat().st_mtime), out / "translations.png")


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    if command == "write":
        tiny = TINY if os.environ.get("TINY") == "1" else {}
        write_params(Path(folder), ROOT / "params" / "paper.yaml", CHANGES | tiny)
    else:
        gather(Path(folder), Path(rest[0]))
