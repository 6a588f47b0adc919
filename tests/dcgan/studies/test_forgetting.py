"""Forgetting on a generator whose maps are known: which one draws what, and where."""

import torch
from dcgan_kit import small_gan
from torch import nn

from triptych.dcgan.studies.arithmetic.attributes import Readings
from triptych.dcgan.studies.arithmetic.code_lab import FixedGenerator, Lab
from triptych.dcgan.studies.arithmetic.forgetting import (
    Forgetting,
    at,
    cells_inside,
    find_boxes,
    forget,
    framed,
    largest,
    telling_apart,
)

WIDTH = 2  # pixels of a cell


class Known(nn.Module):
    """Codes (n, 3) -> images (n, 1, 16, 16) by way of four maps of 8 × 8, each cell 2 × 2 pixels: map 0 draws a striped
    bar of 2 × 4 cells at the upper left where code 0 is positive, map 1 one at the lower right where code 1 is, map 2
    one at the upper left of every sample; map 3 is 1 around the bars and draws nothing."""

    def __init__(self):
        super().__init__()
        self.dense, self.project, self.unflatten = nn.Identity(), nn.Identity(), nn.Identity()
        self.blocks = nn.Sequential(Maps(), nn.Upsample(scale_factor=WIDTH), Sum())
        self.register_parameter("nothing", nn.Parameter(torch.zeros(1)))

    def forward(self, codes):
        return self.blocks(codes)

    def pixels(self, images):
        return (images * 50).round().to(torch.uint8)


class Maps(nn.Module):
    def forward(self, codes):
        maps = torch.zeros(len(codes), 4, 8, 8)
        on = (codes > 0).float()
        maps[:, 0, 1:3, 1:5] = on[:, 0, None, None]
        maps[:, 1, 5:7, 3:7] = on[:, 1, None, None]
        maps[:, 2, 1:3, 1:5] = 1
        maps[:, 3] = 1
        maps[:, 3, 1:3, 1:5] = maps[:, 3, 5:7, 3:7] = 0
        return maps


class Sum(nn.Module):
    def forward(self, maps):
        stripes = 2 * (torch.arange(16) % 2)
        return maps[:, :3].sum(1, keepdim=True) * stripes


class BarReader:
    """Reads the two bars by their contrast: 50 without the first and 100 with it, 0 and 50 for the second."""

    attributes = ["First", "Second"]
    angle = None

    def read(self, images):
        x = torch.as_tensor(images).float()
        first = x[:, 0, 2:6, 2:10].std((1, 2), correction=0) - 75
        second = x[:, 0, 10:14, 6:14].std((1, 2), correction=0) - 25
        return Readings((torch.stack([first, second], 1) / 10).sigmoid(), None)


class NoDistance:
    def median(self, images):
        return 1.0


def lab():
    generate = FixedGenerator.__new__(FixedGenerator)
    generate.net = Known()
    pool = 2 * torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) - 1
    samples, reader = generate(pool), BarReader()
    return Lab(generate, lambda n, g: torch.rand(n, 3, generator=g), reader, NoDistance(), 0, pool, samples,
               reader.read(samples))  # fmt: skip


def config(attribute="Second"):
    return Forgetting(attribute=attribute, height=4, width=8, boxes=30, layer=2, controls=5)


def test_a_box_is_put_around_the_thing():
    place = lab()
    has = place.samples[place.readings.probabilities[:, 1] > 0.5]
    corners, belief = find_boxes(has, (4, 8), WIDTH, lambda x: BarReader().read(x).probabilities[:, 1])
    assert (corners == torch.tensor([10, 6])).all() and len(corners) == len(has)
    assert (belief < 0.1).all()
    blank = find_boxes(torch.zeros(2, 1, 16, 16, dtype=torch.uint8), (4, 8), WIDTH, lambda x: x.float().mean((1, 2, 3)))
    assert blank[0].tolist() == [[0, 0], [0, 0]] and blank[1].tolist() == [0, 0]  # the first of equals
    seen, image = [], torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8)
    find_boxes(image, (8, 8), 1, lambda x: seen.append(x) or torch.zeros(1))
    assert len(seen) == 1 and seen[0].unique().tolist() == [32]  # covered by its mean, 31.5 rounded to even
    assert image[0, 0, 0, 1] == 1  # the image itself is left alone


def test_cells_have_their_centre_in_the_box():
    inside = cells_inside(torch.tensor([[2, 5]]), (4, 6), 4, 4)  # rows 2 to 5, columns 5 to 10; centres 2, 6, 10, 14
    assert inside[0].nonzero().tolist() == [[0, 1], [0, 2]]
    maps = torch.arange(2 * 16.0).view(1, 2, 4, 4)
    assert at(maps, inside).tolist() == [[1, 17], [2, 18]]


def test_a_regression_tells_the_map_that_differs_and_the_largest_are_chosen():
    draw = torch.Generator().manual_seed(0)
    positives, negatives = (torch.randn(300, 3, generator=draw) for _ in range(2))
    positives[:, 1] += 3
    negatives[:, 2] += 3
    weights, accuracy = telling_apart(positives, negatives)
    assert weights[1] > 1 and weights[2] < -1 and abs(weights[0]) < 0.5 and accuracy > 0.95
    assert largest(torch.tensor([0.1, -3, 2, 1]), 2).tolist() == [False, False, True, True]
    assert not largest(torch.tensor([1.0, 2]), 0).any()


def test_without_its_map_the_thing_is_gone_and_the_rest_stays():
    numbers, pictures = forget(lab(), config())
    assert numbers["covered"] == 1 and numbers["box_accuracy"] == 1
    assert 0.4 < numbers["has"] < 0.6
    assert numbers["has_after"] == numbers["has_after_same_place"] == 0
    assert numbers["kept"] == numbers["kept_same_place"] == 1
    assert numbers["dropped"] == 0.25  # one of four maps
    assert 0 < numbers["has_after_random"] < numbers["has"]  # some of the random maps are that one
    assert pictures["before"].shape == pictures["after"].shape == (8, 1, 16, 16)
    before, after = (pictures[key][:, 0, 10:14, 6:14] for key in ("before", "after"))
    assert (before.std((1, 2)) == 50).all() and not after.any()
    assert forget(lab(), config())[0] == numbers


def test_the_papers_rule_also_drops_what_is_always_there():
    """Inside the box of the first bar there is the unchanging one, too; the sharper rule knows it by heart."""
    numbers, _ = forget(lab(), config(attribute="First"))
    assert numbers["dropped"] == 0.5 and numbers["has_after"] == 0
    place = lab()
    sure = place.score({"First": 1}).topk(30).indices
    unsure = place.score({"First": 0}).topk(30).indices
    inside = cells_inside(torch.tensor([[2, 2]]).expand(30, 2), (4, 8), WIDTH, 8)
    weights, _ = telling_apart(*(at(place.generate.maps(place.pool[rows], 2), inside) for rows in (sure, unsure)))
    assert weights.argmax() == 0 and abs(weights[2]) < 0.1 * weights[0]


def test_layers_are_counted_from_the_top_and_nothing_dropped_changes_nothing():
    gan = small_gan()
    generate = FixedGenerator(gan, batches=2, batch_size=16)
    codes = gan.codes(5, torch.Generator().manual_seed(1))
    assert [tuple(generate.maps(codes, layer).shape[1:]) for layer in (1, 2, 3)] == [(4, 16, 16), (8, 8, 8), (16, 4, 4)]
    for layer, k in ((1, 4), (2, 8), (3, 16)):
        none, all_ = torch.zeros(k, dtype=torch.bool), torch.ones(k, dtype=torch.bool)
        assert (generate.without(layer, none)(codes).int() - generate(codes).int()).abs().max() <= 1
        blank = generate.without(layer, all_)(codes)
        assert torch.equal(blank, blank[:1].expand_as(blank))  # nothing of the code is left
    assert generate.maps(codes, 2).min() == 0  # after the activation


def test_a_frame_is_red_and_of_the_boxs_size():
    images = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    red = framed(images, torch.tensor([[1, 2], [0, 0]]), (3, 4))[0].permute(1, 2, 0) == torch.tensor([255, 0, 0])
    assert red.all(-1).sum() == 2 * 4 + 2 * 1
    assert red.all(-1).nonzero().amin(0).tolist() == [1, 2] and red.all(-1).nonzero().amax(0).tolist() == [3, 5]
