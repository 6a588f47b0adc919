"""The floor plan: who may import whom, and what no file does."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from triptych.pipeline.deps import SOURCE, imports_of

LAYERS = [
    ["base"],
    ["draw"],
    ["engine"],
    ["common"],
    ["data"],
    ["dcgan", "cyclegan", "beta_vae"],
    ["pipeline"],
    ["published"],
    ["tracking"],
    ["report"],
    ["cli", ""],  # "": triptych/__init__
]
LEVEL = {package: level for level, packages in enumerate(LAYERS) for package in packages}
FILES = {
    ".".join(f.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__"): f
    for f in sorted(SOURCE.rglob("*.py"))
}
HIGHEST = 300  # lines of a file


def room(module: str) -> str:
    return (module.split(".") + [""])[1]


def imported(module: str) -> set[str]:
    """What a module imports, without the packages that hold it or what it imports."""
    found = imports_of(FILES[module])
    return {m for m in found if not any(other.startswith(f"{m}.") for other in found)} - {module}


def test_nothing_imports_upwards():
    wrong = [
        f"{module} imports {other}"
        for module in FILES
        for other in imported(module)
        if LEVEL[room(other)] > LEVEL[room(module)]
        or (LEVEL[room(other)] == LEVEL[room(module)] and room(other) != room(module))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_through_others():
    done, circles = set(), []

    def follow(module: str, above: tuple[str, ...]) -> None:
        if module in above:
            circles.append(" -> ".join([*above[above.index(module) :], module]))
        elif module not in done:
            for other in sorted(imported(module) & set(FILES)):
                follow(other, (*above, module))
            done.add(module)

    for module in FILES:
        follow(module, ())
    assert not circles, "\n".join(circles)


@pytest.mark.parametrize("what", ["private names", "long files", "bare paths"])
def test_no_file_has(what):
    wrong = [f"{file.relative_to(SOURCE)}: {found}" for file in FILES.values() for found in SEARCHES[what](file)]
    assert not wrong, "\n".join(wrong)


def private_names(file: Path) -> list[str]:
    """Imports of names, or of modules, that begin with an underscore and belong to another module."""
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("triptych"):
            names = [*node.module.split("."), *(alias.name for alias in node.names)]
            found += [name for name in names if name.startswith("_") and not name.startswith("__")]
    return found


def long_files(file: Path) -> list[str]:
    lines = file.read_text().count("\n")
    return [f"{lines} lines"] if lines > HIGHEST else []


def bare_paths(file: Path) -> list[str]:
    """Paths of the project that start at the current folder: base/project.py knows them."""
    if file.name == "project.py":
        return []
    return re.findall(
        r'Path\(\s*"(?:data|models|results|runs|outputs|checkpoints|reports|params)\b[^"]*"', file.read_text()
    )


SEARCHES = {"private names": private_names, "long files": long_files, "bare paths": bare_paths}
