from pathlib import Path

import numpy as np
import pytest
import torch
from dcgan_kit import random_images
from torch import nn

from triptych import published
from triptych.base.config import ParamsError, validate
from triptych.data.format import DataError, Split
from triptych.data.spec import Spec
from triptych.dcgan.gan.training import notes_on_updates
from triptych.dcgan.objects import extraction
from triptych.dcgan.objects import protocol as objects_protocol
from triptych.dcgan.objects.extraction import adapt_and_extract, extract
from triptych.dcgan.objects.parts.system import FeatureSystem
from triptych.dcgan.objects.protocol import Probe, Protocol, evaluate, judge
from triptych.dcgan.objects.rows import dcgan_untrained, kmeans_1layer, raw_pixels
from triptych.dcgan.svm.label_draws import draw_rows
from triptych.draw.samples import draw_samples, mean_distance
from triptych.engine import Replica
from triptych.pipeline import systems
from triptych.pipeline.params import load_params

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[3]
SPEC = Spec((3, 32, 32))


def split(n, seed):
    """Three classes that differ in their mean brightness, under noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.normal(80 + 40 * labels[:, None, None, None], 60, (n, 3, 8, 8)).clip(0, 255).astype(np.uint8)
    return Split(images, labels=labels)


class Brightness(FeatureSystem):
    """Its features say everything; it counts what it was adapted to."""

    def __init__(self, offset=0.0):
        super().__init__()
        self.register_buffer("offset", torch.tensor(offset))
        self.adapted = 0

    def adapt(self, images, device, standardize=True):
        self.adapted += len(images)

    def features(self, images):
        x = images.float().mean((1, 2, 3)) / 255
        return torch.stack([x, x**2], 1) + self.offset


def test_accuracy_of_informative_features():
    probe = Probe(costs=[0.1, 1.0, 10.0], validation=100, per_class=20, draws=3)
    system = Brightness()
    outcome = judge(system, split(300, 0), split(200, 1), probe, CPU)
    assert outcome.accuracy > 0.9 and min(outcome.accuracy_few) > 0.85
    assert len(outcome.accuracy_few) == 3 and outcome.n_features == 2
    assert outcome.cost in probe.costs and system.adapted == 300


def test_only_the_training_set_chooses_the_cost_and_of_equally_good_ones_the_smallest():
    probe = Probe(costs=[1e-3, 1.0], validation=100, per_class=20, draws=2)
    train, test = split(300, 0), split(100, 1)
    shuffled = Split(test.images, labels=np.roll(test.labels, 1))
    a, b = judge(Brightness(), train, test, probe, CPU), judge(Brightness(), train, shuffled, probe, CPU)
    assert (a.cost, a.cost_few) == (b.cost, b.cost_few)
    assert a.accuracy != b.accuracy

    class Answers(FeatureSystem):
        def features(self, images):
            return nn.functional.one_hot((images[:, 0, 0, 0].long() - 80) // 40, 3).float()

    labels = np.arange(90) % 3
    plain = Split((80 + 40 * labels[:, None, None, None] + np.zeros((90, 3, 8, 8))).astype(np.uint8), labels=labels)
    outcome = judge(Answers(), plain, plain, Probe(costs=[1.0, 0.1, 10.0], validation=30, per_class=10, draws=1), CPU)
    assert outcome.accuracy == 1 and (outcome.cost, outcome.cost_few) == (0.1, 0.1)


class Numbered(FeatureSystem):
    """The only feature of an image is its number, which is in its first pixel."""

    def features(self, images):
        return images[:, 0, 0, :1].float()


def test_which_images_learn_choose_and_judge(monkeypatch):
    """Three machines: the first knows what it was shown and nothing else, the second does better with many images, the
    third with few. Only images that were not learned from can tell that the first is the worst."""
    costs, fits = [1.0, 2.0, 3.0], []

    def fit(x, labels, costs, **_):
        fits.append((costs, sorted(x[:, 0].int().tolist())))
        return [(cost, x[:, 0]) for cost in costs]

    def predict(machines, x):
        rows = []
        for cost, shown in machines:
            share = 0.5 if (cost == 2) == (len(shown) > 60) else 0.3
            knows = torch.isin(x[:, 0], shown) if cost == 1 else x[:, 0] % 10 < 10 * share
            rows.append(torch.where(knows, x[:, 0].long() % 3, 9))
        return torch.stack(rows)

    monkeypatch.setattr(objects_protocol, "fit_svm", fit)
    monkeypatch.setattr(objects_protocol, "predict_all", predict)
    images = np.arange(120, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 8, 8), np.uint8)
    train, test = Split(images[:90], labels=np.arange(90) % 3), Split(images[90:], labels=np.arange(90, 120) % 3)
    outcome = judge(Numbered(), train, test, Probe(costs=costs, validation=20, per_class=20, draws=3), CPU)
    assert (outcome.cost, outcome.cost_few) == (2.0, 3.0)
    (tuning, shown), (few_tuning, few), final, *draws = fits
    assert tuning == few_tuning == costs and len(shown) == 70
    assert final == ([2.0], list(range(90)))
    assert [cost for cost, _ in draws] == 3 * [[3.0]] and draws[0][1] == few
    assert all(np.bincount(np.array(rows) % 3).tolist() == [20, 20, 20] for _, rows in draws)
    assert len({tuple(rows) for _, rows in draws}) == 3
    assert outcome.accuracy == pytest.approx(0.5) and outcome.accuracy_few == pytest.approx(3 * [0.5])


def evaluated(systems, costs, draws=1):
    probe = Probe(costs=costs, validation=50, per_class=10, draws=draws)
    protocol = Protocol(seeds=list(range(len(systems))), probe=probe)
    return evaluate(dict(enumerate(systems)), split(150, 0), split(60, 1), protocol, CPU)


def test_metrics_have_a_value_for_each_seed_and_draw():
    systems = [Brightness(), Brightness(0.5)]
    systems[0].widest_layer = systems[1].widest_layer = 3
    result = evaluated(systems, [1.0], draws=3)
    metrics, notes = result.metrics, result.notes
    assert len(metrics["accuracy"]) == 2 and len(metrics["accuracy_few"]) == 6 and set(metrics["widest_layer"]) == {3}
    assert "2 features" in notes and any("10 labels per class (30 in all), 3 draws" in n for n in notes)
    assert any("accuracy_few: 6 values, 2 trainings × 3 draws" in n for n in notes)
    assert "C (all labels): 1, given" in notes
    assert any("further training images" in n and "labels of 120" in n for n in notes)


def test_the_widest_layers_are_the_papers_at_its_settings():
    """Its third column, "max # of features units"; 3 layers of K-means have 3200 maps in the deeper ones."""
    paper = load_params(ROOT / "params" / "paper.yaml").tables["objects"].systems
    for name, row in published.load("objects").systems.items():
        if "widest_layer" in row.values:
            with torch.device("meta"):
                system = systems.module("objects", name).System(paper[name], SPEC)
            assert system.widest_layer == row.values["widest_layer"].value, name


def test_the_notes_say_which_cost_is_whose_and_what_a_system_says(monkeypatch):
    class Speaking(Brightness):
        def notes(self):
            return ["as it is"]

    outcome = objects_protocol.Outcome(0.9, [0.8], cost=2.0, cost_few=4.0, n_features=2)
    monkeypatch.setattr(objects_protocol, "judge", lambda *_: outcome)
    result = evaluated([Speaking()], [1.0, 2.0, 3.0, 4.0])
    assert result.metrics == {"accuracy": [0.9], "accuracy_few": [0.8]}
    costs = ["C (all labels): 2, of 1 to 4", "C (10 labels per class): 4, of 1 to 4 (4 is an end of the grid)"]
    assert result.notes[1:3] == costs
    assert result.notes[-1] == "as it is" and not any("standard deviation" in n for n in result.notes)


def test_a_system_that_learns_nothing_is_judged_once():
    metrics = evaluated([raw_pixels.System(raw_pixels.Config(), SPEC) for _ in (0, 1)], [1e-3], draws=2).metrics
    assert len(metrics["accuracy"]) == 1 and len(metrics["accuracy_few"]) == 2


def test_draws_are_balanced_different_and_repeatable():
    labels = np.random.default_rng(0).integers(0, 5, 200)
    a, b, again = (draw_rows(labels, 7, key) for key in ([0, 1, 0], [0, 1, 1], [0, 1, 0]))
    assert np.bincount(labels[a]).tolist() == [7] * 5 and len(set(a)) == 35
    assert not np.array_equal(a, b) and np.array_equal(a, again)
    with pytest.raises(ParamsError, match="^x.per_class asks for 100 .* class . has only [34]"):
        draw_rows(labels, 100, [0], "x.per_class")


def test_data_that_cannot_be_judged_are_refused():
    thirty = Split(split(30, 0).images, labels=np.arange(30) % 3)
    for train, probe, error, message in (
        (Split(split(50, 0).images), Probe(validation=10, per_class=1), DataError, "labels are needed"),
        (split(50, 0), Probe(validation=50, per_class=1), ParamsError, "validation"),
        (thirty, Probe(validation=10, per_class=10), ParamsError, "per_class = 10: leaves no training image"),
    ):
        with pytest.raises(error, match=message):
            judge(Brightness(), train, split(20, 1), probe, CPU)


def test_extraction_in_order_and_out_of_memory(monkeypatch):
    images = split(23, 0).images
    order = np.random.default_rng(0).permutation(23)
    whole = extract(Brightness().features, images, CPU, order, batch_size=5)
    torch.testing.assert_close(whole, Brightness().features(torch.from_numpy(images[order])))
    monkeypatch.setattr(extraction, "SHARE", 0.0)
    mapped = extract(Brightness().features, images, CPU, order, batch_size=5)
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, whole.numpy())


def small(code):
    values = {"kmeans_1layer": {"k": 5, "patches": 200, "iterations": 2}, "raw_pixels": {}}
    values["dcgan_untrained"] = {"width": 2, "standardize": True}
    torch.manual_seed(0)
    return code.System(validate(code.Config, values[code.__name__.split(".")[-1]], "x"), SPEC).eval()


@pytest.mark.parametrize("code", [raw_pixels, kmeans_1layer, dcgan_untrained])
@pytest.mark.parametrize("share", [0.4, 0.0])
def test_adapting_while_extracting_is_adapting_first(code, share, monkeypatch):
    monkeypatch.setattr(extraction, "SHARE", share)  # 0: features in a mapped file
    monkeypatch.setattr(extraction, "BLOCK", 10)
    images = random_images(24)
    order = np.random.default_rng(1).permutation(24)
    at_once, step_by_step = small(code), small(code)
    for system in (at_once, step_by_step):
        system.fit(images, Replica(0, CPU))
    got = adapt_and_extract(at_once, images, CPU, order)
    if code is not raw_pixels:
        step_by_step.adapt(images, CPU)
        assert float(at_once.standardizer.scale.std()) > 0
    with torch.no_grad():
        expected = step_by_step.features(torch.from_numpy(images[order]))
        after = at_once.features(torch.from_numpy(images[order]))
    torch.testing.assert_close(torch.as_tensor(got), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(after, expected, rtol=1e-4, atol=1e-4)


def test_an_untrained_dcgan_keeps_its_weights_and_has_features_that_do_not_depend_on_the_batch():
    system, images = small(dcgan_untrained), random_images(16)
    before = torch.cat([p.flatten() for p in system.parameters()]).clone()
    system.fit(images, Replica(0, CPU))
    assert torch.equal(before, torch.cat([p.flatten() for p in system.parameters()]))
    system.adapt(images, CPU)
    with torch.inference_mode():
        out, again = (system.eval().features(torch.from_numpy(images[:n])) for n in (16, 5))
    assert out.shape == (16, 28_672 // 64)
    torch.testing.assert_close(out[:5], again)


def test_the_paper_profile_updates_the_networks_as_the_authors_do():
    params = load_params(ROOT / "params" / "paper.yaml")
    ours = load_params(ROOT / "params.yaml")
    for table in ("objects", "digits"):
        config = params.tables[table].systems["dcgan"]
        assert config.updates == "alternate"
        assert not notes_on_updates(config)
        assert any("authors" in note for note in notes_on_updates(ours.tables[table].systems["dcgan"]))


class Sampler:
    def __init__(self, images):
        self.images = images

    def sample(self, n, seed=0):
        return torch.from_numpy(self.images[:n])


def test_sample_sheet(tmp_path, panels):
    real, other = (random_images(300, shape=(3, 8, 8), seed=seed) for seed in (0, 1))
    figure = draw_samples(Sampler(other), real, tmp_path / "a" / "s.png", side=4)
    assert figure["numbers"]["diversity_ratio"] == pytest.approx(1, abs=0.02)
    assert figure["numbers"]["collapsed"] == 0
    assert [panel.title for panel in panels] == ["real images", "samples"] and (tmp_path / "a" / "s.png").is_file()
    assert np.array_equal(panels[1].tiles.reshape(16, 3, 8, 8), other[:16])
    one = draw_samples(Sampler(np.repeat(other[:1], 300, 0)), real, tmp_path / "b.png")
    assert one["numbers"] == {"diversity_ratio": 0, "collapsed": 1}
    images = torch.zeros(3, 1, 2, 2, dtype=torch.uint8)
    images[2] = 255
    assert mean_distance(images) == pytest.approx((0 + 2 + 2) / 3)
