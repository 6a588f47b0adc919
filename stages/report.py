"""Stage report: tables, figures and one HTML page from results/, runs/ and outputs/; the MLflow store is brought up
to date with the stages that logged no curves."""

from pathlib import Path

from triptych.base.errors import main
from triptych.report.build import build_report
from triptych.report.load import profile_of
from triptych.tracking import run as tracking


def work():
    profile = profile_of(Path("params.yaml"))
    print(build_report(Path("."), profile, Path("reports") / profile))
    tracking.catch_up(".")


main(work)
