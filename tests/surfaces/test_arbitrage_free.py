"""The surface through the quotes: no arbitrage by loops, known surfaces come back, contradictions are named."""

from pathlib import Path

import numpy as np
import pytest
from model_quotes import SPOT, changed, model_quotes, skewed

from engine.errors import MarketDataError
from engine.market import intake
from engine.market.grid import Grid
from engine.market.quotes import OptionQuotes
from engine.surfaces import arbitrage, black_scholes, smoothing
from engine.surfaces.arbitrage_free import _kernel, _nodes

DAYS = (14, 30, 60, 91)
STRIKES = np.linspace(0.8, 1.2, 41)


def quotes(**options: object) -> OptionQuotes:
    return model_quotes(skewed, days=DAYS, moneyness=STRIKES, half_spread=0.01, dividend=0.01, **options)


@pytest.fixture(scope="module")
def fit() -> smoothing.QuoteFit:
    return smoothing.fit_quotes(quotes())


def test_prices_are_convex_falling_and_ordered_by_loops(fit: smoothing.QuoteFit) -> None:
    k = np.linspace(0.7, 1.3, 121)
    times = np.linspace(14, 91, 12) / 365
    before = None
    for tau in times:
        forward = float(fit.forward(tau))
        iv = fit.iv(k * forward / SPOT, tau)
        call = [float(black_scholes.price(1.0, x, tau, s)) for x, s in zip(k, iv, strict=True)]
        for i in range(1, len(k) - 1):
            left = (call[i] - call[i - 1]) / (k[i] - k[i - 1])
            right = (call[i + 1] - call[i]) / (k[i + 1] - k[i])
            assert -1 - 1e-12 <= left <= right + 1e-12 <= 2e-12
        if before is not None:
            assert all(late >= early - 1e-15 for early, late in zip(before, call, strict=True))
        before = call


def test_a_known_surface_comes_back(fit: smoothing.QuoteFit) -> None:
    assert fit.share_inside == 1.0 and fit.violated.empty
    for days in DAYS:
        tau = days / 365
        assert float(fit.forward(tau)) == pytest.approx(SPOT * np.exp(0.01 * tau), rel=1e-6)
        assert float(fit.discount(tau)) == pytest.approx(np.exp(-0.02 * tau), rel=1e-6)
        m = 1 + np.array([-1, -0.5, 0, 0.5, 1]) * 0.2 * np.sqrt(tau)
        assert fit.iv(m, tau) == pytest.approx(skewed(m, tau), abs=0.003)


def test_the_penalty_of_a_fine_grid_is_zero(fit: smoothing.QuoteFit) -> None:
    grid = Grid(np.linspace(0.8, 1.2, 100), np.linspace(14, 91, 30) / 365)
    iv = fit.iv(grid.moneyness[:, None] * fit.forward(grid.maturity) / SPOT, grid.maturity)
    assert float(arbitrage.total_penalty(iv, grid)) == 0.0


def test_arguments_broadcast_and_are_checked(fit: smoothing.QuoteFit) -> None:
    assert fit.iv([[0.9], [1.0]], [0.1, 0.2]).shape == (2, 2)
    assert fit.iv(1.0, 0.1).shape == ()
    for m, tau in ((-1.0, 0.1), (1.0, 0.0), (np.nan, 0.1)):
        with pytest.raises(MarketDataError, match="finite and > 0"):
            fit.iv(m, tau)


def test_a_planted_bad_quote_is_named() -> None:
    clean = quotes()
    table = clean.table
    days = (table["expiry"] - table["date"]).dt.days
    row = table.index[table["is_call"] & (days == 60) & np.isclose(table["strike"], 104)][0]
    bad = changed(clean, row, bid=table.loc[row, "bid"] + 1.0, ask=table.loc[row, "ask"] + 1.0)
    found = smoothing.fit_quotes(bad)
    assert found.violated["row"].iloc[0] == row
    assert found.violated["outside"].iloc[0] == pytest.approx(1.0, abs=0.15)
    assert found.share_inside > 0.97


def test_few_quotes_still_make_a_surface() -> None:
    one = smoothing.fit_quotes(model_quotes(skewed, days=(30,), half_spread=0.05))
    assert one.iv(1.0, 30 / 365) == pytest.approx(0.2, abs=0.005)
    few = smoothing.fit_quotes(model_quotes(days=(30,), moneyness=np.array([0.95, 1.0, 1.05]), half_spread=0.01))
    assert np.isfinite(few.iv([0.9, 1.0, 1.1], 0.1)).all()


def test_the_kernel_keeps_order_of_laws() -> None:
    nodes, width = _nodes(0.003)
    prices = _kernel(nodes, width, np.exp(np.linspace(-1, 0.5, 40)), out=True)
    assert np.diff(np.diff(prices, axis=1) / np.diff(nodes), axis=1).min() > -1e-12


@pytest.mark.market_data
def test_the_spx_chain_is_inside_its_spreads(market_data: Path) -> None:
    table = intake.read_quotes(market_data / "spx_quotes_2019-05-17.csv").data.table
    days = (table["expiry"] - table["date"]).dt.days
    rows = (table["root"] == "SPXW") & days.between(11, 230) & (table["volume"] > 0)
    fit = smoothing.fit_quotes(OptionQuotes(table[rows]))
    assert len(fit.quotes) > 1_600 and fit.share_inside >= 0.98
    k = np.linspace(fit.quotes["moneyness"].min(), fit.quotes["moneyness"].max(), 100)
    grid = Grid(k, np.linspace(11, 228, 30) / 365)
    iv = fit.iv(k[:, None] * fit.forward(grid.maturity) / fit.spot, grid.maturity)
    assert float(arbitrage.total_penalty(iv, grid)) == 0.0
