"""Pooled networks: who trains, who is judged, and what the tables say of them."""

import numpy as np
import pytest
from fingan_market import prices

from engine.decisions import forecasting
from engine.evaluation.comparison import block_counts
from engine.studies.fingan import universality
from engine.studies.fingan.universality import Judged
from engine.studies.fingan.universe import Panel, Universe, universe

LOSSES = ("PnL", "SR", "BCE")


@pytest.fixture(scope="module")
def small() -> Universe:
    return universe(prices())


def test_every_ticker_is_once_unseen(small: Universe) -> None:
    left_out = [pool for pool in universality.pools(small) if pool.model == universality.LEFT_OUT]
    assert sorted(name for pool in left_out for name in pool.judged) == sorted(small.tickers)
    for pool in left_out:
        assert not set(pool.trained) & set(pool.judged)


def test_sectors_come_with_and_without_their_etf(small: Universe) -> None:
    pools = {pool.model: pool for pool in universality.pools(small)}
    assert pools["XA with ETF"].trained == ("AAA", "BBB", "XA")
    assert pools["XA without ETF"].trained == ("AAA", "BBB") and "XA" in pools["XA without ETF"].judged
    assert not any(model.startswith("XB") for model in pools)  # one stock is no pool


def test_pooled_rows_are_everyone_s_in_time_order(small: Universe) -> None:
    asset = universality.pooled_asset("pool", small.windows)
    assert len(asset.target) == sum(one.rows("train").stop for one in small.windows)
    first = sorted(one.target[0] for one in small.windows)
    assert sorted(asset.target[: len(small.windows)]) == first  # all tickers' first half-day before any second one
    assert asset.target.sum() == pytest.approx(sum(one.target[one.rows("train")].sum() for one in small.windows))


def test_tables_of_a_pool_by_hand(small: Universe) -> None:
    validation, test = Panel(small.windows, "validation"), Panel(small.windows, "test")
    rng = np.random.default_rng(1)
    pool = {p.model: p for p in universality.pools(small)}["XA without ETF"]
    skill = np.array([0.0, 0.5, 0.0])[:, None]  # only SR knows anything on the validation part

    def bets(panel: Panel, skill: np.ndarray) -> dict[str, np.ndarray]:
        return {
            name: np.clip(rng.uniform(-0.5, 0.5, (3, len(x))) + skill * np.sign(x), -1, 1)
            for name, x in zip(panel.tickers, panel.realised, strict=True)
        }

    recent = np.array([30.0, 1.0, 40.0])  # and only PnL, of those that may be chosen, on the years before
    judged = Judged(pool, LOSSES, bets(validation, skill), bets(test, 0 * skill), recent)
    table = universality.ticker_table(validation, test, [judged], {"AAA": 1.5})
    assert set(table[~table["seen"]]["ticker"]) == {"XA"}
    row = table[(table["ticker"] == "BBB") & (table["label"] == "SR")].iloc[0]
    pnl = forecasting.weighted_pnl(judged.test["BBB"][1], test.realised[1])
    assert row["test_sr"] == pytest.approx(float(forecasting.sharpe_ratio(forecasting.daily(pnl, test.date[1])[1])))
    counts = block_counts(len(test.days), rng=np.random.default_rng(0), draws=200)
    found = universality.portfolio_table(validation, test, [judged], ("PnL", "SR"), counts)
    longer, found = (found[found["choice"] == one].set_index("seen") for one in ("longer", "thesis"))
    assert (longer["chosen"] == "PnL").all() and (found["chosen"] == "SR").all() and found.loc[True, "tickers"] == 2
    both = test.pnl([judged.test[name][1] for name in test.tickers])[[0, 1]]
    assert found.loc[True, "portfolio_sr"] == pytest.approx(
        float(forecasting.sharpe_ratio(forecasting.portfolio(both)))
    )
    assert found.loc[True, "low"] < found.loc[True, "portfolio_sr"] < found.loc[True, "high"]
