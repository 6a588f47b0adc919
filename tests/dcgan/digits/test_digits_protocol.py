import numpy as np
import pytest

from triptych.base.config import ParamsError, validate
from triptych.data.format import Split
from triptych.dcgan.digits.parts.system import DigitsSystem
from triptych.dcgan.digits.protocol import Protocol, divide, evaluate, run
from triptych.engine import Replica


def numbered_data(n: int = 300) -> dict[str, Split]:
    """Images whose first two bytes are their number; classes in turn."""
    images = np.zeros((n, 3, 4, 4), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.arange(n) // 256, np.arange(n) % 256
    labels = np.arange(n) % 10
    return {"train": Split(images, labels), "test": Split(images[:50], labels[:50]), "extra": Split(images[:7])}


def numbers(images: np.ndarray) -> np.ndarray:
    return images[:, 0, 0, 0].astype(int) * 256 + images[:, 0, 0, 1]


def protocol(**changes) -> Protocol:
    small = {"seeds": [0], "validation": 60, "labels_per_class": 5, "tuning_draws": 3, "evaluation_draws": 4}
    return validate(Protocol, small | changes, "digits")


def test_validation_and_pool_share_no_image_and_lose_none():
    parts = divide(numbered_data(), protocol())
    together = np.concatenate([numbers(parts.pool[0]), numbers(parts.validation[0])])
    assert len(parts.validation[1]) == 60
    assert sorted(together) == list(range(300))
    assert (numbers(parts.pool[0]) % 10 == parts.pool[1]).all()  # each image kept its label
    assert np.array_equal(parts.unlabelled, parts.pool[0])  # those of the validation set are not among them


def test_extra_images_join_the_unlabelled_ones_only():
    parts = divide(numbered_data(), protocol(extra=True))
    assert len(parts.unlabelled) == 247 and len(parts.pool[0]) == 240
    without = {k: v for k, v in numbered_data().items() if k != "extra"}
    with pytest.raises(ParamsError, match="extra"):
        divide(without, protocol(extra=True))
    for extra in (True, False):
        result = evaluate([Recorder(True, 0)], [{"test_error": [0.1]}], protocol(extra=extra))
        assert any("extra" in line for line in result.notes) == extra


def test_draws_are_stratified_reproducible_and_different():
    parts = divide(numbered_data(), protocol())
    (first, labels), (again, _), (other, _) = parts.draw(5, 0, 1), parts.draw(5, 0, 1), parts.draw(5, 0, 2)
    assert (np.bincount(labels) == 5).all() and (numbers(first) % 10 == labels).all()
    assert len(set(numbers(first))) == 50
    assert (first == again).all() and set(numbers(first)) != set(numbers(other))
    with pytest.raises(ParamsError, match="labels_per_class = 30.*the rarest class has 2"):
        divide(numbered_data(), protocol(labels_per_class=30))


class Recorder(DigitsSystem):
    """Answers with the true class, but for one in ten images; notes what it is shown."""

    def __init__(self, retrains: bool = False, most_tuning_draws: int | None = None, k: int = 3):
        super().__init__()
        self.retrains, self.most_tuning_draws, self.k = retrains, most_tuning_draws, k
        self.calls, self.seen = [], []

    def pretrain(self, unlabelled, replica):
        self.calls.append("pretrain")
        self.pool = set(numbers(unlabelled))

    def tune(self, draws, validation, replica):
        self.calls.append(f"tune {len(draws)}")
        assert not self.pool & set(numbers(validation[0]))
        self.seen += [tuple(numbers(images)) for images, _ in draws]

    def fit(self, images, labels, replica):
        self.calls.append("fit")
        assert set(numbers(images)) <= self.pool
        self.seen.append(tuple(numbers(images)))

    def predict(self, images):
        truth = numbers(np.asarray(images)) % 10
        return np.where(truth == 3, 4, truth)

    def choices(self):
        return {"k": (self.k, [1, 3, 5])}

    def notes(self):
        return ["as it is"]

    def metrics(self):
        return {"fits": float(self.calls.count("fit"))}


@pytest.mark.parametrize(
    "retrains, most, expected",
    [
        (False, None, ["tune 3"] + 4 * ["fit"]),
        (True, None, ["tune 3"] + 2 * ["fit"]),  # `fit` is dear, `tune` is not
        (True, 1, ["tune 1"] + 2 * ["fit"]),
        (True, 0, ["tune 0"] + 2 * ["fit"]),
    ],
)
def test_evaluation(retrains, most, expected):
    system, replica = Recorder(retrains, most), Replica(0)
    metrics = run(system, numbered_data(), protocol(retrained_draws=2), replica)
    assert system.calls == ["pretrain", *expected]
    assert len(set(system.seen)) == len(system.seen)  # no draw is used twice
    n = expected.count("fit")
    assert metrics["test_error"] == pytest.approx([0.1] * n)
    assert metrics["fits"] == list(range(1, n + 1))


@pytest.mark.parametrize("retrains, names", [(True, ["train draw0", "train draw1"]), (False, 4 * ["train"])])
def test_each_draw_that_trains_networks_has_a_checkpoint_of_its_own(retrains, names):
    seen, seeds = [], set()

    class Trained(Recorder):
        def fit(self, images, labels, replica):
            seen.append(replica.name)
            seeds.add(replica.seed)

    for runs in (1, 2):  # networks of two draws, and of two seeds, do not share their first weights
        run(Trained(retrains), numbered_data(), protocol(retrained_draws=2), Replica(runs))
        assert seen == runs * names and len(seeds) == runs * (2 if retrains else 1)


def test_systems_see_the_same_draws_and_seeds_different_ones():
    shown = []
    for seed in (0, 0, 1):
        system = Recorder(False)
        run(system, numbered_data(), protocol(), Replica(seed))
        shown.append(system.seen)
    assert shown[0] == shown[1]
    assert not set(shown[0]) & set(shown[2])


def test_the_notes_count_the_draws_and_show_what_was_chosen():
    runs = [{"test_error": [0.1, 0.12]}, {"test_error": [0.2, 0.22]}]
    result = evaluate([Recorder(k=3), Recorder(k=5)], runs, protocol(evaluation_draws=2))
    assert result.metrics == {"test_error": [0.1, 0.12, 0.2, 0.22]}
    said = result.notes
    assert said[0] == "5 labels per class; 2 draws of them for each seed, and 3 others to choose on"
    assert said[1] == "chosen on 60 validation images: k: 3, 5, of 1 to 5 (5 is an end of the grid)"
    assert said[2].startswith("test_error: 4 values, 2 seeds × 2 draws")
    assert said[3:] == ["as it is"]

    class Given(Recorder):
        def choices(self):
            return {"k": (3, [3])}

    said = evaluate([Given()], runs[:1], protocol(evaluation_draws=2)).notes
    assert said == ["5 labels per class; 2 draws of them for each seed", "k: 3, given", "as it is"]
    one_draw = evaluate(2 * [Recorder(True, 0)], [{"test_error": [0.1]}, {"test_error": [0.2]}], protocol()).notes
    assert one_draw[0] == "5 labels per class; 1 draw of them for each seed"
    assert not any("standard deviation" in line for line in one_draw)
