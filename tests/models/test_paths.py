"""Recursive paths: every number kept is that of the surface it stands for, and weights follow (2.15)–(2.16)."""

import numpy as np
import pytest

from engine.errors import MarketDataError, SettingsError
from engine.models import rollout as paths
from engine.models.registry import surface_model
from engine.models.rollout import Chain, Day
from engine.models.simulated.market import SimulatedMarket, simulate
from engine.scenarios import reweighting
from engine.surfaces import arbitrage, principal_components, vix
from tests.models.small_market import SMALL_GRID

HISTORY = simulate(SMALL_GRID, 120, 7).history
N, DAYS = 8, 30


def walk(model="fhs", n=N, days=DAYS, seed=0, **options):
    fitted = surface_model(model)()
    fitted.fit(HISTORY, seed=0)
    return paths.simulate(fitted, HISTORY, n, days, rng=np.random.default_rng(seed), **options)


class Scripted(Chain):
    """Adds a given move of log vol every day, each path its own, and independent noise to every point if asked to."""

    def __init__(self, n, moves, noise=0.0):
        self._log_iv = np.tile(SMALL_GRID.flatten(HISTORY.log_iv[-1]), (n, 1))
        self._moves, self._noise = np.asarray(moves, dtype=float), noise

    def step(self, rng):
        noise = self._noise * rng.standard_normal(self._log_iv.shape)
        self._log_iv = self._log_iv + self._moves[:, None] + noise
        return Day(np.full(len(self._log_iv), 0.01), self._log_iv)


class ScriptedModel(SimulatedMarket):
    def __init__(self, moves, noise=0.0):
        super().__init__()
        self._grid, self.moves, self.noise = SMALL_GRID, moves, noise

    def chain(self, condition, n):
        return Scripted(n, self.moves, self.noise)


def test_every_series_is_that_of_the_surfaces_kept():
    found = walk(keep=N)
    assert found.iv.shape == (N, DAYS + 1, *SMALL_GRID.shape) and found.complete.all() and found.days == DAYS
    iv = found.iv.astype(float)
    rate = float(HISTORY.rate[-1])
    np.testing.assert_allclose(found.atm, SMALL_GRID.interpolate(iv, 1.0, 0.1), rtol=1e-6)
    np.testing.assert_allclose(found.vix, vix.from_surface(iv, SMALL_GRID, rate), rtol=1e-5)
    np.testing.assert_allclose(found.penalty, arbitrage.total_penalty(iv, SMALL_GRID, rate), atol=1e-5)
    components = principal_components.fit(HISTORY, 3)
    np.testing.assert_allclose(found.factors, components.project(np.log(iv)), atol=1e-5)
    low, high = HISTORY.iv.min(axis=0) * (1 - 1e-6), HISTORY.iv.max(axis=0) * (1 + 1e-6)
    np.testing.assert_allclose(found.inside, ((iv >= low) & (iv <= high)).mean(axis=(2, 3)), atol=1e-12)


def test_realised_vol_and_dates_go_on_from_the_history():
    found = walk(days=25)
    returns = np.concatenate([HISTORY.log_return, np.diff(found.log_spot[2])])
    for day in (0, 1, 20, 25):
        window = returns[len(HISTORY.log_return) + day - 21 : len(HISTORY.log_return) + day]
        assert found.realised[2, day] == pytest.approx(np.sqrt(252 / 21 * (window**2).sum()), rel=1e-10)
    assert found.dates[0] == HISTORY.dates[-1] and (np.diff(found.dates).astype(int) > 0).all()
    assert np.is_busday(found.dates[1:]).all()


def test_accumulated_penalty_and_weights_are_those_of_the_formulas():
    noisy = ScriptedModel(np.zeros(4), noise=0.02)  # points that move by themselves can soon be arbitraged
    found = paths.simulate(noisy, HISTORY, 4, DAYS, rng=np.random.default_rng(0))
    phi = [sum(found.penalty[i, t] for t in range(1, DAYS + 1)) for i in range(4)]
    assert max(phi) > min(phi) and found.default_beta() == pytest.approx(500 / max(phi))
    np.testing.assert_allclose(found.path_penalty, phi, rtol=1e-12)
    assert (found.accumulated[:, 0] == 0).all()
    for beta in (0.0, 2 / max(phi)):
        raw = np.exp(-beta * (np.array(phi) - min(phi)))
        np.testing.assert_allclose(found.weights(beta), raw / raw.sum(), rtol=1e-10)
    assert reweighting.relative_entropy(found.weights(0)) == 0


def test_same_seed_same_paths_and_another_other_ones():
    one, two, three = walk(seed=4), walk(seed=4), walk(seed=5)
    assert np.array_equal(one.vix, two.vix) and np.array_equal(one.log_spot, two.log_spot)
    assert not np.array_equal(one.log_spot, three.log_spot)


def test_a_path_that_explodes_leaves_and_takes_no_weight():
    found = paths.simulate(ScriptedModel([0.0, 0.5, -0.9]), HISTORY, 3, 20, rng=np.random.default_rng(0))
    top, bottom = np.log(HISTORY.iv[-1].max()), np.log(HISTORY.iv[-1].min())
    assert found.lasting.tolist() == [20, int((np.log(5) - top) / 0.5), int((bottom - np.log(1e-3)) / 0.9)]
    for name in ("atm", "vix", "penalty", "log_spot", "realised", "inside"):
        series = getattr(found, name)
        assert np.isfinite(series[0]).all()
        for path in (1, 2):
            gone = found.lasting[path] + 1
            assert np.isfinite(series[path, :gone]).all() and np.isnan(series[path, gone:]).all(), name
    assert found.complete.tolist() == [True, False, False]
    assert found.weights(0).tolist() == [1, 0, 0]


def test_paths_that_all_explode_are_said_so():
    found = paths.simulate(ScriptedModel([0.9, 0.9]), HISTORY, 2, 10, rng=np.random.default_rng(0))
    with pytest.raises(MarketDataError, match=r"between 0\.1 % and 500 % vol for 10 days; found that all 2 left"):
        found.weights(0)


def test_table_has_a_row_for_every_path_and_day():
    found = walk(n=3, days=4)
    weights = found.weights(0)
    table = found.to_frame(weights)
    assert len(table) == 3 * 5 and table["weight"].unique().tolist() == [pytest.approx(1 / 3)]
    row = table[(table["path"] == 1) & (table["day"] == 3)].iloc[0]
    assert row["spot"] == pytest.approx(np.exp(found.log_spot[1, 3])) and row["vix"] == found.vix[1, 3]
    assert row["phi_accumulated"] == pytest.approx(found.penalty[1, 1:4].sum())


def test_the_days_done_are_reported():
    seen = []
    walk(n=2, days=3, on_day=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_the_true_law_s_long_run_is_the_market_s_own():
    """The chain of the simulated market keeps factors at the stationary law it is known to have."""
    from engine.models.simulated import law
    from engine.models.simulated.law import surface_shapes

    rng = np.random.default_rng(2)
    chain = SimulatedMarket.on(SMALL_GRID).chain(HISTORY, 3_000)
    for _ in range(252):
        day = chain.step(rng)
    factors = surface_shapes(SMALL_GRID).factors(SMALL_GRID.unflatten(day.log_iv))
    start = surface_shapes(SMALL_GRID).factors(HISTORY.log_iv[-1])
    expected = law.MEAN + (start - law.MEAN) * law.DECAY**252
    error = factors.std(axis=0) / np.sqrt(len(factors))
    assert (np.abs(factors.mean(axis=0) - expected) < 4 * error).all()


@pytest.mark.parametrize(("n", "days", "keep"), [(0, 5, 0), (5, 0, 0), (5, 253, 0), (10_001, 5, 0), (5, 5, -1)])
def test_paths_out_of_range_are_refused(n, days, keep):
    with pytest.raises(SettingsError, match="expected 1 to 10,000 paths of 1 to 252 days"):
        walk(n=n, days=days, keep=keep)


def test_a_history_too_short_to_start_from_is_refused():
    with pytest.raises(MarketDataError, match="expected at least 23 days"):
        paths.simulate(SimulatedMarket.on(SMALL_GRID), HISTORY[:22], 2, 3, rng=np.random.default_rng(0))
