"""Street scenes: geometry of the camera, order of painting, what labels fix and what they leave open."""

import math
from functools import partial

import numpy as np
import pytest

from triptych.data.checks import streets as standard
from triptych.data.drawn.streets.dataset import Config, draw, render
from triptych.data.drawn.streets.light import Light, draw_light
from triptych.data.drawn.streets.shade import label_map, part_table, photo, rasterise, world_of_pixels
from triptych.data.drawn.streets.world import Camera, Id, Material, Scene, disc, rect
from triptych.data.format import write_dataset
from triptych.data.label_classes import CITYSCAPES, evaluated, train_ids

CAMERA = Camera(0.85, 1.15, 0.5, 0.45, 1.6)
GREY = (0.5, 0.5, 0.5)


@pytest.fixture(scope="module")
def scenes():
    return draw(Config(), "train", np.arange(64), 64)


def empty_scene(shift=None):
    return Scene(CAMERA, shift, np.random.default_rng(0), np.random.default_rng(1))


def noon(sun=2.0):
    white = np.ones(3)
    return Light((0.0, 1.0, 0.0), sun * white, 0.3 * white, white, white, 0.0, 0.0, 1e6, 0.5)


def test_photos_and_ids_of_all_nineteen_classes_and_little_void(scenes):
    photos, labels = scenes
    assert photos.shape == (64, 3, 64, 64) and labels.shape == (64, 64, 64)
    assert photos.dtype == labels.dtype == np.uint8 and photos.std((2, 3)).min() > 5
    assert set(np.unique(labels).tolist()) <= {c["id"] for c in CITYSCAPES}
    counts = np.bincount(train_ids(scenes[1], CITYSCAPES).ravel(), minlength=256)
    assert (counts[:19] > 0).all()
    assert 0 < counts[255] / counts.sum() < 0.1
    shares = dict(zip((c["name"] for c in evaluated(CITYSCAPES)), counts[:19] / counts.sum()))
    assert 0.25 < shares["road"] < 0.45
    assert shares["road"] > shares["building"] > shares["vegetation"] > shares["sidewalk"] > shares["person"]


def test_layout_has_a_street_s_perspective(scenes):
    """Sky above, road below, and a road that narrows towards the horizon."""
    labels = scenes[1]
    assert (labels[:, 40:] == Id.SKY).mean() < 0.001 and (labels[:, :10] == Id.SKY).mean() > 0.25
    road = (labels == Id.ROAD).sum(2).mean(0)
    assert road[:20].max() == 0
    assert road[60] > road[45] > road[35] > road[30] > 0


def test_one_label_map_has_many_photos(scenes):
    photos, labels = draw(Config(), "train", np.arange(16), 64, looks=1)
    assert np.array_equal(labels, scenes[1][:16])
    change = np.abs(photos.astype(float) - scenes[0][:16]).mean((1, 2, 3))
    assert change.min() > 6 and change.mean() > 15  # sensor noise alone makes about 3


def test_another_size_shows_the_same_streets(scenes):
    size = 48
    photos, labels = draw(Config(), "train", np.arange(8), size)
    assert photos.shape == (8, 3, size, size)
    nearest = (np.arange(64) + 0.5) * size // 64
    resampled = labels[:, nearest.astype(int)][:, :, nearest.astype(int)]
    assert (resampled == scenes[1][:8]).mean() > 0.9
    assert np.abs(photos.mean((2, 3)) - scenes[0][:8].mean((2, 3))).max() < 4


def test_supersampling_averages_the_same_scene(scenes):
    photos, labels = draw(Config(supersample=4), "train", np.arange(4), 64)
    assert (labels == scenes[1][:4]).mean() > 0.9
    assert np.abs(photos.astype(float) - scenes[0][:4]).mean() < 12


def test_sunny_is_the_share_of_scenes_with_direct_sun():
    """Shadows make a road uneven, so with sun it varies more than the same road without."""
    sunny, labels = draw(Config(sunny=1.0), "train", np.arange(12), 64)
    dull, same = draw(Config(sunny=0.0), "train", np.arange(12), 64)
    assert np.array_equal(labels, same)
    spread = [np.mean([p.mean(0)[m == Id.ROAD].std() for p, m in zip(x, labels)]) for x in (sunny, dull)]
    assert spread[0] > 1.15 * spread[1]


def test_it_is_day_and_there_is_no_fog():
    """As Cityscapes was filmed. Without sun the light is that of an overcast sky, which is nearly without colour."""
    looks = np.random.default_rng(0)
    lights = [draw_light(looks, 0.6) for _ in range(400)]
    assert np.mean([light.shift is not None for light in lights]) == pytest.approx(0.6, abs=0.08)
    for light in lights:
        assert -math.log(0.02) * light.haze_length > 1000, "a view of less than a kilometre is fog"
        assert light.sun.min() > 0.8 or light.ambient.min() > 0.6, "dusk"
        assert light.shift is not None or np.ptp(light.ambient) < 0.1


def test_near_things_cover_far_ones_in_whatever_order_they_come():
    for order in ((5, 10), (10, 5)):
        scene = empty_scene()
        for z in order:
            id_, half = (Id.CAR, 1) if z == 5 else (Id.BUS, 3)
            paint = partial(scene.front, id_, Material.PAINT, GREY, z, rect(-half, 0, half, 3))
            scene.later(z, paint)
        scene.draw_things()
        labels = label_map(rasterise(scene, 64), 64)
        column = labels[:, 32]
        assert Id.CAR in column and Id.BUS in labels and Id.BUS not in column[40:46]


def test_a_pixel_s_world_position_lies_where_its_part_was_put():
    scene = empty_scene()
    scene.flat(Id.ROAD, Material.ASPHALT, GREY, rect(-2, 1, 2, 50))
    scene.side(Id.BUILDING, Material.FACADE, GREY, 6.0, rect(5, 0, 30, 9), (3, 3, 0, 0))
    scene.front(Id.CAR, Material.PAINT, GREY, 8.0, rect(-1, 0, 1, 1.4))
    raster = rasterise(scene, 256)
    part = raster.part.ravel()
    x, y, z, _, _ = world_of_pixels([raster], part_table(raster.parts), part, np.zeros(part.size, int))
    slack = 0.35
    for k, (axis, at, (a0, a1), (b0, b1)) in enumerate(
        [(y, 0.0, (-2, 2), (1, 50)), (x, 6.0, (5, 30), (0, 9)), (z, 8.0, (-1, 1), (0, 1.4))]
    ):
        mine = part == k
        if k == 0:  # number 0 is also the background here: look at the road's own pixels below the horizon
            mine = mine & (np.abs(x) < 1.5) & (z < 30) & (y < 0.1)
        first, second = [(x, z), (z, y), (x, y)][k]
        assert mine.sum() > 100
        assert np.abs(axis[mine] - at).max() < 1e-3
        assert first[mine].min() > a0 - slack and first[mine].max() < a1 + 2 * slack
        assert second[mine].min() > b0 - slack and second[mine].max() < b1 + slack


def test_parts_behind_the_camera_are_cut_off():
    scene = empty_scene()
    scene.flat(Id.ROAD, Material.ASPHALT, GREY, rect(-3, -20, 3, 40))
    scene.front(Id.CAR, Material.PAINT, GREY, -5.0, rect(-1, 0, 1, 1))
    scene.side(Id.WALL, Material.MASONRY, GREY, 4.0, rect(-9, 0, -1, 2))
    scene.flat(Id.CAR, Material.PAINT, GREY, rect(-1, 5, 1, 9), 2.5)  # a roof above the eye
    assert [part.class_id for part in scene.parts] == [Id.ROAD]
    assert all(y > CAMERA.y0 for _, y in scene.parts[0].screen)


def test_shadows_darken_the_ground_in_the_direction_of_the_light():
    def ground(shift):
        scene = empty_scene(shift)
        scene.flat(Id.ROAD, Material.CLOTH, GREY, rect(-300, 1, 300, 900))
        if shift:
            scene.cast(-0.5, 0.5, 6, 7, 2.0)
        return photo([rasterise(scene, 128)], [noon()], 64, np.zeros((1, 3, 64, 64), np.float32))[0].mean(0)

    lit, shaded = ground(None), ground((1.0, 0.0))
    x, y = (int(64 * c) for c in CAMERA.project(1.5, 0, 6.5))
    mirrored = int(64 * CAMERA.project(-1.5, 0, 6.5)[0])
    assert shaded[y, x] < 0.6 * lit[y, x]
    assert shaded[y, mirrored] == lit[y, mirrored]


def test_haze_hides_what_is_far():
    scene = empty_scene()
    scene.front(Id.WALL, Material.CLOTH, (0.02, 0.02, 0.02), 80.0, rect(-300, -300, 300, 300))
    scene.front(Id.POLE, Material.CLOTH, (0.02, 0.02, 0.02), 6.0, disc(0, 1.6, 1, 1))
    still = np.zeros((1, 3, 64, 64), np.float32)
    image = photo([rasterise(scene, 128)], [noon()._replace(haze_length=40.0)], 64, still)[0].mean(0)
    assert image[2, 2] > image[29, 32] + 80


@pytest.mark.slow  # it trains a net; stage inspect measures the standard of the smoke profile's streets
def test_standard_needs_more_than_colour(tmp_path, monkeypatch):
    monkeypatch.setattr(standard, "STEPS", 80)
    splits, card = render(Config(train=64, val=24), 32)
    dataset = write_dataset(tmp_path / "streets", splits, card)
    measures = standard.measure(dataset, seed=0)
    shares = [v for k, v in measures.items() if k.startswith("share/")]
    assert len(shares) == 19 and sum(shares) == pytest.approx(1)
    assert measures["classes_in_val"] == sum(s > 0 for s in shares)
    assert measures["majority_accuracy"] == pytest.approx(max(shares))
    assert all(low <= measures[metric] <= high for metric, (low, high) in standard.LIMITS.items()), measures
