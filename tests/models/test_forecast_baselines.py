import math
import warnings

import numpy as np
import pytest

from engine.market.price_history import PriceHistory
from engine.market.returns import HalfDayWindows, fingan_windows
from engine.models.fingan import forecast_baselines as baselines


def half_day_history(series: np.ndarray, ticker: str = "AAA") -> PriceHistory:
    """Prices whose half-day returns are a given series (intraday first)."""
    levels = 100 * np.exp(np.concatenate([[0.0], np.cumsum(series)]))  # open, close, open, close, …
    days = len(levels) // 2
    opens, closes = levels[0 : 2 * days : 2], levels[1 : 2 * days : 2]
    dates = np.datetime64("2000-01-03") + np.arange(days)
    return PriceHistory(dates, closes[:, None], (ticker,), open=opens[:, None])


def autoregressive(phi: float, n: int = 2401, seed: int = 1, sd: float = 0.01) -> np.ndarray:
    shocks = np.random.default_rng(seed).normal(0, sd, n)
    series = np.empty(n)
    before = 0.0
    for t, shock in enumerate(shocks):
        before = phi * before + shock
        series[t] = before
    return series


def windows_of(series: np.ndarray) -> HalfDayWindows:
    return fingan_windows(half_day_history(series), "AAA")


RNG = np.random.default_rng(0)


def test_arima_forecasts_what_the_recursion_gives() -> None:
    windows = windows_of(autoregressive(-0.3))
    found = baselines.arima(windows, RNG)
    last = windows.position[windows.rows("train")][-1]
    past = windows.returns[: last + 1]
    assert found.expected is not None
    np.testing.assert_array_equal(found.bet, np.sign(found.expected))
    # least squares on the training part and the AR(1) recursion agree within the estimation error of φ
    phi = float(past[1:] @ past[:-1] / (past[:-1] @ past[:-1]))
    linear = phi * windows.condition[:, -1]
    assert np.corrcoef(linear, found.expected)[0, 1] > 0.97
    assert found.words.startswith("ARIMA(") and ",0," in found.words


def exact_criterion(series: np.ndarray, ar: np.ndarray, ma: np.ndarray, variance: float) -> float:
    """AIC from the Gaussian density with the Toeplitz covariance of the process."""
    from scipy.linalg import solve_toeplitz, toeplitz
    from statsmodels.tsa.arima_process import arma_acovf

    n = len(series)
    covariance = arma_acovf(np.r_[1, -ar], np.r_[1, ma], nobs=n, sigma2=variance)
    _, log_determinant = np.linalg.slogdet(toeplitz(covariance))
    squares = float(series @ solve_toeplitz(covariance, series))
    log_likelihood = -0.5 * (n * math.log(2 * math.pi) + log_determinant + squares)
    return -2 * log_likelihood + 2 * (len(ar) + len(ma) + 1)


def test_chosen_order_has_the_least_exact_criterion() -> None:
    from statsmodels.tsa.arima.model import ARIMA

    series = autoregressive(0.4, n=700, seed=2, sd=1.0)
    (p, q), fitted = baselines.least_criterion(series, 0)
    exact = exact_criterion(series, fitted.params[:p], fitted.params[p : p + q], fitted.params[-1])
    assert fitted.aic == pytest.approx(exact, abs=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        others = [ARIMA(series, order=(o[0], 0, o[1]), trend="n").fit().aic for o in baselines.ORDERS]
    assert exact < min(others) + 1e-2


def test_returns_need_no_difference_and_levels_need_one() -> None:
    steps = np.random.default_rng(3).normal(size=1500)
    assert baselines.differences(steps) == 0
    assert baselines.differences(np.cumsum(steps)) == 1


@pytest.mark.parametrize("name", ["arima", "logistic", "yesterday", "long_only"])
def test_forecasts_do_not_look_ahead(name: str) -> None:
    series = autoregressive(0.2, n=1301, seed=4)
    cut = 1100
    shuffled = series.copy()
    shuffled[cut:] = np.random.default_rng(5).permutation(shuffled[cut:])
    forecast = baselines.BASELINES[name][1]
    before, after = windows_of(series), windows_of(shuffled)
    known = before.position <= cut
    np.testing.assert_allclose(forecast(before, RNG).bet[known], forecast(after, RNG).bet[known], rtol=1e-9, atol=1e-12)


def test_logistic_bet_is_the_gradient_s_zero() -> None:
    windows = windows_of(autoregressive(0.5, seed=6))
    train = windows.rows("train")
    bet = baselines.logistic(windows, RNG).bet
    past = windows.condition[train]
    z = (past - past.mean(axis=0)) / past.std(axis=0)
    rises = windows.target[train] > 0
    probability = (bet[train] + 1) / 2
    log_odds = np.log(probability / (1 - probability))
    design = np.column_stack([np.ones(len(z)), z])
    weights, *_ = np.linalg.lstsq(design, log_odds, rcond=None)
    np.testing.assert_allclose(design @ weights, log_odds, atol=1e-8)
    gradient = design.T @ (probability - rises) + np.concatenate([[0.0], weights[1:]])
    assert np.abs(gradient).max() < 1e-2 * math.sqrt(len(z))


def test_yesterday_follows_the_last_two_half_days() -> None:
    windows = windows_of(autoregressive(0.0, n=1201, seed=7))
    bet = baselines.yesterday(windows, RNG).bet
    for row in range(0, len(windows), 37):
        at = windows.position[row]
        assert bet[row] == np.sign(windows.returns[at - 1] + windows.returns[at - 2])


def test_coin_is_fair_and_seeded() -> None:
    windows = windows_of(autoregressive(0.0, n=4001, seed=8))
    bet = baselines.random_bets(windows, np.random.default_rng(9)).bet
    assert set(np.unique(bet)) == {-1.0, 1.0}
    assert abs(bet.mean()) < 4 / math.sqrt(len(bet))
    np.testing.assert_array_equal(bet, baselines.random_bets(windows, np.random.default_rng(9)).bet)


def test_long_only_is_long() -> None:
    assert (baselines.long_only(windows_of(autoregressive(0.0, n=1101)), RNG).bet == 1).all()
