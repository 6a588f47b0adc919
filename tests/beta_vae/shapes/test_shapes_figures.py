"""Traversals and reconstructions of models whose latents are known."""

import matplotlib.image
import numpy as np
import pytest
import torch
from shapes_kit import build, images_of

from triptych.beta_vae.shapes.figures import drawings, reports, traversals
from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.vae.autoencoder import Autoencoder
from triptych.data.drawn.shapes import Config, render
from triptych.data.format import write_dataset

CPU = torch.device("cpu")


class Oracle(Autoencoder):
    """A VAE that reads x and y off the picture: latent 2 is x, latent 0 is y with half the information, 1 is
    unused. Its decoder's picture is a square."""

    def posterior(self, images):
        on = images[:, 0].float() / 255
        area = on.sum((1, 2))
        x, y = (on.sum(axis) @ torch.arange(16.0) / area - 7.5 for axis in (1, 2))
        mean = torch.stack([y / 2, torch.zeros_like(x), x], 1)
        return mean, torch.tensor([-1.0, 0.0, -3.0]).expand_as(mean)

    def decoder(self, z):
        at = torch.arange(16.0) - 7.5
        square = (at - z[:, 2:]).abs()[:, None, :].lt(2) & (at - 2 * z[:, :1]).abs()[:, :, None].lt(2)
        return 200 * square[:, None].float() - 100


def test_a_share_is_the_adjusted_r_squared_of_the_class_means():
    """Not more than what chance gives to many classes: 1 − (1 − R²) (n − 1) / (n − k)."""
    generator = torch.Generator().manual_seed(0)
    classes = torch.arange(60) % 20
    mean = torch.randn(60, 2, generator=generator) + torch.stack([classes / 10, 0 * classes], 1)
    shares = reports._explained(mean, classes)
    for column, share in zip(mean.double().numpy().T, shares.tolist()):
        within = sum(((part := column[classes.numpy() == c]) - part.mean()) @ (part - part.mean()) for c in range(20))
        total = ((column - column.mean()) ** 2).sum()
        assert share == pytest.approx(1 - within / total * 59 / 40, abs=1e-5)


def test_latents_are_ordered_by_kl_and_named_after_what_they_follow(dataset):
    class Still(Oracle):
        def posterior(self, images):
            return torch.ones(len(images), 1), torch.zeros(len(images), 1)

    found, (still,) = (
        reports.report_latents(model, dataset["train"].images, Grid(dataset.card["factors"]), CPU)
        for model in (Oracle(), Still())
    )
    assert [r.latent for r in found] == [2, 0, 1]
    assert [r.follows for r in found[:2]] == ["x", "y"]
    assert found[0].shares["x"] > 0.9 and found[0].shares["y"] < 0.1
    assert found[2].kl == 0
    assert still.kl == 0.5 and set(still.shares.values()) == {0.0}
    assert reports.LatentReport(0, 0.5, {"x": 0.2, "y": 0.7}).label == "y 70%"
    assert reports.LatentReport(0, 0.001, {"x": 0.2, "y": 0.7}).label == "unused"


@pytest.mark.parametrize("every", [1, 2, 8])
def test_a_latent_that_is_each_shapes_pose_follows_orientation(every):
    """Latent 0: the angle within the shape's symmetry, from another start in each shape; 1: the shape, and a little of
    the pose."""
    grid = Grid(render(Config(orientation_every=every, x_every=16, y_every=16), 16)[1]["factors"])
    shape, turn = grid.numbers(["shape", "orientation"])

    class Pose(Oracle):
        def posterior(self, images):
            number = images[:, 0, 0].long() @ torch.tensor([256, 1])
            factors = grid.factors(number)
            angle = grid.values[turn][factors[:, turn]]
            order = torch.tensor([4.0, 2.0, 1.0])[factors[:, shape]]
            pose = torch.remainder(angle * order + 1e-9, 2 * torch.pi) / (2 * torch.pi)
            mean = torch.stack([pose + factors[:, shape] / 3, factors[:, shape] + 0.1 * pose], 1).float()
            return mean, torch.full_like(mean, -2.0)

    number = torch.arange(grid.count)
    images = torch.stack([number // 256, number % 256], 1).byte().view(-1, 1, 1, 2).numpy()
    pose, kind = sorted(reports.report_latents(Pose(), images, grid, CPU), key=lambda r: r.latent)
    assert pose.follows == "orientation" and pose.shares["orientation"] == pytest.approx(1, abs=1e-5)
    assert kind.follows == "shape" and kind.shares["shape"] > 0.9


def test_traversal_changes_one_latent_and_keeps_the_others(dataset):
    image = torch.from_numpy(images_of(dataset)[77])
    pictures = reports.traverse(Oracle(), image, [2, 1], values=5)
    assert pictures.shape == (2, 5, 1, 16, 16)
    kept = Oracle().decode(Oracle().encode(image[None]))[0]
    assert all(torch.equal(p, kept) for p in pictures[1])  # the unused latent changes nothing
    z = Oracle().encode(image[None]).repeat(5, 1)
    z[:, 2] = torch.tensor([-3.0, -1.5, 0.0, 1.5, 3.0])
    assert torch.equal(pictures[0], Oracle().decode(z))


def test_a_reconstructions_nll_is_the_one_of_the_models_own_decoder(dataset, tmp_path):
    images, grid = dataset["train"].images, Grid(dataset.card["factors"])
    for decoder, scale in (("bernoulli", 1.0), ("gaussian", 0.01)):
        options = {"hidden": 8, "latents": 2, "beta": 1.0, "decoder": decoder, "variance": scale}
        model = build("vae", dataset, 0, **options)
        nll = traversals.draw_reconstructions(model, images, grid, tmp_path / "r.png", CPU)["numbers"]["nll"]
        rows = grid.sample_rows(512, torch.Generator().manual_seed(0))
        batch = torch.from_numpy(np.array(images[rows.numpy()]))
        with torch.inference_mode():
            out, x = model.decoder(model.encode(batch)), batch / 255
        if decoder == "gaussian":
            expected = 50 * (out - x).square().sum((1, 2, 3)).mean()
        else:
            expected = -torch.distributions.Bernoulli(logits=out).log_prob(x).sum((1, 2, 3)).mean()
        assert nll == pytest.approx(float(expected), rel=1e-4)


def test_figures_of_a_grid_with_repeated_poses_and_few_images(tmp_path):
    """Orientations 0 and 2π are one pose: a quarter of the 96 images are others once more."""
    splits, card = render(Config(scale_every=5, orientation_every=13, x_every=16, y_every=16), 16)
    dataset = write_dataset(tmp_path / "shapes", splits, card)
    assert Grid(card["factors"]).available == 72
    model = build("vae", dataset, 0, hidden=8, latents=2, beta=1.0)
    for file, draw in drawings.draw_figures(model, dataset, CPU):
        assert draw(tmp_path / file)["caption"]


def test_figures_are_written(dataset, tmp_path, panels):
    images, grid = dataset["train"].images, Grid(dataset.card["factors"])
    sheet = traversals.draw_traversals(Oracle(), images, grid, tmp_path / "traversals.png", CPU)
    assert sheet["numbers"]["active_latents"] == 2 and sheet["numbers"]["mean_best_share"] > 0.9
    assert "−3 to 3" in sheet["caption"]
    rec = traversals.draw_reconstructions(Oracle(), images, grid, tmp_path / "reconstructions.png", CPU)
    assert rec["numbers"]["nll"] > 0
    assert panels[0].rows[0].startswith("z") and "KL" in panels[0].rows[0] and panels[0].tiles.shape[1] == 7
    assert panels[1].rows == ("image", "reconstruction") and panels[1].tiles[0].float().std() > 5
    for name in ("traversals.png", "reconstructions.png"):
        assert matplotlib.image.imread(tmp_path / name).std() > 0.05
