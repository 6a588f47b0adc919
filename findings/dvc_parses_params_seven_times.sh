#!/usr/bin/env bash
# DVC 3.67.1: `dvc repro` parses the whole params.yaml seven times for each stage that it runs, and once for each that
# has nothing to do: for every question that it asks about the stage it reads the file again. Of a file of 1,300 values that
# is a quarter of a second of CPU a stage, also with ruamel.yaml's parser in C; of 100 stages nearly half a minute.
#
# Seen (Python 3.11, ruamel.yaml 0.19.1 with ruamel.yaml.clib 0.2.15): 4 stages run, parsed 28 times, 0.037 s each;
# nothing to do, parsed 4 times.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dvc==3.67.1 ruamel.yaml==0.19.1 ruamel.yaml.clib==0.2.15
cd "$folder"
mkdir project && cd project
"$folder/venv/bin/dvc" init --quiet --no-scm
"$folder/venv/bin/python" - <<'PYTHON'
import json
import sys
import time
from pathlib import Path

import dvc
import ruamel.yaml
from dvc.dependency import param
from dvc.repo import Repo

STAGES = "abcd"
values = {f"group{i}": {f"key{j}": 0.5 for j in range(25)} for i in range(52)}
Path("params.yaml").write_text(json.dumps(values, indent=1).replace('"', ""))
Path("code.py").write_text("pass\n")
stages = {
    name: {"cmd": f"echo {name} > {name}.txt", "deps": ["code.py"], "params": [f"group{i}"], "outs": [f"{name}.txt"]}
    for i, name in enumerate(STAGES)
}
Path("dvc.yaml").write_text(json.dumps({"stages": stages}))
calls, seconds, load = 0, 0.0, param.load_path


def counted(*arguments, **options):
    global calls, seconds
    calls, began = calls + 1, time.process_time()
    try:
        return load(*arguments, **options)
    finally:
        seconds += time.process_time() - began


param.load_path = counted
repo = Repo()
repo.reproduce()
first, calls = calls, 0
repo = Repo()
repo.reproduce()
print("Python", sys.version.split()[0], "DVC", dvc.__version__, "ruamel.yaml", ruamel.yaml.__version__)
print(f"{len(STAGES)} stages run: params.yaml parsed {first} times; nothing to do: {calls} times")
print(f"{seconds / (first + calls):.3f} s of CPU a time")
assert first == 7 * len(STAGES) and calls == len(STAGES)
PYTHON
