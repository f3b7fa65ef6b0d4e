"""Two-speed volatility longhand and its features; moves come back from innovations, the mean is the ridge, and paths
carry what a history knows."""

import math

import numpy as np
import pytest

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.conditional_fhs.features import PREMIUM, Factors
from engine.models.conditional_fhs.filter import HistoryFilter, moves, next_weekdays
from engine.models.conditional_fhs.moments import (
    NAMES,
    STATE_COLUMNS,
    ConditionalMoments,
    MomentsConfig,
    index_against,
    two_speed_basis,
    two_speed_panel,
    two_speed_volatility,
)
from engine.models.simulated.market import simulate
from tests.models.small_market import SMALL_GRID

MARKET = simulate(SMALL_GRID, 400, 3).history
HISTORY = SurfaceHistory(
    next_weekdays(np.datetime64("2020-01-01"), len(MARKET)), MARKET.spot, MARKET.iv, MARKET.grid, MARKET.rate
)
MOMENTS = ConditionalMoments.fit(HISTORY[:300])
SHORT, CONFIG = simulate(SMALL_GRID, 150, 3).history, MomentsConfig(factors=2)


def test_volatility_is_the_recursion_written_out():
    rng = np.random.default_rng(0)
    moves_, implied = rng.normal(size=(6, 2)), rng.uniform(0.1, 0.3, 7)
    start, first = np.array([1.5, 0.7]), np.array([40.0])
    found = two_speed_volatility(HistoryFilter(MARKET), moves_, implied, start, first, CONFIG)
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
    one = MomentsConfig(fast=0.94, slow=0.94, tilt=0.0, implied_share=0.0)
    known = HistoryFilter(MARKET)
    found = two_speed_volatility(known, observed, np.ones(31), np.ones(3), np.ones(1), one)
    np.testing.assert_allclose(found**2, known.variance("v", observed, 0.94, np.ones(3)), rtol=1e-12)


def test_factors_and_rest_rebuild_the_moves():
    basis = two_speed_basis(SHORT, CONFIG)
    seen = two_speed_panel(HistoryFilter(SHORT), basis, CONFIG)
    axes = Factors.of(basis)
    factors, rest = axes.split(seen.innovations)
    np.testing.assert_array_equal(factors, seen.factors)
    innovations = axes.join(factors, rest)
    np.testing.assert_allclose(innovations * seen.volatility[:-1] * basis["unit"], moves(SHORT), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(axes.axes.T @ axes.axes, np.eye(2), atol=1e-12)
    assert seen.features.shape == (150, len(NAMES)) and np.isfinite(seen.features).all()


def test_features_are_what_their_names_say():
    basis = two_speed_basis(SHORT, CONFIG)
    seen = two_speed_panel(HistoryFilter(SHORT), basis, CONFIG)
    index, decay = np.log(SHORT.spot) / basis["unit"][0], 0.5 ** (1 / 5)
    premium = np.log(SHORT.atm(1 / 6)) - np.log(seen.volatility[:, 0])
    average, usual = index[0], premium[0]
    for t in range(1, 60):
        average = decay * average + (1 - decay) * index[t]
        usual = 0.5 ** (1 / 60) * usual + (1 - 0.5 ** (1 / 60)) * premium[t]
    row = seen.features[59]
    assert row[NAMES.index(index_against(5))] == pytest.approx((index[59] - average) / seen.volatility[59, 0])
    assert row[NAMES.index(PREMIUM)] == pytest.approx(premium[59] - usual)
    weekday = SHORT.dates[59].astype(object).strftime("%A")
    sd = seen.volatility[59, 1:].mean()
    assert row[NAMES.index(weekday)] == pytest.approx(0.8 / sd)
    assert sum(row[NAMES.index(day)] for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")) < 1e-9


def test_no_row_uses_a_later_day():
    basis = two_speed_basis(SHORT, CONFIG)
    order = np.random.default_rng(2).permutation(np.arange(100, 150))
    shuffled = SurfaceHistory(
        dates=SHORT.dates,
        spot=np.concatenate([SHORT.spot[:100], SHORT.spot[order]]),
        iv=np.concatenate([SHORT.iv[:100], SHORT.iv[order]]),
        grid=SHORT.grid,
    )
    one, other = (
        two_speed_panel(HistoryFilter(SHORT), basis, CONFIG),
        two_speed_panel(HistoryFilter(shuffled), basis, CONFIG),
    )
    for name in ("volatility", "features"):
        np.testing.assert_array_equal(getattr(one, name)[:100], getattr(other, name)[:100])
        assert not np.array_equal(getattr(one, name)[100:], getattr(other, name)[100:])


def test_a_point_that_never_moves_is_refused():
    iv = SHORT.iv.copy()
    iv[:, 0, 0] = 0.3
    still = SurfaceHistory(SHORT.dates, SHORT.spot, iv, SHORT.grid)
    with pytest.raises(MarketDataError, match="found one that stays"):
        two_speed_basis(still, CONFIG)


def test_innovations_give_the_moves_back():
    seen = MOMENTS.over(HISTORY)
    assert seen.features.shape == (400, len(NAMES)) and seen.innovations.shape == (399, 1 + SMALL_GRID.size)
    back = (seen.mean[:-1] + seen.innovations) * seen.volatility[:-1]
    np.testing.assert_allclose(back, moves(HISTORY), rtol=1e-9, atol=1e-14)
    factors, rest = MOMENTS.factors.split(seen.innovations)
    np.testing.assert_allclose(MOMENTS.factors.join(factors, rest), seen.innovations, atol=1e-12)
    today = type(seen)(*(array[350:351] for array in seen))
    np.testing.assert_allclose(today.moves(seen.innovations[350:351])[0], moves(HISTORY)[350], rtol=1e-9, atol=1e-14)
    assert today.moves(seen.innovations[:7]).shape == (7, 1 + SMALL_GRID.size)


def test_innovations_are_standardised_and_free_of_a_mean():
    seen = MOMENTS.over(HISTORY[:300])
    settled = seen.innovations[22:]
    assert np.abs(settled.mean(axis=0)).max() < 1e-10  # over the training part
    assert 0.7 < settled.std() < 1.3
    assert np.abs(seen.features).max() <= MomentsConfig().clip
    assert np.isfinite(seen.features).all()


def test_the_mean_is_the_ridge_of_scikit_learn():
    from sklearn.linear_model import Ridge

    wide = ConditionalMoments.from_state(MOMENTS.state(), SMALL_GRID, MomentsConfig(clip=100.0))
    seen = wide.over(HISTORY[:300])
    x = (seen.features * wide.fitted["feature_spread"] + wide.fitted["feature_centre"])[22:-1][:, STATE_COLUMNS]
    z = seen.innovations[22:] + seen.mean[22:-1]
    ridge = Ridge(alpha=100).fit(x, z)
    np.testing.assert_allclose(MOMENTS.fitted["coefficients"][:, 1:].T, ridge.coef_[1:], rtol=1e-6, atol=1e-9)
    for_return = Ridge(alpha=1000).fit(x, z[:, 0])
    np.testing.assert_allclose(MOMENTS.fitted["coefficients"][:, 0], for_return.coef_, rtol=1e-6, atol=1e-9)


def test_an_infinite_penalty_leaves_no_conditional_mean():
    seen = ConditionalMoments.fit(HISTORY[:300], MomentsConfig(penalty=1e15)).over(HISTORY)
    assert np.ptp(seen.mean, axis=0).max() < 1e-9


def test_paths_carry_what_a_longer_history_knows():
    whole, cut = MOMENTS.over(HISTORY), 340
    known = HistoryFilter(HISTORY[:cut])
    MOMENTS.of(known)
    paths = known.paths(2)
    for day in range(cut, 400):
        paths.advance(np.tile(moves(HISTORY)[day - 1], (2, 1)))
        today = MOMENTS.of(paths)
        for name in ("volatility", "mean", "features"):
            wanted = np.tile(getattr(whole, name)[day], (2, 1))
            np.testing.assert_allclose(getattr(today, name), wanted, rtol=1e-8, atol=1e-10, err_msg=name)
        np.testing.assert_allclose(today.innovations[1], whole.innovations[day - 1], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(paths.log_iv[0], SMALL_GRID.flatten(HISTORY.log_iv[day]), atol=1e-12)


def test_no_row_knows_a_later_day():
    short, whole = MOMENTS.over(HISTORY[:350]), MOMENTS.over(HISTORY)
    for name in ("volatility", "mean", "features"):
        np.testing.assert_allclose(getattr(short, name), getattr(whole, name)[:350], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(short.innovations, whole.innovations[:349], rtol=1e-10, atol=1e-12)


def test_state_round_trip_and_its_door():
    state = MOMENTS.state()
    assert {name: array.shape for name, array in state.items()} == ConditionalMoments.shapes(SMALL_GRID, 4)
    again = ConditionalMoments.from_state({**state, "of the network": np.zeros(3)}, SMALL_GRID)
    np.testing.assert_array_equal(again.over(HISTORY).innovations, MOMENTS.over(HISTORY).innovations)
    with pytest.raises(CheckpointError, match="expected"):
        ConditionalMoments.from_state(state, Grid([0.9, 1.0, 1.1], [0.1, 1.0]))
    with pytest.raises(CheckpointError, match="expected 'unit' > 0"):
        ConditionalMoments.from_state({**state, "unit": -state["unit"]}, SMALL_GRID)


def test_questions_that_cannot_be_answered():
    with pytest.raises(MarketDataError, match="expected at least 120 days of surfaces; found 100"):
        ConditionalMoments.fit(HISTORY[:100])
    with pytest.raises(SettingsError, match="expected at least one path"):
        HistoryFilter(HISTORY).paths(0)
    iv = HISTORY.iv.copy()
    iv[:, 0, 0] = 0.3
    with pytest.raises(MarketDataError, match="found one that stays"):
        ConditionalMoments.fit(SurfaceHistory(HISTORY.dates, HISTORY.spot, iv, HISTORY.grid))
