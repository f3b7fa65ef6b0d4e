"""The two-speed mixture: its state and weights, the law of a day, how its members learn, and that it learns."""

import subprocess
import sys

import numpy as np
import pytest

from engine.errors import CheckpointError, MarketDataError
from engine.evaluation import comparison, scores
from engine.market.surface_history import FIRST_CONDITION_ROW
from engine.models.conditional_fhs.aggregation import Aggregation, energy_gradient
from engine.models.conditional_fhs.features import STATE_FEATURES
from engine.models.conditional_fhs.filter import HistoryFilter, moves
from engine.models.conditional_fhs.historical import FilteredHistoricalSimulation
from engine.models.conditional_fhs.moments import NAMES, SCALE_FEATURES, STATE_COLUMNS, index_against, two_speed_panel
from engine.models.conditional_fhs.training import standardised
from engine.models.conditional_fhs.two_speed import (
    KERNEL_FEATURES,
    MEMBERS,
    TwoSpeed,
    TwoSpeedConfig,
    learn,
    mixed,
)
from engine.models.registry import role, surface_model
from engine.models.simulated.market import simulate
from engine.training.progress import TrainingStopped
from tests.models.small_market import SMALL_GRID, small_history

HISTORY = simulate(SMALL_GRID, 260, 3).history
NEVER = 1e12
ROWS, K = 400, 3
SHRUNK = TwoSpeedConfig(mean_shrinkage=20.0, state_penalty=20.0, return_factor=10.0, scale_shrinkage=50.0)


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


def test_its_state_holds_no_day_and_goes_on_learning_when_it_comes_back(fitted):
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
        {"unit": -state["unit"]},
        {"squares": state["squares"] - 1},
        {"since": np.array([1e300])},
    ):
        with pytest.raises(CheckpointError, match="expected"):
            copy.restore({**state, **change}, SMALL_GRID)
    np.testing.assert_array_equal(draw(copy).log_iv, draw(fitted).log_iv)


def test_too_little_past_is_refused(fitted):
    with pytest.raises(MarketDataError, match="expected at least 120 days of surfaces; found 100"):
        TwoSpeed().fit(HISTORY[:100], seed=0)
    with pytest.raises(MarketDataError, match="expected condition rows"):
        draw(fitted, HISTORY[:40])


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
    model = TwoSpeed(TwoSpeedConfig(rate=0.5))
    model.fit(HISTORY[:240], seed=0)
    state = Aggregation.equal(len(MEMBERS))
    for row in range(239, 259):
        seen, unit = model.over(HISTORY[: row + 1]), model.state()["unit"]
        w = state.weights(0.5)
        state = state.step(w, energy_gradient(model.thinned(seen, row) / unit, moves(HISTORY)[row] / unit, w), 0.5)
    model.refit(HISTORY, seed=0)
    np.testing.assert_allclose(model.weights, state.weights(0.5), rtol=1e-9)


# the law of a day


def model(**settings):
    fitted = TwoSpeed(TwoSpeedConfig(**settings))
    fitted.fit(HISTORY[:240], seed=0)
    return fitted


def chances(fitted, row):
    """Of the days that members draw from who look at the state."""
    seen = fitted.over(HISTORY)
    return fitted.pool(seen, row).chances(seen.today(row).get("likeness"))[0]


def test_without_corrections_it_is_filtered_historical_simulation():
    plain = model(
        fast=0.94,
        slow=0.94,
        tilt=0.0,
        implied_share=0.0,
        smoothing=0.0,
        bandwidth=0.0,
        mean_shrinkage=NEVER,
        state_penalty=1e15,
        scale_shrinkage=NEVER,
    )
    observed = moves(HISTORY)
    start = np.square(observed[:239]).mean(axis=0)
    volatility = np.sqrt(HistoryFilter(HISTORY).variance("v", observed, 0.94, start))
    pool = observed[22:239] / volatility[22:239] * volatility[-1]
    drawn = plain.sample(HISTORY, 40, rng=np.random.default_rng(1))
    change = HISTORY.grid.flatten(drawn.log_iv - HISTORY.log_iv[-1])
    scenario = np.column_stack([drawn.log_return, change])
    apart = np.abs(scenario[:, None] - pool[None]).max(axis=2).min(axis=1)  # intercepts cancel
    assert apart.max() < 1e-4 * pool.std()


def test_smoothing_keeps_mean_and_covariance():
    rng = np.random.default_rng(2)
    pool = rng.gamma(2.0, size=(5, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])
    centre = pool.mean(axis=0)
    pairs = np.array([mixed(one, other, centre, 0.4) for one in pool for other in pool])
    np.testing.assert_allclose(pairs.mean(axis=0), centre)
    np.testing.assert_allclose(np.cov(pairs.T, bias=True), np.cov(pool.T, bias=True))
    np.testing.assert_array_equal(mixed(pool, pool[::-1], centre, 0.0), pool)


def test_days_alike_are_likelier_by_the_kernel():
    fitted = model(bandwidth=1.5)
    features = two_speed_panel(HistoryFilter(HISTORY), fitted.state(), fitted.config).features
    spread = fitted.state()["feature_spread"]
    row, wanted = 200, []
    for s in range(FIRST_CONDITION_ROW, row):
        total = 0.0
        for name in KERNEL_FEATURES:
            k = NAMES.index(name)
            total += ((features[s, k] - features[row, k]) / spread[k] / 1.5) ** 2
        wanted.append(np.exp(-total / 2))
    np.testing.assert_allclose(chances(fitted, row), np.array(wanted) / sum(wanted), rtol=1e-9)
    np.testing.assert_allclose(chances(model(bandwidth=0.0), row), 1 / (row - FIRST_CONDITION_ROW))


def test_residuals_are_those_of_days_up_to_the_last_fit():
    fitted, first = model(), FIRST_CONDITION_ROW
    seen = fitted.over(HISTORY)
    assert fitted.pool(seen, 150).real == slice(first, 150)  # a row before the fit knows no later day
    assert fitted.pool(seen, 239).real == fitted.pool(seen, 259).real == slice(first, 239)
    assert fitted.pool(seen, 50).real == slice(first, 50) and fitted._draws_from_all(HISTORY.dates, 50)
    beyond = fitted.over(HISTORY[200:])
    assert fitted.pool(beyond, 59).real == slice(first, 59)  # 18 up to the fit are too few, so all are drawn from


def test_draws_are_the_mixture_of_the_members():
    """Mean and variance of many draws against the members' laws summed up exactly."""
    fitted = model(smoothing=0.3)
    seen, row, n = fitted.over(HISTORY), 250, 40_000
    today, pool = seen.today(row), fitted.pool(seen, row)
    drawn = fitted.draw(today, seen.past, pool, np.random.default_rng(3).random((n, 3)))
    residuals, rest = seen.past["residuals"][pool.real], seen.past["rest"][pool.real]
    first, second = 0.0, 0.0
    for i, member in enumerate(MEMBERS):
        likely = chances(fitted, row) if member.alike else np.full(len(pool), 1 / len(pool))
        factors = today["mean"][0, i] + np.exp(today["log_scale"][0, i]) * residuals[:, i]
        law = fitted.factors.join(factors, rest) * today["volatility"]
        first = first + fitted.weights[i] * (likely @ law)
        second = second + fitted.weights[i] * (likely @ law**2)
    sd = np.sqrt(second - first**2)
    assert np.abs(drawn.mean(axis=0) - first).max() < (5 * sd / np.sqrt(n)).max()
    np.testing.assert_allclose(drawn.std(axis=0), sd, rtol=0.05)


def test_the_thinned_law_stands_for_the_whole():
    fitted = model(bandwidth=0.0)
    seen, uniforms = fitted.over(HISTORY), np.random.default_rng(0).random((5_000, 3))
    few = fitted.thinned(seen, 250)
    many = fitted.draw(seen.today(250), seen.past, fitted.pool(seen, 250), uniforms)
    assert few.shape == (len(MEMBERS), 48, 1 + SMALL_GRID.size)
    np.testing.assert_allclose(few.std(axis=(0, 1)), many.std(axis=0), rtol=0.35)


# the training of the members


def planted(seed=0):
    """Factors whose second follows the index's 5-day trend, twice as wide where the premium is high."""
    rng = np.random.default_rng(seed)
    x = np.clip(rng.standard_normal((ROWS, len(NAMES))), -3, 3)
    factors = rng.standard_normal((ROWS, K))
    wide = x[:, NAMES.index(SCALE_FEATURES[2])]
    factors[:, 1] = 0.6 * x[:, NAMES.index(index_against(5))] + factors[:, 1] * np.exp(0.4 * wide)
    return x, factors


def learned(config=SHRUNK, identity="a", **kwargs):
    x, factors = planted()
    return learn(x, factors, np.ones(len(NAMES)), config, identity=identity, **kwargs)


def test_members_use_their_own_features_only():
    found = learned()[0]
    for i, member in enumerate(MEMBERS):
        others = ~np.isin(np.array(NAMES), member.features)
        assert not found["mean"][i][others].any() and found["mean"][i][~others].any()
        scaled = np.isin(np.array(NAMES), SCALE_FEATURES)
        assert not found["scale"][i][~scaled].any() and found["scale"][i].any() == member.scaled


def test_a_planted_mean_and_scale_are_found():
    found, _, losses = learned()
    by_name = dict(zip([m.label for m in MEMBERS], range(len(MEMBERS)), strict=True))
    trend = by_name["trend, learned scale"]
    assert found["mean"][trend, NAMES.index(index_against(5)), 1] == pytest.approx(0.6, abs=0.15)
    assert found["scale"][trend, NAMES.index(SCALE_FEATURES[2]), 1] == pytest.approx(0.4, abs=0.12)
    assert losses.argmin() == trend


def test_infinite_shrinkage_leaves_no_correction_but_intercepts():
    found = learned(
        TwoSpeedConfig(mean_shrinkage=NEVER, state_penalty=NEVER, return_factor=1.0, scale_shrinkage=NEVER)
    )[0]
    assert np.abs(found["mean"]).max() < 1e-6 and np.abs(found["scale"]).max() < 1e-6


def test_the_state_is_shrunk_in_its_own_units():
    x, factors = planted()
    factors[:, 1] += 0.5 * x[:, NAMES.index(STATE_FEATURES[0])]
    narrow, wide = np.ones(len(NAMES)), np.ones(len(NAMES))
    narrow[NAMES.index(STATE_FEATURES[0])] = 0.01  # it hardly varies, so a coefficient in its units would be large
    size = {}
    for name, spread in (("narrow", narrow), ("wide", wide)):
        found = learn(x, factors, spread, SHRUNK, identity="a")[0]
        size[name] = abs(found["mean"][2, NAMES.index(STATE_FEATURES[0]), 1])
    assert size["narrow"] < 0.05 * size["wide"]


def test_standardised_features_are_clipped_except_the_state_s():
    features = np.full((1, len(NAMES)), 10.0)
    x = standardised(features, np.zeros(len(NAMES)), np.ones(len(NAMES)), 3.0, unclipped=STATE_COLUMNS)[0]
    state = np.isin(np.array(NAMES), STATE_FEATURES)
    assert (x[state] == 10).all() and (x[~state] == 3).all()
    still = standardised(features, np.zeros(len(NAMES)), np.zeros(len(NAMES)), 3.0)
    assert not still.any()  # a feature that never varied says nothing


class Memory:
    kept = None

    def load(self):
        return self.kept

    def save(self, state):
        self.kept = {name: array.copy() for name, array in state.items()}


def test_a_stopped_fit_goes_on_where_it_was():
    checkpointer, reports = Memory(), []
    with pytest.raises(TrainingStopped, match="1 of 4"):
        learned(checkpointer=checkpointer, on_step=lambda progress: True)
    resumed = learned(checkpointer=checkpointer, on_step=lambda progress: reports.append(progress))[0]
    whole = learned()[0]
    np.testing.assert_array_equal(resumed["mean"], whole["mean"])
    np.testing.assert_array_equal(resumed["scale"], whole["scale"])
    assert [report.done for report in reports] == [1, 2, 3, 4]
    with pytest.raises(CheckpointError, match="other data"):
        learned(checkpointer=checkpointer, identity="another fit")
    checkpointer.kept["two_speed.0"] = np.zeros(3)
    with pytest.raises(CheckpointError):
        learned(checkpointer=checkpointer)


# what it is worth


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
    from engine.market import intake
    from engine.studies.generators import scoring as surface_scoring

    history = intake.read_surfaces(market_data / "spx_surfaces_2006_2009.csv").data
    entered = surface_scoring.contestants(("fhs", "two_speed"))
    config = surface_scoring.SurfaceScoringConfig(scenarios=300)
    found = surface_scoring.run(history, entered, config, train_before="2008-01-01")
    row = found.score_table().set_index("model").loc["two_speed"]
    assert row["energy_ratio"] == pytest.approx(0.980, abs=0.008) and row["energy_t"] < -2.3
    assert found["two_speed"].penalty.mean() < 0.002
