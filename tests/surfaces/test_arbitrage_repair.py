"""The repair leaves no arbitrage, changes nothing that has none, and changes as little as any other solver finds."""

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from engine.errors import MarketDataError
from engine.market.grid import CH2_GRID, VOLGAN_GRID, Grid
from engine.surfaces import arbitrage, arbitrage_repair, black_scholes
from engine.surfaces.ssvi import SSVI

TAU = CH2_GRID.maturity
MODEL = SSVI(-0.7, 1.1, 0.45, TAU, 0.04 * TAU * (1 + 0.1 * TAU))


def noisy(grid: Grid, sd: float, seed: int, rate: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.maximum(MODEL.surface(grid, rate) + sd * rng.standard_normal(grid.shape), 0.02)


@settings(max_examples=60, deadline=None)
@given(
    sd=st.sampled_from([0.002, 0.01, 0.05, 0.2]),
    seed=st.integers(0, 10_000),
    rate=st.floats(-0.02, 0.08),
    spread=st.sampled_from([None, 1e-4, 1e-3]),
    grid=st.sampled_from([CH2_GRID, VOLGAN_GRID]),
)
def test_afterwards_there_is_no_arbitrage(sd: float, seed: int, rate: float, spread: float | None, grid: Grid) -> None:
    half_spread = None if spread is None else np.full(grid.shape, spread)
    repaired = arbitrage_repair.repair(noisy(grid, sd, seed), grid, rate, half_spread)
    assert repaired.after == 0.0
    assert arbitrage.total_penalty(repaired.iv, grid, rate) == 0.0
    assert np.isfinite(repaired.iv).all() and (repaired.iv > 0).all()


@pytest.mark.parametrize("grid", [CH2_GRID, VOLGAN_GRID])
@pytest.mark.parametrize("rate", [0.0, 0.03])
def test_what_has_no_arbitrage_is_returned_bit_for_bit(grid: Grid, rate: float) -> None:
    for surface in (MODEL.surface(grid, rate), np.full(grid.shape, 0.2), np.full(grid.shape, 0.01)):
        repaired = arbitrage_repair.repair(surface, grid, rate, np.full(grid.shape, 0.001))
        assert np.array_equal(repaired.iv, surface)
        assert repaired.n_changed == 0
        assert repaired.words == "Nothing to repair: the surface has no static arbitrage"


def test_a_second_repair_changes_nothing() -> None:
    once = arbitrage_repair.repair(noisy(CH2_GRID, 0.03, 1), CH2_GRID)
    twice = arbitrage_repair.repair(once.iv, CH2_GRID)
    assert once.n_changed > 0
    assert np.array_equal(twice.iv, once.iv)


def test_one_bad_price_is_the_one_that_moves() -> None:
    surface = MODEL.surface(CH2_GRID)
    surface[4, 3] += 0.05
    repaired = arbitrage_repair.repair(surface, CH2_GRID)
    assert repaired.before > 0
    moved = np.argwhere(repaired.price_change != 0)
    assert [4, 3] in moved.tolist()
    assert len(moved) <= 3
    # everything that did not move kept its very bits
    still = repaired.price_change == 0
    assert np.array_equal(repaired.iv[still], surface[still])
    assert "prices moved" in repaired.words


def longhand_least_change(iv: np.ndarray, grid: Grid, rate: float) -> float:
    """Least Σ|c' − c| by a plain programme in call prices, constraints written one at a time."""
    m, tau = grid.moneyness, grid.maturity
    old = np.array([[oracles.relative_call(m[i], t, iv[i, j], rate) for j, t in enumerate(tau)] for i in range(len(m))])
    n_m, n_tau = grid.shape
    n = n_m * n_tau
    rows, limits = [], []

    def add(terms: dict[tuple[int, int], float], limit: float = 0.0) -> None:
        row = np.zeros(2 * n)
        for (i, j), value in terms.items():
            row[i * n_tau + j] += value
        rows.append(row)
        limits.append(limit)

    for j in range(n_tau):
        add({(0, j): 1 / m[0] + 1 / (m[1] - m[0]), (1, j): -1 / (m[1] - m[0])}, 1 / m[0])
        for i in range(n_m):
            if j + 1 < n_tau:
                add({(i, j): 1.0, (i, j + 1): -1.0})
            if i + 1 < n_m:
                add({(i + 1, j): 1.0, (i, j): -1.0})
            if 0 < i < n_m - 1:
                low, high = m[i] - m[i - 1], m[i + 1] - m[i]
                add({(i, j): 1 / low + 1 / high, (i - 1, j): -1 / low, (i + 1, j): -1 / high})
    for k in range(n):  # |c' − c| ≤ u
        for sign in (1.0, -1.0):
            row = np.zeros(2 * n)
            row[k], row[n + k] = sign, -1.0
            rows.append(row)
            limits.append(sign * float(old.ravel()[k]))
    floor = np.maximum(1 - m[:, None] * np.exp(-rate * tau), 0.0).ravel()
    bounds = [(low, 1.0) for low in floor] + [(0.0, None)] * n
    found = linprog(
        [0.0] * n + [1.0] * n, A_ub=np.array(rows), b_ub=np.array(limits), bounds=bounds, method="highs-ipm"
    )
    return float(found.fun)


@pytest.mark.parametrize("seed", range(4))
def test_no_other_solver_finds_a_smaller_change(seed: int) -> None:
    surface = noisy(CH2_GRID, 0.03, seed, 0.02)
    repaired = arbitrage_repair.repair(surface, CH2_GRID, 0.02)
    least = longhand_least_change(surface, CH2_GRID, 0.02)
    assert np.abs(repaired.price_change).sum() == pytest.approx(least, rel=1e-5)


def test_the_reported_change_is_that_of_the_prices() -> None:
    surface = noisy(CH2_GRID, 0.03, 7)
    repaired = arbitrage_repair.repair(surface, CH2_GRID, 0.01)
    m, tau = CH2_GRID.moneyness[:, None], CH2_GRID.maturity
    new, old = (black_scholes.relative_call(m, tau, iv, 0.01) for iv in (repaired.iv, surface))
    assert repaired.price_change == pytest.approx(new - old, abs=1e-13)
    assert repaired.iv_change == pytest.approx(repaired.iv - surface)


def test_changes_stay_inside_the_spread_where_they_can() -> None:
    surface = noisy(CH2_GRID, 0.01, 11)
    none = arbitrage_repair.repair(surface, CH2_GRID)
    assert none.before > 0
    wide = np.full(CH2_GRID.shape, 2 * np.abs(none.price_change).max())
    inside = arbitrage_repair.repair(surface, CH2_GRID, half_spread=wide)
    assert inside.beyond_spread.max() == 0.0
    assert (np.abs(inside.price_change) <= wide).all()
    # inside the spread the smallest change is still preferred
    assert np.abs(inside.price_change).sum() == pytest.approx(np.abs(none.price_change).sum(), rel=1e-6)


def test_a_tight_quote_is_left_and_a_wide_one_moved() -> None:
    surface = MODEL.surface(CH2_GRID)
    surface[4, 3] += 0.05
    tight_there = np.full(CH2_GRID.shape, 0.05)
    tight_there[4, 3] = 0.0
    repaired = arbitrage_repair.repair(surface, CH2_GRID, half_spread=tight_there)
    assert repaired.price_change[4, 3] == 0.0
    assert repaired.beyond_spread.max() == 0.0
    assert repaired.after == 0.0


def test_a_violation_of_worthless_options_is_repaired_too() -> None:
    # far out of the money at one day: prices of 1e-13 and below, in the wrong order
    surface = np.full(VOLGAN_GRID.shape, 0.2)
    surface[-1, 0] = 0.9
    repaired = arbitrage_repair.repair(surface, VOLGAN_GRID)
    assert repaired.after == 0.0
    assert (np.abs(repaired.price_change).max() < 1e-6) == (repaired.before < 1e-4)


@pytest.mark.parametrize(
    ("iv", "spread", "words"),
    [
        (np.full((3, 3), 0.2), None, "expected one surface"),
        (np.full((2, 10, 8), 0.2), None, "expected one surface"),
        (np.full((10, 8), -0.2), None, "finite and > 0"),
        (np.full((10, 8), 0.2), np.full((10, 8), -1.0), "half-spreads >= 0"),
        (np.full((10, 8), 0.2), np.full((3, 3), 0.1), "half-spreads >= 0"),
    ],
)
def test_bad_input_is_refused(iv: np.ndarray, spread: np.ndarray | None, words: str) -> None:
    with pytest.raises(MarketDataError, match=words):
        arbitrage_repair.repair(iv, CH2_GRID, half_spread=spread)
