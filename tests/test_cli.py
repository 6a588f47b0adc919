"""The command line: what it prints, and its exit status."""

import pytest

from triptych.cli import main
from triptych.tracking import sync as tracking


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert all(command in text for command in ("check", "report", "sync-mlflow"))


def test_a_command_is_required(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2


def test_report_takes_the_profile_of_params(tmp_path, capsys):
    (tmp_path / "params.yaml").write_text("profile: smoke\n")
    assert main(["report", "--root", str(tmp_path)]) == 0
    assert (tmp_path / "reports/smoke/index.html").is_file()
    assert capsys.readouterr().out.strip().endswith("reports/smoke/index.html")


@pytest.mark.parametrize(("text", "message"), [(None, "say --profile"), ("data: {}\n", "profile: missing")])
def test_report_without_a_profile_says_so(tmp_path, capsys, text, message):
    if text is not None:
        (tmp_path / "params.yaml").write_text(text)
    assert main(["report", "--root", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_corrupt_result_is_one_message(tmp_path, capsys):
    (tmp_path / "params.yaml").write_text("profile: smoke\n")
    (tmp_path / "results/objects").mkdir(parents=True)
    (tmp_path / "results/objects/dcgan.json").write_text("{")
    assert main(["report", "--root", str(tmp_path)]) == 2
    assert "dcgan.json is not valid JSON" in capsys.readouterr().err


def test_check_names_the_wrong_key(tmp_path, capsys):
    file = tmp_path / "params.yaml"
    file.write_text("profile: laptop\nno_such_table: {}\n")
    assert main(["check", str(file)]) == 2
    assert "no_such_table" in capsys.readouterr().err


def test_sync_counts_the_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tracking, "sync", lambda root, uri: 1)
    assert main(["sync-mlflow", "--root", str(tmp_path / "mistyped")]) == 2
    assert "no params.yaml" in capsys.readouterr().err and not (tmp_path / "mistyped").exists()
    (tmp_path / "params.yaml").write_text("profile: laptop\n")
    assert main(["sync-mlflow", "--root", str(tmp_path), "--uri", "sqlite:///x.db"]) == 0
    assert capsys.readouterr().out == "sqlite:///x.db: 1 run added\n"


def test_a_server_that_does_not_answer_is_one_message(tmp_path, capsys):
    (tmp_path / "params.yaml").write_text("profile: laptop\n")
    (tmp_path / "results/objects").mkdir(parents=True)
    row = '{"profile": "laptop", "data": {}, "metrics": {}}'
    (tmp_path / "results/objects/dcgan.json").write_text(row)
    assert main(["sync-mlflow", "--root", str(tmp_path), "--uri", "http://127.0.0.1:9"]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "MLflow at http://127.0.0.1:9 failed" in line]
    assert "Traceback" not in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["report", "--profile", "../x"], "--profile ../x: must be a name"),
     (["report", "--out", "params.yaml"], "a file"), (["ui", "--port", "70000"], "'70000'"),
     (["replicate", "objects/dcgan", "--relative", "nan"], "'nan'")],
)  # fmt: skip
def test_arguments_that_cannot_be_end_before_any_work(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("profile: smoke\n")
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    assert status == 2 and message in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["params.yaml"]
