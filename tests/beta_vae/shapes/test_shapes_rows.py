"""The rows of the table: each is fitted, saved, loaded and encodes as before; PCA and ICA against
scikit-learn."""

import numpy as np
import pytest
import torch
from shapes_kit import images_of
from sklearn.decomposition import PCA, FastICA

from triptych.base.config import ParamsError
from triptych.beta_vae.shapes.parts.principal import sample
from triptych.beta_vae.shapes.parts.system import Oracle, Representation
from triptych.beta_vae.shapes.rows import ica
from triptych.beta_vae.shapes.rows.ica import fast_ica, whitened
from triptych.data.spec import Spec
from triptych.engine import Replica
from triptych.pipeline import systems

CPU = torch.device("cpu")
VAE = {"hidden": 16, "latents": 4}
CONFIGS = {
    "ground_truth": {},
    "raw_pixels": {},
    "pca": {"components": 5, "sample": 400},
    "ica": {"components": 5, "sample": 400, "iterations": 200},
    "vae_untrained": VAE,
    "vae": {**VAE, "beta": 1.0, "steps": 5, "batch_size": 8},
    "beta_vae": {**VAE, "beta_norm": 0.01, "steps": 5, "batch_size": 8},
}


@pytest.fixture(scope="module")
def data(dataset):
    return images_of(dataset), np.array(dataset["train"].factors), Spec.of(dataset)


def fitted(name, data, seed=0, **changes):
    images, factors, spec = data
    config = systems.module("shapes", name).Config(**CONFIGS[name] | changes)
    system, replica = systems.build("shapes", name, config, spec, seed), Replica(seed, CPU)
    system.fit(images, factors, replica)
    return system, config, replica


def codes(system, data):
    images, factors, _ = data
    if isinstance(system, Oracle):
        return system.encode_factors(torch.from_numpy(factors))
    with torch.inference_mode():
        return system.encode(torch.from_numpy(images))


@pytest.mark.parametrize("name", CONFIGS)
def test_saved_and_loaded_systems_encode_the_same(name, data, tmp_path):
    system, config, _ = fitted(name, data)
    folder = tmp_path / "shapes" / name / "seed0"
    systems.save(system, folder, table="shapes", name=name, config=config, spec=data[2])
    loaded = systems.load(f"shapes/{name}", root=tmp_path)
    assert torch.equal(codes(system, data), codes(loaded, data))
    assert len(codes(system, data)) == len(data[0])


def overlap(some, others):
    """The cosines between two spaces' principal directions: 1 where they are one space."""
    return np.linalg.svd(np.linalg.qr(some)[0].T @ np.linalg.qr(others)[0])[1].min()


def test_pca_is_scikit_learns_and_ica_is_white_in_the_same_space(data):
    pca, ica = (fitted(name, data, sample=len(data[0]))[0] for name in ("pca", "ica"))  # of all images
    pixels = data[0].reshape(len(data[0]), -1) / 255
    reference = PCA(5, svd_solver="full").fit(pixels)
    np.testing.assert_allclose(pca.explained, reference.explained_variance_ratio_, rtol=1e-3)
    ours, independent = (codes(system, data).numpy() for system in (pca, ica))
    assert overlap(ours, reference.transform(pixels)) > 0.999
    np.testing.assert_allclose(ours.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(np.cov(independent.T, ddof=0), np.eye(5), atol=1e-4)
    assert overlap(independent - independent.mean(0), ours - ours.mean(0)) > 0.999


def mixture(n=3000):
    """White mixture (4, n) of independent sources, of heavy and of light tails, and these."""
    rng = np.random.default_rng(0)
    sources = np.stack([rng.laplace(size=n), rng.uniform(-1, 1, n), rng.exponential(size=n), rng.choice([-1, 1], n)])
    white, _ = whitened(sources.T @ rng.normal(size=(4, 4)))
    np.testing.assert_allclose(white @ white.T / n, np.eye(4), atol=1e-9)
    return white, sources


def test_ica_finds_the_sources_of_a_mixture_and_of_full_steps_is_scikit_learns():
    white, sources = mixture()
    start = np.random.default_rng(1).normal(size=(4, 4))
    for step in (0.6, 1.0):
        rotation, taken, converged = fast_ica(white, start, 200, 1e-6, step)
        assert converged and taken < 100
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(4), atol=1e-9)
        found = np.abs(np.corrcoef(rotation @ white, sources)[:4, 4:])
        assert found.max(0).min() > 0.99 and sorted(found.argmax(0)) == [0, 1, 2, 3]
    reference = FastICA(whiten=False, w_init=start, max_iter=200, tol=1e-6).fit(white.T)
    assert taken == reference.n_iter_
    np.testing.assert_allclose(np.abs((rotation * reference.components_).sum(1)), 1, atol=1e-9)


def test_ica_converges_on_shapes_where_full_steps_go_round_in_circles(data):
    def converged(step, seed):
        system, config, replica = fitted("ica", data, seed, step=step)
        taken, name, value = replica.history[-1]
        assert name == "converged" and value == bool(system.converged) and (value or taken == config.iterations)
        return bool(system.converged)

    assert all(converged(0.6, seed) for seed in range(6))
    assert not all(converged(1.0, seed) for seed in range(6))


def test_pca_needs_enough_pixels_and_images(data):
    for few, message in (({"components": 300, "sample": 1000}, "components = 300"), ({"sample": 4}, "components = 5")):
        with pytest.raises(ParamsError, match=message):
            fitted("pca", data, **few)


def test_the_sample_is_of_different_random_images_and_another_for_another_seed():
    numbered = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1)
    first, again, other = ((sample(numbered, 50, Replica(s, CPU)) * 255).round()[:, 0].tolist() for s in (0, 0, 1))
    assert first == again != other
    assert len(set(first)) == 50 and max(first) > 150
    assert len(sample(numbered, 1000, Replica(0, CPU))) == 200


def test_ica_starts_from_another_rotation_for_another_seed(data, monkeypatch):
    starts = []
    monkeypatch.setattr(ica, "fast_ica", lambda white, start, *_: starts.append(start) or (start, 1, True))
    for seed in (0, 0, 1):
        fitted("ica", data, seed)
    assert np.array_equal(starts[0], starts[1]) and not np.allclose(starts[0], starts[2])


def test_untrained_encoder_has_the_fresh_weights_of_its_seed(data):
    one, again, two = (codes(fitted("vae_untrained", data, seed=seed)[0], data) for seed in (1, 1, 2))
    assert torch.equal(one, again) and not torch.allclose(one, two)


def test_vae_and_beta_vae_start_alike_so_that_only_beta_differs(data):
    nets = [
        systems.build("shapes", name, systems.module("shapes", name).Config(beta=beta, **VAE), data[2], 3)
        for name, beta in (("vae", 1.0), ("beta_vae", 4.0))
    ]
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters()))


def test_every_row_declares_whether_it_learns():
    rows = {name: systems.module("shapes", name).System for name in systems.names("shapes")}
    assert all(issubclass(row, Representation) for row in rows.values())
    still = {name for name, row in rows.items() if not row.learns}
    assert still == {"ground_truth", "raw_pixels", "vae_untrained"}


def test_a_row_that_learns_must_say_how_and_an_oracle_reads_factors_and_no_images(data):
    class Forgetful(Representation):
        def encode(self, images):
            return images

    with pytest.raises(NotImplementedError, match="Forgetful"):
        Forgetful().fit(data[0], data[1], Replica(0, CPU))
    oracle = fitted("ground_truth", data)[0]
    with pytest.raises(TypeError, match="encode_factors"):
        oracle.encode(torch.from_numpy(data[0][:2]))
    values = oracle.encode_factors(torch.tensor([[2, 5, 1, 0, 3]]))
    expected = [f["values"][i] for f, i in zip(data[2].factors, [2, 5, 1, 0, 3])]
    torch.testing.assert_close(values[0], torch.tensor(expected, dtype=torch.float32))


PAPER = [  # row, keys and values, where they are printed
    ("vae", {"network": "dense", "hidden": 1200, "latents": 10, "decoder": "bernoulli"}, "Higgins et al., Table 1"),
    ("vae", {"optimiser": "adagrad", "lr": 1e-2}, "Higgins et al., Table 1"),
    ("vae", {"batch_size": 64, "steps": 300_000}, "disentanglement_lib"),
    ("dc_ign", {"channels": [96, 48, 48], "pull": 0.01, "lr": 1e-3, "batch_size": 20, "beta": 1.0}, "Kulkarni et al."),
    ("dc_ign", {"single": ["x", "y", "scale", "orientation"], "shared": "shape", "latents": 10}, "Higgins et al., A.3"),
    ("infogan", {"codes": 5, "noise": 5, "channels": [64, 128], "dense": 256, "head": 128}, "Higgins et al., A.3"),
    ("infogan", {"weight": 1.0, "code_std": 1.0, "instance_noise": 0.0, "lr_g": 1e-3, "lr_d": 2e-4}, "Chen et al."),
]


@pytest.mark.parametrize(("name", "values", "source"), PAPER)
def test_defaults_are_the_papers(name, values, source):
    config = systems.module("shapes", name).Config(**({"beta": 1.0} if name == "vae" else {}))
    assert {key: getattr(config, key) for key in values} == values, source
