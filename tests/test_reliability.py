"""docs/reliability.md says what the campaign counted."""

import json

import pytest

from campaign import tables
from campaign.trials import FIGURES, Trial, campaign, summary

LEAST = {"malformed": 200, "killed": 40, "starved": 30, "hostile": 30, "loaded": 3}


def test_the_page_has_the_figures_of_the_file():
    page = tables.PAGE.read_text(encoding="utf-8")
    assert tables.filled(page) == page, "python -m tests.campaign writes it"


def test_what_was_tried_was_tried_often_enough():
    counted = json.loads(FIGURES.read_text(encoding="utf-8"))
    assert set(counted) <= set(LEAST)
    for part, figures in counted.items():
        kinds = figures["kinds"].values()
        assert sum(kind["tried"] for kind in kinds) + figures.get("left", 0) >= LEAST[part]
        assert all(kind["tried"] == kind["right"] + len(kind["wrong"]) for kind in kinds)


def test_a_campaign_that_was_ended_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("campaign.trials.BEGUN", tmp_path)
    monkeypatch.setattr("campaign.trials.FIGURES", tmp_path / "figures.json")
    ran = []

    def end(folder):
        raise KeyboardInterrupt

    def note(folder):
        ran.append(folder)
        return "" if len(ran) == 1 else {"wrong": "it broke", "s": 3}

    with pytest.raises(KeyboardInterrupt):
        campaign("part", [Trial("a", "first", note), Trial("a", "second", end)])
    assert json.loads((tmp_path / "figures.json").read_text())["part"]["left"] == 1
    figures = campaign("part", [Trial("a", "first", note), Trial("a", "second", note)])
    assert len(ran) == 2 and figures["kinds"]["a"] == {
        "tried": 2, "right": 1, "wrong": {"second": "it broke"}, "figures": {"second": {"s": 3}},
    }  # fmt: skip
    written = json.loads((tmp_path / "figures.json").read_text())["part"]
    assert written == {**figures, "left": 0}
    assert "| a | 2 | 1 | 1 |" in tables.table(written) and "second: it broke" in tables.table(written)


def test_a_trial_that_breaks_counts_as_one_that_failed():
    def broken(folder):
        raise ValueError("no")

    assert campaign("part", [Trial("a", "b", broken)], only=".")["kinds"]["a"]["wrong"] == {"b": "ValueError: no"}
    assert summary([])["kinds"] == {}
