"""Laws that every baseline keeps: no look-ahead, one day or many, seeds, state, refusals."""

import dataclasses

import numpy as np
import pytest

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.registry import surface_model
from engine.models.simulated.market import simulate
from engine.settings import describe

GRID = Grid([0.8, 0.9, 1.0, 1.1, 1.2], [1 / 12, 1 / 4, 1 / 2])
NAMES = ["persistence", "historical", "fhs", "fhs_garch", "pca_ou", "gaussian_var", "linear_anchor"]
EVERY = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def history():
    return simulate(GRID, 420, 3).history


@pytest.fixture(scope="module")
def fitted(history):
    models = {}
    for name in NAMES:
        models[name] = surface_model(name)()
        models[name].report = models[name].fit(history[:300], seed=0)
    return models


def changed_after(history, row):
    """The same history with every later day put upside down."""
    spot, iv = history.spot.copy(), history.iv.copy()
    spot[row + 1 :] *= np.linspace(1.1, 2, len(spot) - row - 1)
    iv[row + 1 :] = np.abs(0.9 - iv[row + 1 :]) + 0.05
    return SurfaceHistory(history.dates, spot, iv, history.grid, history.rate)


@EVERY
def test_many_days_are_one_day_after_the_other(fitted, history, name):
    rows = [310, 330, 419]
    together = fitted[name].sample_days(history, rows, 20, rng=np.random.default_rng(1))
    rng = np.random.default_rng(1)
    for k, row in enumerate(rows):
        one = fitted[name].sample(history.until(row), 20, rng=rng)
        np.testing.assert_allclose(one.log_return, together.log_return[k], rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(one.log_iv, together.log_iv[k], rtol=1e-9, atol=1e-12)
        assert one.provenance["condition_date"] == str(history.dates[row])
    assert together.provenance["model"] == name


@EVERY
def test_no_scenario_knows_a_later_day(fitted, history, name):
    row = 350
    seen = [
        fitted[name].sample_days(some, [row], 30, rng=np.random.default_rng(2))
        for some in (history, changed_after(history, row), history.until(row))
    ]
    for other in seen[1:]:
        np.testing.assert_array_equal(seen[0].log_return, other.log_return)
        np.testing.assert_array_equal(seen[0].log_iv, other.log_iv)


@EVERY
def test_the_seed_decides(fitted, history, name):
    def draw(seed):
        return fitted[name].sample(history, 25, rng=np.random.default_rng(seed)).log_return

    np.testing.assert_array_equal(draw(4), draw(4))
    assert name == "persistence" or (draw(4) != draw(5)).any()


@EVERY
def test_a_state_makes_the_same_model(fitted, history, name):
    state = fitted[name].state()
    assert all(isinstance(array, np.ndarray) and np.isfinite(array).all() for array in state.values())
    again = surface_model(name)()
    again.restore({key: array.copy() for key, array in state.items()}, GRID)
    a, b = (model.sample(history, 15, rng=np.random.default_rng(6)) for model in (fitted[name], again))
    np.testing.assert_array_equal(a.log_iv, b.log_iv)
    np.testing.assert_array_equal(a.log_return, b.log_return)


@EVERY
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(fitted, name):
    state = fitted[name].state()
    model = surface_model(name)()
    first = next(iter(state))
    broken = {**state, first: state[first][..., :-1]}
    for bad, grid in ((broken, GRID), ({}, GRID), (state, Grid([0.8, 1.0, 1.2], [0.1, 0.5]))):
        with pytest.raises(CheckpointError, match="expected"):
            model.restore(bad, grid)
    with pytest.raises(CheckpointError, match="finite"):
        model.restore({**state, first: np.full_like(state[first], np.nan)}, GRID)
    with pytest.raises(CheckpointError, match="fitted or restored"):
        model.state()


@EVERY
def test_a_fit_reports_its_days_and_has_no_seed_in_it(fitted, history, name):
    report = fitted[name].report
    assert report.trained_on[1] == str(history.dates[298]) and report.seconds >= 0
    again = surface_model(name)()
    again.fit(history[:300], seed=99)
    for key, array in fitted[name].state().items():
        np.testing.assert_array_equal(array, again.state()[key])
    again.refit(history[:400], seed=0)
    assert name == "persistence" or any((fitted[name].state()[k] != v).any() for k, v in again.state().items())


@EVERY
def test_questions_that_cannot_be_answered(fitted, history, name):
    rng = np.random.default_rng(0)
    model = fitted[name]
    with pytest.raises(SettingsError, match="at least one scenario"):
        model.sample(history, 0, rng=rng)
    with pytest.raises(MarketDataError, match="condition rows"):
        model.sample(history[:10], 5, rng=rng)
    with pytest.raises(MarketDataError, match="condition rows"):
        model.sample_days(history, [], 5, rng=rng)
    with pytest.raises(MarketDataError, match="model's grid"):
        model.sample(simulate(Grid([0.9, 1.0, 1.1], [0.1, 0.5]), 60, 0).history, 5, rng=rng)
    fresh = surface_model(name)()
    with pytest.raises(CheckpointError, match="without a fit"):
        fresh.sample(history, 5, rng=rng)
    with pytest.raises(MarketDataError, match="at least"):
        fresh.fit(history[:15], seed=0)


@EVERY
def test_settings_describe_themselves(name):
    kind = surface_model(name)
    assert kind.name == name and kind.label
    for info in describe(kind.Config):
        assert info.label and info.help and info.low <= info.default <= info.high
    assert dataclasses.is_dataclass(kind.Config) and kind().config == kind.Config()
