"""Maps of latents whose content is known."""

import matplotlib.image
import numpy as np
import pytest
import torch

from triptych.beta_vae.shapes.figures.drawings import draw_figures
from triptych.beta_vae.shapes.figures.maps import draw_latent_maps, fits, latent_maps
from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.parts.system import Representation
from triptych.beta_vae.vae.autoencoder import Autoencoder
from triptych.data.drawn.shapes import Config, render

CPU = torch.device("cpu")


GRID = Grid(render(Config(orientation_every=8, x_every=8, y_every=8), 16)[1]["factors"])
NUMBER = torch.arange(GRID.count)
IMAGES = torch.stack([NUMBER // 256, NUMBER % 256, 0 * NUMBER, 0 * NUMBER], 1).byte().view(-1, 1, 2, 2).numpy()


class Truth(Autoencoder, Representation):
    """Latent k is the value of factor k, found by the image's number, which is its first two pixels; latent 5 is
    x − y."""

    def posterior(self, images):
        number = images[:, 0, 0].long() @ torch.tensor([256, 1])
        factors = GRID.factors(number)
        values = torch.stack([v[factors[:, k]] for k, v in enumerate(GRID.values)], 1).float()
        x, y = GRID.numbers(["x", "y"])
        mean = torch.cat([values, values[:, [x]] - values[:, [y]]], 1)
        return mean, torch.full_like(mean, -2.0)

    def decoder(self, z):
        return z[:, :1, None, None].expand(-1, 1, 16, 16)


def test_maps_of_the_factors_themselves():
    maps = latent_maps(Truth(), IMAGES, GRID, CPU)
    shape, scale, turn, x, y = GRID.numbers(["shape", "scale", "orientation", "x", "y"])
    values = [v.float() for v in GRID.values]
    across = values[x].expand(len(values[y]), -1)
    torch.testing.assert_close(maps.position[x], across)
    torch.testing.assert_close(maps.position[y], values[y][:, None].expand_as(across))
    torch.testing.assert_close(maps.position[5], across - values[y][:, None])
    torch.testing.assert_close(maps.scale[scale], values[scale].expand(3, -1))
    torch.testing.assert_close(maps.scale[shape], values[shape][:, None].expand(-1, len(values[scale])))
    torch.testing.assert_close(maps.scale[x], values[x].mean().expand(3, len(values[scale])), atol=1e-5, rtol=0)
    torch.testing.assert_close(maps.orientation[turn], values[turn].expand(3, -1))
    torch.testing.assert_close(maps.variance, torch.full((6,), float(np.exp(-2.0))))


def test_a_repeated_pose_has_no_mean():
    factors = [{"name": n, "values": v.tolist()} for n, v in zip(GRID.names, GRID.values)]
    factors[GRID.names.index("orientation")]["values"][-1] = 2 * np.pi  # the pose of angle 0 once more
    maps = latent_maps(Truth(), IMAGES, Grid(factors), CPU)
    assert maps.orientation[..., -1].isnan().all() and not maps.orientation[..., :-1].isnan().any()
    assert not maps.position.isnan().any()


def test_the_figure_tells_the_factor_of_each_latent(tmp_path):
    sheet = draw_latent_maps(Truth(), IMAGES, GRID, tmp_path / "maps.png", CPU)
    for k, name in enumerate(GRID.names):
        if name != "orientation":  # counts up to each shape's symmetry, which the angle itself does not follow
            assert sheet["numbers"][f"z{k + 1}_{name}"] > 0.99
    (mixed,) = (v for k, v in sheet["numbers"].items() if k.startswith("z6_"))
    assert mixed == pytest.approx(0.5, abs=0.05)  # x − y follows one as much as the other
    assert matplotlib.image.imread(tmp_path / "maps.png").std() > 0.05


def test_it_is_drawn_for_the_2d_shapes_only(dataset):
    assert [file for file, _ in draw_figures(Truth(), dataset, CPU)][-1] == "latent_maps.png"
    assert not fits(Grid([{"name": n, "values": [0, 1]} for n in ("azimuth", "x", "y")]))
