"""The one list of tables and studies: whose they are, where their code lies, which stages make them.

params.yaml, the report, MLflow's runs and the published numbers all read it. Modules are named, not imported, so that
reading the list costs nothing.

A table's package holds protocol.py (how systems are judged) and rows/ (one module a system); a study's package holds
protocol.py (its whole section of params.yaml).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TableInfo:
    """`learns` and `judges`: the stages that train a system and that write its result; they may be one."""

    paper: str
    package: str
    learns: str
    judges: str

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
    """The stage of a study has the study's name."""

    paper: str
    package: str

    @property
    def protocol(self) -> str:
        """The module with the study's `Protocol`."""
        return f"{self.package}.protocol"


TABLES = {
    "objects": TableInfo("dcgan", "triptych.dcgan.objects", learns="features", judges="probe"),
    "digits": TableInfo("dcgan", "triptych.dcgan.digits", learns="semisupervised", judges="semisupervised"),
    "streets": TableInfo("cyclegan", "triptych.cyclegan.streets", learns="translate", judges="fcn_score"),
    "shapes": TableInfo("beta_vae", "triptych.beta_vae.shapes", learns="represent", judges="disentangle"),
}

STUDIES = {
    "images_seen": StudyInfo("dcgan", "triptych.dcgan.studies.images_seen"),
    "guidelines": StudyInfo("dcgan", "triptych.dcgan.studies.guidelines"),
    "pathologies": StudyInfo("dcgan", "triptych.dcgan.studies.pathologies"),
    "arithmetic": StudyInfo("dcgan", "triptych.dcgan.studies.arithmetic"),
    "failure_case": StudyInfo("cyclegan", "triptych.cyclegan.studies.failure_case"),
    "traversals": StudyInfo("beta_vae", "triptych.beta_vae.studies.traversals"),
    "beta_sweep": StudyInfo("beta_vae", "triptych.beta_vae.studies.beta_sweep"),
    "training_length": StudyInfo("beta_vae", "triptych.beta_vae.studies.training_length"),
}
