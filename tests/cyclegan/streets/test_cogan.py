"""CoGAN: its losses, and translation by search."""

import pytest
import torch
from tiny_streets import build
from torch import nn

from triptych.base.config import ParamsError
from triptych.base.pixels import to_uint8
from triptych.cyclegan.streets.rows import cogan


@pytest.mark.parametrize("key, value", [("pool", 50), ("critic_layers", 3)])
def test_cogan_has_no_pool_and_no_patch_critics(key, value):
    with pytest.raises(ParamsError, match=key):
        build("cogan", **{key: value})


def test_losses_by_hand():
    """Both domains' log losses summed: -log s(D) for G; -log s(D(real)) - log(1 - s(D(fake))) for D."""
    system, _ = build("cogan")
    task = cogan.Coupled(system.train(), 10)
    x, y = torch.rand(2, 2, 3, 16, 16) * 2 - 1
    task.batch = {"x": x, "y": y}
    loss, _ = task.generators()
    fakes = task.batch["fakes"]
    assert not any(f.requires_grad for f in fakes)
    expected = -sum(torch.sigmoid(scores).log().mean() for scores in system.D(*fakes))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    on_real = sum(torch.sigmoid(scores).log().mean() for scores in system.D(x, y))
    on_fake = sum((1 - torch.sigmoid(scores)).log().mean() for scores in system.D(*fakes))
    assert task.critics()[0].item() == pytest.approx(-(on_real + on_fake).item(), rel=1e-4)


@pytest.mark.parametrize("way, source", [("to_photo", 0), ("to_labels", 1)])
def test_search_keeps_the_best_start_of_each_image(way, source):
    """With hardly a step, an image becomes the other domain's image of the start that is nearest to it."""
    system, config = build("cogan", search_steps=1, search_starts=4, search_lr=1e-6, search_seed=1)

    class Grey(nn.Module):
        def forward(self, z):
            x = (0.2 * z[:, :1, None, None]).expand(-1, 3, 16, 16)
            return x, 0.3 - 2 * x  # as label map and as photo

    system.G = Grey()
    starts = torch.randn(4, 1, config.z_dim, generator=torch.Generator().manual_seed(1))[:, 0]
    both = [to_uint8(images) for images in Grey()(starts)]
    assert len(both[0][:, 0, 0, 0].unique()) == 4
    wanted = [2, 0, 3, 1, 0]
    out = getattr(system, way)(both[source][wanted])
    assert (out.int() - both[1 - source][wanted].int()).abs().max() <= 1


def test_search_finds_a_scene_it_can_make():
    system, config = build("cogan", search_steps=150, search_starts=4, width=8)
    system.eval()
    with torch.no_grad():
        label, photo = system.G(torch.randn(3, config.z_dim))
    labels = to_uint8(label)
    quick, _ = build("cogan", search_steps=1, search_starts=1, width=8)
    made, missed = system.to_photo(labels), quick.eval().to_photo(labels)
    errors = [(images.float() - to_uint8(photo).float()).abs().mean() for images in (made, missed)]
    assert errors[0] < 0.5 * errors[1]
    assert torch.equal(system.to_photo(labels[:1]), made[:1])
