"""The failure study: silhouettes and shares by hand, judges that judge, a run from end to end, real folders."""

import numpy as np
import pytest
import torch
from PIL import Image

from triptych.config import ParamsError, validate
from triptych.cyclegan.failure_case.domain_classifier import soiled, train_classifier
from triptych.cyclegan.failure_case.figure import draw_ways
from triptych.cyclegan.failure_case.protocol import (
    PROPERTIES,
    Protocol,
    Ways,
    accuracy,
    domain_classifier,
    judged,
    notes_on,
    run,
)
from triptych.cyclegan.two_domains import TwoDomains
from triptych.data.format import DataError, Split, write_dataset
from triptych.data.silhouette import overlap, silhouettes
from triptych.data.sources import folder
from triptych.engine import Replica

CPU = torch.device("cpu")
CARD = {"title": "t", "source": "s", "licence": "l", "made_by": "m"}
TINY = {
    "seeds": [0],
    "cyclegan": dict(size=16, load_size=18, width=4, blocks=1, critic_width=4, critic_layers=1, pool=2, epochs=1),
    "classifier": dict(width=4, steps=60, batch_size=4, lr=1e-2, noise=0.1),
}


def squares(n, colour, size=16, at=4, ground=220, seed=0):
    """An 8 x 8 square of `colour` at (at, at) on pale ground with a little noise."""
    images = np.full((n, 3, size, size), ground, np.int64)
    images[:, :, at : at + 8, at : at + 8] = np.array(colour)[:, None, None]
    return np.clip(images + np.random.default_rng(seed).integers(-5, 6, images.shape), 0, 255).astype(np.uint8)


def test_silhouette_of_a_square_with_a_highlight_and_dirt():
    images = squares(2, (200, 30, 30))
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
    red, green = squares(4, (200, 30, 30)), squares(4, (30, 200, 30), seed=1)
    moved = squares(4, (200, 30, 30), at=6, seed=2)
    x_to_y = np.concatenate([green[:3], red[:1]])  # three of four change colour, none its place
    ways = Ways(red, x_to_y, red, green, moved, green)
    values = judged(ways, {"texture": RedIsX()}, CPU)
    assert values["to_b/texture_changed"] == 0.75 and values["to_a/texture_changed"] == 1
    assert values["to_b/silhouette_iou"] == 1
    assert values["to_a/silhouette_iou"] == pytest.approx(36 / (64 + 64 - 36))
    assert values["unrelated_iou"] == 1
    assert judged(Ways(red, red, red, red, red, red), {"texture": RedIsX()}, CPU)["to_b/change"] == 0


def test_a_judge_learns_and_its_accuracy_is_held_out():
    config = validate(domain_classifier.Config, TINY["classifier"], "c")
    train = TwoDomains(squares(24, (200, 60, 60)), squares(24, (60, 200, 60), seed=1))
    test = TwoDomains(squares(10, (200, 60, 60), seed=2), squares(10, (60, 200, 60), seed=3))
    judge = train_classifier(train, 16, config, Replica(0, CPU))
    assert accuracy(judge, test, 16, CPU) == 1
    assert accuracy(judge, TwoDomains(test.y, test.x), 16, CPU) == 0
    assert accuracy(judge, TwoDomains(test.x, test.x), 16, CPU) == 0.5


def test_soiling_is_of_the_amount_asked_for():
    torch.manual_seed(0)
    images = torch.zeros(200, 3, 24, 24)
    assert torch.equal(soiled(images, 0.0), images)
    # grains 1, spots and clouds (interpolated, so less than 1 each), brightness 1
    assert 0.2 * np.sqrt(2) < soiled(images, 0.2).std() < 0.2 * 2
    assert soiled(images, 0.2).mean((1, 2, 3)).std() > 0.15


def test_a_run_from_end_to_end_twice_the_same(tmp_path):
    protocol = validate(Protocol, TINY, "failure_case")
    colours = TwoDomains(squares(6, (200, 30, 30)), squares(6, (30, 200, 30), seed=1))
    places = TwoDomains(squares(6, (200, 30, 30)), squares(6, (200, 30, 30), at=6, seed=1))
    data = {"texture": colours, "geometry": places}
    done, again = (run("texture", data, data, protocol, Replica(0, CPU)) for _ in range(2))
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
        run("colour", data, data, protocol, Replica(0, CPU))
    drawn = draw_ways(ways, ["red", "green"], tmp_path / "f/ways.png", "no identity term", n=3)
    assert "red" in drawn["caption"] and "no identity term" in drawn["caption"]
    picture = np.asarray(Image.open(tmp_path / "f/ways.png").convert("RGB")).astype(int)
    assert picture[18 + 36, 58 + 36, 0] > 150 > picture[18 + 36, 58 + 36, 1]  # first input: a red square


def test_the_trainings_are_the_papers_and_one_with_the_identity_term():
    protocol = validate(Protocol, {**TINY, "identity_weight": 0.25}, "failure_case")
    paper, identity = protocol.trainings().values()
    assert (paper.identity_weight, identity.identity_weight) == (0, 0.25)
    assert identity.model_copy(update={"identity_weight": 0.0}) == paper == protocol.cyclegan
    assert notes_on({"source": "rendered"}, paper) == ["no identity term, as in the paper"]
    same = {**TINY, "cyclegan": {**TINY["cyclegan"], "identity_weight": 0.5}}
    with pytest.raises(ParamsError, match="identity_weight = 0.5 .* nothing to compare"):
        validate(Protocol, same, "failure_case")


@pytest.mark.parametrize("size, tile", [(16, 96), (48, 96), (64, 64), (256, 96)])
def test_pictures_of_any_size_fit_on_the_sheet(size, tile, tmp_path):
    red = np.zeros((2, 3, size, size), np.uint8)
    red[:, 0, :, : size // 2] = 200  # left halves
    draw_ways(Ways(*[red] * 6), ["a", "b"], tmp_path / "ways.png", "", n=2)
    picture = np.asarray(Image.open(tmp_path / "ways.png").convert("RGB")).astype(int)
    assert picture.shape[0] == 18 + 3 * (tile + 2)
    for left in (58, 58 + tile + 2):  # whole pictures, neither cut nor squeezed
        assert (picture[18 : 18 + tile, left : left + tile // 2, 0] == 200).all()
        assert (picture[18 : 18 + tile, left + tile // 2 : left + tile, 0] == 0).all()


def test_real_folders_of_two_domains_work(tmp_path):
    for split, colour in (("trainA", 200), ("trainB", 60), ("testA", 200), ("testB", 60)):
        (tmp_path / "apple2orange" / split).mkdir(parents=True)
        for i in range(2 + (split == "trainB")):
            Image.new("RGB", (20, 20), (colour, 30, 30)).save(tmp_path / f"apple2orange/{split}/n{i}.jpg")
    made = folder.load(folder.Config(path=str(tmp_path / "apple2orange")), 16)
    dataset = write_dataset(tmp_path / "prepared", *made)
    config = validate(Protocol, TINY, "failure_case").cyclegan
    assert "silhouettes" in notes_on(dataset.card, config)[1] and len(notes_on({"source": "rendered"}, config)) == 1
    train, test = (TwoDomains.of(dataset, split) for split in ("train", "test"))
    assert (len(train.x), len(train.y), len(test.x), len(test.y)) == (2, 3, 2, 2)
    assert train.x[:, 0].min() > 150 > train.y[:, 0].max()
    protocol = validate(Protocol, TINY, "failure_case")
    streams = train.unpaired(Replica(0, CPU), batch_size=1, load_size=18, size=16)
    assert streams["x"].at(0).shape == (1, 3, 16, 16) and streams["y"].at(0).mean() < streams["x"].at(0).mean()
    trains, tests = (dict.fromkeys(PROPERTIES, data) for data in (train, test))
    values, _ = run("texture", trains, tests, protocol, Replica(0, CPU))["texture"]
    assert np.isfinite(list(values.values())).all()


def test_data_without_domains_is_refused(tmp_path):
    images = squares(2, (1, 2, 3))
    plain = write_dataset(tmp_path / "a", {"train": Split(images)}, CARD)
    with pytest.raises(DataError, match="trainA and trainB"):
        TwoDomains.of(plain, "train")
    grey = write_dataset(tmp_path / "b", {"trainA": Split(images[:, :1]), "trainB": Split(images[:, :1])}, CARD)
    with pytest.raises(DataError, match="grey"):
        TwoDomains.of(grey, "train")
