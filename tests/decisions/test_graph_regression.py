import numpy as np
import pytest
from graph_panels import panel
from sklearn.linear_model import ElasticNet, Lasso, Ridge

from engine.decisions import graph
from engine.decisions.graph import regression as graph_regression
from engine.errors import ScenaristError

ETAS = (1e-4, 1e-5, 3e-6, 1e-6)


def features(signs, returns, row):
    """Design (times, generators) and target of one row's regression."""
    return (signs[row] * returns[row]).T, np.abs(returns[row])


@pytest.mark.parametrize("positive", [False, True])
def test_lasso_equals_sklearn_row_by_row(positive):
    signs, returns = panel(6, 9, 120, seed=1)
    found = graph_regression.lasso(signs, returns, ETAS, positive=positive)
    sparse = 0
    for k, eta in enumerate(ETAS):
        for row in range(6):
            x, y = features(signs, returns, row)
            model = Lasso(alpha=eta, fit_intercept=False, positive=positive, tol=1e-14, max_iter=200_000).fit(x, y)
            np.testing.assert_allclose(found[k, row], model.coef_, rtol=1e-6, atol=1e-8)
            sparse += int((found[k, row] == 0).sum())
    assert 0 < sparse < found.size  # otherwise the penalty was not seen at work


def test_elastic_net_equals_sklearn():
    signs, returns = panel(4, 7, 100, seed=2)
    found = graph_regression.lasso(signs, returns, ETAS, l1_share=0.4)
    for k, eta in enumerate(ETAS):
        for row in range(4):
            x, y = features(signs, returns, row)
            model = ElasticNet(alpha=eta, l1_ratio=0.4, fit_intercept=False, tol=1e-14, max_iter=200_000).fit(x, y)
            np.testing.assert_allclose(found[k, row], model.coef_, rtol=1e-6, atol=1e-8)


def test_ridge_equals_sklearn():
    signs, returns = panel(4, 7, 100, seed=3)
    found = graph_regression.ridge(signs, returns, ETAS)
    for k, eta in enumerate(ETAS):
        for row in range(4):
            x, y = features(signs, returns, row)
            model = Ridge(alpha=2 * eta * len(y), fit_intercept=False, tol=1e-12).fit(x, y)
            np.testing.assert_allclose(found[k, row], model.coef_, rtol=1e-8, atol=1e-11)


def violations(signs, returns, solved, eta):
    """Optimality conditions of (6.20), longhand: |gradient| ≤ η, and = η·sign(λ) where λ ≠ 0; relative to max |b|."""
    worst = 0.0
    for row in range(len(returns)):
        x, y = features(signs, returns, row)
        gradient = x.T @ (y - x @ solved[row]) / len(y)
        on = solved[row] != 0
        off = np.maximum(np.abs(gradient[~on]) - eta, 0)
        away = np.concatenate([off, np.abs(gradient[on] - eta * np.sign(solved[row][on]))])
        worst = max(worst, away.max() / np.abs(x.T @ y / len(y)).max())
    return worst


@pytest.mark.parametrize("times", [30, 200])  # fewer and more observations than generators
def test_optimality_conditions_hold_to_1e_10(times):
    signs, returns = panel(5, 60, times, seed=4)
    signs = np.clip(signs + 0.8 * signs[:, :1], -1, 1)  # generators that largely agree, as trained ones do
    for eta, solved in zip(ETAS, graph_regression.lasso(signs, returns, ETAS), strict=True):
        assert violations(signs, returns, solved, eta) < 2e-10


def test_warm_starts_and_threads_change_nothing():
    signs, returns = panel(19, 12, 90, seed=5)
    together = graph_regression.lasso(signs, returns, ETAS)
    for k, eta in enumerate(ETAS):
        np.testing.assert_allclose(together[k], graph_regression.lasso(signs, returns, (eta,))[0], rtol=1e-7, atol=1e-9)
    for row in (0, 8, 18):
        alone = graph_regression.lasso(signs[row : row + 1], returns[row : row + 1], ETAS)[:, 0]
        np.testing.assert_array_equal(alone, together[:, row])
    backwards = graph_regression.lasso(signs, returns, ETAS[::-1])[::-1]
    np.testing.assert_array_equal(backwards, together)


def test_twin_generators_converge_and_share_or_choose():
    signs, returns = panel(2, 5, 80, seed=6)
    signs[:, 3] = signs[:, 1]
    solved = graph_regression.lasso(signs, returns, (1e-5,))[0]
    assert violations(signs, returns, solved, 1e-5) < 2e-10


def test_moments_serve_every_penalty():
    signs, returns = panel(3, 6, 70, seed=7)
    found = graph_regression.moments(signs, returns)
    np.testing.assert_allclose(found.pnl, graph.signals(signs, returns), rtol=1e-12)
    for row in range(3):
        x, y = features(signs, returns, row)
        np.testing.assert_allclose(found.gram[row], x.T @ x / 70, rtol=1e-12)
        np.testing.assert_allclose(found.target[row], x.T @ y / 70, rtol=1e-12)
    np.testing.assert_allclose(
        graph_regression.lasso_from_moments(found, ETAS), graph_regression.lasso(signs, returns, ETAS), rtol=1e-9
    )
    np.testing.assert_allclose(
        graph_regression.ridge_from_moments(found, ETAS), graph_regression.ridge(signs, returns, ETAS), rtol=1e-9
    )


def test_a_generator_without_opinion_gets_no_weight():
    signs, returns = panel(2, 4, 60)
    signs[:, 2] = 0
    assert not graph_regression.lasso(signs, returns, ETAS)[:, :, 2].any()
    assert not graph_regression.ridge(signs, returns, ETAS)[:, :, 2].any()


def test_what_does_not_converge_is_said(monkeypatch):
    signs, returns = panel(2, 6, 80)
    with pytest.raises(ScenaristError, match="found 2 that did not"):
        graph_regression.lasso(signs, returns, (1e-6,), tolerance=-1.0)
