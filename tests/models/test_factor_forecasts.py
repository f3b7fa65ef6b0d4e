"""The factor models as forecasters: coefficients against statsmodels, one-step laws against their formulas."""

import numpy as np
import pytest

from engine.errors import MarketDataError
from engine.market.grid import DT, Grid
from engine.models.factor.basis import FactorBasis, covariance_root
from engine.models.factor.gaussian_var import GaussianVar, GaussianVarConfig
from engine.models.factor.pca_ou import PcaOrnsteinUhlenbeck, PcaOrnsteinUhlenbeckConfig
from engine.models.simulated.market import simulate
from engine.surfaces import ornstein_uhlenbeck, principal_components

GRID = Grid([0.8, 0.9, 1.0, 1.1, 1.2], [1 / 12, 1 / 4, 1 / 2])
N = 20_000


@pytest.fixture(scope="module")
def history():
    return simulate(GRID, 900, 8).history


def factor_moves(scenarios, history, basis):
    change = scenarios.log_iv.reshape(len(scenarios), -1) - history.log_iv[-1].ravel()
    return change, change @ basis.vectors.T


def test_the_basis_splits_the_surface(history):
    basis = FactorBasis.fit(history, 3)
    found = principal_components.fit(history, 3)
    np.testing.assert_allclose(basis.factors(GRID.flatten(history.log_iv)), found.factors, atol=1e-10)
    np.testing.assert_allclose(basis.vectors @ basis.rest.T, 0, atol=1e-12)
    changes = np.diff(history.log_iv.reshape(len(history), -1), axis=0)
    left = changes - changes @ basis.vectors.T @ basis.vectors
    np.testing.assert_allclose(basis.rest.T @ basis.rest, np.cov(left.T), atol=1e-9)


def test_the_root_of_a_singular_covariance():
    a = np.random.default_rng(0).normal(size=(4, 2))
    root = covariance_root(a @ a.T)
    np.testing.assert_allclose(root @ root.T, a @ a.T, atol=1e-12)


def test_gaussian_var_is_the_one_of_statsmodels(history):
    from statsmodels.tsa.api import VAR

    model = GaussianVar(GaussianVarConfig(factors=3))
    report = model.fit(history, seed=0)
    x = principal_components.fit(history, 3).factors
    system = np.column_stack([history.log_return, x[1:]])
    expected = VAR(system).fit(1)
    state = model.state()
    np.testing.assert_allclose(state["coefficients"], expected.params, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(state["covariance"], expected.sigma_u, rtol=1e-6, atol=1e-12)
    assert report.metrics["largest_root"] == pytest.approx(1 / np.abs(expected.roots).min(), rel=1e-6)

    found = model.sample(history, N, rng=np.random.default_rng(1))
    basis = FactorBasis(state["log_average"], state["vectors"], state["rest"])
    change, moved = factor_moves(found, history, basis)
    both = np.column_stack([found.log_return, x[-1] + moved])
    forecast = expected.forecast(system[-1:], 1)[0]
    se = np.sqrt(np.diag(expected.sigma_u) / N)
    assert (np.abs(both.mean(axis=0) - forecast) < 4 * se).all()
    scale = np.sqrt(np.outer(np.diag(expected.sigma_u), np.diag(expected.sigma_u)))
    np.testing.assert_allclose(np.cov(both.T) / scale, expected.sigma_u / scale, atol=4 * np.sqrt(2 / N))
    left = change - moved @ basis.vectors
    np.testing.assert_allclose((left**2).mean(axis=0), (basis.rest**2).sum(axis=0), rtol=4 * np.sqrt(2 / N))


def test_pca_ou_takes_one_exact_step(history):
    model = PcaOrnsteinUhlenbeck(PcaOrnsteinUhlenbeckConfig(factors=2))
    report = model.fit(history, seed=0)
    components = principal_components.fit(history, 2)
    processes = [ornstein_uhlenbeck.fit(x) for x in components.factors.T]
    assert report.metrics["mean_reversion_1"] == processes[0].mean_reversion
    state = model.state()
    found = model.sample(history, N, rng=np.random.default_rng(2))
    basis = FactorBasis(state["log_average"], state["vectors"], state["rest"])
    moved = factor_moves(found, history, basis)[1]
    shocks = []
    for k, process in enumerate(processes):
        decay, sd = process.transition()
        today = components.factors[-1, k]
        mean = process.mean + (today - process.mean) * decay
        z = (today + moved[:, k] - mean) / sd
        assert abs(z.mean()) < 4 / np.sqrt(N) and z.std() == pytest.approx(1, abs=4 / np.sqrt(2 * N))
        shocks.append(z)
    unit = history.log_return / (history.atm()[:-1] * np.sqrt(DT))
    z = found.log_return / (history.atm()[-1] * np.sqrt(DT))
    assert abs(z.mean() - unit.mean()) < 4 * unit.std() / np.sqrt(N)
    assert z.std() == pytest.approx(unit.std(), rel=4 / np.sqrt(2 * N))
    correlation = np.corrcoef([z, *shocks])
    np.testing.assert_allclose(correlation, state["correlation"], atol=4 / np.sqrt(N))
    assert state["correlation"][0, 1] < -0.2  # vol rises when the index falls


def test_too_few_days(history):
    with pytest.raises(MarketDataError, match="at least 62 days"):
        GaussianVar().fit(history[:60], seed=0)
    with pytest.raises(MarketDataError, match="at least 85 days"):
        PcaOrnsteinUhlenbeck().fit(history[:80], seed=0)
