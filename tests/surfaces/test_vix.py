"""The volatility index: a flat vol is its own index, and the sum agrees with a loop and with the continuous limit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from engine.errors import MarketDataError
from engine.market.grid import CH2_GRID, VOLGAN_GRID, Grid
from engine.surfaces import vix

T = 30 / 365


def put(k, vol, rate=0.0):
    d1 = (-np.log(k) + T * (rate + vol**2 / 2)) / (vol * np.sqrt(T))
    return k * np.exp(-rate * T) * norm.cdf(vol * np.sqrt(T) - d1) - norm.cdf(-d1)


def call(k, vol, rate=0.0):
    return put(k, vol, rate) + 1 - k * np.exp(-rate * T)


def smile(grid, level, skew, curvature):
    k = np.log(grid.moneyness)[:, None]
    return level * np.exp(skew * k + curvature * k**2) * np.ones(grid.shape)


def longhand(iv, grid, rate):
    """The Cboe's sum, strike by strike."""
    strikes = vix.strikes()
    forward = np.exp(rate * T)
    at = max(i for i, k in enumerate(strikes) if k <= forward)
    total = 0.0
    for i, k in enumerate(strikes):
        low = max(0.5, grid.moneyness[0] - 0.1)
        high = min(1.5, grid.moneyness[-1] + 0.1)
        vol = float(grid.interpolate(iv, min(max(k, low), high), T))
        if i == at:
            price = (put(k, vol, rate) + call(k, vol, rate)) / 2
        else:
            price = put(k, vol, rate) if i < at else call(k, vol, rate)
        low, high = max(i - 1, 0), min(i + 1, len(strikes) - 1)
        width = (strikes[high] - strikes[low]) / (high - low)
        total += width / k**2 * forward * max(price, 0.0)
    return 100 * np.sqrt(2 / T * total - (forward / strikes[at] - 1) ** 2 / T)


@pytest.mark.parametrize("rate", [-0.01, 0.0, 0.013, 0.05])
@pytest.mark.parametrize("vol", [0.04, 0.08, 0.16, 0.4, 0.8, 1.5])
@pytest.mark.parametrize("grid", [CH2_GRID, VOLGAN_GRID], ids=["10x8", "11x9"])
def test_a_flat_vol_is_its_own_index(grid, vol, rate):
    assert abs(vix.from_surface(np.full(grid.shape, vol), grid, rate) - 100 * vol) < 0.02


def test_an_index_of_two_hundred_is_cut_short_by_the_strikes_as_documented():
    found = vix.from_surface(np.full(CH2_GRID.shape, 2.0), CH2_GRID)
    assert 200 - 0.1 < found < 200


@pytest.mark.parametrize(("vol", "bound"), [(1.0, 0.001), (2.0, 0.1)])
def test_what_lies_beyond_the_strikes_is_worth_no_more_than_the_docstring_says(vol, bound):
    low, high = vix.strikes()[[0, -1]]
    missing = quad(lambda k: put(k, vol) / k**2, 1e-4, low)[0]
    missing += quad(lambda x: call(np.exp(x), vol) * np.exp(-x), np.log(high), np.log(high) + 6)[0]
    assert 100 * (vol - np.sqrt(vol**2 - 2 / T * missing)) < bound


@settings(max_examples=10, deadline=None)
@given(
    level=st.floats(0.08, 0.6),
    skew=st.floats(-1.2, 0.2),
    curvature=st.floats(-0.5, 2.0),
    rate=st.floats(-0.01, 0.06),
)
def test_it_equals_the_sum_written_out(level, skew, curvature, rate):
    iv = smile(VOLGAN_GRID, level, skew, curvature)
    assert vix.from_surface(iv, VOLGAN_GRID, rate) == pytest.approx(longhand(iv, VOLGAN_GRID, rate), rel=1e-10)


def test_a_steep_skew_on_a_narrow_grid_does_not_run_off_into_the_wings():
    grid = Grid([0.9, 0.95, 1.0, 1.05, 1.1], [30 / 365, 91 / 365])
    iv = np.broadcast_to((0.4 + 4.0 * np.maximum(1 - grid.moneyness, -0.05))[:, None], grid.shape)
    assert vix.from_surface(iv, grid) == pytest.approx(longhand(iv, grid, 0.0), rel=1e-10)
    highest = float(grid.interpolate(iv, 0.8, T))  # the line reaches 240 % at half the spot
    assert 40 < vix.from_surface(iv, grid) < 100 * highest


def test_it_approaches_the_replication_of_the_variance_swap():
    iv = smile(CH2_GRID, 0.2, -0.8, 0.6)

    def vol(k):
        return float(CH2_GRID.interpolate(iv, np.clip(k, 0.5, 1.5), T))

    kinks = [0.5, *CH2_GRID.moneyness[CH2_GRID.moneyness < 1]]
    below = quad(lambda k: put(k, vol(k)) / k**2, 0.3, 1, points=kinks, limit=200)[0]
    above = quad(lambda k: call(k, vol(k)) / k**2, 1, 2.5, points=[*CH2_GRID.moneyness[CH2_GRID.moneyness > 1], 1.5])[0]
    assert vix.from_surface(iv, CH2_GRID) == pytest.approx(100 * np.sqrt(2 / T * (below + above)), abs=0.02)


def test_downside_skew_lifts_the_index_above_the_money():
    iv = smile(CH2_GRID, 0.2, -1.0, 0.0)
    assert vix.from_surface(iv, CH2_GRID) > 100 * CH2_GRID.interpolate(iv, 1.0, T)


def test_leading_axes_chunks_and_rates_are_each_surface_on_its_own():
    rng = np.random.default_rng(0)
    level = rng.uniform(0.1, 0.5, (3, 260))
    iv = level[..., None, None] * smile(CH2_GRID, 1.0, -0.7, 0.3)
    rate = rng.uniform(0, 0.05, 260)
    together = vix.from_surface(iv, CH2_GRID, rate)  # 780 surfaces: more than one chunk
    assert together.shape == (3, 260)
    for i, j in [(0, 0), (1, 251), (1, 252), (2, 259)]:
        assert together[i, j] == pytest.approx(vix.from_surface(iv[i, j], CH2_GRID, rate[j]), rel=1e-13)


def test_the_thirty_day_vol_lies_between_the_neighbouring_maturities():
    grid = Grid([0.8, 1.0, 1.2], [23 / 365, 37 / 365])
    iv = np.broadcast_to([0.2, 0.3], grid.shape)
    assert abs(vix.from_surface(iv, grid) - 25.0) < 0.02  # linear in maturity: 30 days is half way


def test_vols_of_almost_nothing_give_an_index_of_almost_nothing():
    assert 0 <= vix.from_surface(np.full(CH2_GRID.shape, 1e-4), CH2_GRID, 0.02) < 1


@pytest.mark.parametrize("bad", [np.nan, -0.1, 0.0, np.inf])
def test_a_vol_that_is_none_is_refused(bad):
    iv = np.full(CH2_GRID.shape, 0.2)
    iv[3, 2] = bad
    with pytest.raises(MarketDataError, match="vols > 0"):
        vix.from_surface(iv, CH2_GRID)


def test_a_surface_of_another_grid_is_refused():
    with pytest.raises(MarketDataError, match="shape"):
        vix.from_surface(np.full((11, 9), 0.2), CH2_GRID)
