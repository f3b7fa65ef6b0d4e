"""Kernel smoothing against a double loop; no NaN however far the quotes; the search against one pair at a time."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import CH2_GRID, Grid
from engine.surfaces import arbitrage, nadaraya_watson
from engine.surfaces.nadaraya_watson import ScatteredVols


def scattered(n: int = 60, seed: int = 0) -> ScatteredVols:
    rng = np.random.default_rng(seed)
    m, tau = rng.uniform(0.5, 1.5, n), rng.uniform(0.02, 1.2, n)
    return ScatteredVols(m, tau, rng.uniform(0.1, 0.5, n), rng.uniform(0.01, 0.4, n))


def longhand_kernel(x: float, y: float, h1: float, h2: float) -> float:
    return math.exp(-(x**2) / (2 * h1) - y**2 / (2 * h2)) / (2 * math.pi)


def longhand_smooth(quotes: ScatteredVols, grid: Grid, h1: float, h2: float) -> np.ndarray:
    surface = np.empty(grid.shape)
    for i, m in enumerate(grid.moneyness):
        for j, tau in enumerate(grid.maturity):
            above = below = 0.0
            for k in range(len(quotes)):
                w = quotes.weight[k] * longhand_kernel(m - quotes.moneyness[k], tau - quotes.maturity[k], h1, h2)
                above += w * quotes.iv[k]
                below += w
            surface[i, j] = above / below
    return surface


@pytest.mark.parametrize("bandwidth", [(0.002, 0.046), (0.1, 0.1), (0.01, 0.004)])
def test_weights_and_surface_equal_a_double_loop(bandwidth: tuple[float, float]) -> None:
    quotes = scattered()
    m, tau = np.array([0.7, 1.0, 1.3]), np.array([0.1, 0.5, 1.0])
    weights = nadaraya_watson.kernel_weights(m, tau, quotes, bandwidth)
    for q in range(3):
        for k in range(len(quotes)):
            kernel = longhand_kernel(m[q] - quotes.moneyness[k], tau[q] - quotes.maturity[k], *bandwidth)
            assert weights[q, k] == pytest.approx(quotes.weight[k] * kernel, rel=1e-12)
    smoothed = nadaraya_watson.smooth(quotes, CH2_GRID, bandwidth)
    assert smoothed == pytest.approx(longhand_smooth(quotes, CH2_GRID, *bandwidth), rel=1e-10)


def test_bandwidths_are_variances() -> None:
    quotes = ScatteredVols(np.array([1.0]), np.array([0.5]), np.array([0.2]), np.array([1.0]))
    h1, h2 = 0.01, 0.04
    at = nadaraya_watson.kernel_weights(
        [1.0, 1.0 + math.sqrt(h1), 1.0], [0.5, 0.5, 0.5 + math.sqrt(h2)], quotes, (h1, h2)
    )
    assert at[1:, 0] / at[0, 0] == pytest.approx(math.exp(-0.5), rel=1e-12)
    assert at[0, 0] == pytest.approx(1 / (2 * math.pi), rel=1e-15)


@settings(max_examples=20, deadline=None)
@given(level=st.floats(0.01, 3), h=st.tuples(st.floats(1e-6, 1), st.floats(1e-6, 1)), seed=st.integers(0, 99))
def test_flat_vols_stay_flat_and_surfaces_stay_within_the_quotes(
    level: float, h: tuple[float, float], seed: int
) -> None:
    quotes = scattered(20, seed)
    flat = ScatteredVols(quotes.moneyness, quotes.maturity, np.full(20, level), quotes.weight)
    assert nadaraya_watson.smooth(flat, CH2_GRID, h) == pytest.approx(level, rel=1e-12)
    surface = nadaraya_watson.smooth(quotes, CH2_GRID, h)
    assert quotes.iv.min() <= surface.min() and surface.max() <= quotes.iv.max()


def test_scaling_all_weights_changes_nothing() -> None:
    quotes = scattered()
    scaled = ScatteredVols(quotes.moneyness, quotes.maturity, quotes.iv, 1e-12 * quotes.weight)
    before, after = (nadaraya_watson.smooth(q, CH2_GRID, (0.01, 0.01)) for q in (quotes, scaled))
    assert after == pytest.approx(before, rel=1e-12)


def test_where_every_weight_underflows_the_limit_is_taken() -> None:
    # both quotes are hundreds of kernels away; the nearer one has all the weight there is
    quotes = ScatteredVols(np.array([0.2, 3.0]), np.array([0.1, 0.1]), np.array([0.5, 0.2]), np.array([1.0, 1.0]))
    assert nadaraya_watson.kernel_weights([1.0], [1.0], quotes, (1e-4, 1e-4)).max() == 0.0
    surface = nadaraya_watson.smooth(quotes, CH2_GRID, (1e-4, 1e-4))
    assert np.isfinite(surface).all()
    assert surface == pytest.approx(0.5, rel=1e-12)


def test_underflow_agrees_with_exact_arithmetic() -> None:
    quotes = scattered(12, seed=3)
    grid = Grid([3.0, 3.5, 4.0], [2.0, 2.5])
    h1, h2 = 0.002, 0.002
    surface = nadaraya_watson.smooth(quotes, grid, (h1, h2))
    for i, m in enumerate(grid.moneyness):
        for j, tau in enumerate(grid.maturity):
            above = below = Decimal(0)
            for k in range(len(quotes)):
                exponent = -((m - quotes.moneyness[k]) ** 2) / (2 * h1) - (tau - quotes.maturity[k]) ** 2 / (2 * h2)
                w = Decimal(float(quotes.weight[k])) * Decimal(float(exponent)).exp()
                above += w * Decimal(float(quotes.iv[k]))
                below += w
            assert surface[i, j] == pytest.approx(float(above / below), rel=1e-9)


def test_reach_is_the_distance_to_the_nearest_quote() -> None:
    quotes = scattered()
    h1, h2 = 0.002, 0.046
    reach = nadaraya_watson.reach(quotes, CH2_GRID, (h1, h2))
    for i, m in enumerate(CH2_GRID.moneyness):
        for j, tau in enumerate(CH2_GRID.maturity):
            away = [
                math.sqrt((m - a) ** 2 / h1 + (tau - b) ** 2 / h2)
                for a, b in zip(quotes.moneyness, quotes.maturity, strict=True)
            ]
            assert reach[i, j] == pytest.approx(min(away), rel=1e-12)


def test_the_search_is_fifty_by_fifty_from_0_002_to_0_1() -> None:
    assert len(nadaraya_watson.BANDWIDTHS) == 50
    assert nadaraya_watson.BANDWIDTHS[[0, 1, 22, -1]].tolist() == [0.002, 0.004, 0.046, 0.1]
    found = nadaraya_watson.search_bandwidth(scattered(), CH2_GRID)
    assert found.penalty.shape == (50, 50)


def test_the_search_equals_one_pair_at_a_time() -> None:
    quotes = scattered(80, seed=1)
    h1, h2 = np.array([0.002, 0.01, 0.03]), np.array([0.002, 0.05])
    found = nadaraya_watson.search_bandwidth(quotes, CH2_GRID, 0.01, h1, h2)
    inside = nadaraya_watson.inside(CH2_GRID, quotes.moneyness, quotes.maturity)
    for a in range(3):
        for b in range(2):
            surface = nadaraya_watson.smooth(quotes, CH2_GRID, (h1[a], h2[b]))
            assert found.penalty[a, b] == pytest.approx(arbitrage.total_penalty(surface, CH2_GRID, 0.01), abs=1e-12)
            fitted = CH2_GRID.interpolate(surface, quotes.moneyness, quotes.maturity)
            w = np.where(inside, quotes.weight, 0)
            error = math.sqrt(float((w * (fitted - quotes.iv) ** 2).sum() / w.sum()))
            assert found.error[a, b] == pytest.approx(error, rel=1e-9)
    a, b = np.unravel_index(found.penalty.argmin(), (3, 2))
    assert found.best == (h1[a], h2[b])
    assert found.ties == 1


def test_of_equal_penalties_the_closest_to_the_quotes_is_taken() -> None:
    # a flat market is free of arbitrage at every bandwidth; one wild quote is fitted best by the narrowest kernel
    m, tau = (x.ravel() for x in np.meshgrid(np.linspace(0.6, 1.4, 41), np.linspace(0.05, 1, 20)))
    quotes = ScatteredVols(m, tau, 0.2 + 0.01 * (m - 1), np.ones(m.size))
    found = nadaraya_watson.search_bandwidth(quotes, CH2_GRID)
    assert found.penalty.max() == 0.0
    assert found.ties == 2500
    i, j = np.unravel_index(found.error.argmin(), found.error.shape)
    assert found.best == (found.h1[i], found.h2[j])


@pytest.mark.parametrize("bandwidth", [(0.0, 0.1), (0.1, -1.0), (math.nan, 0.1), (math.inf, 0.1)])
def test_bandwidths_must_be_positive(bandwidth: tuple[float, float]) -> None:
    with pytest.raises(SettingsError, match="expected a bandwidth > 0"):
        nadaraya_watson.smooth(scattered(), CH2_GRID, bandwidth)


def test_bandwidths_come_in_pairs() -> None:
    with pytest.raises(SettingsError, match="expected two bandwidths"):
        nadaraya_watson.smooth(scattered(), CH2_GRID, (0.1, 0.1, 0.1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"iv": [0.2, math.nan]}, "finite iv"),
        ({"weight": [0.0, 0.0]}, "not all zero"),
        ({"weight": [1.0, -1.0]}, "weights >= 0"),
        ({"maturity": [0.1]}, "maturity of shape"),
        ({"moneyness": [], "maturity": [], "iv": [], "weight": []}, "n >= 1"),
    ],
)
def test_bad_vols_are_refused(change: dict[str, list[float]], words: str) -> None:
    good = {"moneyness": [0.9, 1.1], "maturity": [0.1, 0.2], "iv": [0.2, 0.3], "weight": [1.0, 1.0]} | change
    with pytest.raises(MarketDataError, match=words):
        ScatteredVols(**{name: np.array(values) for name, values in good.items()})
