from pathlib import Path

import pytest

from triptych.published.claims import load_claims
from triptych.report.chance import portable_table, replicate_table
from triptych.report.findings import END, START, blocks, filled, verdict_table

ROOT = Path(__file__).parents[2]


def test_a_page_is_filled_as_often_as_one_likes():
    start = START.format("verdicts")
    page = f"before\n\n{start}\nold\n{END}\n\nafter\n"
    once = filled(page, "new")
    assert once == f"before\n\n{start}\n\nnew\n\n{END}\n\nafter\n"
    assert filled(once, "new") == once
    filled((ROOT / "docs/findings.md").read_text(encoding="utf-8"), "new")
    with pytest.raises(ValueError, match="no block"):
        filled("before", "new")


def test_every_claim_has_a_line_even_if_nothing_was_run():
    lines = verdict_table({}).splitlines()
    told = [line for line in lines if "**not run**" in line]
    assert len(told) == len(load_claims().claims)
    assert {line.count(" | ") for line in lines if line} == {4}


def test_the_pages_in_git_tell_of_the_results_in_git():
    for (page, mark), block in blocks(ROOT).items():
        told = (ROOT / page).read_text(encoding="utf-8").partition(START.format(mark))[2].partition(END)[0]
        assert told.strip() == block, f"{page}: run `python -m triptych.report.findings`"


def test_what_a_perturbation_moves_is_told_in_the_tables_units():
    accuracy = {"as it is": 0.701, "perturbed": 0.721, "between seeds": 0.01}
    metrics = {"accuracy": accuracy, "accuracy_few": accuracy | {"between seeds": None}}
    _, _, first, second, _, last = replicate_table([{"row": "objects/dcgan", "metrics": metrics}]).splitlines()
    assert first.endswith("| 70.1 % | 72.1 % | 2.0 % | 1.0 % |") and second.endswith("| 2.0 % | – |")
    assert last.startswith("In 1 of 1 lines")


def test_machines_are_compared_row_by_row():
    def entry(cpu, portable, ordinary=None):
        modes = {"portable": portable} | ({"ordinary": ordinary} if ordinary else {})
        rows = {"shapes/pca": {m: {"weights": w, "result": r} for m, (w, r) in modes.items()}}
        told = {"cpu": cpu, "instructions": "AVX512"}
        return {"machine": told, "seconds": {"portable": 9, "ordinary": 3}, "rows": rows}

    others = [entry("B", "ab", "xy"), entry("C", "ax")]
    head, _, row, _, cost = portable_table([entry("A", "ab", "cd"), *others]).splitlines()
    assert head == "| beside A, AVX512 | B: portable | B: ordinary | C: portable |"
    assert row == "| `shapes/pca` | the same bytes | other bytes | the same weights, another result |"
    assert cost.startswith("On A: 9 s in the portable mode, 3 s without")
    with pytest.raises(ValueError, match="triptych portable --record"):
        portable_table([])
