"""Chains: the fast ones walk exactly as the general one, which gives every path a history of its own."""

import numpy as np
import pytest

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.surface_history import FIRST_CONDITION_ROW
from engine.models import registry
from engine.models.chains import HistoryChain, Pool, RealisedVol, RunningVariance, next_weekdays
from engine.models.conditional_fhs.innovations import running_variance
from engine.models.registry import surface_model
from engine.models.simulated.market import SimulatedMarket, simulate
from engine.models.volgan.model import VolGAN, VolGANConfig, weight_shapes
from tests.models.small_market import SMALL_GRID

DAYS, PATHS, STEPS = 200, 3, 5
SAME_DRAWS = (
    "persistence",
    "historical",
    "fhs",
    "fhs_garch",
    "pca_ou",
    "gaussian_var",
    "linear_anchor",
    "hybrid",
    "two_speed",
)
"""Families whose chains draw the same numbers in the same order as one scenario a path; ``volgan`` is below."""


def small_history(days=DAYS, grid=SMALL_GRID):
    """Four factors and regimes on a small grid."""
    return simulate(grid, days, 7).history


def fitted(name, **settings):
    model = surface_model(name)(surface_model(name).Config(**settings))
    model.fit(small_history(DAYS), seed=0)
    return model


def random_volgan(members=1, seed=3):
    """Weights nobody trained, small enough that paths stay where surfaces can be."""
    rng = np.random.default_rng(seed)
    config = VolGANConfig(members=members, noise_dim=4)
    shapes = weight_shapes(config, SMALL_GRID)
    model = VolGAN(config)
    scale = {"generator.2.weight": 0.005, "generator.2.bias": 0.0}
    state = {name: rng.normal(0, scale.get(name, 0.4), shape).astype(np.float32) for name, shape in shapes.items()}
    model.restore(state, SMALL_GRID)
    return model


def walked(chain, steps, seed=1):
    rng = np.random.default_rng(seed)
    days = [chain.step(rng) for _ in range(steps)]
    return np.stack([d.log_return for d in days]), np.stack([d.log_iv for d in days])


def assert_same_walk(model, condition, *, steps=STEPS, rtol=1e-7):
    general = walked(HistoryChain(model, condition, PATHS), steps)
    fast = walked(model.chain(condition, PATHS), steps)
    assert type(model.chain(condition, PATHS)) is not HistoryChain
    np.testing.assert_allclose(fast[0], general[0], rtol=rtol, atol=rtol * 1e-2)
    np.testing.assert_allclose(fast[1], general[1], rtol=0, atol=rtol)
    return fast


@pytest.mark.parametrize("name", SAME_DRAWS)
def test_a_fast_chain_walks_as_a_history_per_path_does(name):
    log_return, log_iv = assert_same_walk(fitted(name), small_history(DAYS + 7))
    if name != "persistence":
        assert np.ptp(log_return, axis=1).min() > 0 and np.ptp(log_iv, axis=1).max() > 0


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("historical", {"window": 21}),
        ("linear_anchor", {"bandwidth": 0.0, "tilt": 0.0}),
        ("linear_anchor", {"bandwidth": 0.5}),
        ("hybrid", {"factors": 1, "mean_shrinkage": 10.0, "scale_shrinkage": 10.0, "tilt": 0.0}),
        ("fhs_garch", {"components": 0}),
        ("fhs_garch", {"components": 10}),
    ],
)
def test_a_fast_chain_walks_the_same_with_other_settings(name, settings):
    assert_same_walk(fitted(name, **settings), small_history(), steps=8)


def test_paths_draw_their_own_days_again():
    """A pool of few real days: what was drawn is drawn again, and the two chains still agree."""
    history = small_history(FIRST_CONDITION_ROW + 2)
    model = surface_model("fhs")()
    model.fit(history, seed=0)
    assert_same_walk(model, history, steps=25)


def test_volgan_walks_as_a_history_per_path_does():
    assert_same_walk(random_volgan(), small_history(60), steps=24, rtol=2e-4)  # more days than γ looks back on


def test_members_of_volgan_are_taken_at_random_every_day():
    """Each path's moves of two days under two very different members show all four orders about equally often."""
    model = random_volgan(members=2)
    state = {name: array.copy() for name, array in model.state().items()}
    state["generator.2.weight"][:] = 0
    state["generator.2.bias"][0], state["generator.2.bias"][1] = 0.1, -0.1
    model.restore(state, SMALL_GRID)
    history = small_history(60)
    signs = (walked(model.chain(history, 2_000), 2)[0] > 0).T @ [2, 1]
    share = np.bincount(signs, minlength=4) / len(signs)
    assert np.abs(share - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / len(signs))
    general = walked(HistoryChain(model, history, 200), 1)[0][0] > 0
    assert abs(general.mean() - 0.5) < 4 * np.sqrt(0.25 / len(general))


def test_the_simulated_market_walks_by_its_own_law():
    """Hidden regimes in the chain, a filter of every path's own history in the general one: the same law."""
    from scipy.stats import ks_2samp

    history = simulate(SMALL_GRID, 150, 7).history
    market = SimulatedMarket.on(SMALL_GRID)
    general = walked(HistoryChain(market, history, 300), 4)
    fast = walked(market.chain(history, 6_000), 4)
    for which in (0, 3):
        assert ks_2samp(general[0][which], fast[0][which]).pvalue > 1e-3
        assert ks_2samp(general[1][which][:, 4], fast[1][which][:, 4]).pvalue > 1e-3
    heavier = walked(market.chain(history, 6_000), 4, seed=9)[1][3] * 1.02  # the test can tell laws apart
    assert ks_2samp(general[1][3][:, 4], heavier[:, 4]).pvalue < 1e-3


def test_every_registered_model_has_a_chain_that_the_general_one_vouches_for():
    assert {*SAME_DRAWS, "volgan", "simulated_market"} <= set(registry.next_day())


def test_a_chain_does_not_change_the_days_it_has_given():
    chain = fitted("fhs").chain(small_history(DAYS), 4)
    rng = np.random.default_rng(0)
    first = chain.step(rng)
    kept = first.log_return.copy(), first.log_iv.copy()
    chain.step(rng)
    assert np.array_equal(first.log_return, kept[0]) and np.array_equal(first.log_iv, kept[1])


def test_a_chain_knows_nothing_of_the_future():
    history = small_history(DAYS)
    model = fitted("hybrid")
    full = walked(model.chain(history.until(150), 3), 3)
    cut = walked(model.chain(history[:151], 3), 3)
    assert np.array_equal(full[1], cut[1])


def test_a_general_path_that_leaves_what_surfaces_can_be_stays_away_alone():
    model = random_volgan()
    state = {name: array.copy() for name, array in model.state().items()}
    state["generator.2.bias"][:, 1:] = 1.5  # every vol × e^1.5 a day
    model.restore(state, SMALL_GRID)
    log_return, log_iv = walked(HistoryChain(model, small_history(60), 2), 4)
    assert np.isfinite(log_iv[0]).all() and np.isnan(log_iv[-1]).all() and np.isnan(log_return[-1]).all()


@pytest.mark.parametrize("name", [*SAME_DRAWS, "volgan"])
def test_a_chain_of_no_path_or_another_grid_or_too_little_past_is_refused(name):
    model = random_volgan() if name == "volgan" else fitted(name)
    with pytest.raises((SettingsError, MarketDataError), match="expected at least one"):
        model.chain(small_history(DAYS), 0)
    with pytest.raises(MarketDataError, match="expected surfaces on the model's grid"):
        model.chain(simulate_on_other_grid(), 2)
    with pytest.raises(MarketDataError, match="expected"):
        model.chain(small_history(20), 2)
    with pytest.raises(CheckpointError, match="expected a fitted"):
        type(model)().chain(small_history(DAYS), 2)


def simulate_on_other_grid():
    from engine.market.grid import Grid

    return small_history(DAYS, grid=Grid([0.8, 0.9, 1.0], [0.1, 0.25, 1.0]))


def test_a_general_chain_of_no_path_is_refused():
    with pytest.raises(SettingsError, match="expected at least one path; found 0"):
        HistoryChain(fitted("fhs"), small_history(DAYS), 0)


def test_pool_repeats_the_real_days_behind_a_path_s_own():
    pool = Pool(10, 2)
    assert pool.take(np.array([3, 9])).tolist() == [3, 9]
    assert pool.take(np.array([10, 4])).tolist() == [3, 4]
    assert pool.take(np.array([11, 10])).tolist() == [3, 9]
    assert len(pool) == 13
    assert pool.draw(np.array([0.0, 0.999]), window=2).tolist() == [3, 9]
    with pytest.raises(MarketDataError, match="expected at least one past day"):
        Pool(0, 1)


def test_running_states_are_the_recursions_they_continue():
    rng = np.random.default_rng(4)
    seen = rng.normal(size=(40, 3))
    start = np.ones(3)
    whole = running_variance(seen, 0.9, start, tilt=0.3)
    state = RunningVariance(running_variance(seen[:30], 0.9, start, tilt=0.3)[-1], 0.9, 1, tilt=0.3)
    for move in seen[30:]:
        state.update(move[None])
    np.testing.assert_allclose(state.volatility[0], np.sqrt(whole[-1]), rtol=1e-12)
    realised = RealisedVol(seen[:25, 0], 1)
    for move in seen[25:, 0]:
        realised.update(move[None])
    assert realised.value[0] == pytest.approx(np.sqrt(252 / 21 * (seen[-21:, 0] ** 2).sum()), rel=1e-12)
    with pytest.raises(MarketDataError, match="at least 21 daily returns"):
        RealisedVol(seen[:20, 0], 1)


def test_next_weekdays_skip_weekends():
    found = next_weekdays(np.datetime64("2026-11-27"), 3)  # a Friday
    assert [str(day) for day in found] == ["2026-11-30", "2026-12-01", "2026-12-02"]
    assert str(next_weekdays(np.datetime64("2026-11-28"), 1)[0]) == "2026-11-30"
