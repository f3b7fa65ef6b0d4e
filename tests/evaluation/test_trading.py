import math

import numpy as np
import pytest

from engine.decisions import forecasting
from engine.errors import MarketDataError
from engine.evaluation import trading


def test_errors_of_points_by_loop() -> None:
    rng = np.random.default_rng(13)
    x, forecast = rng.normal(size=40), rng.normal(size=40)
    mae = sum(abs(a - b) for a, b in zip(x, forecast, strict=True)) / 40
    rmse = math.sqrt(sum((a - b) ** 2 for a, b in zip(x, forecast, strict=True)) / 40)
    assert trading.mean_absolute_error(x, forecast) == pytest.approx(mae)
    assert trading.root_mean_squared_error(x, forecast) == pytest.approx(rmse)


def bets(seed: int, days: int = 60) -> trading.Traded:
    rng = np.random.default_rng(seed)
    return trading.Traded(
        bet=rng.uniform(-1, 1, 2 * days),
        realised=rng.normal(0, 0.01, 2 * days),
        date=np.repeat(np.datetime64("2020-01-01") + np.arange(days), 2),
        overnight=np.tile([True, False], days),
        forecast=rng.normal(0, 0.001, 2 * days),
    )


def test_nights_and_days_add_up() -> None:
    one = bets(14)
    np.testing.assert_allclose(one.half(True) + one.half(False), one.daily)


def test_summary_of_a_ticker_from_its_parts() -> None:
    one = bets(15)
    found = trading.summary(one)
    by_day = (10_000 * one.bet * one.realised).reshape(-1, 2).sum(axis=1)
    assert found["sharpe"] == pytest.approx(math.sqrt(252) * by_day.mean() / by_day.std())
    assert found["mean_pnl"] == pytest.approx(by_day.mean())
    assert found["hit_rate"] == pytest.approx(np.mean(one.bet * one.realised > 0))
    turned = abs(one.bet[0]) + np.abs(np.diff(one.bet)).sum()
    assert found["turnover"] == pytest.approx(turned / 60)
    assert found["break_even"] == pytest.approx(by_day.sum() / turned)


def test_table_over_tickers_is_means_and_medians() -> None:
    tickers = {name: bets(seed) for name, seed in (("A", 16), ("B", 17), ("C", 18))}
    pooled = forecasting.portfolio(np.stack([one.daily for one in tickers.values()]))
    found = trading.across_tickers({name: trading.summary(one) for name, one in tickers.items()}, pooled)
    ratios = [float(forecasting.sharpe_ratio(one.daily)) for one in tickers.values()]
    assert found["mean_sr"] == pytest.approx(np.mean(ratios))
    assert found["median_sr"] == pytest.approx(np.median(ratios))
    assert found["portfolio_sr"] == pytest.approx(
        float(forecasting.sharpe_ratio(sum(o.daily for o in tickers.values())))
    )
    assert found["positive"] == sum(ratio > 0 for ratio in ratios)


def test_a_table_needs_a_ticker() -> None:
    with pytest.raises(MarketDataError, match="expected at least one ticker"):
        trading.across_tickers({}, [1.0])
