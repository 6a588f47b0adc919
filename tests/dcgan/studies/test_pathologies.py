"""The losses, the vanishing gradient, and the section of the parameters."""

import copy
import math

import numpy as np
import pytest
import torch
from dcgan_kit import random_images

from triptych.base.config import ParamsError, validate
from triptych.dcgan.gan.training import Gan
from triptych.dcgan.studies.pathologies import vanishing_gradient
from triptych.dcgan.studies.pathologies.objectives import discriminator_loss, generator_loss
from triptych.dcgan.studies.pathologies.protocol import Protocol
from triptych.engine import Replica

CPU = torch.device("cpu")


def test_the_slopes_of_the_losses():
    s = torch.tensor([-12.0, -1.0, 0.0, 3.0], dtype=torch.float64, requires_grad=True)
    d = s.detach().sigmoid()
    (minimax,) = torch.autograd.grad(generator_loss(s, "minimax"), s)
    (other,) = torch.autograd.grad(generator_loss(s, "nonsaturating"), s)
    torch.testing.assert_close(4 * minimax, -d)
    torch.testing.assert_close(4 * other, -(1 - d))
    zero = torch.zeros(3)
    assert discriminator_loss(zero, zero).item() == pytest.approx(2 * math.log(2))


def frozen(**changes):
    values = {"experiment": "vanishing_gradient", "net": "svhn32", "width": 2, "z_dim": 4, "steps": 3, "batch_size": 8,
              "lr": 1e-3, "frozen_steps": 7, "measurements": 3, "measured_on": 8}  # fmt: skip
    return vanishing_gradient.Config(**(values | changes))


def test_gradient_norms_against_finite_differences_and_the_factor():
    torch.manual_seed(0)
    gan = Gan(frozen(norm="none"), (3, 32, 32))
    gan.discriminator.head.weight.data.zero_()  # D = 1/2 everywhere: both factors are 1/2, and nothing flows
    norms, d_fake = vanishing_gradient.gradient_norms(gan, 8, 0)
    assert norms == {"minimax": 0.0, "nonsaturating": 0.0} and d_fake == 0.5
    for p in gan.parameters():
        torch.nn.init.normal_(p, std=0.1)
    codes = gan.codes(8, torch.Generator().manual_seed(0))
    gan.generator.zero_grad()
    generator_loss(gan.discriminator(gan.generator(codes)), "minimax").backward()
    expected = math.sqrt(sum(p.grad.double().square().sum().item() for p in gan.generator.parameters()))
    norms, d_fake = vanishing_gradient.gradient_norms(gan, 8, 0)
    assert norms["minimax"] == pytest.approx(expected, rel=1e-5)
    # one fake: the two gradients differ by the factor σ(s) / (1 − σ(s)) alone
    norms, d = vanishing_gradient.gradient_norms(gan, 1, 0)
    assert norms["minimax"] / norms["nonsaturating"] == pytest.approx(d / (1 - d), rel=1e-4)


def test_gradients_are_those_of_training_and_leave_the_nets_alone():
    """Normalised by the batch, whatever the running averages are."""
    torch.manual_seed(0)
    gan = Gan(frozen(), (3, 32, 32))
    before, state = vanishing_gradient.gradient_norms(gan, 8, 0), copy.deepcopy(gan.state_dict())
    for norm in (m for m in gan.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)):
        norm.running_var.fill_(9.0)
    assert vanishing_gradient.gradient_norms(gan.eval(), 8, 0) == before
    assert all(torch.equal(v, state[k]) for k, v in gan.state_dict().items() if "running_var" not in k)


@pytest.mark.parametrize("restart", [True, False])
def test_only_the_discriminator_moves(restart, monkeypatch, tmp_path, charts):
    seen = []
    norms = vanishing_gradient.gradient_norms

    def spy(gan, *args):
        seen.append(
            [torch.cat([p.detach().flatten() for p in n.parameters()]) for n in (gan.generator, gan.discriminator)]
        )
        return norms(gan, *args)

    monkeypatch.setattr(vanishing_gradient, "gradient_norms", spy)
    config = frozen(restart=restart)
    run = vanishing_gradient.run(config, Replica(0, CPU), random_images(40))
    assert run.steps == [0, 2, 4, 6, 7]
    assert all(torch.equal(seen[0][0], g) for g, _ in seen) and not torch.equal(seen[0][1], seen[1][1])
    torch.manual_seed(1)
    fresh = torch.cat([p.detach().flatten() for p in Gan(config, (3, 32, 32)).discriminator.parameters()])
    assert torch.equal(seen[0][1], fresh) == restart
    numbers = vanishing_gradient.evaluate(config, [run]).metrics
    assert list(numbers) == ["lost_minimax", "lost_nonsaturating", "ratio", "d_fake"]
    vanishing_gradient.draw(config, [run], tmp_path / "v.png")
    left, right = charts[0].axes
    assert left.lines[0].get_xdata().tolist() == run.steps and len(left.lines) == 2
    assert np.allclose(right.lines[0].get_ydata(), run.d_fake)


def test_what_is_left_at_the_end():
    assert vanishing_gradient.lost([1.0, 100.0, 0.1]) == pytest.approx(3)
    norms = {"minimax": [1.0, 2.0, 0.02], "nonsaturating": [1.0, 0.5, 0.1]}
    run = vanishing_gradient.Run(0, [0, 1, 2], norms, [0.5, 0.3, 0.1])
    numbers = vanishing_gradient.evaluate(frozen(), [run]).metrics
    expected = {"lost_minimax": [2.0], "lost_nonsaturating": [1.0], "ratio": [0.2], "d_fake": [0.1]}
    assert {name: pytest.approx(values) for name, values in numbers.items()} == expected


def test_items_are_checked():
    raw = {"data": "digits", "seeds": [0], "items": {"spin": {"experiment": "cycling"}, "v": frozen().model_dump()}}
    protocol = validate(Protocol, raw, "pathologies")
    assert protocol.config("spin").lr == 0.1 and protocol.datasets() == ["digits"]
    with pytest.raises(ParamsError, match="there are spin, v"):
        protocol.config("spni")
    for item, message in (({"experiment": "x"}, "must be one of"), ({"experiment": "cycling", "stesp": 1}, "'steps'")):
        with pytest.raises(ParamsError, match=message):
            validate(Protocol, {"data": "digits", "seeds": [0], "items": {"a": item}}, "pathologies")
