"""Chains: with other settings and from little past they walk as a history per path does; VolGAN's; the general one.

That every registered model's chain walks so with its usual settings is in ``test_laws``."""

import numpy as np
import pytest

from engine.errors import MarketDataError, SettingsError
from engine.market.surface_history import FIRST_CONDITION_ROW
from engine.models.conditional_fhs.model import Pool, pick, pick_weighted
from engine.models.registry import surface_model
from engine.models.rollout import HistoryChain
from engine.models.simulated.market import SimulatedMarket, simulate
from engine.models.volgan.generator import VolGANConfig, weight_shapes
from engine.models.volgan.model import VolGAN
from tests.models.small_market import SMALL_GRID

DAYS, PATHS, STEPS = 200, 3, 5


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


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("historical", {"window": 21}),
        ("linear_anchor", {"bandwidth": 0.0, "tilt": 0.0}),
        ("linear_anchor", {"bandwidth": 0.5}),
        ("hybrid", {"factors": 1, "mean_shrinkage": 10.0, "scale_shrinkage": 10.0, "tilt": 0.0}),
        ("fhs_garch", {"components": 0}),
        ("fhs_garch", {"components": 10}),
        ("two_speed", {"bandwidth": 0.0, "smoothing": 0.0}),
        ("two_speed", {"bandwidth": 0.5, "smoothing": 0.6, "mean_shrinkage": 10.0, "scale_shrinkage": 10.0}),
        ("two_speed", {"implied_share": 0.0, "tilt": 0.0, "fast": 0.94, "slow": 0.94, "factors": 1}),
    ],
)
def test_a_fast_chain_walks_the_same_with_other_settings(name, settings):
    log_return, _ = assert_same_walk(fitted(name, **settings), small_history(DAYS + 7), steps=8)
    assert np.ptp(log_return, axis=1).min() > 0


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


def test_a_general_path_that_leaves_what_surfaces_can_be_stays_away_alone():
    model = random_volgan()
    state = {name: array.copy() for name, array in model.state().items()}
    state["generator.2.bias"][:, 1:] = 1.5  # every vol × e^1.5 a day
    model.restore(state, SMALL_GRID)
    log_return, log_iv = walked(HistoryChain(model, small_history(60), 2), 4)
    assert np.isfinite(log_iv[0]).all() and np.isnan(log_iv[-1]).all() and np.isnan(log_return[-1]).all()


def test_a_general_chain_of_no_path_is_refused():
    with pytest.raises(SettingsError, match="expected at least one path; found 0"):
        HistoryChain(fitted("fhs"), small_history(DAYS), 0)


def test_two_speed_paths_from_a_past_after_the_fit_have_histories_of_their_own():
    model = fitted("two_speed")
    later = simulate(SMALL_GRID, 300, 9).history[DAYS:]
    assert later.dates[0] > model.since
    assert type(model.chain(later, 2)) is HistoryChain


def test_pool_repeats_the_real_days_behind_a_path_s_own():
    pool = Pool(0, 10, paths=2)
    assert pool.draw(np.array([3.5, 9.5]) / 10).tolist() == [3, 9]
    assert pool.draw(np.array([10.5, 4.5]) / 11).tolist() == [3, 4]
    assert pool.draw(np.array([11.5, 10.5]) / 12).tolist() == [3, 9]
    assert len(pool) == 13
    with pytest.raises(MarketDataError, match="expected at least one past day to draw from; found 0"):
        Pool(4, 4)


def test_a_pool_s_window_holds_the_latest_days():
    pool = Pool(0, 10, window=2, paths=2)
    assert pool.draw(np.array([0.0, 0.999])).tolist() == [8, 9]
    assert pool.draw(np.array([0.0, 0.999])).tolist() == [9, 9]  # the last real day, and the path's own
    assert Pool(0, 10, window=3).draw(np.array([0.0, 0.5, 0.999])).tolist() == [7, 8, 9]


@pytest.mark.parametrize("paths", [1, 200])  # more than are weighted together
def test_days_like_today_are_likelier_by_the_kernel(paths):
    rng = np.random.default_rng(0)
    likeness, today = rng.normal(size=(40, 3)), rng.normal(size=(paths, 3))
    pool = Pool(5, 35, likeness=likeness, paths=paths)
    weights = np.exp(-0.5 * np.square(likeness[None, 5:35] - today[:, None]).sum(axis=2))
    weights /= weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(pool.chances(today), weights, rtol=1e-9)
    np.testing.assert_allclose(pool.chances(), 1 / 30)
    u = rng.random(paths)
    wanted = [5 + np.searchsorted(w.cumsum(), x) for w, x in zip(weights, u, strict=True)]
    assert pool.draw(u, today).tolist() == wanted
    if paths > 1:  # a day of the path's own is as likely as it was like today
        raw = np.exp(-0.5 * np.square(likeness[None, 5:35] - today[:, None]).sum(axis=2))
        both = np.concatenate([raw, np.ones((paths, 1))], axis=1).cumsum(axis=1)
        again = (both <= (u * both[:, -1])[:, None]).sum(axis=1)
        assert (again == 30).any()
        assert pool.draw(u, today).tolist() == [
            5 + k if k < 30 else first for k, first in zip(again, wanted, strict=True)
        ]


def test_picks_have_the_probabilities_asked_for():
    rng = np.random.default_rng(2)
    weights = np.array([0.0, 3.0, 1.0, 0.0, 6.0, 0.0])
    chosen = pick_weighted(rng.random(40_000), weights)
    share = np.bincount(chosen, minlength=6) / 40_000
    np.testing.assert_allclose(share, weights / 10, atol=4 * 0.5 / 200)
    assert set(chosen) == {1, 2, 4}
    u = np.array([0.0, 0.3, 0.999999, 1.0])  # the last one only by rounding
    assert pick(u, 10).tolist() == [0, 3, 9, 9]
    assert pick_weighted(u, np.ones(10)).tolist() == [0, 3, 9, 9]
    assert pick_weighted(u, np.ones((4, 10))).tolist() == [0, 3, 9, 9]
