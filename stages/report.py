"""Stage report: tables, figures and one HTML page from results/, runs/ and outputs/; the MLflow store is brought up
to date with the stages that logged no curves."""

from triptych.base import project
from triptych.base.errors import main
from triptych.report.build import build_report
from triptych.report.load import profile_of
from triptych.tracking import run as tracking


def work():
    profile = profile_of(project.params())
    print(build_report(project.root(), profile, project.reports(profile)))
    tracking.catch_up(project.root())


main(work)
