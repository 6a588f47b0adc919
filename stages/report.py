"""Stage report: tables, figures and one HTML page from results/, runs/ and outputs/; the MLflow store is brought up
to date with the stages that logged no curves."""

from pathlib import Path

import yaml

from triptych import tracking
from triptych.report import build_report

profile = yaml.safe_load(Path("params.yaml").read_text())["profile"]
print(build_report(Path("."), profile, Path("reports") / profile))
tracking.catch_up(".")
