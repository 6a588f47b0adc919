from pathlib import Path

import pytest

from triptych.published.claims import load_claims
from triptych.report.findings import END, START, filled, headlines, verdict_table
from triptych.report.load import read_inputs


def test_a_page_is_filled_as_often_as_one_likes():
    page = f"before\n\n{START}\nold\n{END}\n\nafter\n"
    once = filled(page, "new")
    assert once == f"before\n\n{START}\n\nnew\n\n{END}\n\nafter\n"
    assert filled(once, "new") == once
    filled((Path(__file__).parents[2] / "docs/findings.md").read_text(encoding="utf-8"), "new")
    with pytest.raises(ValueError, match="no block"):
        filled("before", "new")


def test_every_claim_has_a_line_even_if_nothing_was_run():
    lines = verdict_table({}).splitlines()
    told = [line for line in lines if "**not run**" in line]
    assert len(told) == len(load_claims().claims)
    assert {line.count(" | ") for line in lines if line} == {4}


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("page", "table"), [("README.md", headlines), ("docs/findings.md", verdict_table)])
def test_the_pages_in_git_tell_of_the_results_in_git(page, table):
    block = (ROOT / page).read_text(encoding="utf-8").partition(START)[2].partition(END)[0]
    assert block.strip() == table(read_inputs(ROOT, "laptop").results), "run `python -m triptych.report.findings`"
