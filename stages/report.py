"""Stage report: tables, figures and one HTML page from results/, runs/ and outputs/; the MLflow store is brought up
to date."""

from triptych.base import project
from triptych.base.errors import main
from triptych.report.build import build_report
from triptych.report.load import profile_of
from triptych.tracking.sync import catch_up


def work():
    profile = profile_of(project.params())
    print(build_report(project.root(), profile, project.reports(profile)))
    catch_up(project.root())


main(work)
