"""The committed results are those of the committed code: what dvc.lock says of files in git is true of them."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def test_dvc_lock_is_of_these_files():
    wrong = stale(ROOT)
    assert not wrong, "dvc.lock is older than these files, run `dvc repro`:\n" + "\n".join(wrong)


def stale(root: Path) -> list[str]:
    """Files and folders in git with another md5 than dvc.lock has; deps that dvc.yaml has and dvc.lock lacks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    tracked = [path for path in listed.split("\0") if (root / path).is_file()]
    hashes = {path: hashlib.md5((root / path).read_bytes()).hexdigest() for path in tracked}
    stages = load(root / "dvc.lock")["stages"]
    entries = [entry for stage in stages.values() for kind in ("deps", "outs") for entry in stage.get(kind, [])]
    told = {entry["path"]: entry["md5"] for entry in entries if "md5" in entry}
    wrong = [path for path, md5 in told.items() if md5 != hash_of(path, md5, hashes)]
    for name, node in load(root / "dvc.yaml")["stages"].items():
        fixed = {dep for dep in node.get("do", node)["deps"] if "$" not in dep}
        locked = [stage for key, stage in stages.items() if key.partition("@")[0] == name]
        wrong += [] if locked else [f"stage {name}"]
        for stage in locked:
            wrong += sorted(fixed - {entry["path"] for entry in stage["deps"]})
    return list(dict.fromkeys(wrong))


def hash_of(path: str, md5: str, hashes: dict[str, str]) -> str:
    """As DVC has it: of a folder, the md5 of its list of files. What is not in git is taken at its word."""
    if path in hashes:
        return hashes[path]
    inside = sorted(
        (file.removeprefix(f"{path}/"), value) for file, value in hashes.items() if file.startswith(f"{path}/")
    )
    if not inside:
        return md5 if not path.startswith(("src/", "stages/")) else "gone"
    files = [{"md5": value, "relpath": file} for file, value in inside]
    return hashlib.md5(json.dumps(files, sort_keys=True).encode()).hexdigest() + ".dir"


def load(file: Path) -> dict:
    return yaml.load(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def test_a_changed_file_and_a_changed_folder_are_found(tmp_path):
    (tmp_path / "src/a").mkdir(parents=True)
    for name in ("src/a/x.py", "src/a/y.py", "src/b.py"):
        (tmp_path / name).write_text(name)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    md5 = {n: hashlib.md5(n.encode()).hexdigest() for n in ("src/a/x.py", "src/a/y.py", "src/b.py")}
    folder = json.dumps([{"md5": md5[f"src/a/{n}"], "relpath": n} for n in ("x.py", "y.py")])
    deps = [
        {"path": "src/a", "md5": hashlib.md5(folder.encode()).hexdigest() + ".dir"},
        {"path": "src/b.py", "md5": md5["src/b.py"]},
    ]
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"s": {"deps": deps}}}))
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"s": {"cmd": "", "deps": ["src/a", "src/b.py"]}}}))
    assert stale(tmp_path) == []
    (tmp_path / "src/a/y.py").write_text("changed")
    assert stale(tmp_path) == ["src/a"]
    (tmp_path / "src/b.py").write_text("changed")
    assert stale(tmp_path) == ["src/a", "src/b.py"]
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"s": {"cmd": "", "deps": ["src/c.py"]}}}))
    assert stale(tmp_path) == ["src/a", "src/b.py", "src/c.py"]
