"""Identities of the coupling flow: inverse, Jacobian, a density that integrates to one."""

import numpy as np
import pytest
import torch

from engine.models.families import estimator
from engine.models.families.realnvp import RealNVP, RealNVPConfig, log_likelihood


def flow(d, c, masks="random", seed=0):
    """A flow with weights that are not the identity, in double precision."""
    torch.manual_seed(seed)
    family = RealNVP(RealNVPConfig(layers=4, width=16, masks=masks))
    net = family.networks((d,), (c,) if c else None)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(std=0.15)
    return family, net.double()


def rows(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("masks", ["random", "alternating"])
@pytest.mark.parametrize(("d", "c"), [(1, 0), (1, 2), (2, 0), (5, 3)])
def test_the_inverse_undoes_the_flow(d, c, masks):
    _, net = flow(d, c, masks)
    x, condition = rows(20, d), rows(20, c, 1) if c else None
    z, _ = net(x, condition)
    torch.testing.assert_close(net.inverse(z, condition), x, rtol=0, atol=1e-9)
    assert (z - x).abs().max() > 0.05
    assert all((z[:, k] != x[:, k]).any() for k in range(d)), "every coordinate moves"


@pytest.mark.parametrize(("d", "c"), [(1, 2), (2, 0), (5, 3)])
def test_the_log_determinant_is_autograds(d, c):
    _, net = flow(d, c)
    x, condition = rows(6, d), rows(6, c, 1) if c else None
    _, found = net(x, condition)
    for k in range(6):
        given = condition[k : k + 1] if c else None
        jacobian = torch.autograd.functional.jacobian(lambda v, g=given: net(v[None], g)[0][0], x[k])
        assert float(found[k]) == pytest.approx(float(torch.linalg.slogdet(jacobian).logabsdet), abs=1e-10)


def test_the_density_integrates_to_one():
    """In one dimension (where the law is normal) and in two."""
    axis = torch.linspace(-12, 12, 481, dtype=torch.float64)
    step = float(axis[1] - axis[0])
    _, net = flow(1, 1)
    density = log_likelihood(net, axis[:, None], rows(1, 1, 1).expand(len(axis), 1)).exp()
    assert float(density.sum()) * step == pytest.approx(1, abs=1e-6)
    _, net = flow(2, 0)
    plane = torch.cartesian_prod(axis, axis)
    assert float(log_likelihood(net, plane, None).exp().sum()) * step**2 == pytest.approx(1, abs=1e-3)


def test_draws_follow_the_density():
    """Share of draws in a half-plane against the integral of the density over it."""
    family, net = flow(2, 0)
    draws = family.draw(net.float(), None, 100_000, torch.Generator().manual_seed(0)).double()
    axis = torch.linspace(-12, 12, 481, dtype=torch.float64)
    plane = torch.cartesian_prod(axis, axis)
    density = log_likelihood(net.double(), plane, None).exp() * float(axis[1] - axis[0]) ** 2
    for direction in ([1.0, 0.0], [0.3, 1.0]):
        way = torch.tensor(direction, dtype=torch.float64)
        assert float((draws @ way < 0.2).double().mean()) == pytest.approx(
            float(density[plane @ way < 0.2].sum()), abs=0.015
        )


def test_codes_are_standard_normal_and_give_the_rows_back():
    chooser = np.random.default_rng(0)
    x = np.exp(chooser.normal(size=(1500, 2)))
    law = estimator("realnvp", layers=4, width=16, epochs=40).fit(np.log(x))
    codes = law.encode(np.log(x))
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(codes.std(axis=0), 1, atol=0.1)
    np.testing.assert_allclose(law.reconstruct(np.log(x)), np.log(x), atol=1e-4)


def test_a_fitted_flow_finds_both_modes_and_their_density():
    chooser = np.random.default_rng(0)
    left = chooser.random(2000) < 0.3
    x = np.where(left[:, None], [-2, 1], [2, -1]) + 0.5 * chooser.normal(size=(2000, 2))
    law = estimator("realnvp", layers=6, width=32, epochs=40, batch_size=128, learning_rate=3e-3).fit(x)
    assert (law.sample(5000)[:, 0] < 0).mean() == pytest.approx(left.mean(), abs=0.05)

    def true(points):
        near = [np.exp(-2 * ((points - m) ** 2).sum(axis=1)) / (np.pi / 2) for m in ([-2, 1], [2, -1])]
        return np.log(0.3 * near[0] + 0.7 * near[1])

    fresh = np.where((chooser.random(1000) < 0.3)[:, None], [-2, 1], [2, -1]) + 0.5 * chooser.normal(size=(1000, 2))
    # a normal law with the data's covariance is 0.8 nats away; a flow must draw a bridge between the modes
    assert law.score_samples(fresh).mean() == pytest.approx(true(fresh).mean(), abs=0.3)
