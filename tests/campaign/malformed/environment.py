"""Environment variables and arguments that cannot be."""

from __future__ import annotations

from collections.abc import Iterator

from campaign.child import Case
from campaign.malformed.trained import make
from campaign.trials import copy_project

__all__ = ["cases", "make"]

LEARN, PROBE, CHECK = ("features", "dcgan"), ("probe", "dcgan"), ("triptych", "check")
VARIABLES = {
    "TRIPTYCH_THREADS": ("two", "0", "-1", "1.5", "nan", "inf", "1e30"),
    "TRIPTYCH_WORKERS": ("two", "0", "-1", "1.5", "nan", "inf"),
    "TRIPTYCH_DEVICE": ("gpu", "cuda", "cuda:x", "cuda:-1", "mps", "tpu", "cpu:x", "CPU", "meta", "/dev/nvidia0"),
    "TRIPTYCH_CHECKPOINT_SECONDS": ("soon", "nan", "-1"),
    "TRIPTYCH_ROOT": ("/no/such/folder", "params.yaml", "data", "~nobody/x"),
    "TRIPTYCH_PERTURB": ("little", "nan"),
    "WORLD_SIZE": ("two", "1.5", "-2"),
}
ARGUMENTS = (
    ("repro", "--jobs", "0"), ("repro", "--jobs", "two"), ("repro", "--jobs", "-1"), ("repro", "no_such_stage"),
    ("repro", "probe@nobody"), ("repro", "--scheduler", "nowhere"), ("repro", "--scheduler", "tcp://127.0.0.1:9"),
    ("repro", "--slurm", "many"), ("repro", "--slurm", "jobs=0"), ("repro", "--slurm", "jobs=x,cores=4"), ("rerpo",),
    ("replicate", "dcgan"), ("replicate", "objects/nobody"), ("replicate", "objects/"), ("replicate", "/dcgan"),
    ("replicate", "objects/dcgan", "--seed", "x"), ("replicate", "objects/dcgan", "--relative", "nan"),
    ("check", "no_such_file.yaml"), ("check", "data"), ("report", "--root", "/no/such"),
    ("report", "--root", "params.yaml"),
       ("report", "--profile", "../../x"), ("report", "--out", "params.yaml"), ("sync-mlflow", "--root", "/no/such"),
    ("ui", "--port", "x"), ("ui", "--port", "0"), ("ui", "--port", "99999999"), ("deps", "--wirte"), (),
)  # fmt: skip
STAGES = (("features",), ("features", "dcgan", "more"), ("features", "nobody"), ("features", "../dcgan"),
          ("features", ""), ("prepare", "nobody"), ("prepare", "../x"), ("probe", "DCGAN"),
          ("fcn_score", "cycelgan"))  # fmt: skip


def cases() -> Iterator[Case]:
    nothing = lambda folder: None  # noqa: E731
    for name, values in VARIABLES.items():
        for value in values:
            command = CHECK if name == "TRIPTYCH_ROOT" else LEARN
            yield Case(f"{name}={value}", nothing, command, name, {name: value})
    for arguments in ARGUMENTS:
        says = arguments[-1].rpartition("/")[2][-8:] if arguments else "usage"
        says = "--slurm" if "--slurm" in arguments else says
        spoil = copy_project if arguments[:1] == ("repro",) else nothing
        yield Case(f"triptych {' '.join(arguments)}".strip(), spoil, ("triptych", *arguments), says)
    for stage in STAGES:
        says = "usage" if len(stage) != 2 else stage[1].rpartition("/")[2] or "dcgan"
        yield Case(f"stages/{stage[0]}.py {' '.join(map(repr, stage[1:]))}".strip(), nothing, stage, says)
    yield Case("a folder without params.yaml", lambda f: (f / "params.yaml").rename(f / "x"), LEARN, "params.yaml")
    yield Case("TMPDIR is nowhere", nothing, ("triptych", "replicate", "objects/nobody"), "nobody", {"TMPDIR": "/no/x"})
