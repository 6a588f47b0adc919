"""The authors' conventions are tested with their SVHN nets; here, which files of the ImageNet net are used, and how."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from dcgan_kit import damage, git_blob, random_images, released_array

from triptych.base import project
from triptych.base.config import ParamsError, validate
from triptych.data.format import DataError
from triptych.data.spec import Spec
from triptych.dcgan.gan import released as shared
from triptych.dcgan.objects.rows import dcgan_released as row
from triptych.engine import Replica
from triptych.pipeline import systems

CPU, SPEC = torch.device("cpu"), Spec((3, 32, 32))
SHAPES = {1: (128, 3, 3, 3), 2: (128, 128, 3, 3), 3: (128,), 4: (128,), 5: (256, 128, 3, 3), 6: (256,), 7: (256,)}
NAME = "30_discrim_params.jl_{:02}.npy"
REAL = os.environ.get("TRIPTYCH_DCGAN_RELEASED_IMAGENET")  # a folder with the authors' files, or some of them


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Made-up files of the first three convolutions that pass for the authors'."""
    rng, blobs = np.random.default_rng(0), dict(row.IMAGENET.blobs)
    for i, shape in SHAPES.items():
        np.save(tmp_path / NAME.format(i), released_array(rng, shape))
        blobs[NAME.format(i)] = git_blob(tmp_path / NAME.format(i))
    monkeypatch.setattr(row, "IMAGENET", replace(row.IMAGENET, blobs=blobs))
    return tmp_path


def images(n=6):
    return random_images(n)


def build(**section):
    return systems.build("objects", "dcgan_released", validate(row.Config, section, "objects"), SPEC, 0)


def fitted(folder, **section):
    system = build(weights=str(folder), **section)
    system.fit(images(), Replica(0, CPU))
    system.adapt(images(), CPU)
    return system.eval()


def test_the_whole_net_has_the_papers_number_of_features():
    system = build()
    names = [name for layer in range(row.DEPTH) for name in row.files_of(layer)]
    assert names == list(row.IMAGENET.blobs) and len(names) == len(list(system.discriminator.parameters())) == 16
    with torch.inference_mode():
        assert system.eval().features(torch.from_numpy(images(1))).shape == (1, 28_672)
    assert system.widest_layer == 512 and system.notes() == [] and not system.learns


def test_layers_are_used_as_far_as_there_are_files_of_them(folder):
    system = fitted(folder)
    assert len(system.discriminator.blocks) == 3 and system.widest_layer == 256
    assert system.notes() == ["the first 3 of 6 convolutions: files of the next one are not in the folder of weights"]
    with torch.inference_mode():
        out = system.features(torch.from_numpy(images()))
    assert out.shape == (6, 16 * (128 + 128 + 256))
    for number, block in ((1, 0), (2, 1), (5, 2)):
        theirs = torch.from_numpy(np.load(folder / NAME.format(number)))
        assert torch.equal(system.discriminator.blocks[block][0].weight.detach().flip(2, 3), theirs)
    gain = torch.from_numpy(np.load(folder / NAME.format(6)))
    norm = system.discriminator.blocks[2][1]
    assert torch.equal(norm.weight.detach(), gain) and norm.eps == 1e-8 and float(norm.running_mean.abs().max()) > 0
    (folder / NAME.format(4)).unlink()  # without the shift of the second convolution the first one is left
    assert len(fitted(folder).discriminator.blocks) == 1


@pytest.mark.parametrize("standardize", [False, True])
def test_a_shortened_net_survives_saving(folder, tmp_path, standardize):
    system = fitted(folder, standardize=standardize)
    where = tmp_path / "models" / "objects" / "dcgan_released" / "seed0"
    systems.save(system, where, table="objects", name="dcgan_released", config=system.config, spec=SPEC)
    loaded = systems.load("objects/dcgan_released", root=tmp_path / "models")
    with torch.inference_mode():
        found, expected = (s.features(torch.from_numpy(images())) for s in (loaded, system))
    assert torch.equal(found, expected) and loaded.notes() == system.notes()


def test_a_damaged_file_and_an_empty_folder_are_refused(folder, tmp_path):
    damage(folder / NAME.format(3))
    with pytest.raises(DataError, match=r"jl_03.npy is damaged or not the official file: its git blob"):
        fitted(folder)
    with pytest.raises(DataError, match=r"none of the authors' files, 30_discrim_params.jl_01.npy"):
        fitted(tmp_path / "nowhere")
    with pytest.raises(ParamsError, match="32×32"):
        row.System(row.Config(), Spec((3, 64, 64)))


def test_without_a_folder_every_file_is_asked_for(folder, tmp_path_factory, monkeypatch):
    asked, there = [], tmp_path_factory.mktemp("raw")

    def fetch(url, file, check, download=True):
        asked.append(url)
        assert download and file.parent == there

    monkeypatch.setattr(shared, "fetch", fetch)
    monkeypatch.setattr(project, "raw", lambda name: there)
    with pytest.raises(DataError, match="not a readable array"):  # nothing came
        build().fit(images(), Replica(0, CPU))
    assert len(asked) == 16 and all(url.startswith(shared.MODELS + "imagenet_gan_pretrain_128f") for url in asked)


@pytest.mark.skipif(not REAL, reason="TRIPTYCH_DCGAN_RELEASED_IMAGENET names no folder with the authors' files")
def test_the_authors_files_are_recognised_and_fit():
    assert len(fitted(Path(REAL)).discriminator.blocks) >= 1
