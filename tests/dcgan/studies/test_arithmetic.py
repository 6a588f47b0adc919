"""The study of the code space on toy generators whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from dcgan_kit import small_gan

from triptych.base.config import ParamsError
from triptych.data.drawn import faces
from triptych.dcgan.studies.arithmetic import figures as arithmetic_figures
from triptych.dcgan.studies.arithmetic import protocol as arithmetic
from triptych.dcgan.studies.arithmetic.attributes import Readings
from triptych.dcgan.studies.arithmetic.code_lab import FixedGenerator, Lab
from triptych.dcgan.studies.arithmetic.demonstrations import add_up, interpolate, turn
from triptych.dcgan.studies.arithmetic.figures import drawings
from triptych.dcgan.studies.arithmetic.nearest_real import NearestReal
from triptych.dcgan.studies.arithmetic.protocol import Interpolation, Pair, Turn, evaluate, run
from triptych.engine import Replica

DIM = 6


def linear(codes):
    """Channel-free images whose k-th row is as bright as the k-th number of the code."""
    return (127.5 + 50 * codes).round().clamp(0, 255).to(torch.uint8)[:, None, :, None].expand(-1, 1, -1, 4)


def switching(codes):
    """A generator that has memorised two images."""
    return (codes[:, :1] > 0).to(torch.uint8).mul(255)[:, None, :, None].expand(-1, 1, DIM, 4)


class RowReader:
    """Reads rows 0 and 1 as attributes, row 2 as the angle."""

    attributes = ["Smiling", "Male"]
    angle = "azimuth"

    def read(self, images):
        x = (torch.as_tensor(images).float().mean((1, 3)) - 127.5) / 50
        return Readings((20 * x[:, :2]).sigmoid(), 30 * x[:, 2])


def lab(generate=linear):
    def codes(n, generator):
        return 2 * torch.rand(n, DIM, generator=generator) - 1

    pool = codes(600, torch.Generator().manual_seed(0))
    samples, reader = generate(pool), RowReader()
    real = NearestReal(linear(codes(500, torch.Generator().manual_seed(8))), samples)
    return Lab(generate, codes, reader, real, 0, pool, samples, reader.read(samples))


PAIR = Pair(changed="Smiling", across="Male", start=0)


def test_in_a_linear_code_space_the_sum_has_both_attributes(protocol):
    """The surest exemplars have the coordinate near ±1: 1 − (−1) + (−1) = 1, and noise of 0.25 does not change it."""
    numbers, pictures = add_up(lab(), "smile", PAIR, protocol(candidates=12, draws=40))
    assert numbers["success"] == 1 and numbers["success_1"] == 1 and numbers["exemplars_right"] == 1
    assert numbers["success_pixels"] == 1  # where the generator is linear, pixels add up as codes do
    assert numbers["chance"] == pytest.approx(0.25, abs=0.06)
    # the other coordinates: one exemplar each is the sum of three numbers, leaving the cube; means of three do not
    assert numbers["distance_1"] > numbers["distance"] > 0.5
    assert pictures["result"].shape == (9, 1, DIM, 4) and pictures["a"].shape == (4, 1, DIM, 4)
    other_way = add_up(lab(), "x", Pair(changed="Male", across="Smiling", start=1), protocol(candidates=12))[0]
    assert other_way["success"] == 1
    # one sum a draw is judged: noise that would spoil every image around it leaves `success` alone
    noisy, _ = add_up(lab(), "smile", PAIR, protocol(candidates=12, draws=40, noise=30.0))
    assert noisy["success"] == noisy["success_pixels"] == 1 and noisy["success_around"] < 0.5


def test_where_codes_do_not_add_up_the_sum_fails(protocol):
    """A smile is a product of two coordinates' signs: the mean over exemplars is near 0 and says nothing."""

    def twisted(codes):
        codes = codes.clone()
        codes[:, 0] = (codes[:, 0] * codes[:, 3] * 4).clamp(-1, 1)
        return linear(codes)

    numbers, _ = add_up(lab(twisted), "smile", PAIR, protocol(pool=600, candidates=100, draws=200))
    assert 0.3 < numbers["success"] < 0.8
    assert numbers["success_pixels"] > 0.98


def test_steps_of_a_linear_and_of_a_memorising_generator():
    config = Interpolation(series=30, points=9, steps=10)
    smooth, pictures = interpolate(lab(), config)
    assert smooth["mean_step"] == pytest.approx(0.1, rel=0.1)
    assert smooth["max_step"] < 0.22
    assert pictures.shape == (8, 11, 1, DIM, 4)
    np.testing.assert_array_equal(pictures[0, -1], pictures[1, 0])
    jumps, _ = interpolate(lab(switching), config)
    assert jumps["max_step"] == pytest.approx(2, rel=0.1)  # half of unrelated pairs are the same image


class Distances:
    """Takes note of the images that it is asked about."""

    def __init__(self):
        self.asked = []

    def median(self, images):
        self.asked.append(images)
        return float(len(self.asked))


def test_distances_of_a_walk_are_at_its_points_and_half_way():
    place, real = lab(), Distances()
    numbers, _ = interpolate(replace(place, real=real), Interpolation(series=3, points=4, steps=6))
    points = place.codes(12, place.random("interpolation")[1]).view(3, 4, DIM)
    half_way = (points[:, 1:] + points[:, :-1]) / 2
    for images, codes in zip(real.asked, (points, half_way)):
        difference = images.int() - linear(codes.flatten(0, 1)).int()
        assert difference.abs().max() <= 1  # rounding
    assert (numbers["distance"], numbers["distance_half_way"]) == (1, 2)


def test_a_random_direction_is_as_long_as_the_turn_vector_and_distances_are_at_the_ends(protocol):
    place, real, made = lab(), Distances(), []

    def generate(codes):
        made.append(codes)
        return linear(codes)

    config = Turn(factor="azimuth", starts=3, points=5, reach=0.5)
    turn(replace(place, real=real, generate=generate), config, protocol(candidates=12, draws=4))
    _, several, _, aimless = made  # the codes themselves, then moved along each direction
    several, aimless = (path.view(4, 3, 5, DIM) for path in (several, aimless))
    lengths = [(path[:, :, -1] - path[:, :, 0]).norm(dim=-1) for path in (several, aimless)]
    torch.testing.assert_close(*lengths)
    assert not torch.allclose(several, aimless)
    assert torch.equal(real.asked[0], linear(several[:, :, [0, -1]].flatten(0, 2)))


def test_the_turn_vector_turns(protocol):
    numbers, pictures = turn(lab(), Turn(factor="azimuth", starts=10), protocol(candidates=12, draws=20))
    assert numbers["rank_correlation"] > 0.999
    assert abs(numbers["rank_correlation_random"]) < 0.3
    assert numbers["range"] == pytest.approx(60, rel=0.1)  # from the mean of the leftmost to that of the rightmost
    assert abs(numbers["range_random"]) < 0.3 * numbers["range"]
    assert pictures["ends"].shape == (8, 1, DIM, 4) and pictures["result"].shape == (8, 9, 1, DIM, 4)


def test_what_is_kept_is_counted_over_the_other_places(protocol):
    """A reader whose attribute is on in the middle alone: it is kept nowhere."""
    starts, points = 10, 9

    class InTheMiddle(RowReader):
        def read(self, images):
            found = super().read(images)
            if len(images) % (starts * points):
                return found
            middle = torch.arange(len(images)) % points == points // 2
            return Readings(middle[:, None].double().expand(-1, 2), found.angle)

    config = Turn(factor="azimuth", starts=starts, points=points)
    numbers, _ = turn(replace(lab(), reader=InTheMiddle()), config, protocol(candidates=12, draws=20))
    assert numbers["kept"] == 0


def test_same_seed_same_numbers_whatever_ran_before(protocol):
    p = protocol()
    alone, _ = add_up(lab(), "smile", PAIR, p)
    place = lab()
    interpolate(place, p.interpolation)
    torch.rand(3)
    assert add_up(place, "smile", PAIR, p)[0] == alone


def test_an_image_does_not_depend_on_its_batch_and_is_nearly_what_it_is_in_a_large_one():
    gan = small_gan()
    before = {k: v.clone() for k, v in gan.state_dict().items()}
    generate = FixedGenerator(gan, batches=2, batch_size=16)
    codes = gan.codes(5, torch.Generator().manual_seed(1))
    alone = torch.cat([generate(code[None]) for code in codes])
    assert (generate(codes).int() - alone.int()).abs().max() <= 1
    assert all(torch.equal(v, before[k]) for k, v in gan.state_dict().items())
    codes = gan.codes(256, torch.Generator().manual_seed(3))
    alone, together = FixedGenerator(gan)(codes).float(), gan.sample(256, seed=3).float()
    assert (alone - together).abs().mean() < 0.1 * together.std()  # its statistics are those of the prior's samples
    pools = [Lab.of(gan, RowReader(), Distances(), 5, seed).pool for seed in (0, 0, 1)]
    assert torch.equal(pools[0], pools[1]) and not torch.equal(pools[0], pools[2])


def test_the_reader_is_judged_on_test_images_and_the_bank_is_of_others(protocol, monkeypatch):
    splits, card = faces.render(faces.Config(train=40, test=30, seed=0), 32)
    train, test = splits["train"], splits["test"]
    judged, measured = [], []

    class Enough(Exception):
        pass

    def nearest(bank, real, device):
        measured.extend([bank, real])
        raise Enough

    for name in ("train_reader", "train_gan"):
        monkeypatch.setattr(arithmetic, name, lambda *_: None)
    monkeypatch.setattr(arithmetic, "held_out", lambda _, images, targets: judged.extend([images, targets]))
    monkeypatch.setattr(arithmetic, "NearestReal", nearest)
    with pytest.raises(Enough):
        run(train, test, card, protocol(), Replica(0, torch.device("cpu")))
    number = {image.tobytes(): i for i, image in enumerate(np.asarray(test.images))}
    rows = [number[image.tobytes()] for image in judged[0]]
    assert len(set(rows)) == 20
    expected = arithmetic.targets_of(test, card, ["Eyeglasses", "Male", "Smiling"], "azimuth")
    assert np.array_equal(judged[1], expected[rows])
    bank, real = measured
    assert np.array_equal(real, judged[0])
    known = {image.tobytes() for image in np.asarray(train.images)}
    assert len(bank) == 30 and all(image.tobytes() in known for image in bank)


def test_the_words_over_exemplars_say_what_they_are_examples_of(panels, tmp_path):
    image = np.zeros((1, 1, 4, 4), np.uint8)
    numbers = {"smile": dict.fromkeys(("success", "success_1", "success_pixels"), 1.0)}
    pictures = {f"smile/{key}": image for key in ("a", "b", "c", "result", "pixels")}
    arithmetic_figures.draw_sum(arithmetic.Outcome(numbers, pictures), "smile", PAIR, tmp_path / "x.png")
    titles = [panel.title for panel in panels]
    assert titles == ["smiling,\nnot male", "− not smiling,\nnot male", "+ not smiling,\nmale", "= sum of codes",
                      "sum of pixels"]  # fmt: skip


@pytest.mark.parametrize("factor", ["azimuth", None])
def test_the_whole_study_on_faces(protocol, tmp_path, panels, charts, factor):
    splits, card = faces.render(faces.Config(train=60, test=30, seed=0), 32)
    p = protocol(turn={"factor": factor, "starts": 2, "points": 5})
    replica = Replica(0, torch.device("cpu"))
    outcome = run(splits["train"], splits["test"], card, p, replica)
    if factor:
        assert run(splits["train"], splits["test"], card, p, replica).numbers == outcome.numbers
    table = evaluate([outcome, outcome], p)
    assert list(table) == ["interpolation", "smile", "turn", "filters", "forgetting", "reader"]
    assert len(table["smile"].metrics["success"]) == 2 and bool(table["turn"].metrics) == (factor is not None)
    assert {"accuracy_Male", "accuracy_Smiling"} <= set(table["reader"].metrics)
    assert "Smiling put on, from Male = 0 to Male = 1; 4 draws of 3 exemplars" in table["smile"].notes[0]
    assert table["turn"].notes[0].startswith("4 draws of 4 exemplars" if factor else "not measured")
    files = []
    for file, draw in drawings([outcome], p):
        described = draw(tmp_path / file)
        assert described["caption"] and all(np.isfinite(v) for v in described["numbers"].values())
        assert (tmp_path / file).is_file()
        files.append(file)
    assert all(np.asarray(panel.tiles).std() > 1 for panel in panels)
    labels = [label.get_text() for label in charts[0].axes[0].get_yticklabels()]
    assert labels[0] == card["factors"][0]["name"].replace("_", " ").lower()
    filters = ["filters.png", "filters_explained.png"]
    assert files == ["interpolation.png", "smile.png", *(["turn.png"] if factor else []), *filters, "forgetting.png"]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"candidates": 2}, "must lie between exemplars"),
        ({"filters": {"shown": 17}}, "the last convolution has 16 maps"),
        ({"filters": {"images": 21}}, "there are 20 images"),
        ({"filters": {"shown": 0}}, "shown"),
        ({"pairs": {"turn": {"changed": "a", "across": "b", "start": 0}}}, "name of another row"),
        ({"pairs": {"x": {"changed": "a", "across": "a", "start": 0}}}, "needs two attributes"),
        ({"seeds": []}, "seeds"),
        ({"forgetting": {"layer": 4}}, "svhn32 has 3 layers of maps"),
        ({"forgetting": {"height": 3}}, "both must lie between 4 pixels"),
        ({"forgetting": {"width": 32}}, "31; the images are 32 pixels wide"),
        ({"forgetting": {"boxes": 41}}, "there are 40 samples"),
        ({"forgetting": {"boxes": 0}}, "boxes"),
    ],
)
def test_wrong_parameters_are_named(protocol, changes, message):
    with pytest.raises(ParamsError, match=message):
        protocol(**changes)
