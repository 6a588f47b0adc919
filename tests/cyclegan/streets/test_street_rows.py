"""Every row of the streets table: it trains, translates both ways, and comes back from disk the same."""

import pytest
import torch
from tiny_streets import CPU, LEARNED, ROWS, SPEC, build, streets
from torch import nn

from triptych.base.config import ParamsError
from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.parts.system import Translator
from triptych.cyclegan.streets.rows import bigan_ali
from triptych.engine import Replica, inference
from triptych.engine.graph import RecordedStep
from triptych.pipeline import systems


@pytest.mark.parametrize("name", ROWS)
def test_trains_translates_and_comes_back_from_disk(name, tmp_path):
    data, (system, config) = streets(), build(name)
    assert isinstance(system, Translator)
    system.fit(data, Replica(0, CPU))
    system.eval()
    systems.save(system, tmp_path / f"streets/{name}/seed0", table="streets", name=name, config=config, spec=SPEC)
    again = systems.load(f"streets/{name}", 0, tmp_path)
    labels, photos = torch.from_numpy(data.labels), torch.from_numpy(data.photos)
    with torch.inference_mode():
        for way, images in (("to_photo", labels), ("to_labels", photos)):
            out = getattr(system, way)(images)
            assert out.shape == (4, 3, 16, 16) and out.dtype == torch.uint8
            assert torch.equal(getattr(again, way)(images), out)
    other, _ = build(name)
    other.fit(data, Replica(0, CPU))
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in system.state_dict().items()), "same seed"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", LEARNED)
def test_trains_as_a_graph_on_a_gpu_and_translates_there(name, monkeypatch):
    captured, record = [], RecordedStep.record
    monkeypatch.setattr(RecordedStep, "record", lambda self, rows: captured.append(1) or record(self, rows))
    device, data = torch.device("cuda", 0), streets()
    system, _ = build(name, epochs=4)
    system.to(device).fit(data, Replica(0, device))
    assert captured
    for way, images in (("to_photo", data.labels), ("to_labels", data.photos)):
        assert inference(getattr(system.eval(), way), images, device).shape == (4, 3, 16, 16)


class Asked(Exception): ...


class AskingData(StreetData):
    def unpaired(self, replica, **options):
        raise Asked("unpaired", options)

    def paired(self, replica, **options):
        raise Asked("paired", options)


@pytest.mark.parametrize("name", LEARNED)
def test_only_pix2pix_sees_pairs_and_the_others_can_do_without_any(name):
    data, kind = streets(), "paired" if name.startswith("pix2pix") else "unpaired"
    options = {"disjoint": True} if kind == "unpaired" else {}
    extra = {"features": "random", "random_width": 2} if name == "feature_loss_gan" else {}
    system, _ = build(name, batch_size=3, **options, **extra)
    with pytest.raises(Asked) as e:
        system.fit(AskingData(data.photos, data.label_maps, data.classes), Replica(0, CPU))
    assert e.value.args == (kind, {"batch_size": 3, "load_size": 18, "pixels": 16, **options})


def test_rows_say_what_is_not_published():
    for name, changes, start in (
        ("cogan", {}, "our reconstruction"),
        ("pix2pix", {"l1_weight": 7.0}, "weight of the L1 term 7: not published"),
        ("feature_loss_gan", {"features": "vgg16"}, "features: VGG-16 of ImageNet, torchvision's"),
        ("feature_loss_gan", {"features": "random"}, "features: VGG-16's topology with random weights"),
        ("feature_loss_gan", {"features": "fcn"}, "features: an FCN trained on the photos' labels"),
    ):
        (note,) = build(name, **changes)[0].notes()
        assert note.startswith(start)
    assert build("pix2pix_unet")[0].notes() == []  # its weight is published


def test_the_floor_is_cyclegan_before_any_training():
    data, (floor, _), (cyclegan, _) = streets(), build("untrained"), build("cyclegan")
    floor.fit(data, Replica(0, CPU))
    labels, photos = torch.from_numpy(data.labels), torch.from_numpy(data.photos)
    with torch.inference_mode():
        assert torch.equal(floor.to_photo(labels), cyclegan.to_photo(labels))
        assert torch.equal(floor.to_labels(photos), cyclegan.to_labels(photos))


def test_bigan_pulls_the_pairs_towards_each_other():
    """The critic calls (x, G(x)) real and (F(y), y) fake; the generators want the reverse."""
    system, _ = build("bigan_ali")
    task = bigan_ali.Pairs(system, 10)
    task.batch = {"x": torch.zeros(1, 3, 16, 16), "y": torch.ones(1, 3, 16, 16)}

    class Sure(nn.Module):  # 1 for (x, G(x)) whose first half is all 0, else 0
        def forward(self, pairs):
            return (pairs[:, :3].abs().amax((1, 2, 3)) == 0).float()

    system.D = Sure()
    _, logs = task.generators()
    assert logs["loss_gan_to_photo"] == 1 and logs["loss_gan_to_labels"] == 1  # both caught
    loss, _ = task.critic()
    assert loss == 0  # and the critic right


def test_bigan_by_hand():
    """D on (x, G(x)) to 1 and on (F(y), y) to 0, halved; G and F the other way round; fakes by way of the pools."""
    system, _ = build("bigan_ali")
    task, critic = bigan_ali.Pairs(system, 10), system.D
    x, y = torch.rand(2, 1, 3, 16, 16) * 2 - 1
    task.batch = {"x": x, "y": y}
    with torch.no_grad():
        on_x, on_y = critic(torch.cat([x, system.G(x)], 1)), critic(torch.cat([system.F(y), y], 1))
    loss, _ = task.generators()
    assert loss.item() == pytest.approx((on_x.square().mean() + (on_y - 1).square().mean()).item(), rel=1e-5)
    assert not task.batch["from_x"].requires_grad and not task.batch["from_y"].requires_grad
    expected = 0.5 * ((on_x - 1).square().mean() + on_y.square().mean())
    assert task.critic()[0].item() == pytest.approx(expected.item(), rel=1e-5)
    assert task.pool_x.count == task.pool_y.count == 1


def test_unet_noise_is_the_same_at_every_call_and_no_one_elses():
    data, (system, _) = streets(), build("pix2pix_unet")
    labels, photos = torch.from_numpy(data.labels), torch.from_numpy(data.photos)
    with torch.no_grad():
        nn.init.normal_(system.G.up[-1][1].weight)  # so that the noise shows in 8 bits
        nn.init.normal_(system.F.up[-1][1].weight)
        state = torch.get_rng_state()
        first = system.to_photo(labels), system.to_labels(photos)
        assert torch.equal(torch.get_rng_state(), state)
        torch.rand(5)
        assert all(torch.equal(a, b) for a, b in zip(first, (system.to_photo(labels), system.to_labels(photos))))
        system.config = system.config.model_copy(update={"noise_seed": 1})
        assert not torch.equal(system.to_photo(labels), first[0])
        assert not torch.equal(system.to_labels(photos), first[1])


@pytest.mark.parametrize("name", ["pix2pix_unet", "cogan"])
def test_sizes_that_networks_cannot_have_are_refused(name):
    with pytest.raises(ParamsError, match="power of two"):
        build(name, pixels=48, load_size=50)
