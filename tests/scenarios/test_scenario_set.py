import io

import numpy as np
import pytest

from engine.errors import MarketDataError
from engine.market.grid import CH2_GRID, Grid
from engine.scenarios.scenario_set import ScenarioSet

GRID = Grid([0.9, 1.0, 1.1], np.array([30, 91]) / 365)


def scenarios(n=5, grid=GRID, dtype=np.float64, **more):
    rng = np.random.default_rng(0)
    log_return = rng.normal(0, 0.01, n).astype(dtype)
    log_iv = rng.normal(-1.6, 0.1, (n, *grid.shape)).astype(dtype)
    return ScenarioSet(log_return, log_iv, grid, **more)


def test_weights_are_uniform_unless_given():
    many = scenarios(8)
    np.testing.assert_array_equal(many.weights, np.full(8, 1 / 8))
    assert len(many) == 8
    w = np.array([0.5, 0.5, 0, 0, 0, 0, 0, 0])
    again = many.weighted(w)
    np.testing.assert_array_equal(again.weights, w)
    assert again.log_iv is many.log_iv and again.grid is many.grid


def test_iv_is_the_exponential_in_the_precision_given():
    few = scenarios(dtype=np.float32)
    assert few.iv.dtype == np.float32
    np.testing.assert_array_equal(few.iv, np.exp(few.log_iv))


def test_leading_axes_are_conditions():
    rng = np.random.default_rng(0)
    batch = ScenarioSet(rng.normal(size=(2, 5)), rng.normal(size=(2, 5, *GRID.shape)), GRID)
    assert len(batch) == 5 and batch.weights.shape == (2, 5)
    with pytest.raises(MarketDataError, match="scenarios of one condition"):
        batch.to_frame()


def test_a_table_written_as_csv_reads_back_as_the_same_scenarios():
    pd = pytest.importorskip("pandas")
    w = np.random.default_rng(1).dirichlet(np.ones(5))
    before = scenarios(weights=w, provenance={"model": "volgan", "spot": 4000.0})
    text = before.to_frame().to_csv(index=False)
    frame = pd.read_csv(io.StringIO(text))
    assert list(frame.columns) == [
        *("scenario", "weight", "log_return"),
        *("iv_30d_0.9", "iv_91d_0.9", "iv_30d_1", "iv_91d_1", "iv_30d_1.1", "iv_91d_1.1"),
    ]
    assert frame["scenario"].tolist() == list(range(5))
    vols = GRID.unflatten(frame.iloc[:, 3:].to_numpy())
    after = ScenarioSet(frame["log_return"].to_numpy(), np.log(vols), GRID, frame["weight"].to_numpy())
    np.testing.assert_array_equal(after.weights, before.weights)
    np.testing.assert_array_equal(after.log_return, before.log_return)
    np.testing.assert_allclose(after.log_iv, before.log_iv, rtol=1e-14)


def test_every_point_of_a_grid_has_its_own_column():
    columns = scenarios(2, CH2_GRID).to_frame().columns
    assert len(set(columns)) == 3 + CH2_GRID.size


def test_shapes_values_and_weights_are_checked():
    log_return, log_iv = np.zeros(4), np.zeros((4, *GRID.shape))
    with pytest.raises(MarketDataError, match=r"log vols of shape \(4, 3, 2\); found \(4, 2, 3\)"):
        ScenarioSet(log_return, log_iv.swapaxes(1, 2), GRID)
    with pytest.raises(MarketDataError, match="finite scenarios"):
        ScenarioSet(np.array([0, 0, np.nan, 0]), log_iv, GRID)
    with pytest.raises(MarketDataError, match="finite scenarios"):
        ScenarioSet(log_return, np.full_like(log_iv, np.inf), GRID)
    with pytest.raises(MarketDataError, match=r"weights of shape \(4,\); found \(3,\)"):
        ScenarioSet(log_return, log_iv, GRID, np.full(3, 1 / 3))
    for wrong in ([1.5, -0.5, 0, 0], [0.5, 0.5, 0.5, 0.5], [np.nan, 0.5, 0.25, 0.25]):
        with pytest.raises(MarketDataError, match="weights >= 0 that sum to one"):
            ScenarioSet(log_return, log_iv, GRID, np.array(wrong))
