"""The portable mode holds every library to one instruction set and one thread; its hashes are of what they say."""

import json
import subprocess
import sys

import pytest

from triptych.base import portable, project
from triptych.pipeline.portable import ROWS, comparison, hashes, try_here

LOOK = """
import triptych, torch, numpy, sklearn, json
from threadpoolctl import threadpool_info
blas = {i["architecture"] for i in threadpool_info() if i["internal_api"] == "openblas"}
print(json.dumps([torch.backends.cpu.get_cpu_capability(), torch.get_num_threads(), sorted(blas)]))
"""


@pytest.mark.parametrize("value, on", [("1", True), ("0", False), ("", False), (None, False)])
def test_the_mode_reaches_every_library_that_computes(monkeypatch, value, on):
    for name in portable.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv(portable.VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(portable.VARIABLE, value)
    assert portable.is_on() is on
    if on:
        found = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True).stdout
        assert json.loads(found) == ["AVX2", 1, ["Haswell"]]


def test_hashes_change_with_a_weight_and_with_a_number(tmp_path):
    weights, result = tmp_path / "models/shapes/pca/0.safetensors", tmp_path / "results/shapes/pca.json"
    for file in (weights, result):
        file.parent.mkdir(parents=True)
    weights.write_bytes(b"1")
    result.write_text(json.dumps({"metrics": {"higgins": {"mean": 0.5}}, "seconds": 1}))
    first = hashes(tmp_path, "shapes/pca")
    result.write_text(json.dumps({"metrics": {"higgins": {"mean": 0.5}}, "seconds": 2}))
    assert hashes(tmp_path, "shapes/pca") == first
    weights.write_bytes(b"2")
    assert hashes(tmp_path, "shapes/pca") == {"weights": "d4735e3a265e16ee", "result": first["result"]}
    result.write_text(json.dumps({"metrics": {"higgins": {"mean": 0.6}}}))
    assert hashes(tmp_path, "shapes/pca")["result"] != first["result"]


def test_a_machine_is_told_where_it_differs():
    def entry(cpu, **results):
        rows = {"shapes/pca": {mode: {"weights": "a", "result": r} for mode, r in results.items()}}
        told = {"cpu": cpu, "instructions": "AVX2", "torch": "2.8"}
        return {"machine": told, "seconds": {"portable": 9, "ordinary": 3}, "rows": rows}

    text = comparison(entry("mine", portable="b", ordinary="c"), [entry("yours", portable="b", ordinary="d")])
    lines = [line.split() for line in text.splitlines()[1:]]
    assert lines[0][:2] == ["beside", "yours,"]
    assert lines[1] == ["shapes/pca", "portable", "weights", "same,", "result", "same"]
    assert lines[2] == ["shapes/pca", "ordinary", "weights", "same,", "result", "other"]


def test_every_row_is_one_of_the_smoke_profile():
    import yaml

    params = yaml.safe_load((project.root() / "params" / "smoke.yaml").read_text())
    assert all(row.split("/")[1] in params[row.split("/")[0]]["systems"] for row in ROWS)


@pytest.mark.slow
def test_a_small_row_gives_the_same_bytes_twice():
    first, again = (try_here(["shapes/pca"])["rows"]["shapes/pca"]["portable"] for _ in range(2))
    assert first == again
