"""FCN-8s: its topology is VGG-16's, its start is the coarse prediction, and it learns to see."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import VGG16_Weights, vgg16
from torchvision.models.vgg import make_layers

from triptych.base.config import ParamsError, validate
from triptych.base.errors import NotTrained
from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.judge import fcn8s
from triptych.cyclegan.streets.judge.evaluator import load_evaluator, save_evaluator, train_evaluator
from triptych.cyclegan.streets.judge.fcn8s import Config as FcnConfig
from triptych.cyclegan.streets.judge.fcn8s import FCN8s, Segmentation, Upsample, train_fcn
from triptych.cyclegan.streets.protocol import Protocol, evaluate_references
from triptych.data.format import DataError
from triptych.data.label_classes import CITYSCAPES
from triptych.engine import Replica

CPU = torch.device("cpu")
TINY = FcnConfig(pixels=[32, 32], width=4, dense=8, steps=60, batch_size=4, lr=5e-3)


def streets(n=16, size=32):
    """Road below, sky above, in their usual brightness."""
    rng = np.random.default_rng(0)
    horizon = rng.permutation(np.arange(size // 4, 3 * size // 4))[:n]  # all different
    below = np.broadcast_to(np.arange(size)[:, None] >= horizon[:, None, None], (n, size, size))
    photos = np.where(below, 70, 190)[:, None] + rng.integers(-20, 20, (n, 3, size, size))
    return StreetData(photos.astype(np.uint8), np.where(below, 7, 23).astype(np.uint8), CITYSCAPES)


def test_convolutions_are_vgg16s():
    with torch.device("meta"):
        net = FCN8s(FcnConfig(width=64, dense=16, norm="none"), 19)
        theirs = [m for m in vgg16(weights=None).features if isinstance(m, nn.Conv2d)]
    ours = [m for block in net.blocks for m in block if isinstance(m, nn.Conv2d)]
    assert [m.weight.shape for m in ours] == [m.weight.shape for m in theirs]


def test_starts_from_the_weights_of_torchvisions_vgg16(monkeypatch):
    """Here with convolutions that are 1/32 as wide."""
    torch.manual_seed(0)
    features = make_layers([2, 2, "M", 4, 4, "M", 8, 8, 8, "M", 16, 16, 16, "M", 16, 16, 16, "M"])
    wide = [nn.Linear(16 * 7 * 7, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()]
    vgg = SimpleNamespace(features=features, classifier=nn.Sequential(*wide).eval())
    monkeypatch.setattr("torchvision.models.vgg16", lambda weights: vgg)
    net = FCN8s(FcnConfig(width=2, norm="none"), 19).eval()
    net.start_from_vgg16()
    preset = VGG16_Weights.IMAGENET1K_V1.transforms()
    assert net.mean.flatten().tolist() == pytest.approx(preset.mean)
    assert net.std.flatten().tolist() == pytest.approx(preset.std)
    with torch.inference_mode():
        x = pool5 = torch.randn(1, 3, 224, 224)
        for block in net.blocks:
            pool5 = nn.functional.max_pool2d(block(pool5), 2)
        assert torch.allclose(pool5, vgg.features(x), rtol=1e-4, atol=1e-5)
        ours = net.dense[:3](pool5)  # fc6 as a 7 x 7 convolution: in the middle of 7 x 7 it sees all
        fc6 = vgg.classifier[:3](pool5.flatten(1))
        assert fc6.std() > 0 and torch.allclose(ours[..., 3, 3], fc6, rtol=1e-4, atol=1e-5)
        assert torch.allclose(net.dense[3:](ours)[..., 3, 3], vgg.classifier[3:6](fc6), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("error", [OSError("no route"), RuntimeError("invalid hash value")])
def test_missing_or_damaged_vgg16_weights_are_named(error, monkeypatch):
    def fail(weights):
        raise error

    monkeypatch.setattr("torchvision.models.vgg16", fail)
    net = FCN8s(FcnConfig(start="vgg16", norm="none", dense=4), 2)
    with pytest.raises(DataError, match=f"or damaged .{error}.*start: scratch"):
        net.start_from_vgg16()


def test_starts_with_equal_scores_everywhere():
    net = FCN8s(TINY, 5).eval()
    assert net(torch.randn(2, 3, 64, 32)).shape == (2, 5, 64, 32)
    assert net(torch.randn(1, 3, 32, 32)).abs().max() == 0


@pytest.mark.parametrize("factor", [2, 8])
def test_upsampling_starts_bilinear(factor):
    x = torch.randn(1, 3, 6, 5)
    ours = Upsample(3, factor)(x)
    theirs = nn.functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
    inside = (..., slice(factor, -factor), slice(factor, -factor))  # borders: zeros outside, not repeated
    assert ours.shape == theirs.shape and torch.allclose(ours[inside], theirs[inside], atol=1e-5)


def test_either_skip_reaches_the_output():
    net = FCN8s(TINY, 3).eval()
    x = torch.randn(1, 3, 64, 64)
    for name, cells in (("score3", 8), ("score4", 4), ("score", 2)):
        layer = getattr(net, name)
        nn.init.normal_(layer.weight)
        assert net(x).abs().max() > 0
        nn.init.zeros_(layer.weight)
        sizes = []
        hook = layer.register_forward_hook(lambda m, i, o, sizes=sizes: sizes.append(o.shape[-1]))
        net(x)
        hook.remove()
        assert sizes == [cells]


def test_photos_are_standardised_as_vgg16_expects():
    net, seen = FCN8s(TINY, 3).eval(), []
    net.blocks[0].register_forward_hook(lambda m, i, o: seen.append(i[0]))
    photos = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    net.segment(photos)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])  # ImageNet's
    expected = (photos / 255 - mean[:, None, None]) / std[:, None, None]
    assert torch.allclose(seen[0], expected, atol=1e-5)


def test_dense_layers_drop_half_and_weights_start_as_he_has_them():
    net = FCN8s(FcnConfig(width=16, dense=64), 5)
    assert [m.p for m in net.dense if isinstance(m, nn.Dropout2d)] == [0.5, 0.5]
    for m in (*net.blocks[2], *net.dense):
        if isinstance(m, nn.Conv2d):
            assert m.weight.std().item() == pytest.approx((2 / m.weight[0].numel()) ** 0.5, rel=0.1)
            assert m.bias.abs().max() == 0


def test_loss_is_the_mean_over_scored_pixels():
    scores = torch.randn(2, 3, 4, 5)
    truth = torch.tensor([0, 1, 2, 255])[torch.randint(0, 4, (2, 4, 5))]
    task = Segmentation(lambda photos: scores, TINY)
    task.batch = {"pair": (None, truth)}
    of_truth = scores.log_softmax(1).movedim(1, -1)[truth < 3, truth[truth < 3]]
    assert task.loss()[0].item() == pytest.approx(-of_truth.mean().item(), rel=1e-5)


@pytest.mark.parametrize("pixels, norm", [([32, 64], "batch"), ([32, 32], "none")])
def test_one_photo_a_batch_trains(pixels, norm):
    config = FcnConfig(pixels=pixels, width=2, dense=4, norm=norm, steps=2, batch_size=1)
    photos, truth = torch.zeros(3, 3, *pixels, dtype=torch.uint8), torch.zeros(3, *pixels, dtype=torch.uint8)
    net = train_fcn(FCN8s(config, 2), photos, truth, config, Replica(0, torch.device("cpu")))
    assert net.segment(photos[:1]).shape == (1, *pixels)


def test_a_batch_without_a_scored_pixel_teaches_nothing():
    net = FCN8s(TINY, 3)
    task = Segmentation(net, TINY)
    task.batch = {"pair": (torch.rand(2, 3, 32, 32), torch.full((2, 32, 32), 255))}
    loss, _ = task.loss()
    loss.backward()
    assert loss.item() == 0 and all((p.grad == 0).all() for p in net.parameters() if p.grad is not None)
    task.batch["pair"][1][0, 0, 0] = 1
    assert task.loss()[0].item() == pytest.approx(np.log(3))  # of the one pixel


def test_training_is_by_adamw_at_a_rate_that_falls_in_the_second_half():
    config = FcnConfig(steps=100, lr=3e-3, weight_decay=0.07)
    (phase,) = Segmentation(FCN8s(TINY, 3), config).phases()
    optimiser = phase.optimiser([nn.Parameter(torch.zeros(1))])
    assert type(optimiser) is torch.optim.AdamW
    assert (optimiser.defaults["lr"], optimiser.defaults["weight_decay"]) == (3e-3, 0.07)
    assert [phase.schedule(step) for step in (0, 49, 75, 99)] == pytest.approx([1, 1, 0.5, 0.02])


def training_pairs(photos, truth, config, monkeypatch, draws):
    """What the network would be trained on: uint8 photos and labels of the first `draws` steps."""
    streams = {}
    monkeypatch.setattr(fcn8s, "train", lambda task, given, **_: streams.update(given) or task)
    torch.manual_seed(0)
    train_fcn(nn.Identity(), torch.from_numpy(photos), torch.from_numpy(truth), config, Replica(0, CPU))
    for step in range(draws):
        images, labels = streams["pair"].at(step)
        yield ((images + 1) * 127.5).round().byte().numpy(), labels.byte().numpy()


def test_oblong_photos_are_mirrored_with_their_labels(monkeypatch):
    truth = np.random.default_rng(0).choice(np.array([0, 7, 18, 255], np.uint8), (3, 32, 64))
    photos = np.stack([truth] * 3, axis=1)
    config, seen = FcnConfig(pixels=[32, 64], batch_size=3), set()
    for images, labels in training_pairs(photos, truth, config, monkeypatch, 16):
        assert np.array_equal(images, np.stack([labels] * 3, axis=1))
        seen |= {picture.tobytes() for picture in labels}
    assert seen == {np.ascontiguousarray(t).tobytes() for t in (*truth, *truth[:, :, ::-1])}


def test_square_photos_are_also_shifted_by_up_to_an_eighth(monkeypatch):
    rows, columns = np.mgrid[:32, :32].astype(np.uint8)
    photos, truth = np.stack([rows, columns, rows])[None].repeat(4, 0), columns[None].repeat(4, 0)
    down, along = set(), set()
    for images, labels in training_pairs(photos, truth, FcnConfig(pixels=[32, 32], batch_size=4), monkeypatch, 80):
        assert np.array_equal(images[:, 1], labels)  # photo and labels stay together
        down |= {int(picture[16, 0]) - 16 for picture in images[:, 0]}
        along |= {int(row[16] - 16 if row[16] < row[17] else row[15] - 16) for row in labels[:, 0].astype(int)}
    assert down == along == set(range(-4, 5))


def test_the_order_of_the_photos_follows_the_evaluators_seed(monkeypatch):
    truth = np.broadcast_to(np.arange(12, dtype=np.uint8)[:, None, None], (12, 32, 32)).copy()
    photos = np.stack([truth] * 3, axis=1)

    def order(seed):
        config = FcnConfig(pixels=[32, 32], batch_size=1, seed=seed, norm="none")
        return [int(labels[0, 0, 0]) for _, labels in training_pairs(photos, truth, config, monkeypatch, 12)]

    assert order(0) == order(0) != order(1) and sorted(order(1)) == list(range(12))


def test_evaluator_learns_train_ids_at_its_own_size(monkeypatch):
    caught, data = [], streets(n=4, size=64)
    monkeypatch.setattr(fcn8s, "train_fcn", lambda net, photos, truth, *_: caught.append((photos, truth)) or net)
    first, again = (train_evaluator(data, TINY, Replica(seed, CPU)) for seed in (0, 1))
    other = train_evaluator(data, TINY.model_copy(update={"seed": 1}), Replica(0, CPU))
    weights = [net.blocks[0][0].weight for net in (first, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])  # by its own seed alone
    photos, truth = caught[0]
    assert photos.shape == (4, 3, 32, 32) and photos.dtype == torch.uint8
    assert np.array_equal(truth, np.where(data.label_maps == 7, 0, 10)[:, 1::2, 1::2])  # road 0, sky 10
    assert ((photos[:, 0] > 130).numpy() == (truth.numpy() == 10)).mean() > 0.95


def test_learns_and_is_the_ceiling_above_its_floors(tmp_path):
    data, protocol = streets(), Protocol(seeds=[0], fcn=TINY)
    net = train_evaluator(data, TINY, Replica(0, CPU))
    rows = evaluate_references(data, data, net, protocol)
    accuracy = {name: row.metrics["to_photo/pixel_acc"][0] for name, row in rows.items()}
    assert accuracy["real_photos"] > 0.9 > accuracy["shuffled_photos"]
    assert accuracy["real_photos"] > accuracy["constant"] + 0.2
    assert rows["real_photos"].metrics["to_labels/class_iou"] == [1.0]
    for floor in ("constant", "shuffled_photos"):
        assert rows[floor].metrics["to_labels/pixel_acc"][0] < 1
    assert rows["constant"].metrics["to_labels/mutual_information"] == [0.0]
    notes = rows["real_photos"].notes
    assert "absent from the truth: sidewalk" in notes[0]
    assert "60 steps of AdamW with batch 4" in notes[1] and "one evaluator for all seeds" in notes[1]

    save_evaluator(net, tmp_path)
    again = load_evaluator(tmp_path, TINY, 19, CPU)
    assert not any(m.training for m in again.modules())
    photos = torch.from_numpy(data.photos)
    assert (np.asarray(again.segment(photos)) == np.asarray(net.segment(photos))).all()


def test_an_evaluator_that_is_not_there_or_another_is_named(tmp_path):
    with pytest.raises(NotTrained, match="dvc repro fcn"):
        load_evaluator(tmp_path, TINY, 3, CPU)
    save_evaluator(FCN8s(TINY, 3), tmp_path)
    for config, classes in ((TINY, 4), (TINY.model_copy(update={"width": 8}), 3)):
        with pytest.raises(NotTrained, match="streets.fcn describes"):
            load_evaluator(tmp_path, config, classes, CPU)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"pixels": [40, 32]}, "multiples of 32"),
        ({"pixels": [32, 0]}, "multiples of 32"),
        ({"start": "vgg16"}, "norm = none"),
        ({"pixels": [32]}, "pixels"),
        ({"pixels": [32, 32], "batch_size": 1}, "batch_size = 1: batch norm"),
        ({"seed": 2**32}, "seed"),
    ],
)
def test_configurations_that_cannot_be_are_refused(change, message):
    with pytest.raises(ParamsError, match=message):
        validate(FcnConfig, change, "streets.fcn")
