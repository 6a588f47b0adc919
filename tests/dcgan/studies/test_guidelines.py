from dataclasses import replace

import numpy as np
import pytest
import torch
from dcgan_kit import smooth_images as images

from triptych.base.config import ParamsError, validate
from triptych.data.format import Split
from triptych.dcgan.gan.training import Gan
from triptych.dcgan.studies.guidelines import protocol as guidelines
from triptych.dcgan.studies.guidelines.figures import draw_variants
from triptych.dcgan.studies.guidelines.frechet import FrechetConfig, FrechetSpace, frechet, moments
from triptych.dcgan.studies.guidelines.protocol import Judge, Protocol, dynamics, evaluate, has_collapsed, run
from triptych.dcgan.svm.svm import LinearSVM
from triptych.engine import Divergence, Replica

CPU = torch.device("cpu")
RAW = {
    "seeds": [0, 1],
    "base": {"net": "svhn32", "width": 2, "z_dim": 4, "steps": 6, "batch_size": 8, "lr": 1e-3},
    "variants": {"faithful": {}, "pooling": {"sampling": "pooling"}},
    "frechet": {"centroids": 8, "patches": 500, "iterations": 2, "components": 4, "images": 60},
    "transfer": {"per_class": 4, "test": 20, "costs": [1e-3]},
}


@pytest.fixture(scope="module")
def judge():
    labelled = [Split(images(n, s), np.arange(n) % 3) for n, s in ((60, 1), (30, 2))]
    return Judge(validate(Protocol, RAW, "guidelines"), images(300), *labelled, CPU)


def test_variants_change_the_base_and_are_checked(judge):
    protocol = judge.protocol
    assert protocol.variant("pooling").sampling == "pooling" and protocol.variant("faithful") == protocol.base
    for change, message in (({"samplign": 1}, "did you mean 'sampling'"), ({"norm": "layer"}, "variants.bad.norm")):
        with pytest.raises(ParamsError, match=message):
            validate(Protocol, RAW | {"variants": {"bad": change}}, "guidelines")
    greedy = validate(Protocol, RAW | {"transfer": {"per_class": 11, "costs": [1.0]}}, "guidelines")
    with pytest.raises(ParamsError, match="twice transfer.per_class asks for 22 .* has only 20"):
        replace(judge, protocol=greedy)


def test_frechet_of_normal_distributions():
    a, b = torch.tensor([4.0, 9.0]).diag().double(), torch.tensor([1.0, 1.0]).diag().double()
    zero, mean = torch.zeros(2).double(), torch.tensor([3.0, 4.0]).double()
    assert frechet(zero, a, zero, a) == pytest.approx(0, abs=1e-9)
    assert frechet(zero, a, mean, a) == pytest.approx(25)
    assert frechet(zero, a, zero, b) == pytest.approx((2 - 1) ** 2 + (3 - 1) ** 2)
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]]).double()  # turning both changes nothing
    assert frechet(zero, turn @ a @ turn.T, zero, turn @ b @ turn.T) == pytest.approx(5)
    mean, covariance = moments(torch.tensor([[0.0], [2.0]]).double())
    assert mean.tolist() == [1.0] and covariance.tolist() == [[2.0]]


def test_the_space_knows_real_images_from_others():
    real = images(300)
    space = FrechetSpace(real, FrechetConfig(**RAW["frechet"]), CPU)
    one = np.repeat(real[:1], 60, 0)
    noise = np.random.default_rng(0).integers(0, 256, (60, 3, 32, 32), dtype=np.uint8)
    assert 0 < space.floor < 0.5 * space.distance(one)
    assert space.floor < space.distance(noise)
    mean, covariance = space.real
    assert covariance.trace() == pytest.approx(1) and mean.abs().max() < 1e-9
    # a generator of one image of average features: the whole variance is missing
    assert frechet(mean, covariance, mean, torch.zeros(4, 4).double()) == pytest.approx(1)
    unseen = np.random.default_rng(0).permutation(300)[60:120]
    assert space.floor == pytest.approx(space.distance(real[unseen])) and space.floor > 1e-3
    again = FrechetSpace(real, FrechetConfig(**RAW["frechet"]), CPU)
    assert again.distance(noise) == space.distance(noise)
    few = FrechetSpace(real[:119], FrechetConfig(**RAW["frechet"]), CPU)  # twice 60 would be enough
    assert few.floor is None and FrechetSpace(real[:120], FrechetConfig(**RAW["frechet"]), CPU).floor > 0


def test_the_space_has_the_leading_principal_components():
    real = images(120)
    space = FrechetSpace(real, FrechetConfig(**RAW["frechet"] | {"images": 120}), CPU)
    codes = space.code.features(torch.from_numpy(real)).double().numpy()
    left, size, _ = np.linalg.svd(codes - codes.mean(0), full_matrices=False)
    expected = left[:, :4] * size[:4] / (np.square(size[:4]).sum() / 119) ** 0.5
    np.testing.assert_allclose(space.features(real).abs().numpy()[:, ::-1], np.abs(expected), atol=1e-6)


def test_collapse():
    healthy = np.full(100, 1.0)
    assert not has_collapsed(0.25, healthy) and has_collapsed(0.249, healthy)
    sure = np.concatenate([np.ones(90), np.full(10, 0.049)])
    assert has_collapsed(1.0, sure)
    sure[95] = 0.051  # for the whole last tenth
    assert not has_collapsed(1.0, sure)


def test_dynamics_are_of_the_end():
    steps = np.arange(1000.0)
    swing = np.where(steps % 2, 1.0, -1.0)
    losses = {"d_real": steps, "d_fake": -steps, "loss_d": 2 * steps, "loss_g": np.where(steps < 900, 99.0, swing)}
    numbers = dynamics(losses)
    assert numbers == {"d_real": 949.5, "d_fake": -949.5, "loss_d": 1899.0, "loss_g_std": 1.0}


def test_a_run_is_measured_and_repeats(judge, monkeypatch):
    seen, accuracy, rows = [], LinearSVM.accuracy, []
    monkeypatch.setattr(LinearSVM, "accuracy", lambda self, x, y: seen.append(np.asarray(y)) or accuracy(self, x, y))
    by_class = replace(judge, test=Split(judge.test.images, np.sort(judge.test.labels)))
    first, again = (run("pooling", by_class, Replica(1, CPU, sink=rows.extend)) for _ in range(2))
    assert first.numbers == again.numbers and np.array_equal(first.samples, again.samples)
    names = ["collapsed", "diversity", "frechet", "d_real", "d_fake", "loss_d", "loss_g_std", "accuracy"]
    names += ["accuracy_untrained", "gained"]
    assert list(first.numbers) == names and 0 <= first.numbers["accuracy"] <= 1
    assert first.numbers["gained"] == first.numbers["accuracy"] - first.numbers["accuracy_untrained"]
    # the history has means and no single steps
    assert {(step, name) for step, name, _ in rows} == {(6, n) for n in ("loss_g", "loss_d", "d_real", "d_fake")}
    # the first images of a set that is stored class by class would be of one class
    assert len(seen[-1]) == 20 and set(seen[-1]) == {0, 1, 2}
    assert run("faithful", by_class, Replica(1, CPU)).numbers != first.numbers


def test_the_untrained_accuracy_is_of_the_weights_that_training_starts_from_each_seed_of_its_own(judge, monkeypatch):
    """And measuring it leaves the running averages of the net alone."""
    weights, judged = [], []
    transfer = guidelines.transfer_accuracy

    def train(gan, *_, **__):
        weights.append({key: value.clone() for key, value in gan.discriminator.state_dict().items()})
        raise Divergence("enough")

    def accuracy(gan, *rest):
        judged.append(gan.discriminator.head.weight.detach().clone())
        return transfer(gan, *rest)

    monkeypatch.setattr(guidelines, "train_gan", train)
    monkeypatch.setattr(guidelines, "transfer_accuracy", accuracy)
    for seed in (1, 1, 0):
        run("faithful", judge, Replica(seed, CPU))
    torch.manual_seed(1)
    fresh = Gan(judge.protocol.variant("faithful"), (3, 32, 32)).discriminator
    for first in weights[:2]:
        assert all(torch.equal(value, first[key]) for key, value in fresh.state_dict().items())
    assert torch.equal(judged[0], fresh.head.weight) and not torch.equal(judged[2], fresh.head.weight)


def test_the_transfer_knows_test_images_by_their_answers_alone(judge):
    """The statistics of the features are of the labelled set: other test images change no machine."""
    weights = []
    torch.manual_seed(0)
    gan = Gan(judge.protocol.variant("faithful"), (3, 32, 32))
    for test in (judge.test, Split(judge.test.images // 4, judge.test.labels)):
        guidelines.transfer_accuracy(gan, replace(judge, test=test), judge.protocol.transfer)
        weights.append(gan.discriminator.blocks[1][1].running_mean.clone())
    assert torch.equal(*weights)


def test_the_cost_of_the_transfer_is_chosen_on_labels_that_did_not_train(judge, monkeypatch):
    """One machine knows what it was trained on and nothing else, the other is right on half of all images."""
    trained = []

    class Machine:
        def __init__(self, memory):
            self.memory = memory

        def accuracy(self, x, labels):
            known = len(x) == len(trained[0]) and torch.equal(x, trained[0])
            return float(known) if self.memory else 0.5

    def fit(x, labels, costs, device):
        trained.append(x)
        return [Machine(True), Machine(False)]

    monkeypatch.setattr(guidelines, "fit_svm", fit)
    assert run("faithful", judge, Replica(0, CPU)).numbers["accuracy"] == 0.5


def test_one_sample_again_and_again_has_no_diversity_and_is_a_collapse(judge, monkeypatch):
    monkeypatch.setattr(Gan, "sample", lambda self, n, seed=0: torch.from_numpy(judge.real[:1]).repeat(n, 1, 1, 1))
    numbers = run("faithful", judge, Replica(0, CPU)).numbers
    assert numbers["diversity"] == 0 and numbers["collapsed"] == 1


def test_divergence_is_a_collapse(judge, monkeypatch, tmp_path, panels):
    def diverge(*_, **__):
        raise Divergence("loss_d became nan")

    good = run("faithful", judge, Replica(0, CPU))
    monkeypatch.setattr(guidelines, "train_gan", diverge)
    bad = run("faithful", judge, Replica(1, CPU))
    protocol = validate(Protocol, RAW | {"variants": {"faithful": {}}}, "guidelines")
    found = evaluate([good, bad], protocol, judge)["faithful"].metrics
    assert found["collapsed"] == [good.numbers["collapsed"], 1.0] and len(found["frechet"]) == 1
    drawn = draw_variants([good, bad], judge.real, tmp_path / "x.png", each=3)
    assert drawn["numbers"] == {"collapsed_faithful": np.mean(found["collapsed"])}
    (panel,) = panels
    assert panel.rows == ["real images", "faithful"] and panel.marked == {"faithful"}
    samples = np.concatenate([good.samples[:3], bad.samples[:3]])
    assert np.array_equal(panel.tiles, np.stack([judge.real[:6], samples])) and (tmp_path / "x.png").is_file()
