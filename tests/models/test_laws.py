"""Laws that every generator of next-day surfaces keeps: no look-ahead, one day or many, seeds, state, paths.

They run over the registry, so that a new model is held to them without a line here. What is particular to a family is
in its own test.
"""

import dataclasses

import numpy as np
import pytest

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory
from engine.models import registry
from engine.models.registry import surface_model
from engine.models.rollout import HistoryChain
from engine.models.simulated.market import simulate
from engine.settings import describe

GRID = Grid([0.8, 0.9, 1.0, 1.1, 1.2], [1 / 12, 1 / 4, 1 / 2])
ELSEWHERE = Grid([0.9, 1.0, 1.1], [0.1, 0.5])
NAMES = registry.fitted_to_data()
"""All but the law of built-in data, which is not fitted: ``test_simulated_market``."""

FAMILIES = {name for name in NAMES if registry.spec(name).family}
SMALL = {"volgan": {"epochs": 200, "matching_epochs": 1}} | {name: {"epochs": 2} for name in FAMILIES}
"""Settings with which a model that takes minutes takes a moment."""

TRAINED_BY_SEED = {"volgan", *FAMILIES}
"""Models whose fit depends on its seed, and whose chain draws all paths' numbers at once, in single precision."""

EVERY = pytest.mark.parametrize("name", NAMES)
DAYS, FITTED = 420, 300


@pytest.fixture(scope="module")
def history():
    return simulate(GRID, DAYS, 3).history


def fresh(name):
    kind = surface_model(name)
    return kind(kind.Config(**SMALL.get(name, {})))


@pytest.fixture(scope="module")
def fitted(history):
    models = {}
    for name in NAMES:
        models[name] = fresh(name)
        models[name].report = models[name].fit(history[:FITTED], seed=0)
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
    streamed = list(fitted[name].days(history, rows, 20, rng=np.random.default_rng(1)))
    rng = np.random.default_rng(1)
    for k, row in enumerate(rows):
        one = fitted[name].sample(history.until(row), 20, rng=rng)
        for found in (one, streamed[k]):
            np.testing.assert_allclose(found.log_return, together.log_return[k], rtol=1e-9, atol=1e-15)
            np.testing.assert_allclose(found.log_iv, together.log_iv[k], rtol=1e-9, atol=1e-12)
            assert found.provenance["condition_date"] == str(history.dates[row])
        assert streamed[k].provenance == one.provenance
    assert together.provenance["model"] == name


@EVERY
def test_no_scenario_knows_a_later_day(fitted, history, name):
    rows = [200, 350]
    seen = [
        fitted[name].sample_days(some, rows, 30, rng=np.random.default_rng(2))
        for some in (history, changed_after(history, rows[-1]), history.until(rows[-1]))
    ]
    for other in seen[1:]:
        np.testing.assert_array_equal(seen[0].log_return, other.log_return)
        np.testing.assert_array_equal(seen[0].log_iv, other.log_iv)


@EVERY
def test_scenarios_are_finite_equally_likely_and_the_seed_decides(fitted, history, name):
    def draw(seed):
        return fitted[name].sample(history, 25, rng=np.random.default_rng(seed))

    one, same, other = draw(4), draw(4), draw(5)
    assert one.log_iv.shape == (25, *GRID.shape) and np.isfinite(one.log_iv).all()
    np.testing.assert_allclose(one.weights, 1 / 25)
    np.testing.assert_array_equal(one.log_return, same.log_return)
    np.testing.assert_array_equal(one.log_iv, same.log_iv)
    if name != "persistence":
        assert (one.log_return != other.log_return).any() and not np.array_equal(one.log_iv, other.log_iv)


@EVERY
def test_a_state_makes_the_same_model(fitted, history, name):
    state = fitted[name].state()
    assert all(isinstance(array, np.ndarray) and np.isfinite(array).all() for array in state.values())
    again = fresh(name)
    again.restore({key: array.copy() for key, array in state.items()}, GRID)
    a, b = (model.sample(history, 15, rng=np.random.default_rng(6)) for model in (fitted[name], again))
    np.testing.assert_array_equal(a.log_iv, b.log_iv)
    np.testing.assert_array_equal(a.log_return, b.log_return)
    for key, array in again.state().items():
        np.testing.assert_array_equal(array, state[key])


@EVERY
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(fitted, history, name):
    state = fitted[name].state()
    model = fresh(name)
    first = next(key for key, array in state.items() if array.dtype.kind == "f")
    broken = {**state, first: state[first][..., :-1]}
    not_finite = {**state, first: np.full_like(state[first], np.nan)}

    def refused():
        for bad, grid in ((broken, GRID), ({}, GRID), (state, ELSEWHERE), ({**state, "extra": np.zeros(1)}, GRID)):
            with pytest.raises(CheckpointError, match="expected"):
                model.restore(bad, grid)
        with pytest.raises(CheckpointError, match="finite"):
            model.restore(not_finite, GRID)

    refused()
    with pytest.raises(CheckpointError, match="fitted or restored"):
        model.state()
    model.restore(state, GRID)
    refused()
    a, b = (one.sample(history, 5, rng=np.random.default_rng(6)) for one in (fitted[name], model))
    np.testing.assert_array_equal(a.log_iv, b.log_iv)


@EVERY
def test_a_fit_reports_its_days_and_repeats_itself(fitted, history, name):
    report = fitted[name].report
    assert report.trained_on[1] == str(history.dates[FITTED - 2]) and report.seconds >= 0
    again = fresh(name)
    again.fit(history[:FITTED], seed=0 if name in TRAINED_BY_SEED else 99)
    for key, array in fitted[name].state().items():
        np.testing.assert_array_equal(array, again.state()[key])
    again.refit(history[: FITTED + 100], seed=0)
    assert name == "persistence" or any((fitted[name].state()[k] != v).any() for k, v in again.state().items())


@EVERY
def test_questions_that_cannot_be_answered(fitted, history, name):
    rng = np.random.default_rng(0)
    model, elsewhere = fitted[name], simulate(ELSEWHERE, 60, 0).history
    with pytest.raises(SettingsError, match="at least one scenario"):
        model.sample(history, 0, rng=rng)
    with pytest.raises(MarketDataError, match="expected"):
        model.sample(history[:10], 5, rng=rng)
    with pytest.raises(MarketDataError, match="expected"):
        model.sample_days(history, [], 5, rng=rng)
    with pytest.raises(MarketDataError, match="model's grid"):
        model.sample(elsewhere, 5, rng=rng)
    with pytest.raises((SettingsError, MarketDataError), match="expected at least one"):
        model.chain(history, 0)
    with pytest.raises(MarketDataError, match="expected surfaces on the model's grid"):
        model.chain(elsewhere, 2)
    with pytest.raises(MarketDataError, match="expected"):
        model.chain(history[:20], 2)
    unfitted = fresh(name)
    with pytest.raises(CheckpointError, match="expected a fitted or restored"):
        unfitted.sample(history, 5, rng=rng)
    with pytest.raises(CheckpointError, match="expected a fitted or restored"):
        unfitted.chain(history, 2)
    with pytest.raises(MarketDataError, match="at least"):
        unfitted.fit(history[:15], seed=0)


@EVERY
def test_paths_walk_as_a_history_per_path_does(fitted, history, name):
    """The condition that a chain carries, against a history of its own for every path."""
    paths = 1 if name in FAMILIES else 3  # one seed draws a day of all paths, and each of those of a history per path
    chain, steps = fitted[name].chain(history, paths), 6
    assert type(chain) is not HistoryChain
    fast, general = walked(chain, steps), walked(HistoryChain(fitted[name], history, paths), steps)
    rtol = 2e-4 if name in TRAINED_BY_SEED else 1e-7
    np.testing.assert_allclose(fast[0], general[0], rtol=rtol, atol=rtol * 1e-2)
    np.testing.assert_allclose(fast[1], general[1], rtol=0, atol=rtol)
    if name != "persistence":
        several = walked(fitted[name].chain(history, 3), 2)
        assert np.ptp(several[0], axis=1).min() > 0 and np.ptp(several[1], axis=1).max() > 0


@EVERY
def test_paths_know_nothing_of_the_future_and_keep_the_days_they_gave(fitted, history, name):
    model, row = fitted[name], 250
    chains = [model.chain(some, 3) for some in (history.until(row), history[: row + 1])]
    rngs = [np.random.default_rng(3), np.random.default_rng(3)]
    first = [chain.step(rng) for chain, rng in zip(chains, rngs, strict=True)]
    kept = first[0].log_return.copy(), first[0].log_iv.copy()
    for _ in range(2):
        one, other = (chain.step(rng) for chain, rng in zip(chains, rngs, strict=True))
        np.testing.assert_array_equal(one.log_iv, other.log_iv)
        np.testing.assert_array_equal(one.log_return, other.log_return)
    assert np.array_equal(first[0].log_return, kept[0]) and np.array_equal(first[0].log_iv, kept[1])


def walked(chain, steps, seed=1):
    rng = np.random.default_rng(seed)
    days = [chain.step(rng) for _ in range(steps)]
    return np.stack([day.log_return for day in days]), np.stack([day.log_iv for day in days])


@EVERY
def test_settings_describe_themselves(name):
    kind = surface_model(name)
    assert kind.name == name and kind.label
    for info in describe(kind.Config):
        assert info.label and info.help
        assert info.default in info.choices if info.choices else info.low <= info.default <= info.high
    assert dataclasses.is_dataclass(kind.Config) and kind().config == kind.Config()
