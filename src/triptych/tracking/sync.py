"""Filling an MLflow store from files (see `triptych.tracking.run.sync`)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triptych.base.files import read_json, read_jsonl
from triptych.pipeline.registry import TABLES
from triptych.tracking import store as _mlflow
from triptych.tracking.run import curve_name, flatten

WAITING = "mlflow.db.waiting"  # holds a small copy of the project's tree for each run that no store has seen yet


@dataclass
class Record:
    """A run to be: one execution of a stage, or a result whose stage left no files."""

    experiment: str
    run_name: str
    digest: str
    tags: dict[str, str]
    params: dict[str, Any]
    datasets: dict[str, Any]
    metrics: dict[str, Any]
    history: Path | None = None
    seconds: float = 0.0
    ended: float = 0.0
    artifacts: list[Path] = field(default_factory=list)


def records(root: Path) -> list[Record]:
    """Every run that the files under `root` tell of, sorted by path."""
    found, judged = [], set()
    for file in sorted(root.glob("runs/*/*/*/run.json")):
        record = _from_stage(root, file.parent)
        found.append(record)
        if record.metrics:
            judged.add((record.experiment, record.run_name))
    for file in sorted(root.glob("results/*/*.json")):
        if (file.parent.name, file.stem) not in judged:
            found.append(_from_result(root, file, "result"))
    found += [_from_result(root, f, "paper_result") for f in sorted(root.glob("reports/paper/results/*/*.json"))]
    return found


def _from_stage(root: Path, folder: Path) -> Record:
    table, system, stage = folder.parts[-3:]
    run = read_json(folder / "run.json")
    cost = read_json(folder / "cost.json") if (folder / "cost.json").is_file() else {}
    result = root / "results" / table / f"{system}.json"
    alone = len(list(folder.parent.glob("*/run.json"))) == 1  # a study's item has one stage
    judge = TABLES[table].judges if table in TABLES else stage if alone else None
    judges = stage == judge and result.is_file()
    return Record(
        experiment=table,
        run_name=system,
        digest=_mlflow.folder_hash(folder),
        tags=_tags(run, stage) | {k: str(v) for k, v in cost.items() if k in {"device", "seconds", "torch"}},
        params=run.get("params", {}),
        datasets=run.get("data", {}),
        metrics=read_json(result)["metrics"] if judges else {},
        history=folder / "history.jsonl",
        seconds=float(cost.get("seconds", 0.0)),
        ended=(folder / "run.json").stat().st_mtime,
        artifacts=sorted((root / "outputs" / table / system).rglob("*.png")) if judges else [],
    )


def _from_result(root: Path, file: Path, stage: str) -> Record:
    result = read_json(file)
    return Record(
        experiment=file.parent.name,
        run_name=file.stem,
        digest=_mlflow.files_hash([file]),
        tags=_tags(result, stage) | {k: str(result[k]) for k in ("device", "seconds") if k in result},
        params=result.get("params", {}),
        datasets=result.get("data", {}),
        metrics=result["metrics"],
        seconds=float(result.get("seconds", 0.0)),
        ended=file.stat().st_mtime,
        artifacts=sorted((root / "outputs" / file.parent.name / file.stem).rglob("*.png")) if stage == "result" else [],
    )


def _tags(run: dict[str, Any], stage: str) -> dict[str, str]:
    """Tags as a live run has them, from a run.json or a result."""
    tags = {"stage": stage, "profile": str(run.get("profile", ""))}
    if data := run.get("data"):
        tags["data_source"] = str(data.get("test") or next(iter(data.values())))
    return tags | {k: str(v) for k, v in run.get("tags", {}).items()}


def leave(folder: Path, judged: bool) -> None:
    """Keep the files of the run in runs/<table>/<system>/<stage>/ for the next `sync_files`, also when the stage is
    executed again before it. `judged`: the numbers in results/ are this run's."""
    table, system, stage = folder.parts[-3:]
    root, digest = folder.parents[3], _mlflow.folder_hash(folder)
    copy, part = root / WAITING / digest, root / WAITING / f"{digest}.part"
    if copy.is_dir():
        return
    shutil.rmtree(part, ignore_errors=True)
    files = [folder / name for name in _mlflow.STAGE_FILES]
    if judged:
        files += [root / "results" / table / f"{system}.json", *(root / "outputs" / table / system).rglob("*.png")]
    for file in filter(Path.is_file, files):
        target = part / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    part.rename(copy)


def sync_files(root: Path, uri: str) -> int:
    """See `triptych.tracking.run.sync`."""
    added = 0
    connect = _mlflow.import_client()
    with _mlflow.store_lock(uri):  # another sync may have sent what waited
        waiting = sorted(p for p in (root / WAITING).glob("*") if not p.suffix)
        found = [record for tree in (*waiting, root) for record in records(tree)]
        client = connect(uri)
        for table in dict.fromkeys(record.experiment for record in found):
            experiment = _mlflow.experiment_id(client, table)
            _mlflow.fail_the_dead(client, experiment)
            known = _known(client, experiment)
            for record in found:
                if record.experiment == table and record.digest not in known:
                    _add(client, experiment, record)
                    known.add(record.digest)
                    added += 1
        for tree in waiting:
            shutil.rmtree(tree, ignore_errors=True)  # what stays is known by its hash
    return added


def _known(client: Any, experiment: str) -> set[str]:
    """Hashes of the runs that ended well."""
    hashes: set[str] = set()
    token = None
    while True:
        page = client.search_runs([experiment], "attributes.status = 'FINISHED'", page_token=token)
        hashes |= {run.data.tags.get("triptych.hash", "") for run in page}
        token = page.token
        if not token:
            return hashes


def _add(client: Any, experiment: str, record: Record) -> None:
    began, ended = int((record.ended - record.seconds) * 1000), int(record.ended * 1000)
    tags = {k: v[: _mlflow.MAX_TAG] for k, v in record.tags.items()} | {"triptych.synced": "true"}
    run_id = client.create_run(experiment, began, tags, record.run_name).info.run_id
    try:
        _mlflow.log_params(client, run_id, flatten(record.params))
        _mlflow.log_datasets(client, run_id, record.datasets)
        _mlflow.log_points(client, run_id, _points(record.history, began / 1000))
        final = [(k, v, 0, record.ended) for k, v in _mlflow.numbers(record.metrics).items()]
        _mlflow.log_points(client, run_id, final)
        for file in record.artifacts:
            client.log_artifact(run_id, str(file))
        client.set_tag(run_id, "triptych.hash", record.digest)
        client.set_terminated(run_id, "FINISHED", ended)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise


def _points(history: Path | None, when: float) -> list[tuple[str, float, int, float]]:
    rows = read_jsonl(history) if history else []
    return [(curve_name(r["metric"], r["seed"]), float(r["value"]), int(r["step"]), when) for r in rows]
