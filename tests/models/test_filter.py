"""The filter: recursions longhand, paths that go on exactly as a history does, nothing that uses a later day."""

import numpy as np
import pandas as pd
import pytest

from engine.errors import MarketDataError, SettingsError
from engine.market.surface_history import SurfaceHistory
from engine.models.conditional_fhs.features import level_features
from engine.models.conditional_fhs.filter import LEAST_VARIANCE, HistoryFilter, RealisedVol, moves, next_weekdays
from engine.models.simulated.market import simulate
from tests.models.small_market import SMALL_GRID, small_history

HISTORY = simulate(SMALL_GRID, 90, 3).history


def weekdays(history):
    """The same history on days in a row without holidays, as paths have them."""
    days = next_weekdays(np.datetime64("2020-01-01"), len(history))
    return SurfaceHistory(days, history.spot, history.iv, history.grid, history.rate)


def running_variance(observed, decay, start, **options):
    return HistoryFilter(HISTORY).variance("v", observed, decay, start, **options)


def test_a_move_is_a_return_and_a_change_of_log_vol():
    history = small_history(30)
    found = moves(history)
    assert found.shape == (29, 1 + history.grid.size)
    t, i, j = 12, 2, 1
    assert found[t, 0] == pytest.approx(np.log(history.spot[t + 1] / history.spot[t]))
    change = np.log(history.iv[t + 1, i, j] / history.iv[t, i, j])
    assert found[t, 1 + i * history.grid.shape[1] + j] == pytest.approx(change)


@pytest.mark.parametrize("tilt", [0.0, 0.25])
def test_the_running_variance_is_the_recursion(tilt):
    rng = np.random.default_rng(0)
    y = rng.normal(size=(50, 3))
    start = np.array([0.5, 1.0, 2.0])
    expected = [start]
    for row in y:
        k = 1 + tilt if row[0] < 0 else 1 - tilt
        expected.append(0.9 * expected[-1] + 0.1 * k * row**2)
    found = running_variance(y, 0.9, start, tilt=tilt)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(running_variance(y[:20], 0.9, start, tilt=tilt), found[:21], rtol=1e-12)


def test_what_never_moves_has_a_variance_above_zero():
    assert running_variance(np.zeros((2000, 2)), 0.5, np.zeros(2)).min() == LEAST_VARIANCE


def test_the_running_mean_is_the_recursion():
    x = np.random.default_rng(1).normal(size=(40, 2))
    expected = pd.DataFrame(x).ewm(alpha=0.1, adjust=False).mean().to_numpy()
    known = HistoryFilter(HISTORY)
    np.testing.assert_allclose(known.mean("both", x, 0.9), expected, rtol=1e-12)
    np.testing.assert_allclose(known.mean("one", x[:, 0], 0.9), expected[:, 0], rtol=1e-12)


def test_a_recursion_may_have_a_decay_for_each_column():
    news, start = np.random.default_rng(2).normal(size=(30, 2)), np.array([1.0, -2.0])
    state, decay = start, np.array([0.5, 0.95])
    for row in news:
        state = decay * state + row
    known = HistoryFilter(HISTORY)
    together = known.recursion("each", news, decay, start)
    np.testing.assert_allclose(together[-1], state, rtol=1e-12)
    np.testing.assert_array_equal(together[0], start)
    np.testing.assert_allclose(known.recursion("first", news[:, 0], 0.5, 1.0), together[:, 0], rtol=1e-12)


def quantities(known):
    """One of each kind, hung on one another as volatilities and features are."""
    variance = known.variance("v", known.moves, 0.9, np.full(1 + SMALL_GRID.size, 1e-4), tilt=0.3)
    innovations = known.moves / np.sqrt(known.previous("v before", variance))
    level = known.log_iv.mean(axis=1)
    away = level - known.mean("level", level, 0.95)
    decays = np.linspace(0.5, 0.9, innovations.shape[1])
    sums = known.recursion("sums", innovations, decays, np.zeros(innovations.shape[1]))
    weekday = known.dates.astype(np.int64) % 7 + np.zeros(len(level))
    columns = [away, known.realised_vol, known.log_spot, weekday, known.last(innovations)[:, 2]]
    return np.column_stack([variance, sums, np.stack(columns, axis=1), level_features(known)])


def test_paths_go_on_exactly_as_the_history_does():
    history, cut = weekdays(HISTORY), 60
    whole = quantities(HistoryFilter(history))
    known = HistoryFilter(history[:cut])
    np.testing.assert_allclose(quantities(known)[-1], whole[cut - 1], rtol=1e-12)
    paths = known.paths(3)
    np.testing.assert_array_equal(paths.log_iv, np.tile(known.log_iv[-1], (3, 1)))
    for day, move in enumerate(moves(history)[cut - 1 :], start=cut):
        paths.advance(np.tile(move, (3, 1)))
        np.testing.assert_allclose(quantities(paths), np.tile(whole[day], (3, 1)), rtol=1e-9, atol=1e-13)
        assert paths.dates[0] == history.dates[day]


def test_running_states_are_the_recursions_they_continue():
    seen, start = np.random.default_rng(4).normal(size=(40, 3)), np.ones(3)
    whole, known = HistoryFilter(HISTORY), HistoryFilter(HISTORY)
    known.variance("v", seen[:30], 0.9, start, tilt=0.3)
    known.mean("m", seen[:30], 0.9)
    paths = known.paths(2)
    for move in seen[30:]:
        variance = paths.variance("v", np.tile(move, (2, 1)), 0.9, start, tilt=0.3)
        mean = paths.mean("m", np.tile(move, (2, 1)), 0.9)
    np.testing.assert_allclose(variance[1], whole.variance("v", seen, 0.9, start, tilt=0.3)[-1], rtol=1e-12)
    np.testing.assert_allclose(mean[1], whole.mean("m", seen, 0.9)[-1], rtol=1e-12)


def test_paths_are_each_their_own_and_leave_the_history_alone():
    history = weekdays(HISTORY)
    known = HistoryFilter(history)
    quantities(known)
    one, other, both = known.paths(1), known.paths(1), known.paths(2)
    for seed in range(4):
        step = 0.01 * np.random.default_rng(seed).normal(size=(2, 1 + SMALL_GRID.size))
        for paths, moved in ((one, step[:1]), (other, step[1:]), (both, step)):
            paths.advance(moved)
        np.testing.assert_array_equal(quantities(both), np.concatenate([quantities(one), quantities(other)]))


def test_no_row_uses_a_later_day():
    np.testing.assert_allclose(quantities(HistoryFilter(HISTORY[:50])), quantities(HistoryFilter(HISTORY))[:50])


def test_a_name_stands_for_one_recursion():
    known = HistoryFilter(HISTORY)
    known.mean("a", known.log_spot, 0.9)
    with pytest.raises(ValueError, match="expected a recursion of its own name; found 'a' twice"):
        known.mean("a", known.log_spot, 0.8)
    with pytest.raises(SettingsError, match="expected at least one path; found 0"):
        known.paths(0)


def test_realised_vol_forgets_the_oldest_return():
    seen = np.random.default_rng(4).normal(size=40)
    realised = RealisedVol(seen[:25], 1)
    for move in seen[25:]:
        realised.update(move[None])
    assert realised.value[0] == pytest.approx(np.sqrt(252 / 21 * (seen[-21:] ** 2).sum()), rel=1e-12)
    with pytest.raises(MarketDataError, match="at least 21 daily returns"):
        RealisedVol(seen[:20], 1)


def test_next_weekdays_skip_weekends():
    found = next_weekdays(np.datetime64("2026-11-27"), 3)  # a Friday
    assert [str(day) for day in found] == ["2026-11-30", "2026-12-01", "2026-12-02"]
    assert str(next_weekdays(np.datetime64("2026-11-28"), 1)[0]) == "2026-11-30"
