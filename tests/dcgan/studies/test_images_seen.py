"""Features against images seen: the table's training, judged on the way as the table judges it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from dcgan_kit import smooth_images as images

from triptych.base.config import ParamsError, validate
from triptych.data.format import Split
from triptych.data.spec import Spec
from triptych.dcgan.gan.training import batches_in_a_step
from triptych.dcgan.objects import protocol as objects
from triptych.dcgan.objects.rows import dcgan, dcgan_untrained, kmeans_1layer, raw_pixels
from triptych.dcgan.studies.images_seen.figures import draw_curve
from triptych.dcgan.studies.images_seen.protocol import (
    FLAT,
    Judge,
    Protocol,
    built,
    check_steps,
    evaluate,
    flat_line,
    follow,
)
from triptych.engine import Replica
from triptych.pipeline.params import load_params
from triptych.report.studies import load_studies

ROOT = Path(__file__).resolve().parents[3]
CPU = torch.device("cpu")
SPEC = Spec((3, 32, 32))
CONFIG = dcgan.Config(width=2, z_dim=4, steps=4, batch_size=8, lr=1e-3, standardize=True)
PROBE = objects.Probe(costs=[1e-3, 1e-2], validation=20, per_class=5, draws=2)
PROTOCOL = validate(Protocol, {"seeds": [0, 1], "images": [0, 16, 32, 48]}, "images_seen")
KMEANS = kmeans_1layer.Config(k=6, patches=200, iterations=2)


LABELLED, TEST = (Split(images(n, s), np.arange(n) % 3) for n, s in ((90, 1), (60, 2)))
UNLABELLED = images(80)
JUDGE = Judge(PROBE, LABELLED, TEST, CPU)


def table(system):
    """The table's accuracies with few labels."""
    return objects.judge(system, LABELLED, TEST, PROBE, CPU).accuracy_few


@pytest.fixture(scope="module")
def curve():
    return follow(CONFIG, PROTOCOL, JUDGE, UNLABELLED, SPEC, Replica(0, CPU))


def test_after_the_tables_number_of_images_the_numbers_are_the_tables(curve):
    trained = built(dcgan.System, CONFIG, SPEC, Replica(0, CPU))
    trained.fit(UNLABELLED, Replica(0, CPU))  # 4 steps of 8
    untrained = built(dcgan.System, CONFIG, SPEC, Replica(0, CPU))
    assert curve.shape == (4, 2) and curve[2].tolist() == table(trained) and curve[0].tolist() == table(untrained)
    assert len({tuple(values) for values in curve.tolist()}) > 1  # training changes the features
    row = dcgan_untrained.System(dcgan_untrained.Config(width=2, standardize=True), SPEC)
    assert [p.shape for p in untrained.discriminator.parameters()] == [p.shape for p in row.discriminator.parameters()]


def test_a_step_of_the_authors_takes_two_batches():
    alternate = CONFIG.model_copy(update={"updates": "alternate", "steps": 6})  # three of each net
    trained = built(dcgan.System, alternate, SPEC, Replica(0, CPU))
    trained.fit(UNLABELLED, Replica(0, CPU))
    found = follow(alternate, PROTOCOL, JUDGE, UNLABELLED, SPEC, Replica(0, CPU))
    assert found[3].tolist() == table(trained)


def test_numbers_of_images_that_no_step_ends_at_and_too_few_labels_are_refused():
    odd = PROTOCOL.model_copy(update={"images": [0, 20]})
    with pytest.raises(ParamsError, match="images_seen.images = 20: must be a multiple of the 8"):
        follow(CONFIG, odd, JUDGE, UNLABELLED, SPEC, Replica(0, CPU))
    for wrong in ([16, 0], [16, 16], [16]):
        with pytest.raises(ParamsError, match="images_seen"):
            validate(Protocol, {"seeds": [0], "images": wrong}, "images_seen")
    probe = PROBE.model_copy(update={"per_class": 30})
    with pytest.raises(ParamsError, match="leaves no training image"):
        Judge(probe, LABELLED, TEST, CPU).accuracies(raw_pixels.System(raw_pixels.Config(), SPEC))


def test_a_killed_training_ends_as_an_undisturbed_one(curve, tmp_path, killed):
    replica = Replica(0, CPU, checkpoint=tmp_path / "seed0.pt")
    with killed(at=5):
        follow(CONFIG, PROTOCOL, JUDGE, UNLABELLED, SPEC, replica)
    assert follow(CONFIG, PROTOCOL, JUDGE, UNLABELLED, SPEC, replica).tolist() == curve.tolist()


@pytest.mark.parametrize("name, row, config", [
    ("kmeans_1layer", kmeans_1layer, KMEANS), ("raw_pixels", raw_pixels, raw_pixels.Config()),
])  # fmt: skip
def test_flat_lines_are_the_tables_rows(name, row, config):
    torch.manual_seed(1)
    system = row.System(config, SPEC)
    system.fit(UNLABELLED, Replica(1, CPU))
    assert flat_line(name, config, JUDGE, UNLABELLED, SPEC, Replica(1, CPU)).tolist() == [table(system)]


def test_the_study_prints_every_training_and_draw(curve, charts, tmp_path):
    other = curve + 0.1
    flat = {"kmeans_1layer": [np.array([[0.5, 0.7]]), np.array([[0.7, 0.7]])], "raw_pixels": [np.array([[0.3, 0.5]])]}
    results = evaluate([curve, other], flat, PROTOCOL, CONFIG)
    assert list(results) == ["images_0", "images_16", "images_32", "images_48", "kmeans_1layer", "raw_pixels"]
    assert results["images_16"].metrics["accuracy_few"] == [*curve[1], *other[1]]
    assert results["kmeans_1layer"].trainings == 2 and results["raw_pixels"].trainings == 1
    drawn = draw_curve([curve, other], flat, PROTOCOL, tmp_path / "accuracy.png")
    assert (tmp_path / "accuracy.png").is_file()
    assert drawn["numbers"]["accuracy_few_kmeans_1layer"] == pytest.approx(0.65)
    assert drawn["numbers"]["accuracy_few_images_48"] == pytest.approx((curve[3].mean() + other[3].mean()) / 2)
    axis = charts[0].axes[0]
    assert axis.lines[0].get_xdata().tolist() == [0, 0.016, 0.032, 0.048]
    levels = [line.get_ydata()[0] for line in axis.lines if line.get_linestyle() in ("--", ":")]
    assert levels == pytest.approx([65, 40])


@pytest.mark.parametrize("profile", ["params", "params/workstation", "params/paper", "params/smoke"])
def test_steps_end_at_every_number_of_images_and_the_shipped_ones_have_a_name_and_the_tables_training(profile):
    params = load_params(ROOT / f"{profile}.yaml")
    study, config = params.studies["images_seen"], params.tables["objects"].systems["dcgan"]
    check_steps(study, batches_in_a_step(config) * config.batch_size)
    if profile == "params":
        assert config.steps * config.batch_size in study.images
        assert set(load_studies()["images_seen"].rows) == {*FLAT, *(f"images_{n}" for n in study.images)}
