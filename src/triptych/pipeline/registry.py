"""The one list of tables and studies: whose they are, where their code lies, which stages make them.

params.yaml, the report, MLflow's runs and the published numbers all read it. Modules are named, not imported, so that
reading the list costs nothing.

A table's package holds protocol.py (how systems are judged) and rows/ (one module a system); a study's package holds
protocol.py (its whole section of params.yaml).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TableInfo:
    """`learns` and `judges`: the stages that train a system and that write its result; they may be one. `main`: the
    metrics that `dvc metrics show` tells."""

    paper: str
    package: str
    learns: str
    judges: str
    main: tuple[str, ...]

    @property
    def protocol(self) -> str:
        """The module with the table's `Protocol`."""
        return f"{self.package}.protocol"

    @property
    def rows(self) -> str:
        """The package of the table's systems."""
        return f"{self.package}.rows"


@dataclass(frozen=True)
class StudyInfo:
    """The stage of a study has the study's name. `main`: the metrics that `dvc metrics show` tells; a row that has none
    of them tells its first."""

    paper: str
    package: str
    main: tuple[str, ...]

    @property
    def protocol(self) -> str:
        """The module with the study's `Protocol`."""
        return f"{self.package}.protocol"


TABLES = {
    "objects": TableInfo("dcgan", "triptych.dcgan.objects", "features", "probe", ("accuracy", "accuracy_few")),
    "digits": TableInfo("dcgan", "triptych.dcgan.digits", "semisupervised", "semisupervised", ("test_error",)),
    "streets": TableInfo(
        *("cyclegan", "triptych.cyclegan.streets", "translate", "fcn_score"),
        main=("to_photo/pixel_acc", "to_photo/class_iou", "to_labels/pixel_acc", "to_labels/class_iou"),
    ),
    "shapes": TableInfo("beta_vae", "triptych.beta_vae.shapes", "represent", "disentangle", ("higgins",)),
}

STUDIES = {
    "images_seen": StudyInfo("dcgan", "triptych.dcgan.studies.images_seen", ("accuracy_few",)),
    "guidelines": StudyInfo("dcgan", "triptych.dcgan.studies.guidelines", ("accuracy", "collapsed")),
    "pathologies": StudyInfo("dcgan", "triptych.dcgan.studies.pathologies", ("modes",)),
    "arithmetic": StudyInfo("dcgan", "triptych.dcgan.studies.arithmetic", ("success",)),
    "failure_case": StudyInfo("cyclegan", "triptych.cyclegan.studies.failure_case", ("to_b/silhouette_iou",)),
    "traversals": StudyInfo("beta_vae", "triptych.beta_vae.studies.traversals", ("factors_followed",)),
    "beta_sweep": StudyInfo("beta_vae", "triptych.beta_vae.studies.beta_sweep", ("higgins",)),
    "training_length": StudyInfo("beta_vae", "triptych.beta_vae.studies.training_length", ("higgins",)),
}


def main_metrics(table: str, metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Of a result's `metrics`, name -> {"mean", ...}, the means that `dvc metrics show` tells. Each file has a line
    there and each name a column, so they must be few."""
    main = [name for name in (TABLES | STUDIES)[table].main if name in metrics] or list(metrics)[:1]
    return {name: metrics[name]["mean"] for name in main}
