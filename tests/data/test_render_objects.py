"""Rendered objects: classes told by shape alone; drawing against other formulas."""

import numpy as np
import pytest

from triptych.base.config import ParamsError, validate
from triptych.data.checks import objects as standard
from triptych.data.drawn import noise as images_module
from triptych.data.drawn import objects, objects_unlabelled
from triptych.data.drawn.noise import BLOCK, Draws, blur, one_over_f, pixel_grid
from triptych.data.drawn.objects.pen import Pen
from triptych.data.drawn.objects.things import THINGS
from triptych.data.drawn.objects.unlabelled_things import FURTHER_THINGS
from triptych.data.format import Chunks, write_dataset
from triptych.data.inspect import inspect


def pen(n=1, size=64, extent=1.0, numbers=200):
    x, y = pixel_grid(size)
    draws = Draws.of("test", 0, range(n), numbers=numbers, fields=1, size=2)
    return Pen(np.repeat(x, n, 0) * extent, np.repeat(y, n, 0) * extent, draws)


@pytest.fixture(scope="module")
def rendered():
    return objects.render(objects.Config(train=600, test=300, seed=0), 32)


def test_unlabelled_has_the_ten_classes_and_more_and_no_labels(rendered):
    splits, card = objects_unlabelled.render(objects_unlabelled.Config(train=40, seed=0), 32)
    assert set(splits) == {"train"} and splits["train"].labels is None
    assert set(rendered[1]["class_names"]) < set(card["things"]) and len(card["things"]) == 20
    assert "class_names" not in card
    few, card = objects_unlabelled.render(objects_unlabelled.Config(train=40, seed=0, classes=3), 32)
    assert len(card["things"]) == 3
    assert not np.array_equal(few["train"].images, splits["train"].images)


def test_colour_light_and_contrast_do_not_tell_the_class(rendered):
    """Nearest class mean on each channel's mean and spread: chance is 10 %."""

    def features(split):
        pixels = split.images.astype(float)
        return np.concatenate([pixels.mean((2, 3)), pixels.std((2, 3))], axis=1)

    train, test = rendered[0]["train"], rendered[0]["test"]
    means = np.array([features(train)[train.labels == k].mean(0) for k in range(10)])
    nearest = np.linalg.norm(features(test)[:, None] - means, axis=2).argmin(1)
    assert (nearest == test.labels).mean() < 0.2


def test_raw_pixels_do_badly_under_a_linear_machine(rendered):
    train, test = ((rendered[0][s].images[:500], rendered[0][s].labels[:500]) for s in ("train", "test"))
    low, high = standard.LIMITS["raw_pixel_svm_accuracy"]
    assert low < standard.raw_pixel_svm_accuracy(train, test, seed=0) < high


@pytest.mark.slow
def test_the_standard_holds(tmp_path):
    splits, card = objects.render(objects.Config(train=5000, test=2000, seed=0), 32)
    found = inspect(write_dataset(tmp_path / "objects", splits, card), tmp_path / "out")
    assert set(standard.LIMITS) <= set(found.measures) and not found.missed, found


def test_large_sets_come_in_blocks_with_the_same_bytes(tmp_path, monkeypatch, rendered):
    monkeypatch.setattr(images_module, "IN_MEMORY_BYTES", 1000)
    splits, card = objects.render(objects.Config(train=BLOCK + 20, test=5, seed=0), 32)
    assert isinstance(splits["train"].images, Chunks)
    for path in ("once", "again"):
        written = write_dataset(tmp_path / path, splits, card)
        assert np.array_equal(written["train"].images, rendered[0]["train"].images[: BLOCK + 20])


def test_wrong_scales_are_refused():
    with pytest.raises(ParamsError, match="scale_low = 0.9 is over scale_high = 0.5"):
        validate(objects.Config, {"train": 1, "test": 1, "seed": 0, "scale_low": 0.9, "scale_high": 0.5}, "objects")


@pytest.mark.parametrize("thing", THINGS + FURTHER_THINGS, ids=lambda thing: thing.__name__)
def test_things_fill_their_frame_and_vary(thing):
    canvas = pen(n=64, extent=1.5, numbers=40)
    inside = np.minimum.reduce([part.distance for part in thing(canvas)]) < 0
    area = inside.mean((1, 2)) * 3**2  # in units of the thing: the frame [-1, 1]² has area 4
    assert area.min() > 0.3 and area.max() < 2.6
    reach = np.maximum(np.abs(canvas.x), np.abs(canvas.y))
    assert reach[inside].max() < 1.3
    assert np.where(inside, reach, 0).max((1, 2)).min() > 0.7
    assert len(np.unique(inside.reshape(64, -1), axis=0)) > 55


def test_star_and_box_equal_the_polygons_with_their_corners():
    p = pen()
    angles = np.pi / 2 - np.arange(10) * np.pi / 5
    corners = [(r * np.cos(a) + 0.1, r * np.sin(a) - 0.05) for a, r in zip(angles, [0.9, 0.4] * 5)]
    np.testing.assert_allclose(p.star(0.1, -0.05, 0.9, 0.4, 5), p.polygon(*corners), atol=1e-5)
    turned = [
        (0.5 * s * np.cos(0.3) - 0.2 * t * np.sin(0.3), 0.5 * s * np.sin(0.3) + 0.2 * t * np.cos(0.3))
        for s, t in ((1, 1), (1, -1), (-1, -1), (-1, 1))
    ]
    np.testing.assert_allclose(p.box(0.0, 0.0, 0.5, 0.2, 0.0, 0.3), p.polygon(*turned), atol=1e-5)
    np.testing.assert_allclose(p.ellipse(0.1, 0.2, 0.5, 0.5), p.disc(0.1, 0.2, 0.5), atol=1e-5)
    edge = [(a, 0.5 * np.cos(a), 0.3 * np.sin(a)) for a in np.linspace(0, 6, 20)]
    point = Pen(np.array([e[1] for e in edge]), np.array([e[2] for e in edge]), Draws(np.zeros((1, 1)), None))
    assert np.abs(point.ellipse(0.0, 0.0, 0.5, 0.3)).max() < 1e-6


def test_fields_have_the_spectrum_asked_for():
    noise = np.random.default_rng(0).standard_normal((20, 1, 128, 128)).astype(np.float32)
    field = one_over_f(noise, 1.0)
    np.testing.assert_allclose(field.std((2, 3)), 1, rtol=1e-4)
    power = (np.abs(np.fft.fft2(field)) ** 2).mean((0, 1))
    k = np.arange(2, 60)
    slope = np.polyfit(np.log(k), np.log(power[0, k] + power[k, 0]), 1)[0]
    assert slope == pytest.approx(-2, abs=0.2)  # amplitude 1/f is power 1/f²


def test_blur_is_gaussian_and_keeps_flat_images():
    from scipy.ndimage import gaussian_filter

    image = np.random.default_rng(0).random((1, 1, 16, 16), np.float32)
    sigma = np.full((1, 1, 1), 0.9, np.float32)
    expected = gaussian_filter(image[0, 0], 0.9, mode="nearest", radius=3)
    np.testing.assert_allclose(blur(image, sigma)[0, 0], expected, atol=1e-5)
    np.testing.assert_allclose(blur(np.full((1, 3, 8, 8), 0.3, np.float32), sigma), 0.3, rtol=1e-5)
    np.testing.assert_allclose(blur(image, 0 * sigma), image)


def test_an_image_out_of_numbers_says_so():
    draws = Draws.of("test", 0, range(2), numbers=3, fields=1, size=2)
    draws.part(2)
    draws.uniform()
    with pytest.raises(IndexError, match="only 3 numbers"):
        draws.uniform()
