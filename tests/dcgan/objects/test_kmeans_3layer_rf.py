import pytest
import torch
from dcgan_kit import grainy_images as images

from triptych.base.config import ParamsError, validate
from triptych.data.spec import Spec
from triptych.dcgan.objects.parts.receptive_fields import GroupedLayer
from triptych.dcgan.objects.rows import kmeans_1layer
from triptych.dcgan.objects.rows.kmeans_3layer_rf import Config, System
from triptych.engine import Replica
from triptych.pipeline import systems

SPEC = Spec((3, 32, 32))
SMALL = {
    "k": 12, "patches": 600, "groups": 3, "members": 5, "k_group": 4, "images": 20, "windows": 300, "iterations": 3,
}  # fmt: skip


def fitted(**changes):
    system = systems.build("objects", "kmeans_3layer_rf", Config(**SMALL | changes), SPEC, seed=0)
    system.fit(images(), Replica(0, torch.device("cpu")))
    return system


@pytest.fixture(scope="module")
def system():
    return fitted()


def block_means(code, side):
    rows, columns, k = code.shape
    rows, columns = rows // side * side, columns // side * side
    return code[:rows, :columns].reshape(rows // side, side, columns // side, side, k).mean((1, 3))


def quadrant_sums(code):
    rows, columns = (code.shape[0] + 1) // 2, (code.shape[1] + 1) // 2
    return [part.sum((0, 1)) for half in (code[:rows], code[rows:]) for part in (half[:, :columns], half[:, columns:])]


def grouped(layer, maps):
    """The layer's code of each 2×2 window of maps (rows, columns, k), one at a time."""
    rows, columns, _ = maps.shape
    out = []
    for r in range(rows - 1):
        for c in range(columns - 1):
            window = maps[r : r + 2, c : c + 2] / layer.scale
            groups = [window[:, :, m].permute(2, 0, 1).reshape(1, -1) for m in layer.members]
            out.append(torch.cat([d.code(x)[0] for d, x in zip(layer.dictionaries, groups)]))
    return torch.stack(out).view(rows - 1, columns - 1, -1)


def test_features_are_the_quadrants_of_all_three_layers(system):
    image = torch.from_numpy(images()[:1])
    first = system.first.code(torch.stack([
        image[0, :, r : r + 6, c : c + 6].float().flatten() for r in range(27) for c in range(27)
    ])).view(27, 27, -1)  # fmt: skip
    second = grouped(system.deeper[0], block_means(first, 3))
    third = grouped(system.deeper[1], block_means(second, 2))
    assert second.shape == (8, 8, 12) and third.shape == (3, 3, 12)
    expected = torch.cat([torch.cat(quadrant_sums(code)) for code in (first, second, third)])
    system.standardizer.reset()
    torch.testing.assert_close(system.features(image)[0], expected, atol=2e-3, rtol=1e-3)


def test_its_first_layer_is_one_layer_k_means(system):
    one = kmeans_1layer.System(kmeans_1layer.Config(k=12, patches=600, iterations=3), SPEC)
    one.fit(images(), Replica(0, torch.device("cpu")))
    assert torch.equal(one.centroids, system.first.centroids)
    batch = torch.from_numpy(images()[:5])
    system.standardizer.reset()
    torch.testing.assert_close(system.features(batch)[:, :48], one.features(batch))


def test_what_does_not_fit_is_told():
    with pytest.raises(ParamsError, match="members = 13: more than the maps"):
        validate(Config, SMALL | {"members": 13}, "objects.systems.kmeans_3layer_rf")
    with pytest.raises(ParamsError, match="12×12 leave a layer"):
        System(Config(**SMALL), Spec((3, 12, 12)))


def test_each_layer_learns_from_the_maps_of_the_one_below(monkeypatch):
    """The first has 12 maps, the second 9: only windows of these are what the third one learns from."""
    samples, learn = [], GroupedLayer.learn
    monkeypatch.setattr(GroupedLayer, "learn", lambda self, x, *rest: samples.append(x) or learn(self, x, *rest))
    fitted(k_group=3)
    assert [tuple(x.shape) for x in samples] == [(300, 12, 4), (300, 9, 4)]
