import functools

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from triptych.base.config import ParamsError, validate
from triptych.data.format import Split
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts import gan_svm
from triptych.dcgan.digits.parts.neighbours import NearestNeighbours
from triptych.dcgan.digits.protocol import Protocol, divide, run
from triptych.dcgan.digits.rows.dcgan import Config as DcganConfig
from triptych.dcgan.digits.rows.supervised_cnn import Config as CnnConfig
from triptych.dcgan.digits.rows.supervised_cnn import sample_trial
from triptych.dcgan.gan.features import estimate_statistics
from triptych.dcgan.gan.networks import Discriminator
from triptych.engine import Divergence, Replica
from triptych.pipeline import systems

SPEC = Spec((3, 32, 32), n_classes=3)
M1 = {"components": 20, "z_dim": 8, "hidden": [32], "steps": 60, "batch_size": 32, "lr": 3e-3}
WEIGHTS = {"reconstruction": [0.3], "intermediate": [0.1], "batch_size": 15}
SMALL = {
    "knn": {},
    "dcgan": {"width": 4, "z_dim": 8, "steps": 20, "batch_size": 16, "costs": [0.01, 0.1]},
    "dcgan_untrained": {"width": 8, "costs": [0.01, 0.1]},
    "supervised_cnn": {"width": 4, "trials": 2, "epochs": 6, "lr": [1e-3, 1e-2], "batch_size": [16]},
    "tsvm": {"components": 20, "kernel": "rbf", "landmarks": 40, "costs": [0.1, 1.0], "growth": 10.0},
    "m1_knn": M1,
    "m1_tsvm": {**M1, "costs": [0.1], "growth": 10.0},
    "m1_m2": {**M1, "m2_steps": 300, "m2_lr": 3e-3, "m2_z_dim": 4, "m2_hidden": [32], "unlabelled_batch": 64,
              "labelled_batch": 15, "alpha": 1.0, "check_steps": 50},
    "swwae": {"width": 4, "steps": 40, "check_steps": 20, **WEIGHTS},
    "swwae_dropout": {"width": 4, "steps": 40, "check_steps": 20, **WEIGHTS},
}  # fmt: skip


def bars(n: int, seed: int) -> Split:
    """A bright bar at the top, in the middle or at the bottom of a dark, noisy image."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 3)
    images = rng.integers(0, 90, (n, 3, 32, 32), dtype=np.uint8)
    for image, label in zip(images, labels):
        image[:, 10 * label + 3 : 10 * label + 8] += 120
    return Split(images, labels)


DATA = {"train": bars(240, 0), "test": bars(90, 1)}
PROTOCOL = Protocol(seeds=[0], validation=60, labels_per_class=10, tuning_draws=2, evaluation_draws=2)


def small(name: str) -> tuple[dict[str, Split], Spec]:
    """Images for a row: every second pixel of them where neither a net of the DCGAN paper nor neighbours need more."""
    if name in ("dcgan", "dcgan_untrained", "supervised_cnn", "m1_knn"):
        return DATA, SPEC
    data = {key: Split(split.images[:, :, ::2, ::2].copy(), split.labels) for key, split in DATA.items()}
    return data, Spec((3, 16, 16), n_classes=3)


def train(name: str):
    config, (data, spec) = validate(systems.module("digits", name).Config, SMALL[name], name), small(name)
    system = systems.build("digits", name, config, spec, 0)
    return system, run(system, data, PROTOCOL, Replica(0)), config


trained = functools.cache(train)


@pytest.mark.parametrize("name", list(SMALL))
def test_learns_is_reproducible_and_survives_saving(name, tmp_path):
    system, metrics, config = trained(name)
    assert np.mean(metrics["test_error"]) < 0.4  # chance: 0.67
    assert train(name)[1] == metrics
    folder, (data, spec) = tmp_path / "digits" / name / "seed0", small(name)
    systems.save(system, folder, table="digits", name=name, config=config, spec=spec)
    loaded = systems.load(f"digits/{name}", root=tmp_path)
    answers = loaded.predict(data["test"].images)
    assert answers.dtype == np.int64 and answers.shape == (90,)
    assert (answers == system.predict(data["test"].images)).all()
    assert loaded.choices() == system.choices()
    for value, tried in system.choices().values():
        assert min(tried) * (1 - 1e-6) <= value <= max(tried) * (1 + 1e-6)


def test_neighbours_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    rows, labels, asked = rng.normal(size=(60, 5)), rng.integers(0, 3, 60), rng.normal(size=(80, 5))
    neighbours = NearestNeighbours(5, 3).fit(torch.tensor(rows).float(), torch.tensor(labels))
    for k, answers in neighbours.votes(torch.tensor(asked).float(), [1, 5, 11]).items():
        theirs = KNeighborsClassifier(k).fit(rows, labels)
        share = np.sort(theirs.predict_proba(asked), 1)
        clear = share[:, -1] > share[:, -2] + 1e-9
        assert (answers.numpy()[clear] == theirs.predict(asked)[clear]).all()


def test_equal_votes_go_to_the_nearest_and_too_few_to_ask_are_told():
    neighbours = NearestNeighbours(1, 4).fit(torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([3, 0, 0, 3]))
    assert neighbours.votes(torch.tensor([[0.0]]), [4])[4].tolist() == [3]
    assert neighbours.votes(torch.tensor([[0.0]]), [3])[3].tolist() == [0]
    with pytest.raises(ParamsError, match="ks: 11 neighbours .* 4 labelled"):
        neighbours.votes(torch.zeros(1, 1), [1, 11])


def test_k_is_the_smallest_of_those_with_the_least_validation_error():
    rows = torch.tensor([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    labels = torch.tensor([0, 0, 1, 1, 1, 0])  # one wrong label on each side
    asked, truth = torch.tensor([[0.21], [5.21]]), torch.tensor([0, 1])
    assert NearestNeighbours(1, 2).best_k([1, 3], [(rows, labels)], asked, truth) == 3
    rows, labels = torch.arange(6.0)[:, None] ** 2, torch.tensor([0, 0, 0, 1, 1, 1])
    assert NearestNeighbours(1, 2).best_k([3, 1], [(rows, labels)], rows, labels) == 1


def test_distances_are_exact_where_training_is_not(monkeypatch, tf32):
    seen, cdist = [], torch.cdist
    record = lambda *args: seen.append(torch.backends.cuda.matmul.allow_tf32) or cdist(*args)  # noqa: E731
    monkeypatch.setattr(torch, "cdist", record)
    NearestNeighbours(1, 2).fit(torch.zeros(3, 1), torch.tensor([0, 1, 1])).votes(torch.zeros(2, 1), [1])
    assert seen == [False] and torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize("name, key", [("m1_m2", "labelled_batch"), ("swwae", "batch_size")])
def test_a_batch_of_labels_is_at_most_all_of_them(name, key):
    few = {"m1_m2": {"steps": 2, "m2_steps": 2}, "swwae": {"steps": 2}}[name]
    config = validate(systems.module("digits", name).Config, SMALL[name] | few | {key: 50}, name)
    data, spec = small(name)
    system, images, labels = systems.build("digits", name, config, spec, 0), data["train"].images, data["train"].labels
    system.pretrain(images, Replica(0))
    system.tune([], (images[:30], labels[:30]), Replica(0))
    system.fit(images[:12], labels[:12], Replica(0))
    assert system.predict(images[:5]).shape == (5,)


def test_trials_stay_in_the_search_space_and_fill_it():
    config = CnnConfig()
    rng = np.random.default_rng(0)
    trials = [sample_trial(config, rng) for _ in range(300)]
    rates = np.array([t.lr for t in trials])
    assert rates.min() >= 1e-4 and rates.max() <= 1e-2
    assert 0.4 < np.mean(rates < 1e-3) < 0.6  # log-uniform
    assert {t.batch_size for t in trials} == {32, 64, 128} and {t.beta1 for t in trials} == {0.5, 0.9}
    assert all(0 <= t.dropout <= 0.6 and 1e-6 <= t.weight_decay <= 1e-2 for t in trials)


def test_the_cnn_is_the_discriminator_but_for_its_head():
    config = CnnConfig(width=4)
    net = systems.build("digits", "supervised_cnn", config, SPEC, 0).classifier
    family = systems.module("digits", "supervised_cnn").family_for("svhn32", SPEC.image_shape)
    expected = {k: v.shape for k, v in Discriminator(family, 3, 4).blocks.state_dict().items()}
    assert {k: v.shape for k, v in net.trunk.state_dict().items()} == expected
    assert net.head.out_features == 3


def test_the_search_reports_the_error_of_the_net_it_keeps():
    system, metrics, _ = trained("supervised_cnn")
    validation = divide(DATA, PROTOCOL).validation
    assert metrics["validation_error"] == pytest.approx([system.error(validation)])
    assert metrics["test_error"] == pytest.approx([system.error((DATA["test"].images, DATA["test"].labels))])


def test_every_trial_has_weights_of_its_own_and_the_settings_that_were_drawn(monkeypatch):
    module = systems.module("digits", "supervised_cnn")
    config = validate(module.Config, {"width": 2, "trials": 3, "epochs": 1}, "")
    errors, seen, first = iter([0.3, 0.1, 0.2]), [], []

    def train(task, net, validate, streams, **options):
        (phase,) = task.phases()
        (group,) = phase.optimiser(net.parameters()).param_groups
        seen.append((group["lr"], group["betas"][0], group["weight_decay"], net.dropout.p))
        first.append(net.trunk[0][0].weight.detach().clone())
        return next(errors)

    monkeypatch.setattr(module, "train_selected", train)
    system = systems.build("digits", "supervised_cnn", config, SPEC, 0)
    system.tune([], (DATA["test"].images, DATA["test"].labels), Replica(0))
    system.fit(DATA["train"].images, DATA["train"].labels, Replica(4))
    rng = np.random.default_rng(4)
    drawn = [sample_trial(config, rng) for _ in range(3)]
    assert seen == [(t.lr, t.beta1, t.weight_decay, t.dropout) for t in drawn]
    assert not torch.equal(first[0], first[1]) and torch.equal(system.classifier.trunk[0][0].weight, first[1])
    assert [value for value, _ in system.choices().values()] == list(drawn[1].model_dump().values())


def test_pruning_spends_fewer_steps_and_is_off_by_default():
    def looks(**changes) -> int:
        small = SMALL["supervised_cnn"] | {"trials": 5, "patience": 9, **changes}
        module = systems.module("digits", "supervised_cnn")
        system = systems.build("digits", "supervised_cnn", validate(module.Config, small, ""), SPEC, 0)
        rows = []
        system.tune([], (DATA["test"].images, DATA["test"].labels), Replica(0))
        system.fit(DATA["train"].images[:30], DATA["train"].labels[:30], Replica(0, sink=rows.extend))
        return sum(name.endswith("validation_error") for _, name, _ in rows)

    assert looks() == 5 * 6
    assert looks(pruning=0.5) < 5 * 6


def test_a_diverging_trial_loses_and_only_all_of_them_end_the_search(monkeypatch):
    module = systems.module("digits", "supervised_cnn")
    system = systems.build("digits", "supervised_cnn", validate(module.Config, SMALL["supervised_cnn"], ""), SPEC, 0)
    real, failing = module.System._train, {0}

    def train(self, trial, number, *rest):
        if number in failing:
            raise Divergence("loss")
        return real(self, trial, number, *rest)

    monkeypatch.setattr(module.System, "_train", train)
    system.tune([], (DATA["test"].images, DATA["test"].labels), Replica(0))
    system.fit(DATA["train"].images, DATA["train"].labels, Replica(0))
    assert system.metrics()["validation_error"] < 0.4
    failing.add(1)
    with pytest.raises(Divergence, match="all 2 trials"):
        system.fit(DATA["train"].images, DATA["train"].labels, Replica(0))


def test_dcgan_has_statistics_of_the_pool():
    discriminator = trained("dcgan")[0].gan.discriminator
    before = {k: v.clone() for k, v in discriminator.state_dict().items()}
    estimate_statistics(discriminator, divide(DATA, PROTOCOL).unlabelled, torch.device("cpu"))
    for key, value in discriminator.state_dict().items():
        torch.testing.assert_close(value, before[key])


def test_the_svm_of_dcgan_has_the_cost_with_the_least_mean_error(monkeypatch):
    """Neither the first draw nor the last one alone would choose it."""
    system = systems.build("digits", "dcgan", validate(DcganConfig, SMALL["dcgan"] | {"steps": 1}, ""), SPEC, 0)
    accuracies = {0.01: iter([0.9, 0.0, 0.7]), 0.1: iter([0.6, 0.6, 0.6])}
    asked = []

    class Machine:
        weight, bias = torch.zeros(3, 448), torch.zeros(3)

        def __init__(self, cost):
            self.accuracy = lambda x, labels: next(accuracies[cost])

    def fit(x, labels, costs, n_classes):
        asked.append(costs)
        return [Machine(cost) for cost in (costs if isinstance(costs, list) else [costs])]

    monkeypatch.setattr(gan_svm, "fit_svm", fit)
    images, labels = DATA["train"].images[:6], DATA["train"].labels[:6]
    system.tune(3 * [(images, labels)], (images, labels), Replica(0))
    system.fit(images, labels, Replica(0))
    assert asked[:3] == 3 * [[0.01, 0.1]] and asked[3] == pytest.approx(0.1)


def weights(system) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in system.gan.parameters()])


def validated(changes, errors, monkeypatch):
    """A dcgan whose validation errors are `errors`, one a look, and its weights at each of these looks."""
    config = validate(DcganConfig, SMALL["dcgan"] | changes, "dcgan")
    system, seen, given = systems.build("digits", "dcgan", config, SPEC, 0), [], iter([*errors, min(errors)])

    def look(draws, validation):
        seen.append(weights(system))
        return np.array([0.9, next(given)])

    monkeypatch.setattr(system, "validation_errors", look)
    images, labels = DATA["train"].images, DATA["train"].labels
    system.pretrain(images, Replica(0))
    system.tune([(images[:30], labels[:30])], (images, labels), Replica(0))
    return system, seen


def test_dcgan_keeps_the_look_with_the_least_validation_error_or_the_last_weights(monkeypatch):
    system, (first, best, last, kept) = validated({"steps": 11, "check_every": 5}, [0.3, 0.1, 0.2], monkeypatch)
    assert torch.equal(kept, best) and torch.equal(weights(system), best)
    assert not torch.equal(best, first) and not torch.equal(best, last)
    assert system.choices()["mini-batches"] == (10, [5, 10, 11])
    assert any("the paper takes the last" in line for line in system.notes())
    paper, (end,) = validated({"steps": 11}, [0.2], monkeypatch)
    assert torch.equal(end, last), "looks change nothing in the training"
    assert "mini-batches" not in paper.choices() and not any("least error" in line for line in paper.notes())
    alternate = {"steps": 12, "check_every": 4, "updates": "alternate"}  # two mini-batches a step of the loop
    system, seen = validated(alternate, [0.3, 0.2, 0.1], monkeypatch)
    assert len(seen) == 4 and system.choices()["mini-batches"] == (12, [4, 8, 12])


def test_the_untrained_row_keeps_the_weights_it_was_built_with():
    config = systems.module("digits", "dcgan_untrained").Config(width=4)
    system, again = (systems.build("digits", "dcgan_untrained", config, SPEC, 1) for _ in range(2))
    system.pretrain(DATA["train"].images, Replica(0))
    ours, theirs = (list(s.extractor.discriminator.parameters()) for s in (system, again))
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs))
    assert float(system.extractor.discriminator.blocks[1][1].running_mean.abs().max()) > 0  # of these images


def test_dcgan_answers_with_the_largest_score_the_bias_included():
    system = systems.build("digits", "dcgan", validate(DcganConfig, SMALL["dcgan"] | {"steps": 1}, ""), SPEC, 0).eval()
    images = DATA["test"].images[:30]
    features = system.features(images)
    system.weight.copy_(torch.randn(system.weight.shape, generator=torch.Generator().manual_seed(0)))
    system.bias.copy_(-(features @ system.weight.T).mean(0))
    expected = (features @ system.weight.T + system.bias).argmax(1)
    assert np.array_equal(system.predict(images), expected)
    assert not torch.equal(expected, (features @ system.weight.T).argmax(1))


def test_swwae_chooses_its_weights_on_the_validation_set():
    module = systems.module("digits", "swwae")
    small = SMALL["swwae"] | {"reconstruction": [0.3, 30.0], "steps": 20}
    system = systems.build("digits", "swwae", validate(module.Config, small, "swwae"), SPEC, 0)
    replica, validation = Replica(0), (DATA["test"].images, DATA["test"].labels)
    system.pretrain(DATA["train"].images, replica)
    system.tune([(DATA["train"].images[:30], DATA["train"].labels[:30])], validation, replica)
    errors = {v: e for (_, n, v), (_, m, e) in zip(replica.history, replica.history[2:]) if n == "lambda_rec"}
    assert set(errors) == {0.3, 30.0}
    assert float(system.weights[0]) == pytest.approx(min(errors, key=errors.get))
