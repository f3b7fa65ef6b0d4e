"""The two-speed model's volatility longhand, its factors, and that nothing uses a later day."""

import math

import numpy as np
import pytest

from engine.errors import MarketDataError
from engine.market.surface_history import SurfaceHistory
from engine.models.conditional_fhs.innovations import moves, running_variance
from engine.models.conditional_fhs.two_speed import TwoSpeedConfig
from engine.models.conditional_fhs.two_speed_features import (
    NAMES,
    PREMIUM,
    fit_basis,
    index_against,
    panel,
    two_speed_volatility,
)
from engine.models.simulated.market import simulate
from tests.models.small_market import SMALL_GRID

HISTORY = simulate(SMALL_GRID, 150, 3).history
CONFIG = TwoSpeedConfig()


def test_volatility_is_the_recursion_written_out():
    rng = np.random.default_rng(0)
    moves_, implied = rng.normal(size=(6, 2)), rng.uniform(0.1, 0.3, 7)
    start, first = np.array([1.5, 0.7]), np.array([40.0])
    found = two_speed_volatility(moves_, implied, start, first, CONFIG)
    fast, slow, ratio = start.copy(), start.copy(), first[0]
    for t in range(7):
        mixed = (fast + slow) / 2
        index = (1 - CONFIG.implied_share) * mixed[0] + CONFIG.implied_share * ratio * implied[t] ** 2
        np.testing.assert_allclose(found[t], [math.sqrt(index), math.sqrt(mixed[1])], rtol=1e-12)
        if t < 6:
            tilt = 1 + CONFIG.tilt if moves_[t, 0] < 0 else 1 - CONFIG.tilt
            fast = CONFIG.fast * fast + (1 - CONFIG.fast) * tilt * moves_[t] ** 2
            slow = CONFIG.slow * slow + (1 - CONFIG.slow) * tilt * moves_[t] ** 2
            ratio = CONFIG.slow * ratio + (1 - CONFIG.slow) * (moves_[t, 0] / implied[t]) ** 2


def test_one_speed_without_options_is_the_exponentially_weighted_variance():
    rng = np.random.default_rng(1)
    observed = rng.normal(size=(30, 3))
    one = TwoSpeedConfig(fast=0.94, slow=0.94, tilt=0.0, implied_share=0.0)
    found = two_speed_volatility(observed, np.ones(31), np.ones(3), np.ones(1), one)
    np.testing.assert_allclose(found**2, running_variance(observed, 0.94, np.ones(3)), rtol=1e-12)


def test_factors_and_rest_rebuild_the_moves():
    basis = fit_basis(HISTORY, CONFIG, 2)
    seen = panel(HISTORY, basis, CONFIG)
    scores = seen.factors * basis.factor_sd
    innovations = np.column_stack([scores[:, 0], scores[:, 1:] @ basis.axes.T + seen.rest])
    np.testing.assert_allclose(innovations * seen.volatility[:-1] * basis.unit, moves(HISTORY), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(basis.axes.T @ basis.axes, np.eye(2), atol=1e-12)
    assert seen.features.shape == (150, len(NAMES)) and np.isfinite(seen.features).all()


def test_features_are_what_their_names_say():
    basis = fit_basis(HISTORY, CONFIG, 2)
    seen = panel(HISTORY, basis, CONFIG)
    index, decay = np.log(HISTORY.spot) / basis.unit[0], 0.5 ** (1 / 5)
    premium = np.log(HISTORY.atm(1 / 6)) - np.log(seen.volatility[:, 0])
    average, usual = index[0], premium[0]
    for t in range(1, 60):
        average = decay * average + (1 - decay) * index[t]
        usual = 0.5 ** (1 / 60) * usual + (1 - 0.5 ** (1 / 60)) * premium[t]
    row = seen.features[59]
    assert row[NAMES.index(index_against(5))] == pytest.approx((index[59] - average) / seen.volatility[59, 0])
    assert row[NAMES.index(PREMIUM)] == pytest.approx(premium[59] - usual)
    weekday = HISTORY.dates[59].astype(object).strftime("%A")
    sd = seen.volatility[59, 1:].mean()
    assert row[NAMES.index(weekday)] == pytest.approx(0.8 / sd)
    assert sum(row[NAMES.index(day)] for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")) < 1e-9


def test_no_row_uses_a_later_day():
    basis = fit_basis(HISTORY, CONFIG, 2)
    order = np.random.default_rng(2).permutation(np.arange(100, 150))
    shuffled = SurfaceHistory(
        dates=HISTORY.dates,
        spot=np.concatenate([HISTORY.spot[:100], HISTORY.spot[order]]),
        iv=np.concatenate([HISTORY.iv[:100], HISTORY.iv[order]]),
        grid=HISTORY.grid,
    )
    one, other = panel(HISTORY, basis, CONFIG), panel(shuffled, basis, CONFIG)
    for name in ("volatility", "features"):
        np.testing.assert_array_equal(getattr(one, name)[:100], getattr(other, name)[:100])
        assert not np.array_equal(getattr(one, name)[100:], getattr(other, name)[100:])


def test_a_point_that_never_moves_is_refused():
    iv = HISTORY.iv.copy()
    iv[:, 0, 0] = 0.3
    still = SurfaceHistory(HISTORY.dates, HISTORY.spot, iv, HISTORY.grid)
    with pytest.raises(MarketDataError, match="found one that stays"):
        fit_basis(still, CONFIG, 2)
