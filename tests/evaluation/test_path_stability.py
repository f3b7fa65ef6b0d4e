"""The stability check: its statistics against longhand ones, and its verdicts on paths whose faults are known."""

import numpy as np
import pytest

from engine.errors import MarketDataError
from engine.evaluation import path_stability
from engine.market.grid import DT
from engine.models import rollout as paths
from engine.models.simulated.market import SimulatedMarket, simulate
from tests.models.small_market import SMALL_GRID
from tests.models.test_paths import ScriptedModel

HISTORY = simulate(SMALL_GRID, 900, 7).history
DAYS = 60


def truth(n=40, days=DAYS, seed=1):
    return paths.simulate(SimulatedMarket.on(SMALL_GRID), HISTORY, n, days, rng=np.random.default_rng(seed))


def row(found, statistic):
    return found.table[found.table["statistic"] == statistic].iloc[0]


def test_the_true_law_stays_like_its_own_data():
    found = path_stability.compare(truth(), HISTORY)
    judged = found.table["verdict"]
    assert (judged == path_stability.LIKE).mean() > 0.8
    assert found.alarm == "" and found.left == 0 and found.inside > 0.95
    assert any("statistics lie where those of the data's windows do" in line for line in found.words)


def test_statistics_are_those_computed_longhand():
    drawn = truth(n=3)
    found = path_stability.compare(drawn, HISTORY)
    lows = sorted(100 * drawn.atm[i].min() for i in range(3))
    assert row(found, "Lowest ATM vol").paths == pytest.approx(lows[1])
    vols = sorted(100 * np.sqrt(252) * np.diff(drawn.log_spot[i]).std() for i in range(3))
    assert row(found, "Index volatility").paths == pytest.approx(vols[1])
    rates = []
    for i in range(3):
        x = drawn.factors[i, :, 1]
        slope = np.polyfit(x[:-5], x[5:], 1)[0]
        rates.append(-np.log(max(slope, 0.01)) / (5 * DT))
    assert row(found, "Mean reversion λ of X2").paths == pytest.approx(sorted(rates)[1], rel=1e-8)
    starts = [len(HISTORY) - DAYS - 1 - 15 * k for k in range(1000) if len(HISTORY) - DAYS - 1 - 15 * k >= 0]
    windows = [100 * HISTORY.atm(0.1)[s : s + DAYS + 1].mean() for s in starts]
    assert row(found, "Mean ATM vol").data == pytest.approx(np.median(windows))
    assert found.windows == len(starts)
    phi = drawn.penalty[:, 1:]
    assert found.surfaces_with_arbitrage[0] == pytest.approx((phi > 0).mean())


def test_autocorrelations_are_statsmodels():
    from statsmodels.tsa.stattools import acf

    x = np.random.default_rng(3).normal(size=(4, 80)).cumsum(axis=1)
    found = path_stability.autocorrelations(x, (1, 7))
    for i in range(4):
        np.testing.assert_allclose(found[:, i], acf(x[i], nlags=7)[[1, 7]], rtol=1e-10)
    assert np.isnan(path_stability.autocorrelations(np.ones((1, 50)), (1,))).all()


def test_mean_reversion_of_many_paths_is_the_market_s():
    """Long and many paths of a known law: λ within four standard errors of the parameter it was drawn with."""
    import dataclasses

    drawn = truth(n=2)
    rng = np.random.default_rng(0)
    rate, n, days = 6.0, 400, 252
    b = np.exp(-rate * DT)
    x = np.empty((n, days + 1))
    x[:, 0] = rng.normal(size=n)
    for t in range(days):
        x[:, t + 1] = b * x[:, t] + np.sqrt(1 - b * b) * rng.normal(size=n)
    blank = np.zeros((n, days + 1))
    series = dict.fromkeys(("log_spot", "atm", "realised", "vix", "penalty", "inside"), blank)
    made = dataclasses.replace(
        drawn,
        **series,
        dates=np.arange(days + 1).astype("datetime64[D]"),
        factors=x[..., None],
        lasting=np.full(n, days),
    )
    table = path_stability.reversion_table(made, HISTORY)
    ours = table[(table["factor"] == "X1") & (table["source"] == "paths")].iloc[0]
    se = (ours["high"] - ours["low"]) / (2 * 1.96)
    assert abs(ours["mean_reversion"] - rate) < 4 * se and se < 0.5
    assert ours["half_life"] == pytest.approx(np.log(2) / ours["mean_reversion"] * 252)


def scripted(moves, days=DAYS):
    return paths.simulate(ScriptedModelOnHistory(moves), HISTORY, len(moves), days, rng=np.random.default_rng(0))


class ScriptedModelOnHistory(ScriptedModel):
    def chain(self, condition, n):
        chain = super().chain(condition, n)
        chain._log_iv = np.tile(SMALL_GRID.flatten(condition.log_iv[-1]), (n, 1))
        return chain


def test_paths_that_explode_raise_the_alarm():
    found = path_stability.compare(scripted([0.0, 0.001, 0.5]), HISTORY)
    assert found.left == pytest.approx(1 / 3)
    assert found.alarm.startswith("33 % of the paths explode: their vols leave")


def test_paths_that_wander_off_raise_the_alarm():
    found = path_stability.compare(scripted([0.02, 0.02]), HISTORY)
    assert "wander off" in found.alarm and row(found, "Highest ATM vol").verdict == path_stability.HIGHER
    assert any(line.startswith("Highest ATM vol: higher than the data") for line in found.words)


def test_surfaces_that_stand_still_are_not_like_the_data():
    found = path_stability.compare(scripted([0.0, 0.0]), HISTORY)
    assert row(found, "Daily change of log ATM vol, sd").verdict == path_stability.LOWER
    assert row(found, "Autocorrelation of X1, 1 day").verdict == path_stability.OPEN  # nothing moves


def test_few_windows_of_data_are_not_judged():
    short = HISTORY[-100:]
    drawn = paths.simulate(SimulatedMarket.on(SMALL_GRID), short, 5, DAYS, rng=np.random.default_rng(1))
    found = path_stability.compare(drawn, short)
    assert found.windows < path_stability.FEWEST_WINDOWS and (found.table["verdict"] == path_stability.OPEN).all()
    assert any("too few to judge" in line for line in found.words)


def test_what_cannot_be_judged_is_said():
    with pytest.raises(MarketDataError, match="paths of at least 42 days"):
        path_stability.compare(truth(n=2, days=20), HISTORY)
    with pytest.raises(MarketDataError, match="history longer than the paths"):
        path_stability.compare(truth(n=2), HISTORY[:50])
    with pytest.raises(MarketDataError, match="all 2 left"):
        path_stability.compare(scripted([0.9, 0.9]), HISTORY)
