"""The authors' conventions are written down a second time here, by scipy's convolution; the files are made up."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from dcgan_kit import damage, git_blob, released_array
from scipy.signal import convolve2d

from triptych.base import project
from triptych.base.config import ParamsError, validate
from triptych.base.pixels import signed
from triptych.data.format import DataError, Split
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts import released
from triptych.dcgan.digits.parts.released import load_released, released_gan
from triptych.dcgan.digits.protocol import Protocol, run
from triptych.dcgan.digits.rows import dcgan_released
from triptych.dcgan.gan import released as shared
from triptych.dcgan.gan.released import EPSILON
from triptych.engine import Replica
from triptych.pipeline import systems

DISCRIMINATOR = [(64, 3, 5, 5), (128, 64, 5, 5), (128,), (128,), (256, 128, 5, 5), (256,), (256,), (4096, 1)]
GENERATOR = [(100, 4096), (4096,), (4096,), (256, 128, 5, 5), (128,), (128,), (128, 64, 5, 5), (64,), (64,),
             (64, 3, 5, 5)]  # fmt: skip
REAL = os.environ.get("TRIPTYCH_DCGAN_RELEASED")  # a folder with the authors' files


@pytest.fixture(scope="module")
def arrays():
    """name -> array, of the published shapes."""
    rng = np.random.default_rng(0)
    return {
        f"200_{part}_params.jl_{i:02}.npy": released_array(rng, shape)
        for part, shapes in (("discrim", DISCRIMINATOR), ("gen", GENERATOR))
        for i, shape in enumerate(shapes, start=1)
    }


@pytest.fixture
def folder(arrays, tmp_path, monkeypatch):
    """The arrays as files that pass for the authors'."""
    for name, array in arrays.items():
        np.save(tmp_path / name, array)
    blobs = {name: git_blob(tmp_path / name) for name in arrays}
    assert set(blobs) == set(released.SVHN.blobs)
    for module in (released, dcgan_released):
        monkeypatch.setattr(module, "SVHN", replace(released.SVHN, blobs=blobs))
    return tmp_path


def convolution(x, w):
    """A strided convolution as its name says, with the kernel turned: (i, s, s), (o, i, 5, 5) -> (o, s/2, s/2)."""
    out = [sum(convolve2d(np.pad(a, 2), k, mode="valid") for a, k in zip(x, kernels)) for kernels in w]
    return np.stack(out)[:, ::2, ::2]


def deconvolution(h, w):
    """The adjoint of `convolution` in x: each number of h (o, s, s) lays down its kernel, turned, in (i, 2s, 2s)."""
    side = h.shape[1]
    out = np.zeros((w.shape[1], 2 * side + 4, 2 * side + 4))
    for y in range(side):
        for x in range(side):
            out[:, 2 * y : 2 * y + 5, 2 * x : 2 * x + 5] += np.einsum("o,oiuv->iuv", h[:, y, x], w[:, :, ::-1, ::-1])
    return out[:, 2:-2, 2:-2]


def test_discriminator_is_that_of_the_authors(arrays, folder):
    assert EPSILON == 1e-8
    gan = load_released(released_gan((3, 32, 32)), folder).eval()
    w = [arrays[f"200_discrim_params.jl_{i:02}.npy"].astype(float) for i in range(1, 9)]
    x = np.random.default_rng(1).uniform(-1, 1, (3, 32, 32))

    def leaky(h):
        return np.where(h > 0, h, 0.2 * h)

    def normalised(h, gain, shift):  # by the statistics 0 and 1
        return leaky(h / np.sqrt(1 + EPSILON) * gain[:, None, None] + shift[:, None, None])

    h1 = leaky(convolution(x, w[0]))
    h2 = normalised(convolution(h1, w[1]), w[2], w[3])
    h3 = normalised(convolution(h2, w[4]), w[5], w[6])
    ours = gan.discriminator.activations(torch.from_numpy(x[None]).float())
    for theirs, mine in zip((h1, h2, h3), ours):
        np.testing.assert_allclose(mine[0].detach(), theirs, rtol=1e-3, atol=1e-3)
    logit = gan.discriminator(torch.from_numpy(x[None]).float())
    np.testing.assert_allclose(logit.detach(), h3.reshape(1, -1) @ w[7][:, 0], rtol=1e-3)


def test_generator_is_that_of_the_authors(arrays, folder):
    gan = load_released(released_gan((3, 32, 32)), folder).eval()
    w = [arrays[f"200_gen_params.jl_{i:02}.npy"].astype(float) for i in range(1, 11)]
    z = np.random.default_rng(1).normal(size=100)

    def normalised(h, gain, shift):
        return np.maximum(h / np.sqrt(1 + EPSILON) * gain[:, None, None] + shift[:, None, None], 0)

    h = np.maximum(z @ w[0] / np.sqrt(1 + EPSILON) * w[1] + w[2], 0).reshape(256, 4, 4)
    h = normalised(deconvolution(h, w[3]), w[4], w[5])
    h = normalised(deconvolution(h, w[6]), w[7], w[8])
    theirs = np.tanh(deconvolution(h, w[9]))
    ours = gan.generator(torch.from_numpy(z[None]).float())[0].detach()
    assert theirs.std() > 0.1
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_the_reference_deconvolution_is_the_adjoint():
    rng = np.random.default_rng(0)
    w, x, h = rng.normal(size=(4, 2, 5, 5)), rng.normal(size=(2, 8, 8)), rng.normal(size=(4, 4, 4))
    assert np.sum(convolution(x, w) * h) == pytest.approx(np.sum(x * deconvolution(h, w)))


def test_pretraining_reads_the_files_and_estimates_statistics(arrays, folder):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    images = (rng.integers(0, 90, (60, 3, 32, 32)) + 120 * labels[:, None, None, None]).astype(np.uint8)
    module, spec = systems.module("digits", "dcgan_released"), Spec((3, 32, 32), n_classes=2)
    config = validate(module.Config, {"weights": str(folder), "costs": [0.01]}, "digits")
    system = systems.build("digits", "dcgan_released", config, spec, 0)
    data = dict.fromkeys(("train", "test"), Split(images, labels))
    protocol = Protocol(seeds=[0], validation=20, labels_per_class=10, tuning_draws=1, evaluation_draws=1)
    assert run(system, data, protocol, Replica(0))["test_error"][0] < 0.2
    assert system.features(images[:2]).shape == (2, 7168)
    norm = system.gan.discriminator.blocks[1][1]
    assert norm.eps == EPSILON and float(norm.running_mean.abs().max()) > 0.1
    first = arrays["200_discrim_params.jl_01.npy"]
    assert torch.equal(system.gan.discriminator.blocks[0][0].weight.detach().flip(2, 3), torch.from_numpy(first))
    assert system.sample(4).shape == (4, 3, 32, 32)


def test_a_folder_without_a_file_or_with_another_one(folder):
    damage(folder / "200_gen_params.jl_03.npy")
    with pytest.raises(DataError, match="200_gen_params.jl_03.npy is damaged or not the official file: its git blob"):
        released.SVHN.fetch(folder)
    (folder / "200_gen_params.jl_03.npy").unlink()
    with pytest.raises(DataError, match=r"200_gen_params.jl_03.npy is missing .*Newmu/dcgan_code.*put it at"):
        released.SVHN.fetch(folder)


def test_absent_files_are_downloaded_and_only_arrays_are(folder, tmp_path_factory, monkeypatch):
    asked, there = [], tmp_path_factory.mktemp("raw")

    def fetch(url, file, check, download=True):
        asked.append(url)
        assert download and file.parent == there and check(folder / file.name) is None

    monkeypatch.setattr(shared, "fetch", fetch)
    monkeypatch.setattr(project, "raw", lambda name: there)
    assert released.SVHN.fetch() == there
    assert len(asked) == 18 and all(u.startswith(shared.MODELS + "svhn_unsup") and u.endswith(".npy") for u in asked)


def test_no_connection_is_one_message(tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "MODELS", "http://127.0.0.1:9/")
    monkeypatch.setattr(project, "raw", lambda name: tmp_path)
    with pytest.raises(DataError, match=r"cannot download http://127.0.0.1:9/svhn\w*[\w.]*/200_discrim.*put it at"):
        released.SVHN.fetch()


def test_pickles_and_arrays_and_images_of_another_shape_are_refused(folder):
    file = folder / "200_discrim_params.jl_01.npy"
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="not a readable array"):
        load_released(released_gan((3, 32, 32)), folder)
    np.save(file, np.zeros((3, 64, 5, 5), np.float32))
    with pytest.raises(DataError, match=r"an array for \(64, 3, 5, 5\) was expected, this is \(3, 64, 5, 5\)"):
        load_released(released_gan((3, 32, 32)), folder)
    with pytest.raises(ParamsError, match="32×32"):
        released_gan((3, 64, 64))


@pytest.mark.skipif(not REAL, reason="TRIPTYCH_DCGAN_RELEASED names no folder with the authors' files")
def test_the_authors_discriminator_knows_their_generator():
    """It rejects the samples at the end of the authors' training; with kernels not turned it accepts them (0.97)."""
    gan = load_released(released_gan((3, 32, 32)), released.SVHN.fetch(Path(REAL)))
    gan.discriminator.train()  # by the statistics of the batch, as in training
    real = gan.discriminator(signed(gan.sample(64))).sigmoid()
    assert float(real.detach().mean()) < 0.1
