"""Forecasters that Fin-GAN is held against: ARIMA, logistic regression, yesterday's sign, coins, long only (SPEC 4).

Each is fitted on the training part and forecasts every window, one step ahead, without a refit.

References:
    J. Hamilton (1994), Time series analysis, chapters 3–5.
    D. Dickey and W. Fuller (1979), Distribution of the estimators for autoregressive time series with a unit root.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.market.returns import HalfDayWindows
from engine.models import registry

ORDERS = ((1, 0), (1, 1), (2, 0), (2, 1), (2, 2))
"""(p, q) that ARIMA chooses from."""

UNIT_ROOT_LEVEL = 0.05
"""The series is differenced if the augmented Dickey–Fuller test does not reject a unit root at this level."""

HALF_DAYS = 2
"""Half-days in a day."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """What a method says of every window of a ticker.

    Args:
        bet: ``(n,)`` in [-1, 1].
        expected: ``(n,)`` forecast returns, if it gives any.
        words: what was fitted, for people.
    """

    bet: Floats
    expected: Floats | None = None
    words: str = ""


def long_only(windows: HalfDayWindows, rng: np.random.Generator) -> Forecast:
    """Always +1: long the ETF, or long the stock and short its ETF."""
    return Forecast(np.ones(len(windows)))


def yesterday(windows: HalfDayWindows, rng: np.random.Generator) -> Forecast:
    """Sign of the return over the last whole day, which is what the last two half-days add up to.

    Raises:
        MarketDataError: if the windows are shorter than a day.
    """
    if windows.condition.shape[1] < HALF_DAYS:
        raise MarketDataError(f"expected windows of at least {HALF_DAYS} half-days; found {windows.condition.shape[1]}")
    bet: Floats = np.sign(windows.condition[:, -HALF_DAYS:].sum(axis=1))
    return Forecast(bet)


def random_bets(windows: HalfDayWindows, rng: np.random.Generator) -> Forecast:
    """A fair coin for each half-day: what nobody's skill earns."""
    heads = rng.integers(0, 2, len(windows)).astype(np.float64)
    return Forecast(2.0 * heads - 1.0)


def logistic(windows: HalfDayWindows, rng: np.random.Generator) -> Forecast:
    """Logistic regression of the sign on the window, bet p_u − p_d = 2p − 1.

    P(x > 0) = 1/(1 + exp(−b − w·z)), z the window's returns divided by their standard deviation over the training part,
    with the ridge penalty |w|²/2.

    Raises:
        MarketDataError: if the training part only rises or only falls.
    """
    from sklearn.linear_model import LogisticRegression

    train = windows.rows("train")
    past, target = windows.condition[train], windows.target[train]
    centre, scale = past.mean(axis=0), past.std(axis=0)
    features = (windows.condition - centre) / np.where(scale > 0, scale, 1.0)  # (n, L)
    moved = target != 0
    if len(np.unique(np.sign(target[moved]))) < 2:
        raise MarketDataError(f"expected rises and falls of {windows.ticker} in the training part; found one of them")
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(features[train][moved], target[moved] > 0)
    probability = np.asarray(fitted.predict_proba(features)[:, 1], dtype=np.float64)
    return Forecast(2.0 * probability - 1.0)


def arima(windows: HalfDayWindows, rng: np.random.Generator) -> Forecast:
    """ARIMA by exact likelihood on the training part, order by AIC, rolled one step ahead without a refit (5.16).

    X_t = Σ α_i X_{t−i} + ε_t + Σ θ_i ε_{t−i}, differenced once if the Dickey–Fuller test finds a unit root; the bet is
    the sign of the forecast. Returns are divided by their standard deviation while fitting, for the optimiser's sake.

    Raises:
        MarketDataError: if no order can be fitted.
    """
    last = int(windows.position[windows.rows("train")][-1])
    scale = float(windows.returns[: last + 1].std())
    series = windows.returns / scale
    past = series[: last + 1]
    d = differences(past)
    (p, q), fitted = least_criterion(past, d)
    rolled = fitted.apply(series).predict()
    expected: Floats = scale * np.asarray(rolled, dtype=np.float64)[windows.position]
    return Forecast(np.sign(expected), expected, f"ARIMA({p},{d},{q})")


def least_criterion(series: Floats, d: int) -> tuple[tuple[int, int], Any]:
    """The order with the least Akaike criterion, and statsmodels' fit of it.

    The exact likelihood is maximised by the innovations algorithm, which finds optima that the state-space optimiser
    misses (roots near −1: overnight and intraday returns alternate).

    Args:
        series: ``(n,)``.
        d: how often it is differenced.

    Raises:
        MarketDataError: if no order can be fitted.
    """
    from statsmodels.tsa.arima.model import ARIMA

    fits = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of starting values; an order that does not converge loses by its criterion
        for p, q in ORDERS:
            try:
                fit = ARIMA(series, order=(p, d, q), trend="n").fit(method="innovations_mle", cov_type="none")
            except (ValueError, np.linalg.LinAlgError):
                continue
            if np.isfinite(fit.aic):
                fits[p, q] = fit
    if not fits:
        raise MarketDataError(f"expected one of the ARIMA orders {ORDERS} to fit {len(series)} returns; found none")
    best = min(fits, key=lambda order: float(fits[order].aic))
    return best, fits[best]


def differences(series: Floats) -> int:
    """0 if the augmented Dickey–Fuller test rejects a unit root, 1 otherwise; lags by Schwert's rule.

    Args:
        series: ``(n,)``.
    """
    from statsmodels.tsa.stattools import adfuller

    lags = min(int(np.ceil(12 * (len(series) / 100) ** 0.25)), len(series) // 2 - 2)
    found = adfuller(series, maxlag=lags, autolag=None, result_object=False)
    return 0 if found[1] < UNIT_ROOT_LEVEL else 1


BASELINES: dict[str, tuple[str, Callable[[HalfDayWindows, np.random.Generator], Forecast]]] = {
    spec.name: (spec.label, spec.load()) for spec in registry.of_task(registry.HALF_DAY) if spec.role == "baseline"
}
"""Name → label and forecaster."""
