"""The report as a whole, on small made-up results."""

import base64
import csv
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triptych.base.files import FileError
from triptych.base.results import write_result
from triptych.pipeline.history import add_rows, history_file
from triptych.report.build import build_report
from triptych.report.figures import Terms, stage_pictures
from triptych.report.load import read_inputs

SYSTEMS = {"kmeans_1layer": 0.6, "kmeans_3layer_rf": 0.5, "exemplar_cnn": 0.8, "dcgan": 0.7}


def result(root, system, value, table="objects", metric="accuracy", data="rendered objects", **kwargs):
    given = {"profile": "laptop", "seeds": [0, 1]} | kwargs
    folder = root / ("reports/paper/results" if given["profile"] == "paper" else "results")
    roles = {"train": f"{data} (train, n=500)", "test": f"{data} (test, n=200)"}
    metrics = {metric: [value - 0.01, value + 0.01]}
    file = folder / table / f"{system}.json"
    write_result(file, table=table, system=system, data=roles, metrics=metrics, **given)


def picture(file, size=(64, 48)):
    file.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(file)


@pytest.fixture
def root(tmp_path):
    return project(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A project whose report is built once, for tests that only look at it."""
    root = project(tmp_path_factory.mktemp("project"))
    build(root)
    return root / "reports" / "laptop"


def project(tmp_path):
    names = ", ".join(f"{name}: {{}}" for name in dict.fromkeys([*SYSTEMS, "dcgan", "tsvm", "mine"]))
    params = f"profile: laptop\nobjects:\n  systems: {{{names}}}\n".replace("dcgan: {}", "dcgan: {steps: 2600}")
    (tmp_path / "params.yaml").write_text(params)
    for system, value in SYSTEMS.items():
        result(tmp_path, system, value)
    run = tmp_path / "runs" / "objects" / "dcgan" / "features"
    run.mkdir(parents=True)
    for seed in (0, 1):
        add_rows(history_file(run, seed), [(step, "loss_d", 1 / (step + 1 + seed)) for step in range(9)])
    (run / "cost.json").write_text('{"seconds": 130.0, "device": "CPU", "precision": "float32"}')
    (run / "run.json").write_text('{"profile": "laptop", "params": {"objects.systems.dcgan.steps": 2600}}')
    out = tmp_path / "outputs"
    pictures = out / "objects" / "dcgan" / "features"
    picture(pictures / "samples.png")
    figures = [
        {"file": "samples.png", "caption": "Samples <b>of</b> DCGAN", "numbers": {"diversity_ratio": 0.81234}},
        {"file": "gone.png", "caption": "never made"},
    ]
    (pictures / "figures.json").write_text(json.dumps(figures))
    picture(out / "data" / "objects" / "sheet.png", (90, 70))
    standard = {"title": "rendered objects", "measures": {"raw pixels + SVM": 0.31}, "notes": ["Drawn."]}
    (out / "data" / "objects" / "standard.json").write_text(json.dumps(standard))
    return tmp_path


class Page(HTMLParser):
    """Text, image sources, ids and link targets of a page; asserts that tags close in order."""

    VOID = {"meta", "img", "br", "link", "input", "col", "hr"}

    def __init__(self, html):
        super().__init__()
        self.text, self.images, self.ids, self.targets, self.open = "", [], [], [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.images += [attrs["src"]] if tag == "img" else []
        self.targets += [attrs["href"]] if "href" in attrs else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def build(root, profile="laptop"):
    index = build_report(root, profile, root / "reports" / profile)
    return index, Page(index.read_text())


def test_page_is_self_contained_and_well_formed(built):
    page = Page((built / "index.html").read_text())
    assert page.images and all(src.startswith("data:image/webp;base64,") for src in page.images)
    inside = [target[1:] for target in page.targets if target.startswith("#")]
    assert len(inside) > 30 and set(inside) <= set(page.ids)
    assert all(target.startswith("http") for target in page.targets if not target.startswith("#"))
    assert len(page.ids) == len(set(page.ids))
    assert "DCGAN + L2-SVM: Samples <b>of</b> DCGAN" in page.text  # escaped, shown as written
    assert "never made" not in page.text
    assert "0.8123" in page.text and "raw pixels + SVM" in page.text


def test_ours_on_rendered_data_is_headed_so(built):
    text = (built / "tables/objects.md").read_text()
    head = text.splitlines()[2]
    assert "paper, CIFAR-10" in head and "ours, rendered objects" in head
    assert "only the order can be compared, not the values" in text


def test_rank_correlation_leaves_out_rows_that_were_not_run(built):
    page = Page((built / "index.html").read_text())
    # published 80.6 82.0 84.3 82.8 against ours .6 .5 .8 .7: ranks 1 2 4 3 and 2 1 4 3
    assert "accuracy, all labels: ρ = 0.80 over 4 rows" in page.text


def test_a_rows_settings_are_on_the_page_under_its_name(built):
    text = " ".join(Page((built / "index.html").read_text()).text.split())
    assert "Settings of every row" in text and "DCGAN + L2-SVM steps 2600" in text.replace("SVMsteps", "SVM steps")


def test_rows_not_run_say_why(root):
    result(root, "view_invariant_kmeans", 0.5, profile="smoke")
    build(root)
    text = (root / "reports/laptop/tables/objects.md").read_text()
    assert "| mine | – | not run |" in text
    assert (
        "Not run (its result is of profile 'smoke', not 'laptop'): view-invariant K-means (our reconstruction)." in text
    )
    assert "Not run (not in params.yaml): " in text
    assert "Not run (no result yet): tsvm, mine." in text


def test_a_system_removed_from_the_parameters_is_no_row_though_its_file_is_there(root):
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("kmeans_1layer: {}, ", ""))
    inputs = read_inputs(root, "laptop")
    assert "kmeans_1layer" not in inputs.results["objects"] and "dcgan" in inputs.results["objects"]
    reference = '{"profile": "laptop", "data": {"test": "x (test, n=1)"}, "metrics": {}}'
    (root / "results/streets").mkdir()
    for row in ("real_photos", "cyclegan"):
        (root / "results/streets" / f"{row}.json").write_text(reference)
    params.write_text(params.read_text() + "streets:\n  systems: {cogan: {}}\n")
    assert list(read_inputs(root, "laptop").results["streets"]) == ["real_photos"]


def test_rows_on_different_data_are_not_compared(root):
    """The best row on the user's data, the others on rendered: neither bold nor in the order."""
    file = root / "results/objects/kmeans_1layer.json"
    mine = json.loads(file.read_text())
    mine["data"] = {"test": "mine (test, n=9)"}
    mine["metrics"]["accuracy"]["mean"] = 0.999
    file.write_text(json.dumps(mine))
    build(root)
    text = (root / "reports/laptop/tables/objects.md").read_text()
    assert "99.9" in text and "neither ranked nor bold" in text and "**99.9" not in text and "**80.0" in text
    assert f"over {len(SYSTEMS) - 1} rows" in text


def test_rows_on_data_of_the_same_name_and_size_are_compared_by_their_cards(root):
    """The data were drawn with another seed before the best row was judged; then that run's files are gone."""
    for system in SYSTEMS:
        used = [{"role": "test", "name": "objects", "digest": "b" if system == "exemplar_cnn" else "a"}]
        run = root / "runs/objects" / system / "probe/run.json"
        run.parent.mkdir(parents=True)
        run.write_text(json.dumps({"results": [system], "datasets": used, "profile": "laptop"}))
    for _ in range(2):
        build(root)
        text = (root / "reports/laptop/tables/objects.md").read_text()
        assert "Judged on rendered objects (test, n=200), data " in text and "neither ranked nor bold" in text
        assert "80.0" in text and "**80.0" not in text and "**70.0" in text
        assert f"over {len(SYSTEMS) - 1} rows" in text
        shutil.rmtree(root / "runs/objects/exemplar_cnn")
        (root / "runs/objects/exemplar_cnn").mkdir()
    result(root, "exemplar_cnn", 0.81)  # judged again, by nobody knows what: still not on what the others are
    build(root)
    assert "neither ranked nor bold" in (root / "reports/laptop/tables/objects.md").read_text()


def test_csv_holds_raw_fractions(built):
    with open(built / "tables/objects.csv") as file:
        rows = {row["system"]: row for row in csv.DictReader(file)}
    dcgan = rows["dcgan"]
    assert [float(dcgan[f"accuracy/{part}"]) for part in ("paper", "mean", "n")] == [0.828, 0.7, 2]
    assert (dcgan["seconds"], dcgan["devices"], dcgan["status"]) == ("130.0", "CPU", "run")
    assert rows["raw_pixels"]["status"] == "not run" and rows["raw_pixels"]["accuracy/mean"] == ""


def test_latex_is_balanced_and_escaped(built):
    text = (built / "tables/objects.tex").read_text()
    assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}")
    assert r"accuracy, all labels (\%)" in text and "±" not in text and r"\textbf{84.3}" in text


def test_same_files_give_the_same_bytes(root):
    def contents(folder):
        return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    build_report(root, "laptop", root / "a")
    build_report(root, "laptop", root / "b")
    assert contents(root / "a") == contents(root / "b")


def test_the_pages_pictures_are_those_of_the_files(built):
    def pixels(data):
        image = Image.open(io.BytesIO(data)).convert("RGB")
        return image.size, image.tobytes()

    shown = {pixels(base64.b64decode(src.split(",")[1])) for src in Page((built / "index.html").read_text()).images}
    assert shown == {pixels(file.read_bytes()) for file in (built / "figures").glob("*.webp")}


def test_the_shipped_report_is_small_enough_for_git():
    folder = Path(__file__).parents[2] / "reports/laptop"
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 50 and sum(file.stat().st_size for file in files) < 20_000_000
    assert (folder / "index.html").stat().st_size < 12_000_000  # the page carries its pictures


def test_figures_stay_small(root):
    folder = root / "outputs" / "arithmetic" / "faces" / "arithmetic"  # a stage's own folder below the item
    picture(folder / "walk.png", (700, 500))  # noise: 1 MB as PNG
    index = folder / "figures.json"
    index.write_text('[{"file": "walk.png", "caption": "A walk"}]')
    run = root / "runs" / "arithmetic" / "faces" / "arithmetic"
    run.mkdir(parents=True)
    (run / "run.json").write_text('{"profile": "laptop"}')
    build(root)
    files = list((root / "reports/laptop/figures").glob("*.webp"))
    assert {"arithmetic-faces-arithmetic-walk.webp", "data-objects-sheet.webp"} <= {f.name for f in files}
    assert all(f.stat().st_size < 300_000 for f in files)


def test_a_caption_begins_with_its_row_if_it_is_one_rows(root):
    terms = {"objects": Terms({"dcgan": "DCGAN + L2-SVM"}, {}, {})}
    (named,) = stage_pictures(read_inputs(root, "laptop"), terms)
    (unnamed,) = stage_pictures(read_inputs(root, "laptop"), {})
    assert named.caption == f"DCGAN + L2-SVM: {unnamed.caption}" and unnamed.caption.startswith("Samples")


def test_curves_pictures_and_costs_are_of_the_reports_profile(root):
    run = root / "runs/objects/dcgan/features/run.json"
    figures = root / "reports/laptop/figures"
    files = {"curves-objects-dcgan.svg", "objects-dcgan-features-samples.webp"}

    def seen(told):
        run.unlink(missing_ok=True)
        if told is not None:
            run.write_text(json.dumps(told))
        shutil.rmtree(root / "reports", ignore_errors=True)
        build(root)
        with open(root / "reports/laptop/tables/objects.csv") as file:
            seconds = {row["system"]: row.get("seconds", "") for row in csv.DictReader(file)}["dcgan"]
        return {f.name for f in figures.iterdir()} & files, seconds

    assert seen({"profile": "laptop"}) == (files, "130.0")
    assert seen({"profile": "smoke", "params": {"objects.seeds": [0]}}) == (set(), "")
    assert seen(None) == (set(), "")  # a run that has not ended
    # not run again by DVC, since the profile changes none of its values
    file = root / "params.yaml"
    file.write_text("profile: laptop\nobjects:\n  costs: [1e-3, 1]\n  systems: {dcgan: {lr: 1e-4}}\n")
    same = {"objects.costs": [0.001, 1], "objects.systems.dcgan.lr": 0.0001}
    assert seen({"profile": "smoke", "params": same}) == (files, "130.0")
    assert seen({"profile": "smoke", "params": same | {"objects.systems.dcgan.lr": 0.1}}) == (set(), "")


def test_the_precision_is_named(built, root):
    assert "Precision: float32." in Page((built / "index.html").read_text()).text
    kept = {"profile": "paper", "device": "H200", "seconds": 1.0, "precision": "bf16 autocast, TF32"}
    result(root, "dcgan", 0.82, data="CIFAR-10", **kept)
    assert "Precision: bf16 autocast, TF32." in build(root)[1].text


def test_a_user_who_runs_one_row_again_keeps_the_pictures_and_costs_of_the_others(root):
    build(root)
    shutil.rmtree(root / "runs")
    shutil.rmtree(root / "outputs")
    figures = root / "reports/laptop/figures"
    kept = {"objects-dcgan-features-samples.webp", "curves-objects-dcgan.svg", "data-objects-sheet.webp"}
    page = build(root)[1].text
    assert kept <= {file.name for file in figures.iterdir()} and "Samples <b>of</b> DCGAN" in page and "2.2 min" in page
    result(root, "dcgan", 0.71)  # other numbers: the pictures and the cost are no longer theirs
    page = build(root)[1].text
    assert {file.name for file in figures.iterdir()} & kept == {"data-objects-sheet.webp"}
    assert "Samples <b>of</b> DCGAN" not in page and "2.2 min" not in page


@pytest.mark.parametrize(
    "change",
    [
        {"params": {"objects.systems.dcgan.steps": 9}},
        {"data": {"test": "rendered objects (test, n=7)"}},
    ],
)
def test_a_run_with_other_values_or_data_lends_nothing_to_the_numbers_shown(root, change):
    run = root / "runs/objects/dcgan/features/run.json"
    run.write_text(json.dumps({"profile": "laptop"} | change))
    assert read_inputs(root, "laptop").costs == {}


def test_what_came_out_is_said_first_and_in_the_readme(built):
    page = Page((built / "index.html").read_text())
    assert page.text.index("What came out") < page.text.index("The claim.")
    readme = (built / "README.md").read_text()
    for text in (page.text, readme):
        assert "Features of a DCGAN that never saw the data set" in text and "not run" in text
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert len(links) > 10 and all((built / link).is_file() for link in links)


def test_notes_are_links_and_lead_back(built):
    page = Page((built / "index.html").read_text())
    notes = [i for i in page.ids if i.startswith("note-")]
    assert notes and all(f"#{i}" in page.targets and f"#{i.replace('note', 'ref', 1)}" in page.targets for i in notes)


def test_an_old_figure_does_not_linger(root):
    stale = [root / "reports/laptop/figures" / name for name in ("stale.png", "stale.webp")]
    for file in stale:
        picture(file)
    build(root)
    assert not any(file.exists() for file in stale)


def test_nothing_run_at_all(tmp_path):
    _, page = build(tmp_path)
    assert "Nothing of this table has been run yet." in page.text
    assert "ours (nothing run)" in page.text and "22.48" in page.text and "ρ" not in page.text


def test_a_corrupt_result_is_named(root):
    (root / "results/objects/dcgan.json").write_text('{"table": "objects",')
    with pytest.raises(FileError, match=r"results/objects/dcgan\.json is not valid JSON"):
        build(root)


def test_a_result_that_lacks_its_metrics_is_named(root):
    (root / "results/objects/dcgan.json").write_text('{"profile": "laptop", "data": {}}')
    with pytest.raises(FileError, match=r"dcgan\.json is not a result; run its stage again:\nmetrics: missing"):
        build(root)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"mean": "high"}, "mean"), ({"mean": None}, "mean"), ({"std": "low"}, "std"), ({"n": "two"}, "n"),
     ({"values": 0.5}, "values"), ({"values": ["a"]}, "values")],
)  # fmt: skip
def test_numbers_of_a_result_that_are_none_are_named(root, wrong, message):
    file = root / "results/objects/dcgan.json"
    result = json.loads(file.read_text())
    result["metrics"]["accuracy"] |= wrong
    file.write_text(json.dumps(result))
    with pytest.raises(FileError, match=rf"dcgan\.json is not a result.*\nmetrics\.accuracy\.{message}"):
        build(root)


def test_nothing_is_written_if_something_is_damaged(root, tmp_path):
    file = root / "runs/objects/dcgan/features/history/seed1.jsonl"
    file.write_text(file.read_text() + "{half")
    with pytest.raises(FileError):
        build_report(root, "laptop", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("row", [{"metric": "a", "value": 1}, {"step": 1, "metric": "a", "value": "low"}])
def test_a_history_of_something_else_is_named(root, row):
    file = root / "runs/objects/dcgan/features/history/seed1.jsonl"
    file.write_text(file.read_text() + json.dumps(row) + "\n")
    with pytest.raises(FileError, match=r"seed1\.jsonl: .* is no row of a history"):
        build(root)


def test_a_corrupt_history_is_named_with_its_line(root):
    file = root / "runs/objects/dcgan/features/history/seed1.jsonl"
    file.write_text(file.read_text() + "{half")
    with pytest.raises(FileError, match=r"seed1\.jsonl, line 10"):
        build(root)


def test_paper_scale_results_have_their_own_column(root):
    kept = {"profile": "paper", "device": "NVIDIA H200", "seconds": 812.0, "params": {}}
    result(root, "dcgan", 0.82, data="CIFAR-10", **kept)
    _, page = build(root)
    head = (root / "reports/laptop/tables/objects.md").read_text().splitlines()[2]
    assert "ours, kept, CIFAR-10" in head and "ours, rendered objects" in head
    assert "Device: NVIDIA H200" in page.text


def test_the_paper_profile_reports_what_is_kept_and_leaves_it_alone(root):
    kept = {"profile": "paper", "device": "NVIDIA H200", "seconds": 812.0, "params": {}}
    result(root, "dcgan", 0.82, data="CIFAR-10", **kept)
    build(root, "paper")
    text = (root / "reports/paper/tables/objects.md").read_text()
    assert "ours, CIFAR-10" in text and "82.0 (81.0, 83.0)" in text and "13.5 min" in text
    assert (root / "reports/paper/results/objects/dcgan.json").is_file()


def test_streets_are_printed_as_the_papers_four_tables_and_five_of_ours(tmp_path):
    result(tmp_path, "cyclegan", 0.4, table="streets", metric="to_photo/class_iou", data="rendered streets")
    build(tmp_path)
    text = (tmp_path / "reports/laptop/tables/streets.md").read_text()
    photo, labels, photo_losses, labels_losses, *ours = text.split("## ")[1:]
    assert "| CycleGAN | **0.52** |" in photo and "| CycleGAN | **0.58** |" in labels
    assert "| CycleGAN | 0.52 |" in photo_losses and "| GAN + forward cycle¹ | **0.55** |" in photo_losses
    assert "| CycleGAN | **0.58** |" in labels_losses
    assert "| GAN + backward cycle | 0.39 |" in text
    assert len(ours) == 5 and all("not in the paper" in table.splitlines()[0] for table in ours)
