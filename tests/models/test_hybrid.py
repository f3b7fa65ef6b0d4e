"""The hybrid model: its limits, its gradient, what it may know, its state, and that it learns a known law."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from small_market import SMALL_GRID, small_history

from engine.errors import CheckpointError, MarketDataError
from engine.evaluation import comparison, scores
from engine.models.conditional_fhs.features import Factors
from engine.models.conditional_fhs.filter import HistoryFilter, moves
from engine.models.conditional_fhs.historical import FilteredHistoricalSimulation
from engine.models.conditional_fhs.hybrid import MEAN_COLUMNS, NAMES, SCALE_COLUMNS, Hybrid, HybridConfig
from engine.models.conditional_fhs.training import Objective
from engine.models.registry import surface_model
from engine.models.simulated.market import BUILT_IN_DAYS, BUILT_IN_SEED, simulate
from engine.training.progress import TrainingStopped

HISTORY = simulate(SMALL_GRID, 260, 3).history
NEVER = 1e12
SHRUNK = HybridConfig(mean_shrinkage=NEVER, return_shrinkage=NEVER, scale_shrinkage=NEVER, anchor_penalty=1e15)


@pytest.fixture(scope="module")
def fitted() -> Hybrid:
    model = Hybrid()
    model.fit(HISTORY[:240], seed=0)
    return model


def draw(model, history, n=50, seed=1):
    return model.sample(history, n, rng=np.random.default_rng(seed))


def objective(seed=0, rows=40, k=3):
    rng = np.random.default_rng(seed)
    return Objective(
        rng.standard_normal((rows, len(MEAN_COLUMNS))),
        rng.standard_normal((rows, len(SCALE_COLUMNS))),
        rng.standard_normal((rows, k)),
        mean_penalty=rng.uniform(1, 50, (len(MEAN_COLUMNS), k)),
        common_penalty=20.0,
        own_penalty=30.0,
        tail=5.0,
    )


def test_the_registry_knows_it_without_torch():
    code = (
        "import sys; from engine.models.base import surface_model as of; of('hybrid'); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert surface_model("hybrid") is Hybrid


def test_gradient_by_hand_is_that_of_differences():
    loss = objective()
    at = np.random.default_rng(1).normal(0, 0.1, loss.size)
    gradient = loss(at)[1]
    for j in range(0, loss.size, 7):
        step = np.zeros(loss.size)
        step[j] = 1e-5
        numeric = (loss(at + step)[0] - loss(at - step)[0]) / 2e-5
        assert abs(gradient[j] - numeric) < 1e-6 * max(1.0, abs(numeric))


def test_without_corrections_it_is_filtered_historical_simulation():
    model = Hybrid(replace(SHRUNK, tilt=0.0))
    model.fit(HISTORY[:240], seed=0)
    known = model.over(HISTORY).known
    m, h = known["mean"], known["log_scale"]
    train = slice(22, 239)
    assert np.abs(m[train] - m[train].mean(axis=0)).max() < 1e-4  # what is left are intercepts
    assert np.abs(h[train] - h[train].mean(axis=0)).max() < 1e-4
    # intercepts cancel: residuals are taken off and put back, so scenarios are past innovations times today's vol
    observed = moves(HISTORY)
    start = np.square(moves(HISTORY[:240])).mean(axis=0)
    volatility = np.sqrt(HistoryFilter(HISTORY).variance("variance", observed, 0.94, start))
    pool = observed[22:] / volatility[22:-1] * volatility[-1]
    drawn = draw(model, HISTORY, n=30)
    distance = np.abs(drawn.log_return[:, None] - pool[:, 0]).min(axis=1)
    assert distance.max() < 1e-4 * pool[:, 0].std()
    change = HISTORY.grid.flatten(drawn.log_iv - HISTORY.log_iv[-1])
    assert np.abs(change[:, None] - pool[None, :, 1:]).max(axis=2).min(axis=1).max() < 1e-4 * pool[:, 1:].std()


def test_factors_and_rest_rebuild_the_moves():
    model = Hybrid(HybridConfig(factors=2))
    model.fit(HISTORY, seed=0)
    state, seen = model.state(), model.over(HISTORY)
    basis = Factors.of(state)
    known, past = seen.known, seen.past
    factors = known["mean"][:-1] + np.exp(known["log_scale"][:-1]) * past["residuals"]
    innovations = basis.join(factors, past["rest"])
    np.testing.assert_allclose(innovations * known["volatility"][:-1], moves(HISTORY), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(basis.axes.T @ basis.axes, np.eye(2), atol=1e-12)
    assert state["feature_centre"].shape == (len(NAMES),)


def test_a_state_that_no_fit_gives_is_refused(fitted):
    copy = Hybrid()
    copy.restore(fitted.state(), SMALL_GRID)
    for change in (
        {"axes": np.zeros((3, 2))},
        {"axes": np.zeros((SMALL_GRID.size, 9))},
        {"unit": -fitted.state()["unit"]},
    ):
        with pytest.raises(CheckpointError, match="expected"):
            copy.restore({**fitted.state(), **change}, SMALL_GRID)
    np.testing.assert_array_equal(draw(copy, HISTORY).log_iv, draw(fitted, HISTORY).log_iv)


def test_too_little_past_is_refused(fitted):
    with pytest.raises(MarketDataError, match="120"):
        Hybrid().fit(HISTORY[:100], seed=0)
    with pytest.raises(MarketDataError, match="expected condition rows"):
        draw(fitted, HISTORY[:30])


class Memory:
    kept = None

    def load(self):
        return self.kept

    def save(self, state):
        self.kept = {name: array.copy() for name, array in state.items()}


def test_a_stopped_fit_resumes_to_the_same_coefficients(fitted):
    checkpointer, model = Memory(), Hybrid()
    with pytest.raises(TrainingStopped):
        model.fit(HISTORY[:240], seed=0, on_step=lambda progress: True, checkpointer=checkpointer)
    model.fit(HISTORY[:240], seed=0, checkpointer=checkpointer)
    for name, array in fitted.state().items():
        np.testing.assert_array_equal(array, model.state()[name])
    with pytest.raises(CheckpointError):
        Hybrid().fit(HISTORY[:230], seed=0, checkpointer=checkpointer)


def test_a_history_with_one_factor_is_fitted_with_one():
    model = Hybrid()
    report = model.fit(small_history(days=160), seed=0)
    assert report.metrics["factors"] == 1
    assert report.metrics["loss"] < report.metrics["loss_without"]


def test_it_beats_filtered_historical_simulation_on_the_simulated_market():
    history = simulate(SMALL_GRID, BUILT_IN_DAYS, BUILT_IN_SEED).history
    train, rows = history[:4592], list(range(4592, len(history) - 1))
    hybrid, plain = Hybrid(), FilteredHistoricalSimulation()
    hybrid.fit(train, seed=0)
    plain.fit(train, seed=0)
    observed = moves(history)
    unit = observed[22:4591].std(axis=0)
    losses = []
    for model in (hybrid, plain):
        rng, found = np.random.default_rng(4), []
        drawn = model.sample_days(history, rows, 300, rng=rng)
        change = SMALL_GRID.flatten(drawn.log_iv - history.log_iv[rows][:, None])
        x = np.concatenate([drawn.log_return[..., None], change], axis=-1) / unit
        for k, row in enumerate(rows):
            found.append(float(np.squeeze(scores.energy_score(x[k][None], observed[row][None] / unit))))
        losses.append(np.array(found))
    test = comparison.diebold_mariano(losses[0], losses[1])
    assert losses[0].mean() < losses[1].mean()
    assert test.p_value < 0.01
