"""The failure study: silhouettes and shares by hand, judges that judge, a run from end to end, real folders."""

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf
from PIL import Image

from triptych.base.config import ParamsError, validate
from triptych.common.silhouette import overlap, silhouettes
from triptych.cyclegan.gan.translation import CycleConfig
from triptych.cyclegan.gan.two_domains import TwoDomains
from triptych.cyclegan.streets.parts.cycle import CycleSystem
from triptych.cyclegan.studies.failure_case import domain_classifier
from triptych.cyclegan.studies.failure_case.domain_classifier import soiled, train_classifier
from triptych.cyclegan.studies.failure_case.figures import draw_ways
from triptych.cyclegan.studies.failure_case.protocol import (
    PROPERTIES,
    Protocol,
    Ways,
    accuracy,
    judged,
    notes_on,
    run,
    translate,
)
from triptych.data.format import DataError, Split, write_dataset
from triptych.data.sources import folder
from triptych.data.spec import Spec
from triptych.engine import Replica

CPU = torch.device("cpu")
CARD = {"title": "t", "source": "s", "licence": "l", "made_by": "m"}
TINY = {
    "seeds": [0],
    "cyclegan": dict(pixels=16, load_size=18, width=4, blocks=1, critic_width=4, critic_layers=1, pool=2, epochs=1),
    "classifier": dict(width=4, steps=60, batch_size=4, lr=1e-2, noise=0.1),
}
RED, GREEN = (200, 30, 30), (30, 200, 30)


def protocol(steps=4):
    """`steps`: of the judges; 60 learn."""
    return validate(Protocol, TINY | {"classifier": TINY["classifier"] | {"steps": steps}}, "failure_case")


def classifier(**changes):
    return validate(domain_classifier.Config, TINY["classifier"] | changes, "c")


def squares(n, colour, size=16, at=4, ground=220, seed=0):
    """An 8 x 8 square of `colour` at (at, at) on pale ground with a little noise."""
    images = np.full((n, 3, size, size), ground, np.int64)
    images[:, :, at : at + 8, at : at + 8] = np.array(colour)[:, None, None]
    return np.clip(images + np.random.default_rng(seed).integers(-5, 6, images.shape), 0, 255).astype(np.uint8)


def test_silhouette_of_a_square_with_a_highlight_and_dirt():
    images = squares(2, RED)
    images[0, :, 7:9, 7:9] = 220  # a highlight of the ground's colour: inside
    images[0, :, 14, 1:3] = 0  # dirt on the ground: another part, smaller
    expected = np.zeros((16, 16), bool)
    expected[4:12, 4:12] = True
    assert (silhouettes(images) == expected).all()
    assert not silhouettes(np.full((1, 3, 8, 8), 90, np.uint8)).any()


def test_overlap_by_hand():
    a, b = np.zeros((2, 4, 4), bool), np.zeros((2, 4, 4), bool)
    a[0, :2], b[0, 1:3] = True, True  # 4 pixels in common of 12
    assert overlap(a, b) == pytest.approx((4 / 12 + 1) / 2)  # and two empty ones agree


class RedIsX:
    """Names y what has more green than red in its middle."""

    def named(self, images, device):
        images = np.asarray(images)
        return images[:, 1, 8, 8] > images[:, 0, 8, 8]


def test_shares_by_hand():
    red, green = squares(4, RED), squares(4, GREEN, seed=1)
    moved = squares(4, RED, at=6, seed=2)
    x_to_y = np.concatenate([green[:3], red[:1]])  # three of four change colour, none its place
    ways = Ways(red, x_to_y, red, green, moved, green)
    values = judged(ways, {"texture": RedIsX()}, CPU)
    assert values["to_b/texture_changed"] == 0.75 and values["to_a/texture_changed"] == 1
    assert values["to_b/silhouette_iou"] == 1
    assert values["to_a/silhouette_iou"] == pytest.approx(36 / (64 + 64 - 36))
    assert values["unrelated_iou"] == 1
    assert judged(Ways(red, red, red, red, red, red), {"texture": RedIsX()}, CPU)["to_b/change"] == 0
    apart = judged(Ways(red, 255 - red, red, moved[:3], moved[:3] // 2, moved[:3]), {}, CPU)
    assert apart["unrelated_iou"] == pytest.approx(36 / (64 + 64 - 36))
    assert apart["to_b/change"] == pytest.approx(np.abs(255 - 2.0 * red).mean())
    assert apart["to_a/change"] == pytest.approx((moved[:3] - moved[:3] // 2).mean())


def test_accuracy_weighs_both_domains_alike():
    red, green = squares(9, RED), squares(1, GREEN)
    assert accuracy(RedIsX(), TwoDomains(red, green), 16, CPU) == 1
    assert accuracy(RedIsX(), TwoDomains(red, red[:1]), 16, CPU) == 0.5
    assert accuracy(RedIsX(), TwoDomains(green, red), 16, CPU) == 0


def test_translations_there_and_back_by_known_generators():
    system = CycleSystem(CycleConfig(**{**TINY["cyclegan"], "pixels": 16}), Spec((3, 16, 16)))

    class Negative(torch.nn.Module):
        def forward(self, images):
            return -images

    class Dimmed(torch.nn.Module):
        def forward(self, images):
            return (images - 1) / 2  # half as bright

    system.G, system.F = Negative(), Dimmed()
    x, y = squares(2, RED), squares(3, GREEN, seed=1)
    ways = translate(system, TwoDomains(x, y), CPU)
    assert np.array_equal(ways.x, x) and np.array_equal(ways.y, y)
    for got, expected in (
        (ways.x_to_y, 255.0 - x),
        (ways.x_back, (255.0 - x) / 2),
        (ways.y_to_x, y / 2),
        (ways.y_back, 255 - y / 2),
    ):
        assert got.dtype == np.uint8 and np.abs(got - expected).max() <= 1


class Unseen(TwoDomains):
    def unpaired(self, *_, **__):
        raise AssertionError("test data were trained on")


@pytest.mark.parametrize("item", PROPERTIES)
def test_a_seed_trains_on_training_data_and_judges_on_test_data(item):
    colours = squares(5, RED), squares(5, GREEN, seed=1)
    places = squares(5, RED, seed=2), squares(5, RED, at=6, seed=3)
    train = {"texture": TwoDomains(*colours), "geometry": TwoDomains(*places)}
    test = {kind: Unseen(data.y[:3], data.x[:3]) for kind, data in train.items()}  # domains exchanged

    done, again = (run(item, train, test, protocol(steps), Replica(0, CPU, "r")) for steps in (60, 4))
    assert list(done) == [item, f"{item}_identity"]
    for row, (values, ways) in done.items():
        assert np.array_equal(ways.x, test[item].x) and np.array_equal(ways.y, test[item].y)
        assert values["texture_classifier_acc"] == 0  # it learned the skins of the training domains
        assert np.array_equal(ways.x_to_y, again[row][1].x_to_y)  # whatever the judges drew before


def training_batches(data, config, monkeypatch, draws, seed=0):
    """(task, [(uint8 images, named y)]): what a classifier would be trained on."""
    caught = {}
    monkeypatch.setattr(domain_classifier, "train", lambda task, given, **_: caught.update(task=task, **given) or task)
    train_classifier(data, 16, config, Replica(seed, CPU))
    batches = [caught["examples"].at(step) for step in range(draws)]
    return caught["task"], [(((images + 1) * 127.5).round().int(), named) for images, named in batches]


def test_a_judge_learns_from_shifted_images_under_their_names(monkeypatch):
    config = classifier(noise=0.0)
    rows = np.broadcast_to(np.arange(16, dtype=np.uint8)[:, None], (16, 16))
    x = np.stack([rows, rows * 0, rows * 0])[None].repeat(4, 0)
    task, batches = training_batches(TwoDomains(x, x + 100), config, monkeypatch, 60)
    shifts = set()
    for images, named in batches:
        assert torch.equal(named, (images[:, 1, 0, 0] == 100).long())
        shifts |= {int(image[0, 8, 8]) - 8 - (100 if y else 0) for image, y in zip(images, named)}
    assert shifts == {-2, -1, 0, 1, 2}  # an eighth of 16
    (phase,) = task.phases()
    assert phase.optimiser(task.parameters()).defaults["lr"] == 1e-2
    assert [phase.schedule(step) for step in (0, 29, 45)] == [1, 1, 0.5]  # of 60 steps


def test_judges_learn_from_soiled_images_and_start_by_their_seed(monkeypatch):
    data = TwoDomains(squares(4, (200, 60, 60)), squares(4, (60, 200, 60), seed=1))
    clean, dirty = classifier(noise=0.0), classifier(noise=0.5)
    spread = [
        training_batches(data, config, monkeypatch, 4)[1][0][0][:, :, :2].float().std().item()
        for config in (clean, dirty)
    ]
    assert spread[0] < 6 < 40 < spread[1]  # of the ground beside the squares, in grey levels
    first, again, other = (training_batches(data, clean, monkeypatch, 0, seed)[0] for seed in (0, 0, 1))
    assert torch.equal(first.net.net[0].weight, again.net.net[0].weight)
    assert not torch.equal(first.net.net[0].weight, other.net.net[0].weight)


def test_a_judge_learns_and_its_accuracy_is_held_out():
    train = TwoDomains(squares(24, (200, 60, 60)), squares(24, (60, 200, 60), seed=1))
    test = TwoDomains(squares(10, (200, 60, 60), seed=2), squares(10, (60, 200, 60), seed=3))
    judge = train_classifier(train, 16, classifier(), Replica(0, CPU))
    assert accuracy(judge, test, 16, CPU) == 1
    assert accuracy(judge, TwoDomains(test.y, test.x), 16, CPU) == 0
    assert accuracy(judge, TwoDomains(test.x, test.x), 16, CPU) == 0.5


def test_soil_is_grains_clouds_and_contrast_of_the_amount_asked_for():
    torch.manual_seed(0)
    images = torch.zeros(200, 3, 24, 24)
    assert torch.equal(soiled(images, 0.0), images)
    # grains 1, spots and clouds (interpolated, so less than 1 each), brightness 1
    assert 0.2 * np.sqrt(2) < soiled(images, 0.2).std() < 0.2 * 2
    assert soiled(images, 0.2).mean((1, 2, 3)).std() > 0.15
    checks = (torch.arange(24)[:, None] + torch.arange(24)) % 2 * 2.0 - 1
    dirt = soiled(torch.zeros(300, 3, 24, 24), 1.0)
    assert dirt.diff(dim=-1).var().item() > 1.9  # grains: neighbours differ by two of variance 1
    quarters = nnf.avg_pool2d(dirt, 12)
    assert (quarters - quarters.mean((2, 3), keepdim=True)).var().item() > 0.3  # clouds: 0.1 without
    contrast = (soiled(checks.expand(300, 3, 24, 24), 0.2) * checks).mean((1, 2, 3))
    assert contrast.mean().item() == pytest.approx(1, abs=0.05)
    assert contrast.std().item() == pytest.approx(0.2, rel=0.15)


def test_a_run_from_end_to_end_twice_the_same(tmp_path, panels):
    colours = TwoDomains(squares(6, RED), squares(6, GREEN, seed=1))
    places = TwoDomains(squares(6, RED), squares(6, RED, at=6, seed=1))
    data = {"texture": colours, "geometry": places}
    done, again = (run("texture", data, data, protocol(), Replica(0, CPU)) for _ in range(2))
    assert list(done) == ["texture", "texture_identity"]
    assert all(done[row][0] == again[row][0] for row in done)
    values, ways = done["texture"]
    assert not np.array_equal(ways.x_to_y, done["texture_identity"][1].x_to_y)
    assert set(values) == {
        *(f"{w}/{m}" for w in ("to_a", "to_b") for m in ("texture_changed", "geometry_changed", "silhouette_iou")),
        *("to_a/change", "to_b/change", "unrelated_iou", "texture_classifier_acc", "geometry_classifier_acc"),
    }
    assert ways.x_to_y.shape == (6, 3, 16, 16) and ways.x_to_y.dtype == np.uint8
    with pytest.raises(ValueError, match="colour"):
        run("colour", data, data, protocol(), Replica(0, CPU))
    drawn = draw_ways(ways, ["red", "green"], tmp_path / "f/ways.png", "no identity term", n=3)
    assert "red" in drawn["caption"] and "no identity term" in drawn["caption"]
    picture = np.asarray(Image.open(tmp_path / "f/ways.png").convert("RGB")).astype(int)
    inputs = panels[0].tiles[0].mean((0, 2, 3))
    assert inputs[0] > inputs[1] + 30 and picture.std() > 5  # red squares


def test_the_trainings_are_the_papers_and_one_with_the_identity_term():
    given = validate(Protocol, TINY | {"identity_weight": 0.25}, "failure_case")
    paper, identity = given.trainings("texture").values()
    assert (paper.identity_weight, identity.identity_weight) == (0, 0.25)
    assert identity.model_copy(update={"identity_weight": 0.0}) == paper == given.cyclegan
    assert notes_on({"source": "rendered"}, paper) == ["no identity term, as in the paper"]
    same = {**TINY, "cyclegan": {**TINY["cyclegan"], "identity_weight": 0.5}}
    with pytest.raises(ParamsError, match="identity_weight = 0.5 .* nothing to compare"):
        validate(Protocol, same, "failure_case")


def test_every_picture_is_in_its_place(tmp_path, panels):
    greys = [20, 60, 100, 140, 180, 220]  # x, x_to_y, x_back, y, y_to_x, y_back
    draw_ways(Ways(*(np.full((3, 3, 96, 96), g, np.uint8) for g in greys)), ["a", "b"], tmp_path / "w.png", "", n=2)
    assert [panel.title for panel in panels] == ["a → b", "b → a"]
    assert panels[0].rows == ("input", "output", "way back") and panels[0].tiles.shape == (3, 2, 3, 96, 96)
    assert [int(panel.tiles[row].mean()) for panel in panels for row in range(3)] == greys


def test_real_folders_of_two_domains_work(tmp_path):
    for split, colour in (("trainA", 200), ("trainB", 60), ("testA", 200), ("testB", 60)):
        (tmp_path / "apple2orange" / split).mkdir(parents=True)
        for i in range(2 + (split == "trainB")):
            Image.new("RGB", (20, 20), (colour, 30, 30)).save(tmp_path / f"apple2orange/{split}/n{i}.jpg")
    made = folder.load(folder.Config(path=str(tmp_path / "apple2orange")), 16)
    dataset = write_dataset(tmp_path / "prepared", *made)
    config = protocol().cyclegan
    assert "silhouettes" in notes_on(dataset.card, config)[2] and len(notes_on({"source": "rendered"}, config)) == 1
    train, test = (TwoDomains.of(dataset, split) for split in ("train", "test"))
    assert (len(train.x), len(train.y), len(test.x), len(test.y)) == (2, 3, 2, 2)
    assert train.x[:, 0].min() > 150 > train.y[:, 0].max()
    streams = train.unpaired(Replica(0, CPU), batch_size=1, load_size=18, pixels=16)
    assert streams["x"].at(0).shape == (1, 3, 16, 16) and streams["y"].at(0).mean() < streams["x"].at(0).mean()
    trains, tests = (dict.fromkeys(PROPERTIES, data) for data in (train, test))
    values, _ = run("texture", trains, tests, protocol(), Replica(0, CPU))["texture"]
    assert np.isfinite(list(values.values())).all()
    assert {"texture_classifier_acc", "to_b/texture_changed"} < set(values)
    assert not [name for name in values if "geometry" in name]  # its judge would be one of other pictures


@pytest.mark.parametrize("own", PROPERTIES)
def test_photos_of_one_task_are_not_judged_by_a_classifier_of_drawn_fruit(own):
    drawn, photos = ((squares(6, RED), squares(6, GREEN, seed=1)) for _ in range(2))
    data = {kind: TwoDomains(*(photos if kind == own else drawn), drawn=kind != own) for kind in PROPERTIES}
    for item in PROPERTIES:
        values, _ = run(item, data, data, protocol(), Replica(0, CPU))[item]
        assert [kind for kind in PROPERTIES if f"to_a/{kind}_changed" in values] == [item]
    notes = notes_on({"source": "folder", "title": "horses and zebras"}, protocol().cyclegan)
    assert "classifier of the two domains of horses and zebras" in notes[1]


def test_data_without_domains_is_refused(tmp_path):
    images = squares(2, (1, 2, 3))
    plain = write_dataset(tmp_path / "a", {"train": Split(images)}, CARD)
    with pytest.raises(DataError, match="trainA and trainB"):
        TwoDomains.of(plain, "train")
    grey = write_dataset(tmp_path / "b", {"trainA": Split(images[:, :1]), "trainB": Split(images[:, :1])}, CARD)
    with pytest.raises(DataError, match="grey"):
        TwoDomains.of(grey, "train")
