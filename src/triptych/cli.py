"""The command `triptych`: what is not a pipeline stage."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from triptych.base import project
from triptych.base.errors import UserError, what_to_do


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand. Returns the exit status: 0; 1 if a check fails; 2, with one message on stderr, if a file or
    the MLflow store is wrong."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except (MemoryError, OSError) as error:
        message = what_to_do(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
        return 2


ABOUT = """DCGAN, CycleGAN and β-VAE behind one DVC pipeline. The pipeline itself is run by `dvc repro`;
 these commands are about what goes into it and what it leaves behind."""
CHECK = """Validate a parameter file: every wrong key is named with its value and what is allowed; and what folders of
your own images lack."""
REPORT = "Build tables (csv, md, tex), figures and index.html from results/, runs/ and outputs/."
REPRO = """What `dvc repro` does, with several stages at once; a failed stage stops only what needs it. Each process
computes with one thread, here and in `dvc repro`, unless TRIPTYCH_THREADS says otherwise."""
SYNC = """Add to the MLflow store every run that results/ and runs/ tell of and that the store does not know
yet: stages restored from DVC's cache, runs made without MLflow. Running it twice adds nothing."""
UI = """Bring the MLflow store up to date, keep it so, and show it. With MLFLOW_TRACKING_URI set to a server's address:
say where that server shows the runs."""
DEPS = """Compare the code in the `deps` of dvc.yaml with what each stage's script imports. Status 1, and what differs,
if they are not the same; with --write, dvc.yaml is corrected."""
REPLICATE = """Train and judge one row twice, as it is and with initial weights that differ in their last digits, and
print how far each metric moves: so much of a number is chance. It runs in temporary folders, and takes twice the time
of the row."""
PORTABLE = """Train five small rows in the portable mode (TRIPTYCH_PORTABLE=1: one thread, one instruction set for every
library) and without it, in temporary folders, and compare the bytes with those of the machines in
reports/portable.json."""
COLLECT = """Bring what ran in another folder into reports/<profile>/ of this one, to stay in git: results with device,
seconds, versions and parameters, thinned histories, pictures of drawn data. The tables of docs/real_data.md follow."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="triptych", description=ABOUT)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    check = commands.add_parser("check", help="validate params.yaml", description=CHECK)
    check.add_argument("file", nargs="?", type=Path, help="default: the project's params.yaml")
    check.set_defaults(command=_check)

    repro = commands.add_parser("repro", help="run the pipeline, several stages at a time", description=REPRO)
    repro.add_argument(
        "targets", nargs="*", metavar="TARGET", help="as of `dvc repro`: probe@dcgan, probe; default: all"
    )
    jobs = "stages at a time (default: one a core, or a GPU)"
    repro.add_argument("--jobs", "-j", type=_at_least_one, metavar="N", help=jobs)
    repro.add_argument("--force", "-f", action="store_true", help="run what has not changed, too")
    repro.add_argument("--dry", action="store_true", help="list what would run")
    repro.add_argument("--no-preload", action="store_true", help="start each stage as a new Python, not as a fork")
    repro.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="on the workers of this Dask scheduler")
    repro.add_argument(
        "--slurm", metavar="jobs=8,cores=4,memory=16GB,gpus=1", help="on SLURM jobs, through dask-jobqueue"
    )
    repro.set_defaults(command=_repro)

    demo = commands.add_parser("demo", help="one row a paper in two minutes, and three pictures")
    demo.set_defaults(command=_demo)

    released = commands.add_parser("released", help="the DCGAN authors' own network on CIFAR-10, in half an hour")
    released.set_defaults(command=_released)

    report = commands.add_parser("report", help="write reports/<profile>/", description=REPORT)
    _root(report)
    report.add_argument("--profile", help="whose results to report (default: `profile` of params.yaml)")
    report.add_argument("--out", type=Path, help="folder to write (default: reports/<profile>)")
    report.set_defaults(command=_report)

    collect = commands.add_parser("collect", help="keep what ran in another folder in git", description=COLLECT)
    collect.add_argument("source", type=Path, help="where it ran: the folder with params.yaml, results/ and runs/")
    estimate = "only say how long what has not run there will take"
    collect.add_argument("--estimate", action="store_true", help=estimate)
    collect.set_defaults(command=_collect)

    sync = commands.add_parser("sync-mlflow", help="fill the MLflow store from files", description=SYNC)
    _root(sync)
    sync.add_argument("--uri", help="default: MLFLOW_TRACKING_URI, else sqlite:///mlflow.db in the root")
    sync.add_argument("--watch", action="store_true", help="go on, and follow stages while they run")
    sync.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    sync.set_defaults(command=_sync)

    deps = commands.add_parser("deps", help="check the code that dvc.yaml names", description=DEPS)
    deps.add_argument("--write", action="store_true", help="correct dvc.yaml in place")
    deps.set_defaults(command=_deps)

    replicate = commands.add_parser("replicate", help="how much of a row is chance", description=REPLICATE)
    replicate.add_argument("rows", nargs="+", metavar="TABLE/ROW", help="objects/dcgan; all: every row that is trained")
    replicate.add_argument("--seed", type=int, help="default: the first of its table")
    replicate.add_argument("--relative", type=_positive, default=1e-6, help="size of the perturbation (default: 1e-6)")
    kept = "what the row is, is taken from results/, made on this machine: half the time"
    replicate.add_argument("--kept", action="store_true", help=kept)
    replicate.add_argument("--record", action="store_true", help="write the comparison to reports/replicate.json")
    replicate.set_defaults(command=_replicate)

    mode = commands.add_parser("portable", help="are the bytes the same on another CPU", description=PORTABLE)
    mode.add_argument("--record", action="store_true", help="add this machine to reports/portable.json")
    mode.add_argument("--emulate", metavar="CPU", help="on a CPU model of qemu-x86_64: Haswell, EPYC")
    mode.set_defaults(command=_portable)

    ui = commands.add_parser("ui", help="show the runs in MLflow", description=UI)
    _root(ui)
    ui.add_argument("--port", type=_port, default=5000, help="default: 5000")
    ui.set_defaults(command=_ui)
    return parser


def _root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, help="the project's folder (default: the one around the current folder)")


def _at_least_one(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a number from 1 on")
    return int(text)


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) < 2**16:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a number from 1 to {2**16 - 1}")
    return int(text)


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a number above 0")
    return number


def _check(arguments: argparse.Namespace) -> int:
    from triptych.pipeline.params import load_params
    from triptych.pipeline.preflight import check_amounts, check_data

    params = load_params(arguments.file)
    sections = [*params.tables, *params.studies]
    wrong = check_data(params) or [line for section in sections for line in check_amounts(params, section)]
    if wrong:
        raise UserError("\n".join(wrong))
    print(f"{arguments.file or project.params()}: all parameters are valid")
    return 0


def _repro(arguments: argparse.Namespace) -> int:
    from triptych.pipeline.run import repro

    with ExitStack() as stack:

        def engine():
            from triptych.pipeline.cluster import choose

            stack.enter_context(_watcher())
            return choose(arguments.jobs, not arguments.no_preload, arguments.scheduler, arguments.slurm)

        return repro(arguments.targets, engine, arguments.force, arguments.dry)


@contextmanager
def _watcher() -> Iterator[None]:
    """MLflow follows the stages' files meanwhile, and has all of them at the end."""
    from triptych.tracking.sync import start_watcher

    watcher = start_watcher(project.root())
    try:
        yield
    finally:
        if watcher is not None:
            watcher.terminate()
            watcher.wait()


def _demo(arguments: argparse.Namespace) -> int:
    from triptych.base import project
    from triptych.pipeline.demo import run_demo

    pictures = run_demo(project.root() / "build" / "demo")
    print("pictures:", *pictures, sep="\n  ")
    return 0


def _released(arguments: argparse.Namespace) -> int:
    from triptych.pipeline.released import run_released

    for line in run_released(project.root() / "build" / "released"):
        print(line, flush=True)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from triptych.report.build import build_report
    from triptych.report.load import profile_of

    root = arguments.root or project.root()
    profile = arguments.profile or profile_of(root / "params.yaml")
    if not re.fullmatch(r"[a-z0-9_-]+", profile):
        raise UserError(f"--profile {profile}: must be a name of lower-case letters, digits, - and _")
    out = arguments.out or root / "reports" / profile
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: there is a file of that name; give a folder")
    print(build_report(root, profile, out))
    return 0


def _collect(arguments: argparse.Namespace) -> int:
    from triptych.report.collect import collect, estimate
    from triptych.report.findings import write_findings

    root, source = project.root(), _project(arguments.source)
    if arguments.estimate:
        print(estimate(root, source))
    else:
        print(collect(source, root), *write_findings(root), sep="\n")
    return 0


def _sync(arguments: argparse.Namespace) -> int:
    from triptych.tracking.store import check_uri, store_uri
    from triptych.tracking.sync import sync, watch

    root = _project(arguments.root)
    uri = arguments.uri or store_uri(root)
    check_uri(uri)
    if arguments.watch:
        watch(root, uri, arguments.parent)
        return 0
    added = sync(root, uri)
    print(f"{uri}: {added} {'run' if added == 1 else 'runs'} added")
    return 0


def _deps(arguments: argparse.Namespace) -> int:
    from triptych.pipeline import deps

    if arguments.write:
        changed = deps.write(project.root())
        print(f"dvc.yaml: {', '.join(changed) or 'nothing'} changed")
        return 0
    wrong = deps.differences(project.root())
    for stage, lines in wrong.items():
        print(f"{stage}:", *lines, sep="\n  ")
    print("`triptych deps --write` corrects dvc.yaml" if wrong else "dvc.yaml: the deps are what the stages import")
    return 1 if wrong else 0


def _portable(arguments: argparse.Namespace) -> int:
    from triptych.pipeline.portable import portable_mode

    print(portable_mode(arguments.record, arguments.emulate))
    return 0


def _replicate(arguments: argparse.Namespace) -> int:
    from triptych.pipeline.replicate import comparison, record, replicate, trained_rows

    for row in trained_rows() if arguments.rows == ["all"] else arguments.rows:
        told = replicate(row, arguments.seed, arguments.relative, arguments.kept)
        print(comparison(told), flush=True)
        if arguments.record:
            record(told)
    return 0


def _ui(arguments: argparse.Namespace) -> int:
    from triptych.tracking.ui import show

    return show(_project(arguments.root), arguments.port)


def _project(root: Path | None) -> Path:
    root = root or project.root()
    if not (root / project.PARAMS).is_file():
        raise UserError(f"no {project.PARAMS} in {root.resolve()}: that is not the project's folder")
    return root


if __name__ == "__main__":
    sys.exit(main())
