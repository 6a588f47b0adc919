"""`triptych released`: its parameters, what it tells, and what it says without a network."""

from pathlib import Path

import pytest

from triptych.base.errors import UserError
from triptych.pipeline import released
from triptych.pipeline.params import load_params
from triptych.published import load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def project(monkeypatch):
    monkeypatch.setenv("TRIPTYCH_ROOT", str(ROOT))


def test_both_rows_are_judged_on_cifar10_as_the_paper_does(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(released, "run_chains", lambda folder, chains: asked.extend(chains) or ["done"] * len(chains))
    number = {"metrics": {"accuracy": {"mean": 0.81}, "accuracy_few": {"mean": 0.72}}}
    monkeypatch.setattr(released, "read_json", lambda file: number)
    first, second = released.run_released(tmp_path)
    told = "all labels and 400 a class: 81.0 %, 72.0 %; the paper's DCGAN: 82.8 %, 73.8 %"
    assert [first, second] == [f"dcgan_released, {told}", f"dcgan_untrained, {told}"]
    paper = load("objects").systems["dcgan"].values
    assert {metric: 100 * paper[metric].value for metric in released.PAPER} == pytest.approx(released.PAPER)
    assert [chain[-1] for chain in asked] == ["prepare objects", "probe dcgan_released", "probe dcgan_untrained"]
    params = load_params(tmp_path / "params.yaml")
    assert params.data["objects"].source == "torchvision" and params.tables["objects"].protocol.probe.per_class == 400
    rows = params.tables["objects"].systems
    assert rows["dcgan_released"].weights is None and rows["dcgan_untrained"].width == 128


@pytest.mark.slow
def test_without_a_network_it_says_what_to_put_where(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setitem(released.CHANGES, "data.objects.torchvision.root", "nothing_here")
    with pytest.raises(UserError, match=r"stage 'prepare objects' failed:\s+error: cannot download .*cifar-10-python"):
        list(released.run_released(tmp_path))
