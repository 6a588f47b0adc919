"""The code that a stage's result depends on, read from what its script imports.

`dvc.yaml` lists it as `deps` (`triptych deps --write`), and checkpoints carry a hash of it. The sources are parsed,
nothing is imported or run; imports inside functions count, those under TYPE_CHECKING do not.
"""

from __future__ import annotations

import ast
import hashlib
import re
import textwrap
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml

from triptych.base import project
from triptych.base.files import read_yaml
from triptych.pipeline.registry import STUDIES, TABLES

SOURCE = Path(__file__).parents[1]  # src/triptych
NO_DEPS = {
    "triptych": "names for users, each imported when it is used",
    "triptych.base.config": "checks parameters; their values are in `params`",
    "triptych.base.errors": "messages",
    "triptych.base.files": "reads small files",
    "triptych.base.project": "paths",
    "triptych.common.rows": "finds the module of a row; that module is a dep",
    "triptych.data.sources.download": "brings the bytes whose checksum is known, or stops",
    "triptych.draw.style": "colours and fonts of figures",
    "triptych.pipeline": "parameters, saving and loading, history, cost, order of work; see STAGE for the exceptions",
    "triptych.tracking": "MLflow",
}
"""Modules and packages that no number comes from, with the reason. They are no deps and are not followed."""

STAGE = {
    "pipeline.stage import": ["triptych.data.format", "triptych.engine.replica", "triptych.engine.parallel"],
    ".result(": ["triptych.base.results"],
}
"""What decides a number behind `pipeline.stage.Stage`: a script with these words depends on these modules."""

WHOLE = {
    "triptych.engine": "one thing, nearly all of which any training uses",
    "triptych.data.sources": "one is chosen by name; download is among them",
}
"""Packages that are one dep as soon as any module of them is."""


# -- one stage -----------------------------------------------------------------------------------------------------


def code_of(stage: str, key: str) -> list[Path]:
    """The files that decide the result of a stage for one key of its `foreach` (or whatever its Stage is about).

    Where the project has no script of that name, as in a notebook, these are all files of the package that can.
    """
    script = project.root() / "stages" / f"{stage}.py"
    if not script.is_file():
        return sorted(file for name, file in sources().items() if not _excepted(name))
    used = closure(_fixed(script) | chosen(stage).get(key, set()))
    return [script, *sorted(sources()[name] for name in used)]


def digest_of(stage: str, key: str) -> str:
    """A hash of `code_of`. It changes only with the code that the result depends on."""
    digest = hashlib.sha256()
    for file in code_of(stage, key):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def deps_of(script: Path) -> list[str]:
    """The code part of a stage's `deps` in dvc.yaml, relative to the project: script, folders, files."""
    named = set().union(*chosen(script.stem).values())
    used = closure(_fixed(script) | named)
    template = TEMPLATES.get(script.stem)
    if template:  # it stands for the modules that are there for one key alone
        used -= named - _fixed(script).union(*(imports_of(sources()[name]) for name in used))
    paths = as_paths(used)
    paths |= {path for path in read_by(used) if Path(path).parent.as_posix() not in paths}
    return [f"stages/{script.name}", *sorted([*paths, *([template] if template else [])])]


def chosen(stage: str) -> dict[str, set[str]]:
    """The modules that a stage imports by a name, for each of its keys; empty if there are none."""
    for table in TABLES.values():
        if stage in (table.learns, table.judges):
            return {name.rpartition(".")[2]: {name} for name in _modules_in(table.rows) - {table.rows}}
    params = read_yaml(project.params())
    if stage == "street_sheet":
        return {"sheet": _modules_in(TABLES["streets"].rows)}
    if stage == "pathologies":
        package, items = STUDIES[stage].package, params[stage]["items"]
        return {key: {f"{package}.{item['experiment']}"} for key, item in items.items()}
    if stage == "traversals":
        sets = params[stage]["sets"]
        return {key: {f"{TABLES['shapes'].rows}.{name}" for name in of["systems"]} for key, of in sets.items()}
    packages = {"prepare": ["data.drawn", "data.sources"], "inspect_data": ["data.checks"]}.get(stage, [])
    return {package: _modules_in(f"triptych.{package}") for package in packages}


TEMPLATES = {
    stage: f"src/{table.rows.replace('.', '/')}/${{key}}.py"
    for table in TABLES.values()
    for stage in (table.learns, table.judges)
} | {"pathologies": f"src/{STUDIES['pathologies'].package.replace('.', '/')}/${{item.experiment}}.py"}
"""How dvc.yaml names the one module that is chosen by a stage's key."""


# -- imports ---------------------------------------------------------------------------------------------------------


def closure(start: Iterable[str]) -> set[str]:
    """`start` and all that it imports, without NO_DEPS."""
    found: set[str] = set()
    todo = {name for name in start if not _excepted(name)}
    while todo:
        found |= todo
        todo = {m for name in todo for m in imports_of(sources()[name]) if not _excepted(m)} - found
    return found


@cache
def sources() -> dict[str, Path]:
    """Module -> its file, without the __init__.py that hold nothing but a docstring."""
    found = {}
    for file in sorted(SOURCE.rglob("*.py")):
        parts = file.relative_to(SOURCE.parent).with_suffix("").parts
        if file.name != "__init__.py" or len(_tree(file).body) > 1:
            found[".".join(parts).removesuffix(".__init__")] = file
    return found


@cache
def imports_of(file: Path) -> frozenset[str]:
    """Modules of this package that a file imports, with the packages that they lie in."""
    found: set[str] = set()
    todo: list[ast.AST] = [_tree(file)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            todo += node.orelse
            continue
        todo += ast.iter_child_nodes(node)
        names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
        for name in [f"{node.module}.{n}" for n in names] if isinstance(node, ast.ImportFrom) else names:
            parts = name.split(".")
            above = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
            found |= {module for module in above if module in sources()}
    return frozenset(found)


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _fixed(script: Path) -> set[str]:
    """What a script uses whatever its key is."""
    text = script.read_text(encoding="utf-8")
    return set(imports_of(script)).union(*(modules for words, modules in STAGE.items() if words in text))


def _excepted(module: str) -> bool:
    return any(module == name or (name != "triptych" and module.startswith(f"{name}.")) for name in NO_DEPS)


def _modules_in(package: str) -> set[str]:
    return {name for name in sources() if f"{name}.".startswith(f"{package}.")}


def as_paths(modules: set[str]) -> set[str]:
    """Modules as files of the project; in place of all modules of a package, its folder."""
    paths, done = set(), set()
    packages = {".".join(m.split(".")[:n]) for m in modules for n in range(2, m.count(".") + 1)} | modules
    order = sorted(packages, key=lambda name: (-len(_modules_in(name)), -name.count("."), name))
    for package in order:  # the largest folder first; of two with the same content the inner one
        inside = _modules_in(package)
        folder = SOURCE.parent.joinpath(*package.split("."))
        if folder.is_dir() and not inside & done and (inside <= modules or (package in WHOLE and inside & modules)):
            paths.add(f"src/{package.replace('.', '/')}")
            done |= inside
    return paths | {f"src/{sources()[m].relative_to(SOURCE.parent).as_posix()}" for m in modules - done}


def read_by(modules: Iterable[str]) -> set[str]:
    """Files that are no code and that a module beside them names in quotes: templates, styles, tables."""
    found = set()
    for file in map(sources().get, modules):
        text = file.read_text(encoding="utf-8")
        beside = (path for path in file.parent.iterdir() if path.is_file() and path.suffix != ".py")
        found |= {f"src/{path.relative_to(SOURCE.parent).as_posix()}" for path in beside if f'"{path.name}"' in text}
    return found


# -- dvc.yaml --------------------------------------------------------------------------------------------------------


def differences(root: Path) -> dict[str, list[str]]:
    """Stage -> what is wrong with the code in its `deps`: "+ path" is missing, "- path" is not needed."""
    out = {}
    for stage, (there, right) in _compared((root / "dvc.yaml").read_text(encoding="utf-8")).items():
        lines = [f"+ {dep}" for dep in right if dep not in there] + [f"- {dep}" for dep in there if dep not in right]
        if lines:
            out[stage] = lines
    return out


def write(root: Path) -> list[str]:
    """Correct the code in the `deps` of dvc.yaml and change nothing else. Returns the stages changed."""
    file = root / "dvc.yaml"
    text = file.read_text(encoding="utf-8")
    changed = []
    for stage, (there, right) in _compared(text).items():
        if there != right:
            head, block, tail = _split(text, stage)
            others = [dep for dep in yaml.safe_load(block)["deps"] if not _is_code(dep)]
            text = head + _listed(block, [*right, *others]) + tail
            changed.append(stage)
    file.write_text(text, encoding="utf-8")
    return changed


def _compared(text: str) -> dict[str, tuple[list[str], list[str]]]:
    """Stage -> its code in dvc.yaml, and what should be there."""
    found = {}
    for stage, node in yaml.safe_load(text)["stages"].items():
        node = node.get("do", node)
        script = project.root() / re.search(r"stages/\w+\.py", node["cmd"])[0]
        found[stage] = [dep for dep in node["deps"] if _is_code(dep)], deps_of(script)
    return found


def _is_code(dep: str) -> bool:
    return dep.startswith(("src/", "stages/"))


def _split(text: str, stage: str) -> tuple[str, str, str]:
    """The text before, in and after the `deps` of a stage."""
    begin = re.search(rf"^  {stage}:\n", text, re.M).end()
    block = re.compile(r"^( +)deps:.*\n(?:\1 .*\n)*", re.M).search(text, begin)
    return text[: block.start()], block[0], text[block.end() :]


def _listed(block: str, deps: list[str]) -> str:
    """deps: [..., ...], several a line, as far in as `block`."""
    indent = " " * (len(block) - len(block.lstrip()))
    items = ", ".join(f'"{dep}"' if "$" in dep else dep for dep in deps)
    return (
        textwrap.fill(
            f"deps: [{items}]", 120, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
        )
        + "\n"
    )
