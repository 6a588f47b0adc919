"""What a report takes from where: results, runs, the report before it; and what is said of damaged files."""

import json
import shutil

import pytest
from hand_made import SYSTEMS, picture, project, result

from triptych.base.files import FileError
from triptych.published import load
from triptych.report.build import build_report
from triptych.report.figures import Terms, stage_pictures
from triptych.report.formats import to_markdown
from triptych.report.keep import tell_cards
from triptych.report.load import histories, read_inputs
from triptych.report.page import what_was_run
from triptych.report.table import build_tables

HISTORY = "runs/objects/dcgan/features/history/seed1.jsonl"
KEPT = {"profile": "paper", "device": "NVIDIA H200", "seconds": 812.0, "precision": "bf16 autocast, TF32"}


@pytest.fixture
def root(tmp_path):
    return project(tmp_path)


def build(root, profile="laptop"):
    """The page."""
    return build_report(root, profile, root / "reports" / profile).read_text()


def tables(root, table="objects"):
    """As Markdown, as the report that would now be written in the place of the last one has them."""
    inputs = read_inputs(root, "laptop")
    tell_cards(inputs, root / "reports/laptop")
    return to_markdown(build_tables(load(table), inputs))


def test_rows_not_run_say_why(root):
    result(root, "view_invariant_kmeans", 0.5, profile="smoke")
    text = tables(root)
    assert "| mine | – | not run |" in text
    other = "Not run (its result is of profile 'smoke', not 'laptop'): view-invariant K-means (our reconstruction)."
    for line in (other, "Not run (not in params.yaml): ", "Not run (no result yet): tsvm, mine."):
        assert line in text


def test_notes_stand_once_below_tables_of_the_same_rows(root):
    """Shapes have several tables; the first two have the same notes, mark by mark."""
    first, second = build_tables(load("shapes"), read_inputs(root, "laptop"))[:2]
    assert first.notes == second.notes and first.notes
    above, below = to_markdown([first]), to_markdown([first, second])
    assert below.startswith(above) and below.endswith("Notes as above.\n")
    assert all(below.count(text) == 1 for _, text in first.notes)


def test_a_system_removed_from_the_parameters_is_no_row_though_its_file_is_there(root):
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("kmeans_1layer: {}, ", ""))
    inputs = read_inputs(root, "laptop")
    assert "kmeans_1layer" not in inputs.results["objects"] and "dcgan" in inputs.results["objects"]
    for row in ("real_photos", "cyclegan"):  # of the protocol; of a user who has removed it
        result(root, row, 0.5, table="streets")
    params.write_text(params.read_text() + "streets:\n  systems: {cogan: {}}\n")
    assert list(read_inputs(root, "laptop").results["streets"]) == ["real_photos"]


def test_rows_on_different_data_are_not_compared(root):
    """The best row on the user's data, the others on rendered: neither bold nor in the order."""
    result(root, "kmeans_1layer", 0.98, data="mine")
    text = tables(root)
    assert "98.0" in text and "neither ranked nor bold" in text and "**98.0" not in text and "**80.0" in text
    assert f"over {len(SYSTEMS) - 1} rows" in text


def test_rows_on_data_of_the_same_name_and_size_are_compared_by_their_cards(root):
    """The data were drawn with another seed before the best row was judged; then that run's files are gone."""
    for system in SYSTEMS:
        used = [{"role": "test", "name": "objects", "digest": "b" if system == "exemplar_cnn" else "a"}]
        run = root / "runs/objects" / system / "probe/run.json"
        run.parent.mkdir(parents=True)
        run.write_text(json.dumps({"results": [system], "datasets": used, "profile": "laptop"}))
    build(root)
    shutil.rmtree(root / "runs/objects/exemplar_cnn")
    for text in ((root / "reports/laptop/tables/objects.md").read_text(), tables(root)):
        assert "Judged on rendered objects (test, n=200), data " in text and "neither ranked nor bold" in text
        assert "80.0" in text and "**80.0" not in text and "**70.0" in text
        assert f"over {len(SYSTEMS) - 1} rows" in text
    result(root, "exemplar_cnn", 0.81)  # judged again, by nobody knows what: still not on what the others are
    assert "neither ranked nor bold" in tables(root)


def test_a_caption_begins_with_its_row_if_it_is_one_rows(root):
    terms = {"objects": Terms({"dcgan": "DCGAN + L2-SVM"}, {}, {})}
    named, unnamed = (stage_pictures(read_inputs(root, "laptop"), given)[-1] for given in (terms, {}))
    assert named.caption == f"DCGAN + L2-SVM: {unnamed.caption}" and unnamed.caption.startswith("Samples")


SAME = {"objects.costs": [0.001, 1], "objects.systems.dcgan.lr": 0.0001}


@pytest.mark.parametrize(
    "told, lends",
    [
        ({"profile": "laptop"}, True),
        ({"profile": "laptop", "params": {"objects.systems.dcgan.lr": 9}}, False),
        ({"profile": "laptop", "data": {"test": "rendered objects (test, n=7)"}}, False),
        ({"profile": "laptop", "status": "failed"}, False),
        (None, False),  # it has not ended
        ({"profile": "smoke", "params": {"objects.seeds": [0]}}, False),
        ({"profile": "smoke", "params": SAME}, True),  # not run again by DVC: the profile changes none of its values
        ({"profile": "smoke", "params": SAME | {"objects.systems.dcgan.lr": 0.1}}, False),
    ],
)
def test_a_run_lends_picture_curve_and_cost_to_the_numbers_that_it_is_of(root, told, lends):
    (root / "params.yaml").write_text("profile: laptop\nobjects:\n  costs: [1e-3, 1]\n  systems: {dcgan: {lr: 1e-4}}\n")
    run = root / "runs/objects/dcgan/features/run.json"
    run.unlink()
    if told is not None:
        run.write_text(json.dumps(told))
    inputs = read_inputs(root, "laptop")
    lent = (
        inputs.costs,
        "objects" in [p.group for p in stage_pictures(inputs, {})],
        histories(inputs, "objects", "dcgan"),
    )
    assert [bool(found) for found in lent] == [lends] * 3


def test_a_user_who_runs_one_row_again_keeps_the_pictures_and_costs_of_the_others(root):
    figures = root / "reports/laptop/figures"
    for name in ("stale.png", "stale.webp"):
        picture(figures / name)
    build(root)
    assert not list(figures.glob("stale*"))
    shutil.rmtree(root / "runs")
    shutil.rmtree(root / "outputs")
    kept = {"objects-dcgan-features-samples.webp", "curves-objects-dcgan.svg", "data-objects-sheet.webp"}
    page = build(root)
    assert kept <= {file.name for file in figures.iterdir()} and "Samples &lt;b&gt;of" in page and "2.2 min" in page
    result(root, "dcgan", 0.71)  # other numbers: the pictures and the cost are no longer theirs
    page = build(root)
    assert {file.name for file in figures.iterdir()} & kept == {"data-objects-sheet.webp"}
    assert "Samples &lt;b&gt;of" not in page and "2.2 min" not in page


def test_nothing_run_at_all(tmp_path):
    page = build(tmp_path)
    assert "Nothing of this table has been run yet." in page
    assert "ours (nothing run)" in page and "22.48" in page and "ρ" not in page


@pytest.mark.parametrize(
    ("change", "message"),
    [({"mean": "high"}, "mean"), ({"mean": None}, "mean"), ({"std": "low"}, "std"), ({"n": "two"}, "n"),
     ({"values": 0.5}, "values"), ({"values": ["a"]}, "values")],
)  # fmt: skip
def test_numbers_of_a_result_that_are_none_are_named(root, change, message):
    file = root / "results/objects/dcgan.json"
    result = json.loads(file.read_text())
    result["metrics"]["accuracy"] |= change
    file.write_text(json.dumps(result))
    with pytest.raises(FileError, match=rf"dcgan\.json is not a result.*\nmetrics\.accuracy\.{message}"):
        read_inputs(root, "laptop")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("results/objects/dcgan.json", '{"table": "objects",', r"results/objects/dcgan\.json is not valid JSON"),
        ("results/objects/dcgan.json", '{"profile": "laptop", "data": {}}',
         r"dcgan\.json is not a result; run its stage again:\nmetrics: missing"),
        (HISTORY, '{"step": 1, "metric": "a", "value": 1}\n' * 2 + "{half", r"seed1\.jsonl, line 3"),
        (HISTORY, '{"metric": "a", "value": 1}\n', r"seed1\.jsonl: .* is no row of a history"),
        (HISTORY, '{"step": 1, "metric": "a", "value": "low"}\n', r"seed1\.jsonl: .* is no row of a history"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_named_and_nothing_is_written(root, file, content, message):
    (root / file).write_text(content)
    with pytest.raises(FileError, match=message):
        build_report(root, "laptop", root / "out")
    assert not (root / "out").exists()


def test_paper_scale_results_have_their_own_column_and_report(root):
    result(root, "dcgan", 0.82, data="CIFAR-10", **KEPT)
    head = tables(root).splitlines()[2]
    assert "ours (paper), CIFAR-10" in head and "ours, rendered objects" in head
    told = what_was_run(load("objects"), read_inputs(root, "laptop"))[1]
    assert "Device: NVIDIA H200." in told and "Precision: bf16 autocast, TF32." in told
    build(root, "paper")
    text = (root / "reports/paper/tables/objects.md").read_text()
    assert "ours, CIFAR-10" in text and "82.0 (81.0, 83.0)" in text and "13.5 min" in text
    assert (root / "reports/paper/results/objects/dcgan.json").is_file()


def test_streets_are_printed_as_the_papers_four_tables_and_five_of_ours(tmp_path):
    result(tmp_path, "cyclegan", 0.4, table="streets", metric="to_photo/class_iou", data="rendered streets")
    text = tables(tmp_path, "streets")
    photo, labels, photo_losses, labels_losses, *ours = text.split("## ")[1:]
    assert "| CycleGAN | **0.52** |" in photo and "| CycleGAN | **0.58** |" in labels
    assert "| CycleGAN | 0.52 |" in photo_losses and "| GAN + forward cycle¹ | **0.55** |" in photo_losses
    assert "| CycleGAN | **0.58** |" in labels_losses
    assert "| GAN + backward cycle | 0.39 |" in text
    assert len(ours) == 5 and all("not in the paper" in table.splitlines()[0] for table in ours)
