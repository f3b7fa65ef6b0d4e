"""The grid: axes, flattening, interpolation against scipy, labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator

from engine.errors import MarketDataError
from engine.market.grid import CH2_GRID, LOWEST_IV, VOLGAN_GRID, Grid, maturity_label


@st.composite
def grids(draw):
    def axis(least, gap):
        steps = draw(st.lists(st.floats(gap, 0.5), min_size=least, max_size=7))
        return np.cumsum(steps)

    return Grid(axis(3, 0.01), axis(2, 0.002))


@settings(max_examples=20, deadline=None)
@given(grids(), st.integers(0, 2**32 - 1))
def test_interpolation_is_scipys_linear_one_inside_and_outside_the_grid(grid, seed):
    rng = np.random.default_rng(seed)
    surface = rng.uniform(0.1, 0.6, size=grid.shape)
    m = rng.uniform(grid.moneyness[0] - 0.05, grid.moneyness[-1] + 0.05, size=25)
    tau = rng.uniform(grid.maturity[0] - 0.01, grid.maturity[-1] + 0.01, size=25)
    oracle = RegularGridInterpolator(
        (grid.moneyness, grid.maturity), surface, method="linear", bounds_error=False, fill_value=None
    )
    expected = np.maximum(oracle(np.stack([m, tau], axis=-1)), LOWEST_IV)
    np.testing.assert_allclose(grid.interpolate(surface, m, tau), expected, rtol=1e-9, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(grids(), st.integers(0, 2**32 - 1))
def test_interpolation_keeps_the_nodes_and_broadcasts_over_days(grid, seed):
    surfaces = np.random.default_rng(seed).uniform(0.1, 0.6, size=(2, 3, *grid.shape))
    again = grid.interpolate(surfaces, grid.moneyness[:, None], grid.maturity)
    assert again.shape == surfaces.shape
    np.testing.assert_allclose(again, surfaces, rtol=1e-13)


def test_extrapolated_vols_stay_positive():
    steep = np.linspace(1.0, 0.01, 10)[:, None] * np.ones(8)
    assert CH2_GRID.interpolate(steep, 3.0, 0.1) == LOWEST_IV


def test_flatten_runs_over_maturity_fastest_and_unflatten_undoes_it():
    surfaces = np.arange(2 * CH2_GRID.size).reshape(2, *CH2_GRID.shape)
    flat = CH2_GRID.flatten(surfaces)
    assert flat[1, 3 * CH2_GRID.shape[1] + 5] == surfaces[1, 3, 5]
    np.testing.assert_array_equal(CH2_GRID.unflatten(flat), surfaces)
    with pytest.raises(MarketDataError, match="expected surfaces"):
        CH2_GRID.flatten(surfaces[:, :-1])
    with pytest.raises(MarketDataError, match="expected vectors"):
        CH2_GRID.unflatten(flat[:, :-1])


def test_standard_grids_are_those_of_the_thesis():
    assert CH2_GRID.shape == (10, 8) and VOLGAN_GRID.shape == (11, 9)
    assert CH2_GRID.moneyness[[0, -1]] == pytest.approx([0.6, 1.4])
    assert VOLGAN_GRID.maturity_labels == ("1D", "1W", "2W", "1M", "2M", "3M", "6M", "9M", "1Y")
    assert CH2_GRID.maturity_labels == ("1M", "2M", "3M", "4M", "5M", "6M", "9M", "1Y")
    assert VOLGAN_GRID.moneyness_labels[4] == "95 %"


@pytest.mark.parametrize(
    ("days", "label"), [(1, "1D"), (5, "5D"), (7, "1W"), (21, "3W"), (45, "45D"), (548, "18M"), (730, "2Y")]
)
def test_maturities_in_market_words(days, label):
    assert maturity_label(days / 365) == label


@pytest.mark.parametrize(
    ("moneyness", "maturity", "sentence"),
    [
        ([0.9, 1.0], [0.1, 0.2], "at least 3 moneyness values; found 2"),
        ([0.9, 1.0, 1.1], [0.1], "at least 2 maturity values; found 1"),
        ([0.9, 1.0, 1.0], [0.1, 0.2], "strictly increasing moneyness"),
        ([1.1, 1.0, 0.9], [0.1, 0.2], "strictly increasing moneyness"),
        ([0.0, 1.0, 1.1], [0.1, 0.2], "finite and > 0"),
        ([0.9, 1.0, np.nan], [0.1, 0.2], "finite and > 0"),
        ([0.9, 1.0, 1.1], [-0.1, 0.2], "finite and > 0"),
    ],
)
def test_axes_are_checked(moneyness, maturity, sentence):
    with pytest.raises(MarketDataError, match=sentence):
        Grid(moneyness, maturity)


def test_grids_are_values():
    again = Grid.from_dict(CH2_GRID.to_dict())
    assert again == CH2_GRID and hash(again) == hash(CH2_GRID) and CH2_GRID != VOLGAN_GRID
    with pytest.raises(ValueError, match="read-only"):
        CH2_GRID.moneyness[0] = 1.0
    assert CH2_GRID.nearest(1.01, 0.26) == (5, 2)
