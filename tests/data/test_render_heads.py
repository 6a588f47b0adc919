"""Rendered heads: the camera, mirror symmetry, where light and nose go."""

import torch

from triptych.data.drawn.heads.rays import draw
from triptych.data.drawn.heads.shape import COEFFICIENTS, albedo, distance, identities, normals
from triptych.data.drawn.views import evenly, view_rotations

MEAN = torch.zeros(len(COEFFICIENTS))


def picture(azimuth=0.0, elevation=0.0, light=0.0, head=MEAN, size=48):
    return draw(head, torch.tensor([azimuth]), torch.tensor([elevation]), torch.tensor([light]), size)[0, 0, 0].float()


def centre_of_light(image):
    return float((image.sum(0) * torch.arange(image.shape[1])).sum() / image.sum()) - (image.shape[1] - 1) / 2


def test_camera_turns_fronts_to_the_right_and_looks_from_above():
    front, up = torch.tensor([0.0, 0, 1]), torch.tensor([0.0, 1, 0])
    right, above = view_rotations(torch.tensor([90.0, 0.0]), torch.tensor([0.0, 90.0]))
    torch.testing.assert_close(right @ front, torch.tensor([1.0, 0, 0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(above @ up, torch.tensor([0.0, 0, 1]), atol=1e-6, rtol=0)
    both = view_rotations(torch.tensor(33.0), torch.tensor(-20.0))
    torch.testing.assert_close(both @ both.T, torch.eye(3), atol=1e-6, rtol=0)


def test_a_head_is_its_own_mirror_image():
    """Azimuth and light reversed: the picture mirrored; at zero, symmetric."""
    head = identities(3, 0)[2]
    one, other = picture(40, 15, -50, head), picture(-40, 15, 50, head)
    assert (one.flip(1) - other).abs().mean() < 1.0
    assert (one - other).abs().mean() > 10
    straight = picture(0, 10, 0, head)
    assert (straight.flip(1) - straight).abs().mean() < 1.0


def test_light_moves_the_bright_side_and_not_the_outline():
    shown = [picture(light=light) for light in (-80.0, -30.0, 0.0, 30.0, 80.0)]
    centres = [centre_of_light(image) for image in shown]
    assert centres == sorted(centres) and centres[0] < -2 and centres[-1] > 2
    assert all(torch.equal(image > 0, shown[0] > 0) for image in shown)


def test_the_nose_points_where_the_azimuth_says():
    """It sticks out to the right of the eyes and of all there is at azimuth 0; from the other side, to the left."""
    turned, straight = picture(75) > 0, picture(0) > 0

    def edge(image, rows):
        return int(image[rows].any(0).nonzero().max())

    nose, eyes = slice(26, 31), slice(22, 24)
    assert edge(turned, nose) > edge(turned, eyes) and edge(turned, nose) > edge(straight, nose)
    assert edge((picture(-75) > 0).flip(1), nose) == edge(turned, nose)


def test_looking_from_above_lowers_the_face():
    """The darkest pixels of a head lit from the front, its irises and mouth, move down as the camera rises."""

    def place(elevation):
        face = picture(0, elevation)[:, 17:31]
        dark = (face.amax() - face).clamp(min=0) * (face > 0)
        dark[36:] = 0  # the neck
        return float((dark.sum(1) * torch.arange(48)).sum() / dark.sum())

    places = [place(e) for e in (-25.0, 0.0, 25.0)]
    assert places == sorted(places) and places[2] - places[0] > 1


def test_rays_stop_on_the_surface_and_normals_point_outwards():
    assert distance(torch.zeros(1, 3), MEAN) < 0 < distance(torch.tensor([[0.0, 0.0, 1.5]]), MEAN)
    tip = torch.tensor([[0.0, 0.9, -0.14]])
    ahead = normals(tip, MEAN)
    torch.testing.assert_close(ahead.norm(dim=1), torch.ones(1))
    assert ahead[0, 1] > 0.95
    shades = albedo(torch.tensor([[0.215, 0.045, 0.63], [0.0, 0.5, 0.6]]), MEAN)
    assert shades[0] < 0.3 < shades[1]  # iris, forehead


def test_identities_differ_and_do_not_depend_on_their_number():
    assert torch.equal(identities(3, 5), identities(8, 5)[:3])
    assert not torch.equal(identities(3, 5), identities(3, 6))
    faces = [picture(20, 0, 20, head, 24) for head in identities(4, 0)]
    assert min((a - b).abs().mean() for i, a in enumerate(faces) for b in faces[:i]) > 3


def test_size_scales_the_picture():
    small = picture(30, 10, 20, size=16)
    large = picture(30, 10, 20, size=32).view(16, 2, 16, 2).mean((1, 3))
    assert (small - large).abs().mean() < 4


def test_a_single_value_is_the_middle_of_its_range():
    assert evenly(-10, 30, 1) == [10] and evenly(-1, 1, 3) == [-1, 0, 1]
