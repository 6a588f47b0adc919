"""Stage report: tables, figures and one HTML page from results/, runs/ and outputs/."""

from pathlib import Path

import yaml

from triptych.report import build_report

profile = yaml.safe_load(Path("params.yaml").read_text())["profile"]
print(build_report(Path("."), profile, Path("reports") / profile))
