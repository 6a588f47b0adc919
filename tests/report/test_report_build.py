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
from triptych.published import load
from triptych.report.build import build_report
from triptych.report.figures import Terms, stage_pictures
from triptych.report.formats import to_markdown
from triptych.report.keep import tell_cards
from triptych.report.load import histories, read_inputs
from triptych.report.page import what_was_run
from triptych.report.table import build_tables

SYSTEMS = {"kmeans_1layer": 0.6, "kmeans_3layer_rf": 0.5, "exemplar_cnn": 0.8, "dcgan": 0.7}
HISTORY = "runs/objects/dcgan/features/history/seed1.jsonl"
KEPT = {"profile": "paper", "device": "NVIDIA H200", "seconds": 812.0, "precision": "bf16 autocast, TF32"}


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
    build_report(root, "laptop", root / "reports/laptop")
    return root / "reports/laptop"


@pytest.fixture(scope="module")
def page(built):
    return Page((built / "index.html").read_text())


def project(root):
    names = ", ".join(f"{name}: {{}}" for name in [*SYSTEMS, "tsvm", "mine"])
    params = f"profile: laptop\nobjects:\n  systems: {{{names}}}\n".replace("dcgan: {}", "dcgan: {steps: 2600}")
    (root / "params.yaml").write_text(params)
    for system, value in SYSTEMS.items():
        result(root, system, value)
    run = root / "runs/objects/dcgan/features"
    run.mkdir(parents=True)
    for seed in (0, 1):
        add_rows(history_file(run, seed), [(step, "loss_d", 1 / (step + 1 + seed)) for step in range(9)])
    (run / "cost.json").write_text('{"seconds": 130.0, "device": "CPU", "precision": "float32"}')
    (run / "run.json").write_text('{"profile": "laptop", "params": {"objects.systems.dcgan.steps": 2600}}')
    samples = {"file": "samples.png", "caption": "Samples <b>of</b> DCGAN", "numbers": {"diversity_ratio": 0.81234}}
    figures(root / "outputs/objects/dcgan/features", samples, {"file": "gone.png", "caption": "never made"})
    walk = root / "runs/arithmetic/faces/arithmetic"  # a stage's own folder below the item
    walk.mkdir(parents=True)
    (walk / "run.json").write_text('{"profile": "laptop"}')
    figures(root / "outputs/arithmetic/faces/arithmetic", {"file": "walk.png", "caption": "A walk"})
    picture(root / "outputs/data/objects/sheet.png", (90, 70))
    standard = {"title": "rendered objects", "measures": {"raw pixels + SVM": 0.31}, "notes": ["Drawn."]}
    (root / "outputs/data/objects/standard.json").write_text(json.dumps(standard))
    return root


def figures(folder, *entries):
    picture(folder / entries[0]["file"])
    (folder / "figures.json").write_text(json.dumps(entries))


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
    return Page(build_report(root, profile, root / "reports" / profile).read_text())


def tables(root, table="objects"):
    """As Markdown, as the report that would now be written in the place of the last one has them."""
    inputs = read_inputs(root, "laptop")
    tell_cards(inputs, root / "reports/laptop")
    return to_markdown(build_tables(load(table), inputs))


def test_page_is_self_contained_and_well_formed(page):
    assert page.images and all(src.startswith("data:image/webp;base64,") for src in page.images)
    inside = [target[1:] for target in page.targets if target.startswith("#")]
    assert len(inside) > 30 and set(inside) <= set(page.ids)
    assert all(target.startswith("http") for target in page.targets if not target.startswith("#"))
    assert len(page.ids) == len(set(page.ids))
    notes = [i for i in page.ids if i.startswith("note-")]
    assert notes and all(f"#{i}" in page.targets and f"#{i.replace('note', 'ref', 1)}" in page.targets for i in notes)


def test_what_the_page_tells(page):
    assert "DCGAN + L2-SVM: Samples <b>of</b> DCGAN" in page.text  # escaped, shown as written
    assert "never made" not in page.text
    assert "0.8123" in page.text and "raw pixels + SVM" in page.text
    # published 80.6 82.0 84.3 82.8 against ours .6 .5 .8 .7: ranks 1 2 4 3 and 2 1 4 3; rows not run are left out
    assert "accuracy, all labels: ρ = 0.80 over 4 rows" in page.text
    text = " ".join(page.text.split())
    assert "Settings of every row" in text and "DCGAN + L2-SVM steps 2600" in text.replace("SVMsteps", "SVM steps")
    assert "Precision: float32." in text


def test_ours_on_rendered_data_is_headed_so(built):
    text = (built / "tables/objects.md").read_text()
    head = text.splitlines()[2]
    assert "paper, CIFAR-10" in head and "ours, rendered objects" in head
    assert "only the order can be compared, not the values" in text


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


def test_same_files_give_the_same_bytes(built, tmp_path):
    def contents(folder):
        return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    build_report(built.parents[1], "laptop", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(built)


def test_the_pages_pictures_are_those_of_the_files(built, page):
    def pixels(data):
        image = Image.open(io.BytesIO(data)).convert("RGB")
        return image.size, image.tobytes()

    files = {file.name: pixels(file.read_bytes()) for file in (built / "figures").glob("*.webp")}
    assert {"arithmetic-faces-arithmetic-walk.webp", "data-objects-sheet.webp"} <= set(files)
    assert {pixels(base64.b64decode(src.split(",")[1])) for src in page.images} == set(files.values())


def test_the_shipped_report_is_small_enough_for_git():
    folder = Path(__file__).parents[2] / "reports/laptop"
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 50 and sum(file.stat().st_size for file in files) < 20_000_000
    assert (folder / "index.html").stat().st_size < 12_000_000  # the page carries its pictures


def test_what_came_out_is_said_first_and_in_the_readme(built, page):
    assert page.text.index("What came out") < page.text.index("The claim.")
    readme = (built / "README.md").read_text()
    for text in (page.text, readme):
        assert "Features of a DCGAN that never saw the data set" in text and "not run" in text
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert len(links) > 10 and all((built / link).is_file() for link in links)


def test_rows_not_run_say_why(root):
    result(root, "view_invariant_kmeans", 0.5, profile="smoke")
    text = tables(root)
    assert "| mine | – | not run |" in text
    other = "Not run (its result is of profile 'smoke', not 'laptop'): view-invariant K-means (our reconstruction)."
    for line in (other, "Not run (not in params.yaml): ", "Not run (no result yet): tsvm, mine."):
        assert line in text


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
    page = build(root).text
    assert kept <= {file.name for file in figures.iterdir()} and "Samples <b>of</b> DCGAN" in page and "2.2 min" in page
    result(root, "dcgan", 0.71)  # other numbers: the pictures and the cost are no longer theirs
    page = build(root).text
    assert {file.name for file in figures.iterdir()} & kept == {"data-objects-sheet.webp"}
    assert "Samples <b>of</b> DCGAN" not in page and "2.2 min" not in page


def test_nothing_run_at_all(tmp_path):
    page = build(tmp_path)
    assert "Nothing of this table has been run yet." in page.text
    assert "ours (nothing run)" in page.text and "22.48" in page.text and "ρ" not in page.text


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
    assert "ours, kept, CIFAR-10" in head and "ours, rendered objects" in head
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
