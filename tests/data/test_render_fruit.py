"""Rendered fruit: what the tasks change and what they do not."""

import numpy as np
import pytest

from triptych.base.config import ParamsError, validate
from triptych.common.silhouette import overlap, silhouettes
from triptych.data.checks.fruit_texture import LIMITS
from triptych.data.drawn.fruit import Config, draw, render
from triptych.data.format import write_dataset
from triptych.data.inspect import inspect

SIZE = 32


@pytest.mark.parametrize("task", ["texture", "geometry"])
def test_two_domains_with_train_and_test(task):
    splits, card = render(Config(task=task, train=3, test=2), SIZE)
    assert {name: s.images.shape for name, s in splits.items()} == {
        "trainA": (3, 3, SIZE, SIZE),
        "trainB": (3, 3, SIZE, SIZE),
        "testA": (2, 3, SIZE, SIZE),
        "testB": (2, 3, SIZE, SIZE),
    }
    assert all(s.images.dtype == np.uint8 for s in splits.values())
    assert len(card["domains"]) == 2 and task in card["title"]
    assert not np.array_equal(splits["trainA"].images[:2], splits["testA"].images)


def test_only_what_the_task_names_tells_the_domains_apart():
    for task, own in (("texture", 0), ("geometry", 1)):
        for letter, value in (("A", False), ("B", True)):
            attributes = draw(Config(task=task), f"train{letter}", 200, 16)[2:]
            assert (attributes[own] == value).all()
            assert 0.4 < attributes[1 - own].mean() < 0.6


def test_skins_differ_in_colour_and_shapes_in_nothing_but_shape():
    def fruit_colour(task, split):
        images, masks, *_ = draw(Config(task=task), split, 100, SIZE)
        return np.array([images[:, c][masks].mean() for c in range(3)]), masks.mean()

    skins = [fruit_colour("texture", s)[0] for s in ("trainA", "trainB")]
    assert skins[1][1] - skins[0][1] > 30  # oranges have more green than apples
    (round_, area_round), (long, area_long) = (fruit_colour("geometry", s) for s in ("trainA", "trainB"))
    assert np.abs(round_ - long).max() < 10
    assert area_long == pytest.approx(area_round, rel=0.08)


def test_long_is_long():
    def extent(split):
        masks = draw(Config(task="geometry"), split, 60, SIZE)[1]
        spreads = [np.linalg.eigvalsh(np.cov(np.argwhere(m).T)) for m in masks]
        return np.mean([np.sqrt(high / low) for low, high in spreads])

    assert extent("trainA") < 1.1 and extent("trainB") > 1.8


def test_silhouettes_are_found_again_in_the_pictures():
    for task in ("texture", "geometry"):
        images, masks, *_ = draw(Config(task=task), "testB", 50, 48)
        assert overlap(silhouettes(images), masks) > 0.93


def test_the_standard_and_the_sheet_show_both_domains(tmp_path):
    from PIL import Image

    config = Config(task="texture", train=30, test=20)
    dataset = write_dataset(tmp_path / "fruit_texture", *render(config, SIZE))
    found = inspect(dataset, tmp_path / "out")
    assert set(LIMITS) <= set(found.measures) and found.measures["mean_colour_accuracy"] > 0.9
    assert "silhouette_shape_accuracy" not in found.missed
    sheet = np.asarray(Image.open(tmp_path / "out/sheet.png"))
    apples, oranges = (half.reshape(-1, 3) for half in np.split(sheet.astype(int), 2))
    # how many pixels are orange: much green for red, and hardly any blue
    orange = [((h[:, 0] > 180) & (h[:, 1] > 90) & (h[:, 2] < 70)).mean() for h in (apples, oranges)]
    assert orange[1] > 3 * orange[0]


def test_unknown_tasks_are_refused():
    with pytest.raises(ParamsError, match="task"):
        validate(Config, {"task": "both"}, "data.fruit.rendered")
