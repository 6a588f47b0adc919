"""python -m tests.campaign [PART ...] [--only PATTERN]: see docs/reliability.md. A campaign that was ended goes on."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "src", ROOT / "tests", ROOT / "tests/pipeline", ROOT / "tests/data"):
    sys.path.insert(0, str(folder))
os.environ.setdefault("OMP_NUM_THREADS", "1")

PARTS = ("malformed", "killed", "starved", "hostile", "loaded")


def main() -> int:
    from campaign import tables, trials

    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--only", default="", help="only trials whose kind or name matches; figures are not written")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}")
    wrong = 0
    for part in arguments.parts or PARTS:
        module = importlib.import_module(f"campaign.{part}")
        figures = trials.campaign(part, module.trials(), arguments.only)
        tried, right = (sum(kind[what] for kind in figures["kinds"].values()) for what in ("tried", "right"))
        print(f"{part}: {right} of {tried} as they should be")
        wrong += tried - right
    if not arguments.only:
        tables.write()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
