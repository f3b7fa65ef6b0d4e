"""Stacked parameters and their optimiser, against torch's own one network at a time."""

import math

import numpy as np
import pytest
import torch

from engine.errors import CheckpointError
from engine.models.volgan.update import StackedParameters, StackedRMSProp, draw_linear
from engine.training.streams import Streams

SHAPES = {"w": (3, 2), "b": (1, 2)}


def test_views_share_the_flat_buffer_and_are_contiguous_over_members():
    stack = StackedParameters(SHAPES, members=4)
    stack.flat.copy_(torch.arange(32.0))
    assert stack.values["w"].shape == (4, 3, 2)
    assert all(view.is_contiguous() for view in [*stack.values.values(), *stack.gradients.values()])
    assert torch.equal(torch.cat([view.reshape(-1) for view in stack.values.values()]), torch.arange(32.0))
    stack.values["b"].zero_()
    assert torch.count_nonzero(stack.flat[24:]) == 0


def test_gradient_norms_are_each_members_own():
    stack = StackedParameters(SHAPES, members=3, dtype=torch.float64)
    stack.flat_gradient.copy_(torch.linspace(-1, 2, 24, dtype=torch.float64))
    expected = [math.sqrt(sum(float((g[k] ** 2).sum()) for g in stack.gradients.values())) for k in range(3)]
    np.testing.assert_allclose(stack.gradient_norms(), expected, rtol=1e-14)


def test_rmsprop_is_torchs_for_every_member():
    members, rng = 3, torch.Generator().manual_seed(1)
    stack = StackedParameters(SHAPES, members, dtype=torch.float64)
    stack.flat.normal_(generator=rng)
    alone = [[view[k].clone().requires_grad_() for view in stack.values.values()] for k in range(members)]
    optimisers = [torch.optim.RMSprop(tensors, lr=0.01) for tensors in alone]
    ours = StackedRMSProp(stack, learning_rate=0.01)
    for _ in range(5):
        stack.flat_gradient.normal_(generator=rng)
        for k in range(members):
            for tensor, gradient in zip(alone[k], stack.gradients.values(), strict=True):
                tensor.grad = gradient[k].clone()
            optimisers[k].step()
        ours.step()
    for k in range(members):
        for tensor, view in zip(alone[k], stack.values.values(), strict=True):
            torch.testing.assert_close(view[k], tensor.detach(), rtol=1e-13, atol=1e-15)


def test_initialisation_is_torchs_default_law():
    """Uniform on ±1/√fan_in: range, mean and variance within 4 standard errors."""
    weights = torch.empty(2, 400, 25)
    draw_linear(Streams(3, range(2), "initial weights"), weights, fan_in=400)
    bound = 1 / 20
    reference = torch.nn.Linear(400, 25)
    assert weights.abs().max() <= bound and reference.weight.abs().max() <= bound
    n = weights.numel()
    assert abs(weights.mean()) < 4 * bound / math.sqrt(3 * n)
    assert abs(weights.square().mean() - bound**2 / 3) < 4 * bound**2 * math.sqrt(4 / 45 / n)
    assert not torch.equal(weights[0], weights[1])


def test_state_round_trip():
    stack = StackedParameters(SHAPES, members=2)
    stack.flat.normal_(generator=torch.Generator().manual_seed(0))
    other = StackedParameters(SHAPES, members=2)
    other.restore(stack.state("net"), "net")
    assert torch.equal(other.flat, stack.flat)
    optimiser, another = StackedRMSProp(stack, 0.1), StackedRMSProp(other, 0.1)
    stack.flat_gradient.fill_(1)
    optimiser.step()
    another.restore(optimiser.state("squares"), "squares")
    assert torch.equal(another.square_average, optimiser.square_average)
    optimiser.reset()
    assert not optimiser.square_average.any()
    assert another.square_average.any(), "a state is a copy"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("net.b"), "'net.b'"),
        (lambda s: s.update({"net.w": s["net.w"][:1]}), r"\(2, 3, 2\)"),
        (lambda s: s.update({"net.w": s["net.w"].astype(int)}), "floats"),
        (lambda s: s.update({"net.w": s["net.w"] * np.nan}), "finite"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change, words):
    state = StackedParameters(SHAPES, members=2).state("net")
    change(state)
    with pytest.raises(CheckpointError, match=words):
        StackedParameters(SHAPES, members=2).restore(state, "net")
