"""The linear anchor: features and draws longhand, coefficients against scikit-learn."""

import numpy as np
import pytest

from engine.errors import MarketDataError
from engine.market.grid import Grid
from engine.market.surface_history import FIRST_CONDITION_ROW as FIRST
from engine.models.conditional_fhs.anchor import LinearAnchor, LinearAnchorConfig
from engine.models.conditional_fhs.features import level_features
from engine.models.conditional_fhs.filter import HistoryFilter
from engine.models.simulated.market import simulate

GRID = Grid([0.8, 0.9, 1.0, 1.1, 1.2], [1 / 12, 1 / 4, 1 / 2, 1.0])
SLOW, FAST = 0.98, 0.9


@pytest.fixture(scope="module")
def history():
    return simulate(GRID, 260, 9).history


def longhand_features(history):
    rows = []
    slow = fast = slow_skew = None
    for t in range(len(history)):
        iv = history.iv[t]
        atm, far, skew = np.log(iv[2, 0]), np.log(iv[2, 3]), np.log(iv[1, 0]) - np.log(iv[3, 0])
        slow = atm if slow is None else SLOW * slow + (1 - SLOW) * atm
        fast = atm if fast is None else FAST * fast + (1 - FAST) * atm
        slow_skew = skew if slow_skew is None else SLOW * slow_skew + (1 - SLOW) * skew
        returns = np.diff(np.log(history.spot[: t + 1]))[-21:]
        realised = np.sqrt(252 / 21 * (returns**2).sum()) if len(returns) == 21 else np.nan
        rows.append([atm - slow, atm - fast, far - atm, np.log(realised) - atm, skew - slow_skew])
    return np.array(rows)


def longhand_innovations(history, start):
    flat = np.log(history.iv).reshape(len(history), -1)
    observed = np.column_stack([np.diff(np.log(history.spot)), np.diff(flat, axis=0)])
    variance, volatility = np.array(start), [np.sqrt(start)]
    for row in observed:
        variance = 0.94 * variance + 0.06 * (1.25 if row[0] < 0 else 0.75) * row**2
        volatility.append(np.sqrt(variance))
    volatility = np.array(volatility)
    return observed / volatility[:-1], volatility


def test_features_are_the_longhand_ones(history):
    found, expected = level_features(HistoryFilter(history), slow=SLOW, fast=FAST), longhand_features(history)
    assert np.isnan(found[:21, 3]).all()
    np.testing.assert_allclose(found[21:], expected[21:], atol=1e-10)
    np.testing.assert_allclose(found[:21, [0, 1, 2, 4]], expected[:21, [0, 1, 2, 4]], atol=1e-10)
    np.testing.assert_allclose(
        level_features(HistoryFilter(history[:100]), slow=SLOW, fast=FAST)[21:], found[21:100], atol=1e-12
    )


def test_the_mean_is_the_ridge_of_scikit_learn(history):
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge

    model = LinearAnchor()
    report = model.fit(history, seed=0)
    state = model.state()
    z, _ = longhand_innovations(history, state["mean_square"])
    pca = PCA(4).fit(z[FIRST - 1 :])
    inner = np.abs((pca.components_ * state["components"]).sum(axis=1)) * np.sqrt(1 + GRID.size)
    np.testing.assert_allclose(inner, 1, rtol=1e-8)
    scores = z[FIRST - 1 : -1] @ state["components"].T
    features = np.column_stack([scores, longhand_features(history)[FIRST:-1]])
    ridge = Ridge(alpha=100).fit(features, z[FIRST:])
    np.testing.assert_allclose(state["coefficients"].T, ridge.coef_, rtol=1e-6, atol=1e-9)
    constant = state["level"] - state["centre"] @ state["coefficients"]
    np.testing.assert_allclose(constant, ridge.intercept_, rtol=1e-6, atol=1e-9)
    explained = 1 - ((z[FIRST:] - ridge.predict(features)) ** 2).sum() / ((z[FIRST:] - z[FIRST:].mean(0)) ** 2).sum()
    assert report.metrics["explained_share"] == pytest.approx(explained, rel=1e-6)


@pytest.mark.parametrize("bandwidth", [2.0, 0.0])
def test_scenarios_are_mean_plus_weighted_residuals(history, bandwidth):
    model = LinearAnchor(LinearAnchorConfig(bandwidth=bandwidth))
    model.fit(history[:200], seed=0)
    state = model.state()
    z, volatility = longhand_innovations(history, state["mean_square"])
    features = np.column_stack([z[FIRST - 1 :] @ state["components"].T, longhand_features(history)[FIRST:]])
    mean = state["level"] + (features - state["centre"]) @ state["coefficients"]
    residuals = z[FIRST:] - mean[:-1]
    gap = (features[:-1, -3:] - features[-1, -3:]) / state["spread"][-3:]
    weights = np.exp(-0.5 * (gap**2).sum(axis=1) / bandwidth**2) if bandwidth else np.ones(len(gap))
    pool = volatility[-1] * (mean[-1] + residuals)

    n = 20_000
    found = model.sample(history, n, rng=np.random.default_rng(3))
    index = np.abs(found.log_return[:, None] - pool[None, :, 0]).argmin(axis=1)
    np.testing.assert_allclose(found.log_return, pool[index, 0], rtol=1e-7, atol=1e-12)
    change = found.log_iv.reshape(n, -1) - history.log_iv[-1].ravel()
    np.testing.assert_allclose(change, pool[index, 1:], rtol=1e-6, atol=1e-10)
    p = weights / weights.sum()
    share = np.bincount(index, minlength=len(p)) / n
    assert (np.abs(share - p) < 5 * np.sqrt(p / n) + 1e-9).all()


def test_an_infinite_penalty_leaves_no_mean(history):
    model = LinearAnchor(LinearAnchorConfig(penalty=1e9))
    model.fit(history, seed=0)
    assert np.abs(model.state()["coefficients"]).max() < 1e-5


def test_nothing_to_learn_from(history):
    with pytest.raises(MarketDataError, match="at least 53 days"):
        LinearAnchor().fit(history[:52], seed=0)
