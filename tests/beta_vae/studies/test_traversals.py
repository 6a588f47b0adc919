"""Traversals judged by numbers, on decoders whose latents' meaning is known; and the study end to end, in small."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from shapes_kit import CARD, INDICES

from triptych.base.config import ParamsError, validate
from triptych.beta_vae.studies.traversals import factor_net
from triptych.beta_vae.studies.traversals import protocol as study
from triptych.beta_vae.studies.traversals.factor_net import describe, targets, train_net
from triptych.beta_vae.studies.traversals.figures import draw_factors, draw_figures
from triptych.beta_vae.studies.traversals.following import Follower, follow
from triptych.beta_vae.studies.traversals.protocol import (
    JUDGE,
    Judge,
    Outcome,
    Protocol,
    Traversed,
    evaluate,
    information,
    jobs,
    judge,
    notes,
    numbered,
    run,
    traversals,
)
from triptych.beta_vae.vae.autoencoder import Autoencoder
from triptych.data.drawn import heads
from triptych.data.format import Split, write_dataset
from triptych.data.spec import Spec
from triptych.engine import Replica

CPU = torch.device("cpu")


def test_the_judge_is_measured_on_images_that_it_was_not_trained_on(monkeypatch):
    images, indices, card = halves()
    factors, streams = describe(card, indices, {}, []), {}
    monkeypatch.setattr(factor_net, "train", lambda task, made, **_: streams.update(made) or task.eval())
    net, r2 = train_net(images, indices, factors, protocol().net, Replica(0, CPU))
    stream = streams["examples"]
    assert stream.n == 144 - 20
    trained = {tuple(i[0, 0, [0, -1]].tolist()) for i in stream._tensors[0]}
    left = np.array([tuple(i[0, 0, [0, -1]].tolist()) not in trained for i in images])
    assert left.sum() == 20
    with torch.no_grad():
        error = (net(torch.from_numpy(images[left])) - targets(factors, indices[left])).square().sum(0)
    held = targets(factors, indices[left])
    expected = 1 - error / (held - held.mean(0)).square().sum(0)
    assert list(r2.values()) == pytest.approx(expected.tolist(), rel=1e-3)


class Toy(Autoencoder):
    """Latent 0: brightness of the left half; 1: of the right half; 2: nothing. Posterior as informative as said."""

    def posterior(self, images):
        halves = images.float().flatten(2).mean(1) / 255
        left, right = images.float().div(255).mean(1).chunk(2, -1)
        mean = torch.stack([left.mean((1, 2)) * 2 - 1, right.mean((1, 2)) * 2 - 1, 0 * halves[:, 0]], 1)
        return mean, torch.tensor([-6.0, -4.0, 0.0]).expand_as(mean)

    def decode(self, z):
        bright = z[:, :2].clamp(-1, 1) / 2 + 0.5
        return bright[:, None, None].repeat_interleave(8, 3).expand(-1, 1, 16, 16)


def protocol(**sets):
    section = {
        "seeds": [0],
        "starts": 3,
        "reach": 1.0,
        "net": {"width": 4, "steps": 150, "batch_size": 16, "held_out": 20, "lr": 5e-3},
        "sets": sets or {"toy": {"systems": {"vae": {"beta": 1.0}}}},
    }
    return validate(Protocol, section, "traversals")


def halves():
    """Images whose left and right halves have 12 levels each, with these two factors."""
    factors = np.indices((12, 12)).reshape(2, -1).T
    images = (factors[:, None, None, :] * (255 / 11)).astype(np.uint8).repeat(8, 3).repeat(16, 2)
    card = [{"name": "left", "values": list(range(12))}, {"name": "right", "values": list(range(12))}]
    return images, factors, card


def test_a_decoder_with_known_latents_end_to_end():
    """Pictures -> net -> numbers: each active latent is found to drive its own half, straight and alone."""
    images, indices, card = halves()
    factors = describe(card, indices, {}, [])
    net, r2 = train_net(images, indices, factors, protocol().net, Replica(0, CPU))
    assert min(r2.values()) > 0.8
    made = traversals(Toy(), images, protocol(), CPU)
    assert made.latents == [0, 1]  # the third has no information
    assert made.pictures.shape == (3, 2, 7, 1, 16, 16)
    with torch.inference_mode():
        points = net(torch.from_numpy(made.pictures).flatten(0, 2)).unflatten(0, (3, 2, 7))
    for row, name in enumerate(("left", "right")):
        found = follow(points[:, row], factors)
        assert found.follows == name and found.share > 0.85 and found.monotonicity > 0.95
    together = made.pictures[:, 0] // 2 + made.pictures[:, 1] // 2  # both at once: entangled
    with torch.inference_mode():
        mixed = follow(net(torch.from_numpy(together).flatten(0, 1)).unflatten(0, (3, 7)), factors)
    assert mixed.share < 0.75


class Codes(torch.nn.Module):
    """Draws each code as the brightness of a channel, and infers it times a factor of its own."""

    def __init__(self, *factors, side=4):
        super().__init__()
        self.config, self.factors, self.side = SimpleNamespace(codes=len(factors)), torch.tensor(factors), side

    def decode(self, codes):
        return (codes[:, :, None, None] / 2 + 0.5).expand(-1, -1, self.side, self.side)

    def encode(self, images):
        return self.factors * (images.float().mean((2, 3)) / 127.5 - 1)


def test_information_of_codes_is_that_of_a_gaussian_channel_with_their_error():
    """Of codes inferred at half their size, the error has a quarter of their variance: ½ log 4 nats."""
    exact, half, none = information(Codes(1.0, 0.5, 0.0), np.zeros((1, 3, 4, 4), np.uint8), CPU).tolist()
    assert exact > 4 and half == pytest.approx(np.log(2), abs=0.02) and none == pytest.approx(0, abs=0.05)


def test_a_vaes_latents_go_to_3_and_infogans_codes_to_1(monkeypatch):
    defaults = Protocol(seeds=[0], sets={"toy": {"systems": {"vae": {"beta": 1.0}}}})
    ways = []

    def traverse(system, image, latents, low, high, values):
        ways.append((low, high, values))
        return torch.zeros(len(latents), values, *image.shape)

    monkeypatch.setattr(study, "traverse", traverse)
    for model in (Toy(), Codes(1.0, side=16)):
        traversals(model, halves()[0], defaults, CPU)
    assert ways == 16 * [(-3, 3, 7)] + 16 * [(-1, 1, 7)]


def made(latents):
    return Traversed(latents, [1.0] * len(latents), np.zeros((2, len(latents), 5, 1, 16, 16), np.uint8))


def prepared(folder, images, indices, factors):
    card = dict.fromkeys(("title", "source", "licence", "made_by"), "-") | {"factors": factors}
    return write_dataset(folder, {"train": Split(images, factors=indices)}, card)


@pytest.fixture
def faces(tmp_path):
    return prepared(tmp_path / "faces", np.zeros((len(INDICES), 1, 16, 16), np.uint8), INDICES, CARD)


def test_each_model_is_judged_by_the_net_of_its_seed_and_by_the_protocols_thresholds(faces, monkeypatch):
    p = protocol(faces={"systems": {"vae": {"beta": 1.0}}}).model_copy(
        update={"seeds": [3, 4], "least_share": 0.6, "least_change": 0.2}
    )
    todo = jobs(p, "faces")
    assert [(job.name, job.seed) for job in todo] == [(JUDGE, 3), ("vae", 3), (JUDGE, 4), ("vae", 4)]
    used, limits = [], []

    class Net:
        def __init__(self, weights):
            self.weights = weights

    monkeypatch.setattr(study, "_net", lambda judge, *_: Net(judge.weights))
    monkeypatch.setattr(study, "inference", lambda net, x, device: used.append(net.weights) or torch.zeros(len(x), 5))
    monkeypatch.setattr(study, "summarise", lambda found, factors, *given: limits.append(given) or {})
    r2 = {"x": 0.1, "turn": 0.2, "make": 0.3}
    results = [Judge({"of": 3}, r2), made([0]), Judge({"of": 4}, r2), made([0])]
    outcomes, scores = judge(todo, results, p, faces)
    assert used == [{"of": 3}, {"of": 4}] and limits == [(0.6, 0.2)] * 2
    assert len(outcomes["vae"]) == 2 and scores == {name: [value] * 2 for name, value in r2.items()}


def test_notes_name_followed_factors_and_beta_and_figures_draw_the_first_seed(faces, tmp_path, panels, charts):
    section = {"beta_norm": 0.5, "latents": 4, "network": "conv"}
    p = protocol(faces={"systems": {"vae": section}})
    strong, weak, mixed = (
        Follower(0, 1.0, {"x": 0.9, "turn": 0.1, "make": 0.0}, 0.5, 1.0, 0.0),
        Follower(1, 1.0, {"x": 0.1, "turn": 0.9, "make": 0.0}, 0.01, 1.0, 0.0),
        Follower(2, 1.0, {"x": 0.3, "turn": 0.3, "make": 0.4}, 0.5, 1.0, 0.0),
    )
    found = [strong, weak, mixed]
    of_seeds = [
        Outcome(made([0, 1, 2]), found, {"active_latents": 3.0, "best_share": 0.7, "factors_followed": 1.0}),
        Outcome(made([]), [], {"active_latents": 0.0, "best_share": 0.0, "factors_followed": 0.0}),
    ]
    lines = notes(of_seeds, {"x": [0.5, 0.7]}, faces, "vae", p)
    assert "x 0.60" in lines[0]
    assert lines[1] == "followed by some latent: x"
    assert lines[2] == "β_norm = 0.5: β = 32 for 4 latents on these images"  # 0.5 · 256 / 4
    assert draw_factors({"vae": of_seeds[0]}, faces, tmp_path / "factors.png")["numbers"] == {"followed_vae": 1.0}
    drawn = dict(draw_figures({"vae": of_seeds}, faces, p))["traversals.png"](tmp_path / "traversals.png")
    assert drawn["numbers"] == {"best_share_vae": 0.7}
    (panel,) = panels
    assert panel.title == "VAE: 3 active, mean share 70%"
    assert panel.rows == ["x 90%\n1.00 nats", "turn 90%\n1.00 nats", "make 40%\n1.00 nats"]
    assert np.array_equal(panel.tiles, of_seeds[0].traversed.pictures[0])
    shares = charts[0].axes[0].images[0].get_array()
    assert np.array_equal(shares, [[0.9, 0.1, 0.3], [0.1, 0.9, 0.3], [0, 0, 0.4]])


ADAM = {"optimiser": "adam", "batch_size": 8, "steps": 4}
SYSTEMS = {
    "vae": {"network": "conv", "width": 4, "latents": 4, "beta_norm": 0.01, **ADAM},
    "infogan": {"codes": 2, "noise": 3, "channels": [4, 4], "dense": 8, "head": 4, "batch_size": 8, "steps": 4},
    "dc_ign": {"channels": [4, 4], "latents": 6, "shared": "identity", "batch_size": 4, "steps": 4}
    | {"single": ["azimuth", "elevation", "light"]},
}


def test_the_study_from_images_to_figures(tmp_path):
    splits, card = heads.render(heads.Config(identities=2, azimuths=4, elevations=3, lights=2), 16)
    dataset = write_dataset(tmp_path / "heads", splits, card)
    small = protocol(heads={"systems": SYSTEMS})
    todo = jobs(small, "heads")
    assert [job.name for job in todo] == [JUDGE, *SYSTEMS]
    results = [run(job, small, dataset, Replica(job.seed, CPU)) for job in todo]
    outcomes, r2 = judge(todo, results, small, dataset)
    assert set(outcomes) == set(SYSTEMS) and set(r2) == {"identity", "azimuth", "elevation", "light"}
    for result in evaluate(outcomes, r2, dataset, small).values():
        assert all(len(v) == 1 and np.isfinite(v) for v in result.metrics.values())
        assert any("R²" in note for note in result.notes)
    for file, draw in draw_figures(outcomes, dataset, small):
        described = draw(tmp_path / file)
        assert (tmp_path / file).is_file() and described["caption"]
        json.dumps(described["numbers"])
    again = run(todo[1], small, dataset, Replica(0, CPU))
    assert np.array_equal(again.pictures, results[1].pictures)


def test_colour_images_and_a_gaussian_decoder(tmp_path, panels):
    rng = np.random.default_rng(0)
    images, indices = rng.integers(0, 256, (60, 3, 16, 16), dtype=np.uint8), rng.integers(0, 2, (60, 2))
    factors = [{"name": name, "values": [0, 1]} for name in ("Smiling", "Male")]
    dataset = prepared(tmp_path / "faces", images, indices, factors)
    small = protocol(
        faces={"systems": {"vae": SYSTEMS["vae"] | {"decoder": "gaussian"}, "infogan": SYSTEMS["infogan"]}}
    )
    todo = jobs(small, "faces")
    outcomes, _ = judge(todo, [run(job, small, dataset, Replica(0, CPU)) for job in todo], small, dataset)
    (_, draw), *_ = draw_figures(outcomes, dataset, small)
    draw(tmp_path / "traversals.png")
    assert [panel.tiles.shape[3:] for panel in panels] == [(16, 16)] * 2


def test_wrong_parameters_of_a_system_are_named_and_texts_become_numbers_for_those_that_know_grids():
    for system, message in (
        ({"vae": {"beta_nrom": 1.0}}, "systems.vae.beta_nrom"),
        ({"vea": {}}, "no such system"),
        ({"pca": {}}, "pca draws no pictures"),
    ):
        with pytest.raises(ParamsError, match=message):
            protocol(heads={"systems": system})
    spec = numbered(Spec((1, 16, 16), factors=CARD))
    assert spec.factors[2]["values"] == [0, 1, 2] and spec.factors[0] == CARD[0]
