"""The penalised regression behind hedge ratios: optimality by hand, and four other solvers."""

import cvxpy as cp
import numpy as np
import oracles
import pytest
from sklearn.linear_model import Lasso

from engine.decisions.hedging import penalised_regression as regression
from engine.decisions.hedging.penalised_regression import Limits
from engine.errors import SettingsError


def collinear_case(seed, n=8, observations=400, factors=4):
    """Columns from a few factors and a little noise, of sizes and costs that differ by orders of magnitude."""
    rng = np.random.default_rng(seed)
    loadings = rng.standard_normal((factors, n))
    x = rng.standard_normal((observations, factors)) @ loadings + 1e-3 * rng.standard_normal((observations, n))
    x *= 10.0 ** rng.uniform(-2, 2, n)
    y = x @ rng.standard_normal(n) + 0.1 * rng.standard_normal(observations)
    cost = 10.0 ** rng.uniform(-4, 0, n)
    cost[0] = 0.0
    return x, y, cost * np.sqrt(np.square(x - x.mean(axis=0)).mean(axis=0))


def minimised_by_cvxpy(x, y, penalty, ridge=None, limits=None, weights=None):
    w = np.full(len(y), 1 / len(y)) if weights is None else weights
    # in units of the columns' sizes, so that the other solver sees a well-scaled problem
    size = np.sqrt(w @ np.square(x - w @ x))
    u, intercept = cp.Variable(x.shape[1]), cp.Variable()
    loss = cp.sum_squares(cp.multiply(np.sqrt(w), y - intercept - (x / size) @ u))
    loss += (penalty / size) @ cp.abs(u)
    if ridge is not None:
        loss += cp.sum(cp.multiply(ridge / size**2, cp.square(u)))
    held = [] if limits is None else [(limits.rows / size) @ u <= limits.bounds]
    problem = cp.Problem(cp.Minimize(loss), held)
    problem.solve(solver="CLARABEL", tol_gap_abs=1e-13, tol_gap_rel=1e-13, tol_feas=1e-13)
    return u.value / size, float(problem.value)


def objective(x, y, d, penalty, ridge=0.0):
    rest = y - x @ d
    return np.square(rest - rest.mean()).mean() + penalty @ np.abs(d) + np.sum(ridge * d**2)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("alpha", [1e-3, 0.1, 3.0])
def test_lasso_meets_the_optimality_conditions_by_hand(seed, alpha):
    x, y, cost = collinear_case(seed)
    penalty = alpha * cost
    d = regression.solve(regression.compress(x, y), penalty)
    rest = y - x @ d
    rest -= rest.mean()
    xc = x - x.mean(axis=0)
    size = np.sqrt(np.square(xc).mean(axis=0))
    slope = 2 * xc.T @ rest / len(y) / size  # of the squared error, per unit of a column's own size
    bound = penalty / size
    scale = np.std(y)
    for j in range(len(d)):
        if d[j] != 0:
            assert abs(slope[j] - bound[j] * np.sign(d[j])) < 1e-8 * scale
        else:
            assert abs(slope[j]) <= bound[j] + 1e-8 * scale
    assert d[0] != 0  # free to trade


@pytest.mark.parametrize("seed", range(4))
def test_lasso_equals_an_interior_point_solution(seed):
    x, y, cost = collinear_case(seed)
    for alpha in (0.01, 1.0):
        d = regression.solve(regression.compress(x, y), alpha * cost)
        theirs, least = minimised_by_cvxpy(x, y, alpha * cost)
        found = objective(x, y, d, alpha * cost)
        assert found == pytest.approx(least, rel=1e-6)
        assert found <= objective(x, y, theirs, alpha * cost) * (1 + 1e-9)


def test_lasso_equals_scikit_learn_where_costs_are_equal():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((300, 6))
    y = x @ np.array([1.0, -2.0, 0.0, 0.0, 0.5, 0.0]) + rng.standard_normal(300)
    for alpha in (0.02, 0.2):
        theirs = Lasso(alpha=alpha / 2, tol=1e-14, max_iter=100_000).fit(x, y)
        problem = regression.compress(x, y)
        d = regression.solve(problem, np.full(6, alpha))
        np.testing.assert_allclose(d, theirs.coef_, atol=1e-8)
        assert problem.intercept(d) == pytest.approx(theirs.intercept_, abs=1e-8)


def test_without_penalty_it_is_least_squares():
    x, y, _ = collinear_case(1)
    design = np.column_stack([np.ones(len(y)), x])
    expected = np.linalg.lstsq(design, y, rcond=None)[0]
    problem = regression.compress(x, y)
    d = regression.solve(problem, np.zeros(x.shape[1]))
    np.testing.assert_allclose(x @ d, x @ expected[1:], atol=1e-9 * np.std(y))
    assert problem.intercept(d) == pytest.approx(expected[0], abs=1e-8)


def test_a_penalty_too_large_trades_nothing_but_the_free_column():
    x, y, cost = collinear_case(2)
    d = regression.solve(regression.compress(x, y), 1e9 * cost)
    assert np.flatnonzero(d).tolist() == [0]
    xc, yc = x[:, 0] - x[:, 0].mean(), y - y.mean()
    assert d[0] == pytest.approx(xc @ yc / (xc @ xc))


def test_compression_keeps_every_squared_error_and_every_portfolio():
    x, y, _ = collinear_case(4)
    rng = np.random.default_rng(0)
    weights = rng.random(len(y))
    weights /= weights.sum()
    problem = regression.compress(x, y, weights)
    assert problem.x.shape == (9, 8)
    for d in rng.standard_normal((5, 8)):
        rest = y - x @ d
        rest = rest - weights @ rest
        assert problem.mean_square(d) == pytest.approx(weights @ rest**2, rel=1e-10)
        assert problem.intercept(d) == pytest.approx(weights @ (y - x @ d))
    whole = regression.compress(np.column_stack([x, y]))
    part = whole.of(np.array([0, 2, 5]), np.array([0, 1.0, 0, 0, 0, 0, -2.0, 0, 3.0]))
    response = x[:, 1] - 2 * x[:, 6] + 3 * y
    direct = regression.compress(x[:, [0, 2, 5]], response)
    d = np.array([0.3, -1.0, 2.0])
    assert part.mean_square(d) == pytest.approx(direct.mean_square(d), rel=1e-9)
    assert part.given(d).mean_square(d) == pytest.approx(direct.mean_square(2 * d), rel=1e-9)


def test_weighted_observations_equal_repeated_ones():
    x, y, cost = collinear_case(5, observations=60)
    counts = np.random.default_rng(1).integers(0, 4, 60)
    weighted = regression.solve(regression.compress(x, y, counts / counts.sum()), 0.1 * cost)
    repeated = regression.solve(regression.compress(np.repeat(x, counts, 0), np.repeat(y, counts)), 0.1 * cost)
    np.testing.assert_allclose(x @ weighted, x @ repeated, atol=1e-8 * np.std(y))


def test_the_path_is_each_solution_by_itself():
    x, y, cost = collinear_case(6)
    problem = regression.compress(x, y)
    alphas = np.array([0.001, 0.01, 0.1, 1.0])
    path = regression.solve_path(problem, alphas[:, None] * cost)
    for alpha, d in zip(alphas, path, strict=True):
        np.testing.assert_array_equal(d, regression.solve(problem, alpha * cost))
        assert oracles.optimality_gap(problem.x, problem.y, alpha * cost, d) < 1e-8
    assert (np.diff([(cost * np.abs(d)).sum() for d in path]) <= 1e-12).all()  # dearer trading trades less


def test_the_optimality_gap_sees_a_wrong_solution():
    x, y, cost = collinear_case(7)
    problem = regression.compress(x, y)
    d = regression.solve(problem, 0.1 * cost)
    assert oracles.optimality_gap(problem.x, problem.y, 0.1 * cost, 1.01 * d) > 1e-3
    assert oracles.optimality_gap(problem.x, problem.y, 0.12 * cost, d) > 1e-6


def test_elastic_net_and_ridge_equal_an_interior_point_solution_and_the_closed_form():
    x, y, cost = collinear_case(8)
    ridge = 0.05 * np.square(x).mean(axis=0)
    problem = regression.compress(x, y)
    d = regression.solve(problem, 0.3 * cost, ridge)
    _, least = minimised_by_cvxpy(x, y, 0.3 * cost, ridge)
    assert objective(x, y, d, 0.3 * cost, ridge) == pytest.approx(least, rel=1e-6)
    xc, yc = x - x.mean(axis=0), y - y.mean()
    closed = np.linalg.solve(xc.T @ xc / len(y) + np.diag(ridge), xc.T @ yc / len(y))
    np.testing.assert_allclose(regression.solve(problem, np.zeros(8), ridge), closed, rtol=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_limits_hold_and_the_optimum_is_that_of_an_interior_point_solver(seed):
    x, y, cost = collinear_case(seed)
    x = x / np.sqrt(np.square(x).mean(axis=0))
    cost = cost / np.sqrt(np.square(x).mean(axis=0)) * 0.01
    rows = np.concatenate([np.eye(8), -np.eye(8), np.ones((1, 8))])
    limits = Limits(rows, np.concatenate([np.full(16, 0.4), [0.1]]))
    d = regression.solve(regression.compress(x, y), cost, None, limits)
    assert (rows @ d <= limits.bounds + 1e-9).all()
    _, least = minimised_by_cvxpy(x, y, cost, limits=limits)
    assert objective(x, y, d, cost) == pytest.approx(least, rel=1e-6)
    loose = Limits(rows, np.full(17, 1e6))
    np.testing.assert_allclose(
        x @ regression.solve(regression.compress(x, y), cost, None, loose),
        x @ regression.solve(regression.compress(x, y), cost),
        atol=1e-7 * np.std(y),
    )


@pytest.mark.parametrize(("seed", "noise"), [(2, 1e-2), (7, 1e-3), (9, 1e-2), (10, 1e-5)])
def test_limits_on_free_columns_are_kept_to_where_the_dual_does_not_end(seed, noise, monkeypatch):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((100, 3)) @ rng.standard_normal((3, 7)) + noise * rng.standard_normal((100, 7))
    y = 5 * x @ rng.standard_normal(7) + 0.01 * rng.standard_normal(100)
    rows = np.concatenate([np.eye(7)[1:], -np.eye(7)[1:], x[:1], -x[:1]])
    limits = Limits(rows, np.concatenate([np.ones(12), [y[0] + 0.1, 0.1 - y[0]]]))
    solved, primal = [], regression._limited_primal
    monkeypatch.setattr(regression, "_limited_primal", lambda *given: solved.append(primal(*given)) or solved[-1])
    d = regression.solve(regression.compress(x, y), np.zeros(7), None, limits)
    assert len(solved) == 1 and (rows @ d - limits.bounds).max() < 1e-9
    _, least = minimised_by_cvxpy(x, y, np.zeros(7), limits=limits)
    assert objective(x, y, d, np.zeros(7)) == pytest.approx(least, abs=1e-8 * y.var())


def test_problems_without_an_answer_say_so():
    x, y, cost = collinear_case(9)
    problem = regression.compress(np.column_stack([x[:, 0], 2 * x[:, 0], x[:, 1]]), y)
    with pytest.raises(SettingsError, match="linearly independent; found column 1"):
        regression.solve(problem, np.array([0.0, 0.0, 1.0]))
    # penalised, the cheaper of two equal columns is traded
    d = regression.solve(problem, np.array([1.0, 1.0, 1.0]) * np.abs(x[:, 0]).mean() * 1e-3)
    assert d[0] == 0 and d[1] != 0
    constant = regression.compress(np.column_stack([x[:, 0], np.full(len(y), 3.0)]), y)
    with pytest.raises(SettingsError, match="column 1 constant"):
        regression.solve(constant, np.array([0.0, 1.0]))
    opposed = Limits(np.array([[1.0] + [0.0] * 7, [-1.0] + [0.0] * 7]), np.array([-1.0, -1.0]))
    with pytest.raises(SettingsError, match="exclude each other"):
        regression.solve(regression.compress(x, y), cost, None, opposed)
    with pytest.raises(SettingsError, match="some instrument can change"):
        regression.solve(regression.compress(x, y), cost, None, Limits(np.zeros((1, 8)), np.zeros(1)))


@pytest.mark.parametrize("seed", [7, 9, 36, 53])
def test_penalties_below_rounding_are_solved(seed):
    """Bounds so narrow that their two sides contradict each other in the active-set method's arithmetic."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((100, 3)) @ rng.standard_normal((3, 7)) + 1e-6 * rng.standard_normal((100, 7))
    y = 1e4 * rng.standard_normal(100)
    penalty = 10.0 ** rng.uniform(-14, -6, 7)
    penalty[0] *= seed % 2
    problem = regression.compress(x, y)
    d = regression.solve(problem, penalty)
    assert oracles.optimality_gap(problem.x, problem.y, penalty, d) < regression.KKT_TOLERANCE


def test_what_rounding_leaves_of_a_replicated_response_is_not_traded():
    x, _, cost = collinear_case(3)
    held = np.linspace(-2.0, 2.0, x.shape[1])
    rest = regression.compress(x, x @ held).given(held)
    assert not regression.solve(rest, np.zeros_like(cost)).any()
    assert not regression.solve(rest, cost).any()


def test_a_problem_without_columns_has_no_coefficients():
    problem = regression.compress(np.zeros((9, 0)), np.arange(9.0))
    assert regression.solve(problem, np.zeros(0)).shape == (0,)


def test_dependent_columns_are_found_in_order():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((20, 3))
    together = np.column_stack([a[:, 0], a[:, 1], a[:, 0] - 3 * a[:, 1], a[:, 2], np.zeros(20)])
    assert regression.dependent(together).tolist() == [False, False, True, False, True]
