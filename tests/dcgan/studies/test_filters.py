"""What filters respond to: guided gradients against hooks on a plain net, explained variance against a regression."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from torch import nn

from triptych.dcgan.gan.networks import FAMILIES, Discriminator
from triptych.dcgan.studies.arithmetic.filters import (
    Filters,
    excited,
    explained,
    guided,
    guided_gradients,
    respond,
    responses,
)


def net(seed=0, **options):
    torch.manual_seed(seed)
    made = Discriminator(FAMILIES["svhn32"], 3, 4, **options)
    for name, parameter in made.named_parameters():  # gains of normalisations, weights and shifts
        nn.init.normal_(parameter, mean=float(parameter.ndim == 1 and name.endswith("weight")), std=0.2)
    return made.eval()


def images(n=6, seed=0):
    return torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def plain(made):
    """The same layers without anything done in place, so that hooks see what the rule speaks of."""
    layers = [layer for block in made.blocks for layer in block]
    return nn.Sequential(*(nn.LeakyReLU(x.negative_slope) if isinstance(x, nn.LeakyReLU) else x for x in layers))


def test_guided_gradients_are_those_of_hooks():
    made, x, k = net(), images(), 5
    reference, kept = plain(made), {}
    for layer in reference:
        if isinstance(layer, nn.LeakyReLU):
            layer.register_forward_hook(lambda layer, inputs, _: kept.__setitem__(layer, inputs[0].detach()))
            layer.register_full_backward_hook(
                lambda layer, _, above: (torch.where((kept[layer] > 0) & (above[0] > 0), above[0], 0.0),)
            )
    signed = (x.float() / 127.5 - 1).requires_grad_()
    top = reference(signed)[:, k].flatten(1)
    top.gather(1, top.argmax(1, keepdim=True)).sum().backward()
    found = guided_gradients(guided(made), k, x)
    assert found.abs().amax((1, 2, 3)).min() > 0
    assert torch.allclose(found, signed.grad, atol=1e-6)


def test_the_guided_net_answers_as_the_net_does_and_leaves_it_alone():
    made, x = net(), images()
    before = made(made.scaled(x))
    copy = guided(made)
    assert torch.equal(copy(copy.scaled(x)), before) and torch.equal(made(made.scaled(x)), before)
    assert sum(isinstance(layer, nn.LeakyReLU) for layer in made.modules()) == 3
    assert not any(isinstance(layer, nn.LeakyReLU) for layer in copy.modules())


def test_a_rectifier_passes_positive_gradients_of_positive_inputs_only_and_other_activations_stay():
    (rectifier,) = guided(nn.Sequential(nn.LeakyReLU(0.2)))
    x = torch.tensor([2.0, 2.0, -2.0, -2.0], requires_grad=True)
    y = rectifier(x)
    assert torch.allclose(y, torch.tensor([2, 2, -0.4, -0.4]))
    y.backward(torch.tensor([3.0, -3.0, 3.0, -3.0]))
    assert x.grad.tolist() == [3, 0, 0, 0]
    made = net(activation="maxout")
    x = made.scaled(images(2))
    assert torch.equal(responses(guided(made), x), responses(made, x))


def test_the_strongest_images_come_first():
    made, x = net(), images(30)
    with torch.no_grad():
        strengths = responses(made, made.scaled(x))[:, 3]
    shown, gradients = excited(guided(made), 3, strengths, x.numpy(), 4)
    order = np.argsort(-strengths.numpy())[:4]
    assert np.array_equal(shown, x.numpy()[order]) and gradients.dtype == np.uint8
    largest = np.abs(gradients.astype(float) - 127.5).reshape(4, -1).max(1)
    assert (largest > 126).all()  # each picture uses its whole range


def test_explained_is_the_adjusted_r2_of_a_regression():
    rng = np.random.default_rng(0)
    values = rng.choice([3, 5, 11, 12], 200)
    strengths = np.stack([rng.normal(size=200) + 0.5 * (values == 5), values**2.0, np.ones(200)], axis=1)
    found = explained(strengths, values)
    groups = (values[:, None] == np.unique(values)).astype(float)
    r2 = LinearRegression().fit(groups, strengths[:, 0]).score(groups, strengths[:, 0])
    assert found[0] == pytest.approx(1 - (1 - r2) * 199 / 196) and 0 < found[0] < 0.3
    assert found[1] == pytest.approx(1) and found[2] == 0
    # noise is explained by nothing however many the values, nor by a factor that never changes
    assert abs(explained(rng.normal(size=(300, 200)), rng.integers(0, 100, 300)).mean()) < 0.02
    assert (explained(rng.normal(size=(300, 5)), np.zeros(300)) == 0).all()
    assert np.isfinite(explained(rng.normal(size=(8, 5)), np.arange(8))).all()


def test_a_filter_for_red_is_explained_by_colour_and_its_gradient_is_red():
    """Every filter of the net sums the red channel; images are red or not, and bright or dark at the left."""
    made = Discriminator(FAMILIES["svhn32"], 3, 4, norm="none")
    for parameter in made.parameters():
        nn.init.zeros_(parameter)
    convolutions = [block[0] for block in made.blocks]
    convolutions[0].weight.data[:, 0] = 1
    for layer in convolutions[1:]:
        layer.weight.data += 0.01
    rng = np.random.default_rng(0)
    red, position = rng.integers(0, 2, (2, 100))
    x = rng.integers(0, 20, (100, 3, 32, 32)).astype(np.uint8)
    x[:, 0] += (red * 200).astype(np.uint8)[:, None, None]
    x[position == 1, 1] += 200
    numbers, pictures = respond({"": made}, x, x, {"red": red, "position": position}, Filters(shown=2, images=3))
    assert numbers["explained_red"] > 0.99 and abs(numbers["explained_position"]) < 0.05
    assert pictures["images"].shape == pictures["guided"].shape == (2, 3, 3, 32, 32)
    assert pictures["images"][:, :, 0].min() >= 200
    assert pictures["guided"][:, :, 0].max() == 255 and (pictures["guided"][:, :, 1:] == 128).all()


def test_each_net_has_its_ending_and_statistics_of_the_bank():
    x = images(40).numpy()
    nets = {"": net(0), "_random": net(1)}
    means = [m.running_mean.clone() for m in nets[""].modules() if isinstance(m, nn.BatchNorm2d)]
    values = np.arange(40) % 3
    numbers, pictures = respond(nets, x, x, {"a": values, "b": values // 2}, Filters(shown=3, images=2))
    assert sorted(numbers) == ["explained_a", "explained_a_random", "explained_b", "explained_b_random"]
    assert numbers["explained_a"] != numbers["explained_a_random"]
    assert sorted(pictures) == ["guided", "guided_random", "images", "images_random"]
    after = [m.running_mean for m in nets[""].modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(torch.equal(a, b) for a, b in zip(means, after))  # of the nets themselves nothing changes
    dark, _ = respond(nets, x // 4, x, {"a": values}, Filters(shown=3, images=2))
    assert dark["explained_a"] != numbers["explained_a"]
    again, _ = respond(nets, x, x, {"a": values}, Filters(shown=3, images=2))
    assert again["explained_a"] == numbers["explained_a"]
