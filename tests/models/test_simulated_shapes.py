"""Average surface and shapes of the simulated market: orthogonality, signs, arbitrage, the way back to the factors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MarketDataError
from engine.market.grid import CH2_GRID, VOLGAN_GRID, Grid
from engine.models.simulated import law
from engine.models.simulated.law import HALF_TICK, half_spreads, surface_shapes
from engine.surfaces import arbitrage, black_scholes

SMALL = Grid([0.8, 0.9, 1.0, 1.1, 1.2], [1 / 12, 1 / 4, 1 / 2])
BUILT_IN_GRIDS = pytest.mark.parametrize("grid", [CH2_GRID, VOLGAN_GRID], ids=["10x8", "11x9"])


@BUILT_IN_GRIDS
def test_shapes_are_orthonormal_on_the_grid(grid):
    flat = surface_shapes(grid).shapes.reshape(4, -1)
    assert np.abs(flat @ flat.T - np.eye(4)).max() < 1e-13


def test_on_a_small_grid_they_are_orthogonal_with_the_norm_of_its_share():
    flat = surface_shapes(SMALL).shapes.reshape(4, -1)
    assert np.abs(flat @ flat.T - np.eye(4) * SMALL.size / 80).max() < 1e-13


@BUILT_IN_GRIDS
def test_signs_are_those_of_level_skew_term_and_curvature(grid):
    level, skew, term, curvature = surface_shapes(grid).shapes
    i, j = grid.nearest(1.0, 1 / 12)
    assert (level > 0).all()
    assert (skew[0] > 0).all()
    assert (skew[-1] < 0).all()
    assert (np.diff(skew, axis=0) < 0).all()
    assert (term[:, 0] < 0).all()
    assert (term[:, -1] > 0).all()
    assert (np.diff(term, axis=1) > 0).all()
    assert curvature[i, j] < 0 < min(curvature[0, j], curvature[-1, j])


@BUILT_IN_GRIDS
def test_a_fall_raises_the_vol_the_skew_the_wings_and_inverts_the_term_structure(grid):
    """One return shock of −1 moves each factor by −ρ_i on average (Table 2.2's signs)."""
    shapes = surface_shapes(grid)
    before = law.MEAN
    after = before - law.STEP * law.RETURN_CORRELATION
    move = shapes.log_iv(after) - shapes.log_iv(before)
    i, j = grid.nearest(1.0, 1 / 12)
    assert move[i, j] > 0
    assert move[0, j] > move[-1, j] > 0
    assert move[i, j] > move[i, -1]


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.05])
@pytest.mark.parametrize(
    "grid",
    [CH2_GRID, VOLGAN_GRID, Grid(np.linspace(0.3, 2.5, 60), np.geomspace(1 / 252, 5, 30))],
    ids=["10x8", "11x9", "60x30"],
)
def test_the_average_surface_is_free_of_static_arbitrage(grid, rate):
    assert arbitrage.penalty(surface_shapes(grid).average, grid, rate).total == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-8, 8), min_size=4, max_size=4))
def test_surfaces_reveal_their_factors_exactly(factors):
    for grid in (CH2_GRID, VOLGAN_GRID, SMALL):
        shapes = surface_shapes(grid)
        assert np.abs(shapes.factors(shapes.log_iv(np.array(factors))) - factors).max() < 1e-12


def test_vols_rounded_to_four_digits_still_reveal_them():
    shapes = surface_shapes(CH2_GRID)
    factors = law.MEAN + law.STATIONARY_SD * np.random.default_rng(0).standard_normal((50, 4))
    rounded = np.round(np.exp(shapes.log_iv(factors)), 4)
    assert np.abs(shapes.factors(np.log(rounded)) - factors).max() < 0.02


def test_another_markets_surface_is_refused():
    iv = surface_shapes(CH2_GRID).average.copy()
    iv[4, 2] *= 1.05
    with pytest.raises(MarketDataError, match="simulated market"):
        surface_shapes(CH2_GRID).factors(np.log(iv))


def test_a_grid_without_room_for_four_shapes_is_refused():
    with pytest.raises(MarketDataError, match="four shapes"):
        surface_shapes(Grid(1 + 1e-9 * np.arange(3), 1 + 1e-9 * np.arange(2)))


def test_half_spreads_are_a_tenth_of_a_vol_point_at_the_money_and_wider_elsewhere():
    iv = np.full(VOLGAN_GRID.shape, 0.18)
    calls, puts = half_spreads(iv, VOLGAN_GRID)
    i, j = VOLGAN_GRID.nearest(1.0, 1 / 12)

    def vol_points(row, column):
        vega = black_scholes.vega(1.0, VOLGAN_GRID.moneyness[row], VOLGAN_GRID.maturity[column], 0.18)
        return 100 * calls[row, column] / vega

    assert 0.08 < vol_points(i, j) < 0.12
    assert vol_points(i + 2, j) > vol_points(i, j) < vol_points(i - 2, j)
    assert vol_points(i, 0) > vol_points(i, j) > vol_points(i, -1)
    assert (calls[: i - 1] >= puts[: i - 1]).all()
    assert (calls[i + 2 :] <= puts[i + 2 :]).all()
    assert min(calls.min(), puts.min()) == HALF_TICK


def test_half_spreads_grow_with_vol_and_keep_the_leading_axes():
    iv = np.full((3, 2, *CH2_GRID.shape), 0.15) * np.array([1, 2, 3])[:, None, None, None]
    spreads = half_spreads(iv, CH2_GRID)
    assert spreads.shape == (3, 2, 2, *CH2_GRID.shape)
    assert (np.diff(spreads, axis=0) >= 0).all()
    assert np.array_equal(spreads[1, 0], half_spreads(iv[1, 0], CH2_GRID))
