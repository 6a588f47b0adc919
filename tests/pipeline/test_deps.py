"""dvc.yaml names, stage by stage, the code that decides a result: all that the stage imports, and nothing else.

Read from the sources alone, imports within functions too; nothing is run. Holds for all three profiles.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from triptych.pipeline.registry import PACKAGES

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ["params.yaml", "params/paper.yaml", "params/smoke.yaml"]

# In no stage's deps, and not followed: what all stages share, and where results go rather than what they are.
SHARED = {
    "triptych": "finds names for users",
    "triptych.base.config": "checks parameters; their values stand in `params`",
    "triptych.pipeline.params": "the same; it imports every protocol and system to check them",
    "triptych.pipeline.registry": "finds, saves and loads systems",
    "triptych.pipeline.stage": "what stands around a stage's work; what decides a number there is in PARTS",
    "triptych.base.errors": "messages",
    "triptych.pipeline.cost": "seconds and devices",
    "triptych.pipeline.processes": "devices",
    "triptych.pipeline.history": "history.jsonl, and the same in another form, for plots",
    "triptych.base.files": "reads small files",
    "triptych.tracking.run": "MLflow",
    "triptych.tracking.store": "MLflow",
    "triptych.tracking.sync": "MLflow",
    "triptych.draw.style": "colours and fonts of figures",
    "triptych.data.sources.download": "brings the bytes whose checksum is known, or stops",
}
# What a script uses by calling a method of its Stage.
PARTS = {
    "data": "triptych.data.format",
    "dataset": "triptych.data.format",
    "replica": "triptych.engine.replica",
    "for_each": "triptych.engine.parallel",
    "result": "triptych.base.results",
}
# Modules that import others by a name from params.yaml: `chosen` knows which.
CHOOSERS = {
    "triptych.data.prepare",
    "triptych.data.inspect",
    "triptych.dcgan.studies.pathologies.protocol",
    "triptych.beta_vae.studies.beta_sweep.protocol",
    "triptych.beta_vae.studies.traversals.protocol",
}
# Folders that may be a dep though the stage does not import all of it.
WHOLE = {
    "src/triptych/engine": "one thing, of which `import triptych.engine` brings nearly all",
    "src/triptych/data/sources": "of which download is shared",
    "src/triptych/report": "of which style is shared",
}


def test_every_module_that_a_stage_imports_is_a_dep():
    missing = {
        f"{stage} imports {module}"
        for stage in stages()
        for module in used(stage)
        if not any(covers(dep, module) for dep in stage.deps)
    }
    assert not missing, "no dep in dvc.yaml names it:\n" + "\n".join(sorted(missing))


def test_no_dep_is_wider_than_what_is_imported():
    deps, modules = defaultdict(set), defaultdict(set)  # of all stages of a foreach together: they share one list
    for stage in stages():
        deps[stage.group] |= {dep for dep in stage.deps if dep.startswith("src/") and dep not in WHOLE}
        modules[stage.group] |= used(stage)
    needless = {
        f"{group}: {dep}, of which it does not import {', '.join(sorted(_within(dep) - modules[group])) or 'anything'}"
        for group in deps
        for dep in deps[group]
        if not _within(dep) or _within(dep) - modules[group]
    }
    assert not needless, "a dep in dvc.yaml that changes nothing:\n" + "\n".join(sorted(needless))


def test_a_stage_depends_on_its_script_and_on_the_data_that_the_script_names():
    missing = {
        f"{stage}: {dep}"
        for stage in stages()
        for dep in [stage.script, *(f"data/prepared/{name}" for name in datasets(stage))]
        if dep not in stage.deps
    }
    assert not missing, "no dep in dvc.yaml:\n" + "\n".join(sorted(missing))


def test_no_dep_is_named_twice():
    twice = {f"{stage}: {dep}" for stage in stages() for dep in stage.deps if stage.deps.count(dep) > 1}
    assert not twice, "\n".join(sorted(twice))


def test_parameters_of_a_stage_exist():
    wrong = set()
    for stage in stages():
        for name in stage.sections:
            try:
                _value(stage.params, name)
            except (KeyError, TypeError):
                wrong.add(f"{stage} in profile {stage.params['profile']}: {name}")
    assert not wrong, "\n".join(sorted(wrong))


def test_who_imports_by_name_is_known():
    by_name = {"importlib.import_module", "systems.build", "systems.load", "systems.module"}
    assert {module for module, file in sources().items() if by_name & calls(file)} - set(SHARED) == CHOOSERS


# -- stages of dvc.yaml ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Resolved:
    """A stage with parameters put in: `features@dcgan` has the group `features` and the key `dcgan`."""

    group: str
    key: str | None
    script: str
    deps: list[str]
    sections: list[str]  # of params.yaml
    params: dict[str, Any]  # all of them

    def __str__(self) -> str:
        return self.group if self.key is None else f"{self.group}@{self.key}"


@cache
def stages() -> list[Resolved]:
    """The stages of all profiles."""
    nodes = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    out = []
    for profile in PROFILES:
        params = yaml.safe_load((ROOT / profile).read_text())
        for group, node in nodes.items():
            over = _put_in(node["foreach"], params) if "foreach" in node else [None]
            for key in over:
                item = over[key] if isinstance(over, dict) else key
                stage = _put_in(node.get("do", node), {**params, "key": key, "item": item})
                sections = stage.get("params", [])
                out.append(Resolved(group, key, stage["cmd"].split()[1], stage["deps"], sections, params))
    return out


def _put_in(node: Any, values: dict[str, Any]) -> Any:
    """`node` with ${dotted.name} replaced by values; a text that is nothing else becomes the value itself."""
    if isinstance(node, dict):
        return {k: _put_in(v, values) for k, v in node.items()}
    if isinstance(node, list):
        return [_put_in(v, values) for v in node]
    if not isinstance(node, str):
        return node
    if whole := re.fullmatch(r"\$\{([^}]+)\}", node):
        return _value(values, whole[1])
    return re.sub(r"\$\{([^}]+)\}", lambda name: str(_value(values, name[1])), node)


def _value(node: Any, dotted: str) -> Any:
    for step in dotted.split("."):
        node = node[step]
    return node


# -- what they import --------------------------------------------------------------------------------------------


def used(stage: Resolved) -> set[str]:
    """The modules that decide the stage's result."""
    script = ROOT / stage.script
    parts = {PARTS[method] for method in _methods(script) & set(PARTS)}
    return closure(imported(script) | parts | chosen(stage))


def closure(start: set[str]) -> set[str]:
    """`start` and all that it imports, but for what is SHARED."""
    found, todo = set(), start - set(SHARED)
    while todo:
        found |= todo
        todo = {m for module in todo for m in imported(sources()[module])} - found - set(SHARED)
    return found


def chosen(stage: Resolved) -> set[str]:
    """Modules that a stage imports by a name from params.yaml, or by its own key."""
    params, key = stage.params, stage.key
    if stage.group == "prepare":
        data = params["data"][key]
        official = [f"triptych.data.sources.{data['official']['dataset']}"] if "official" in data else []
        return {f"triptych.data.drawn.{data['rendered']['renderer']}", *official}
    if stage.group == "inspect":
        return {f"triptych.data.checks.{key}"} & set(sources())  # some sets have no standard
    if stage.group == "pathologies":
        return {f"triptych.dcgan.studies.pathologies.{params['pathologies']['items'][key]['experiment']}"}
    table, names = _table(ROOT / stage.script), []
    if stage.group in ("traversals", "traversals_faces"):
        table, names = "shapes", params["traversals"]["sets"][key or "faces"]["systems"]
    elif stage.group == "beta_sweep":
        table, names = "shapes", ["beta_vae"]
    elif _methods(ROOT / stage.script) & {"build", "load"}:
        names = [key] if key else params[table]["systems"]
    return {f"{PACKAGES[table]}.{name}" for name in names}


def datasets(stage: Resolved) -> set[str]:
    """The datasets that a script names as a key of its protocol."""
    section = stage.params.get(_table(ROOT / stage.script), {})
    keys = re.findall(r"protocol\.(\w+)", (ROOT / stage.script).read_text())
    values = [section[key] for key in keys if isinstance(section.get(key), str)]
    return set(values) & set(stage.params["data"])


@cache
def sources() -> dict[str, Path]:
    """Module -> its file, without the files that are empty or hold a docstring alone."""
    root = ROOT / "src"
    modules = {f.relative_to(root).with_suffix("").parts: f for f in root.rglob("*.py") if f.stat().st_size}
    named = {".".join(parts).removesuffix(".__init__"): file for parts, file in modules.items()}
    return {name: file for name, file in named.items() if len(_tree(file).body) > 1}


@cache
def imported(file: Path) -> frozenset[str]:
    """Modules of ours that a file imports, with their packages; not what it imports for type checkers only."""
    names, todo = set(), [_tree(file)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            todo += node.orelse
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        todo += ast.iter_child_nodes(node)
    found = set()
    for name in names:
        parts = name.split(".")
        modules = [m for m in (".".join(parts[:n]) for n in range(1, len(parts) + 1)) if m in sources()]
        if modules and modules[-1] not in SHARED:  # else its package is not followed either
            found |= set(modules)
    return frozenset(found)


@cache
def calls(file: Path) -> frozenset[str]:
    """What a file calls, as it is written there."""
    return frozenset(ast.unparse(node.func) for node in ast.walk(_tree(file)) if isinstance(node, ast.Call))


def _methods(script: Path) -> set[str]:
    return {call.rsplit(".", 1)[1] for call in calls(script) if "." in call}


def _table(script: Path) -> str | None:
    """The table or study that a script makes its Stage of."""
    stage = re.search(r'\bStage\("(\w+)"', script.read_text())
    return stage and stage[1]


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def covers(dep: str, module: str) -> bool:
    return f"{_paths()[module]}/".startswith(f"{dep}/")


@cache
def _within(dep: str) -> set[str]:
    return {module for module in sources() if covers(dep, module)}


@cache
def _paths() -> dict[str, str]:
    return {module: file.relative_to(ROOT).as_posix() for module, file in sources().items()}
