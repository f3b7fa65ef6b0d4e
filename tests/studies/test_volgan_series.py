"""Which vols stand for the thesis's on a grid, and what is read off a history."""

import numpy as np
import pytest

from engine.market.grid import CH2_GRID, VOLGAN_GRID, Grid
from engine.models.simulated.market import simulate
from engine.studies.volgan.forecasts import followed, observed
from engine.surfaces import vix
from tests.models.small_market import small_history

NARROW = Grid([0.9, 1.0, 1.1], [61 / 365, 91 / 365, 1.0])


def test_the_thesis_grid_reaches_all_twelve_points() -> None:
    series = followed(VOLGAN_GRID)
    assert len(series.points) == 12 and series.table()["exact"].all()
    assert series.labels[:2] == ("S", "VIX") and series.published == series.labels
    assert series.points[series.atm].label == "1M 100 %"


def test_points_off_a_grid_go_to_its_edge_once_and_keep_the_closest_name() -> None:
    series = followed(NARROW)
    assert [p.label for p in series.points] == ["2M 90 %", "2M 100 %", "2M 110 %", "3M 90 %", "3M 100 %", "3M 110 %"]
    assert [p.wanted for p in series.points] == ["1M 75 %", "1M 100 %", "1M 125 %", "3M 75 %", "3M 100 %", "3M 125 %"]
    assert series.stands_for["1D 75 %"] == "2M 90 %" and series.points[series.atm].label == "2M 100 %"
    table = series.table().set_index("wanted")
    assert table.loc["3M 100 %", "exact"] and not table.loc["1M 100 %", "exact"]
    assert not table.loc["1D 75 %", "published_beside"] and table.loc["1M 75 %", "published_beside"]


def test_points_between_the_strikes_are_interpolated() -> None:
    iv = np.random.default_rng(0).uniform(0.1, 0.4, CH2_GRID.shape)
    series = followed(CH2_GRID)
    vols = dict(zip(series.labels[2:], series.vols(iv), strict=True))
    m, tau = CH2_GRID.moneyness, CH2_GRID.maturity
    i, j = int(np.searchsorted(m, 1.25)) - 1, int(np.searchsorted(tau, 0.25)) - 1
    u, v = (1.25 - m[i]) / (m[i + 1] - m[i]), (0.25 - tau[j]) / (tau[j + 1] - tau[j])
    early, late = ((1 - u) * iv[i, k] + u * iv[i + 1, k] for k in (j, j + 1))
    assert vols["3M 125 %"] == pytest.approx((1 - v) * early + v * late, rel=1e-12)


def test_what_came_is_the_return_after_a_row_and_the_rest_at_it() -> None:
    history = simulate(CH2_GRID, 60, seed=1).history
    series = followed(CH2_GRID)
    came, own = observed(history, series)
    np.testing.assert_allclose(came[:-1, 0], np.diff(np.log(history.spot)), rtol=1e-9)
    assert np.isnan(came[-1, 0])
    np.testing.assert_array_equal(came[:, 1], history.vix)
    np.testing.assert_allclose(own, vix.from_surface(history.iv, CH2_GRID, history.rate), rtol=1e-12)
    np.testing.assert_allclose(came[5, 2:], series.vols(history.iv[5]), rtol=1e-12)


def test_data_without_an_index_are_held_against_that_of_their_surfaces() -> None:
    history = small_history(40)
    came, own = observed(history, followed(history.grid))
    np.testing.assert_array_equal(came[:, 1], own)
