"""Settings of one row of `objects` or `digits` beside those of params.yaml, judged without the test images:

    python benchmarks/compare_settings.py objects/exemplar_cnn "lr: 0.03" "dropout: 0.5"

Each setting is YAML, put over the row's section. The last fifth of the training images, in an order drawn once, stands
in for the test images; one seed; the data that params.yaml names (`dvc repro prepare` first).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np

from triptych.base import project
from triptych.base.config import validate
from triptych.base.errors import UserError
from triptych.base.files import parse_yaml
from triptych.data.format import Dataset, Split
from triptych.data.spec import Spec
from triptych.dcgan.digits import protocol as digits_protocol
from triptych.dcgan.objects import protocol as objects_protocol
from triptych.engine import Replica
from triptych.pipeline import systems
from triptych.pipeline.params import load_params


def halves(split: Split) -> dict[str, Split]:
    """`split` as "train", four fifths of it, and "test"."""
    order = np.random.default_rng(7).permutation(len(split))
    rows = {"train": np.sort(order[len(order) // 5 :]), "test": np.sort(order[: len(order) // 5])}
    return {name: Split(split.images[r], labels=np.asarray(split.labels)[r]) for name, r in rows.items()}


def objects(name: str, config, protocol, seed: int) -> Mapping[str, list[float]]:
    unlabelled = Dataset(project.prepared(protocol.unlabelled))
    system, replica = systems.build("objects", name, config, Spec.of(unlabelled), seed), Replica(seed)
    system.to(replica.device).fit(unlabelled["train"].images, replica)
    data = halves(Dataset(project.prepared(protocol.data))["train"])
    return objects_protocol.evaluate({seed: system}, data["train"], data["test"], protocol, replica.device).metrics


def digits(name: str, config, protocol, seed: int) -> Mapping[str, list[float]]:
    labelled = Dataset(project.prepared(protocol.dataset))
    system, replica = systems.build("digits", name, config, Spec.of(labelled), seed), Replica(seed)
    return digits_protocol.run(system.to(replica.device), halves(labelled["train"]), protocol, replica)


def work(row: str, *settings: str) -> None:
    table, name = row.split("/")
    params = load_params().tables[table]
    shipped = params.systems[name]
    for setting in ("{}", *settings):
        config = validate(type(shipped), {**shipped.model_dump(), **parse_yaml(setting)}, row)
        metrics = {"objects": objects, "digits": digits}[table](name, config, params.protocol, seed=0)
        told = ", ".join(f"{k} {np.mean(v):.4f}" for k, v in metrics.items())
        print(f"{row} {'as shipped' if setting == '{}' else setting}: {told}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", help="objects/<system> or digits/<system>")
    parser.add_argument("settings", nargs="*", help="YAML, such as 'lr: 0.03'")
    arguments = parser.parse_args()
    try:
        work(arguments.row, *arguments.settings)
    except UserError as error:
        parser.exit(1, f"error: {error}\n")
