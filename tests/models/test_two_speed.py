"""The two-speed mixture: what it may know, that it repeats itself, its state, its weights, and that it learns."""

import subprocess
import sys

import numpy as np
import pytest

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.evaluation import comparison, scores
from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.conditional_fhs.historical import FilteredHistoricalSimulation
from engine.models.conditional_fhs.innovations import moves
from engine.models.conditional_fhs.two_speed import TwoSpeed, TwoSpeedConfig
from engine.models.conditional_fhs.two_speed_training import MEMBERS
from engine.models.registry import role, surface_model
from engine.models.simulated.market import simulate
from tests.models.small_market import SMALL_GRID, small_history

HISTORY = simulate(SMALL_GRID, 260, 3).history


@pytest.fixture(scope="module")
def fitted() -> TwoSpeed:
    model = TwoSpeed()
    model.fit(HISTORY[:240], seed=0)
    return model


def draw(model, history=HISTORY, n=50, seed=1):
    return model.sample(history, n, rng=np.random.default_rng(seed))


def test_the_registry_lists_a_learned_model_without_torch():
    imported = "import sys; from engine.models.registry import surface_model as of; of('two_speed')"
    code = f"{imported}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert surface_model("two_speed") is TwoSpeed and role("two_speed") == "learned"


def test_its_scenarios_do_not_change_with_the_days_that_follow(fitted):
    rows = list(range(200, 240, 7))
    order = np.random.default_rng(2).permutation(np.arange(236, 260))
    shuffled = SurfaceHistory(
        dates=HISTORY.dates,
        spot=np.concatenate([HISTORY.spot[:236], HISTORY.spot[order]]),
        iv=np.concatenate([HISTORY.iv[:236], HISTORY.iv[order]]),
        grid=HISTORY.grid,
    )
    one = fitted.sample_days(HISTORY, rows, 20, rng=np.random.default_rng(0))
    other = fitted.sample_days(shuffled, rows, 20, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(one.log_return, other.log_return)
    np.testing.assert_array_equal(one.log_iv, other.log_iv)


def test_many_days_at_once_are_single_days_in_a_row(fitted):
    rows = [150, 180, 259]
    together = fitted.sample_days(HISTORY, rows, 15, rng=np.random.default_rng(5))
    streamed = list(fitted.days(HISTORY, rows, 15, rng=np.random.default_rng(5)))
    rng = np.random.default_rng(5)
    for k, row in enumerate(rows):
        alone = fitted.sample(HISTORY.until(row), 15, rng=rng)
        for found in (alone, streamed[k]):
            np.testing.assert_allclose(together.log_return[k], found.log_return, rtol=1e-9)
            np.testing.assert_allclose(together.log_iv[k], found.log_iv, rtol=1e-9)
        assert streamed[k].provenance == alone.provenance


def test_the_same_seed_gives_the_same_scenarios_and_the_fit_needs_none(fitted):
    drawn = draw(fitted)
    assert drawn.log_iv.shape == (50, *SMALL_GRID.shape) and np.isfinite(drawn.log_iv).all()
    np.testing.assert_array_equal(drawn.log_iv, draw(fitted).log_iv)
    assert not np.array_equal(drawn.log_iv, draw(fitted, seed=2).log_iv)
    again = TwoSpeed()
    again.fit(HISTORY[:240], seed=9)
    for name, array in fitted.state().items():
        np.testing.assert_array_equal(array, again.state()[name])


def test_its_state_holds_no_day_and_comes_back_whole(fitted):
    state = fitted.state()
    assert max(array.size for array in state.values()) < 4 * len(MEMBERS) * 100
    copy = TwoSpeed()
    copy.restore(state, SMALL_GRID)
    np.testing.assert_array_equal(draw(copy).log_iv, draw(fitted).log_iv)
    one, other = TwoSpeed(), TwoSpeed()
    for model in (one, other):
        model.restore(state, SMALL_GRID)
        model.refit(HISTORY, seed=0)
    np.testing.assert_array_equal(one.state()["regret"], other.state()["regret"])
    assert one.state()["regret"].any()
    for change in (
        {"axes": np.zeros((3, 2))},
        {"axes": np.zeros((SMALL_GRID.size, 9))},
        {"mean": np.full_like(state["mean"], np.nan)},
        {"unit": -state["unit"]},
        {"squares": state["squares"] - 1},
        {"since": np.array([1e300])},
        {"extra": np.zeros(1)},
    ):
        with pytest.raises(CheckpointError, match="expected"):
            copy.restore({**state, **change}, SMALL_GRID)
    with pytest.raises(CheckpointError):
        copy.restore(state, Grid([0.9, 1.0, 1.1], [0.1, 1.0]))
    np.testing.assert_array_equal(draw(copy).log_iv, draw(fitted).log_iv)


def test_bad_input_is_refused_in_a_sentence(fitted):
    with pytest.raises(MarketDataError, match="expected at least 120 days of surfaces; found 100"):
        TwoSpeed().fit(HISTORY[:100], seed=0)
    with pytest.raises(MarketDataError, match="expected condition rows"):
        draw(fitted, HISTORY[:40])
    with pytest.raises(MarketDataError, match="expected surfaces on the model's grid"):
        draw(fitted, small_history(grid=Grid([0.9, 1.0, 1.1], [0.1, 1.0])))
    with pytest.raises(SettingsError):
        draw(fitted, n=0)
    with pytest.raises(CheckpointError, match="without a fit"):
        draw(TwoSpeed())


def test_weights_start_equal_and_follow_only_days_after_the_fit():
    model = TwoSpeed(TwoSpeedConfig(rate=1.0))
    model.fit(HISTORY[:240], seed=0)
    np.testing.assert_array_equal(model.weights, 1 / len(MEMBERS))
    before = model.state()
    model.refit(HISTORY[:240], seed=0)  # no day has passed, nothing is learned
    for name, array in before.items():
        np.testing.assert_array_equal(array, model.state()[name])
    model.refit(HISTORY, seed=0)
    assert model.weights.sum() == pytest.approx(1) and np.ptp(model.weights) > 0
    assert model.since == HISTORY.dates[-1]
    model.refit(HISTORY[:200], seed=0)  # a history that does not hold the last fit's day starts anew
    np.testing.assert_array_equal(model.weights, 1 / len(MEMBERS))


def test_a_refit_judges_members_by_what_they_said_before_it():
    """The gradient of each new day, from the law that the old fit had on it, written out."""
    from engine.models.conditional_fhs.aggregation import Aggregation, energy_gradient
    from engine.models.conditional_fhs.two_speed_law import Known

    model = TwoSpeed(TwoSpeedConfig(rate=0.5))
    model.fit(HISTORY[:240], seed=0)
    state = Aggregation.equal(len(MEMBERS))
    for row in range(239, 259):
        known = Known(model, HISTORY[: row + 1])
        y = moves(HISTORY)[row] / model.basis.unit
        w = state.weights(0.5)
        state = state.step(w, energy_gradient(known.thinned(row), y, w), 0.5)
    model.refit(HISTORY, seed=0)
    np.testing.assert_allclose(model.weights, state.weights(0.5), rtol=1e-9)


def test_a_surface_with_one_factor_is_fitted_with_one():
    model = TwoSpeed()
    report = model.fit(small_history(days=160), seed=0)
    assert report.metrics["factors"] == 1
    assert report.metrics["loss"] < report.metrics["loss_without"]


def test_it_beats_filtered_historical_simulation_on_a_simulated_market():
    history = simulate(SMALL_GRID, 4_000, 21).history
    train, rows = history[:2_800], list(range(2_800, 3_999))
    observed = moves(history)
    unit = observed[22:2_799].std(axis=0)
    losses = []
    for model in (TwoSpeed(), FilteredHistoricalSimulation()):
        model.fit(train, seed=0)
        drawn = model.sample_days(history, rows, 200, rng=np.random.default_rng(4))
        change = SMALL_GRID.flatten(drawn.log_iv - history.log_iv[rows][:, None])
        x = np.concatenate([drawn.log_return[..., None], change], axis=-1) / unit
        losses.append(scores.energy_score(x, observed[rows] / unit))
    test = comparison.diebold_mariano(losses[0], losses[1])
    assert losses[0].mean() < losses[1].mean() and test.p_value < 0.01


@pytest.mark.market_data
def test_it_beats_filtered_historical_simulation_in_the_crisis_of_2008(market_data):
    """The report's figure, reproduced with fewer scenarios."""
    from engine.market.intake import reader as csv_import
    from engine.studies.generators import scoring as surface_scoring

    history = csv_import.read_surfaces(market_data / "spx_surfaces_2006_2009.csv").data
    entered = surface_scoring.contestants(("fhs", "two_speed"))
    config = surface_scoring.SurfaceScoringConfig(scenarios=300)
    found = surface_scoring.run(history, entered, config, train_before="2008-01-01")
    row = found.score_table().set_index("model").loc["two_speed"]
    assert row["energy_ratio"] == pytest.approx(0.980, abs=0.008) and row["energy_t"] < -2.3
    assert found["two_speed"].penalty.mean() < 0.002
