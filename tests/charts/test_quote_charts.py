"""Quotes beside their surface: what is drawn is what was computed."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from engine.charts import quotes as draw
from engine.charts import theme
from engine.market.grid import VOLGAN_GRID
from engine.surfaces import quote_cleaning, smoothing, synthetic_quotes, vix
from engine.surfaces.smoothing import Construction
from engine.surfaces.ssvi import SSVI

TAU = VOLGAN_GRID.maturity
CHAIN = synthetic_quotes.chain(
    SSVI(-0.7, 1.1, 0.45, TAU, 0.04 * TAU).surface(VOLGAN_GRID),
    VOLGAN_GRID,
    spot=3000.0,
    rate=0.02,
    date=np.datetime64("2020-03-04"),
    rng=np.random.default_rng(0),
)


@pytest.fixture(scope="module")
def built() -> Construction:
    return smoothing.surface_from_quotes(CHAIN, VOLGAN_GRID, method="kernel", keep_untraded=False)


def smile_and_curve(built: Construction, row: int = 5) -> tuple[pd.DataFrame, tuple[np.ndarray, np.ndarray]]:
    expiry = sorted(built.quotes["expiry"].unique())[row]
    smile = built.smile(expiry)
    m = np.linspace(0.8, 1.2, 41)
    return smile, (m, built.grid.interpolate(built.iv, m, float(smile["maturity"].iloc[0])))


@pytest.mark.parametrize("dark", [False, True])
def test_a_smile_has_every_quote_its_bars_and_the_surface(built: Construction, dark: bool, check_figure) -> None:
    smile, curve = smile_and_curve(built)
    fig = draw.smile_fit(smile, curve, label="9 Apr 2020", range_of_grid=(0.95, 1.05), dark=dark)
    check_figure(fig)
    puts, calls, line = (t for t in fig.data if t.name != "surface outside bid–ask")
    assert len(puts.x) + len(calls.x) == len(smile)
    drawn = smile[~smile["is_call"]]
    np.testing.assert_allclose(puts.y, 100 * drawn["iv"], rtol=1e-6)
    np.testing.assert_allclose(puts.y + puts.error_y.array, 100 * drawn["iv_ask"], rtol=1e-5)
    np.testing.assert_allclose(puts.y - puts.error_y.arrayminus, 100 * drawn["iv_bid"], rtol=1e-5, atol=1e-4)
    assert puts.marker.color == theme.data_colour(dark)
    np.testing.assert_allclose(line.y, 100 * curve[1], rtol=1e-6)
    assert len(fig.layout.shapes) == 2  # beyond the grid
    low, high = fig.layout.yaxis.range
    assert low <= line.y.min() and high >= line.y.max()
    assert f"{len(smile)} quotes expiring 9 Apr 2020" in theme.alt_text(fig)


def test_six_panels_at_most_with_one_legend(built: Construction, check_figure) -> None:
    smiles = {f"expiry {row}": smile_and_curve(built, row) for row in range(8)}
    fig = draw.smile_panels(smiles)
    check_figure(fig)
    assert len([t for t in fig.data if t.name != "surface outside bid–ask"]) == 18
    assert [t.showlegend for t in fig.data if t.name != "surface outside bid–ask"].count(True) == 3
    assert [a.text for a in fig.layout.annotations] == [f"expiry {row}" for row in range(6)]


@pytest.mark.parametrize("n", [1, 2])
def test_few_expiries_make_few_panels(built: Construction, n: int, check_figure) -> None:
    fig = draw.smile_panels({f"expiry {row}": smile_and_curve(built, row) for row in range(n)})
    check_figure(fig)
    assert len([t for t in fig.data if t.name != "surface outside bid–ask"]) == 3 * n


@pytest.mark.parametrize("dark", [False, True])
def test_residuals_are_medians_by_bin(built: Construction, dark: bool, check_figure) -> None:
    fig = draw.residual_heatmap(built.quotes, dark=dark)
    check_figure(fig)
    table = draw.residual_table(built.quotes)
    trace = fig.data[0]
    np.testing.assert_allclose(trace.z, table, rtol=1e-5)
    assert trace.zmin == -trace.zmax < 0
    low, tau = table.index[3], table.columns[4]
    rows = built.quotes[(built.quotes["maturity"] == tau) & (built.quotes["moneyness"].between(low, low + 0.05 - 1e-9))]
    expected = rows["residual"].median()
    assert table.iloc[3, 4] == pytest.approx(expected, nan_ok=True)


def test_without_a_quote_on_the_grid_the_residuals_are_empty(built: Construction) -> None:
    nothing = built.quotes.assign(residual=np.nan)
    assert "0 quotes" in theme.alt_text(draw.residual_heatmap(nothing))


def test_every_reason_has_its_bar(built: Construction, check_figure) -> None:
    other = built.fit.n_quotes - len(built.dropped) - len(built.quotes)
    fig = draw.drops_bar(built.drop_counts, quote_cleaning.REASONS, len(built.quotes), other)
    check_figure(fig)
    assert sum(fig.data[0].x) == built.fit.n_quotes
    assert "zero bids" in fig.data[0].y


@pytest.mark.parametrize("dark", [False, True])
def test_the_search_marks_its_choice_and_the_thesis(built: Construction, dark: bool, check_figure) -> None:
    assert built.fit.search is not None
    fig = draw.bandwidth_heatmap(built.fit.search, dark=dark)
    check_figure(fig)
    heat = [t for t in fig.data if isinstance(t, go.Heatmap)]
    np.testing.assert_allclose(heat[0].z, built.fit.search.penalty, rtol=1e-5)
    np.testing.assert_allclose(heat[1].z, 100 * built.fit.search.error[::2, ::2], rtol=1e-5)
    marks = [t for t in fig.data if isinstance(t, go.Scatter)]
    assert (marks[0].y[0], marks[0].x[0]) == built.fit.search.best
    assert (marks[1].y[0], marks[1].x[0]) == (0.002, 0.046)


def test_rates_by_expiry(built: Construction, check_figure) -> None:
    fig = draw.parity_rates(built.rates, built.rate)
    check_figure(fig)
    rate, discount, dividend = (t for t in fig.data if t.name != "surface outside bid–ask")
    np.testing.assert_allclose(rate.y, 100 * built.rates["rate"], rtol=1e-6)
    np.testing.assert_allclose(discount.y, 100 * built.rates["discount_rate"], rtol=1e-6)
    np.testing.assert_allclose(dividend.y, 100 * built.rates["dividend_yield"], rtol=1e-4, atol=1e-4)
    assert fig.layout.shapes[0].y0 == pytest.approx(100 * built.rate)


def test_strikes_of_the_vix_add_up(check_figure) -> None:
    found = vix.from_quotes(CHAIN)
    fig = draw.vix_strikes(found)
    check_figure(fig)
    for trace, term in zip(fig.data, (found.near, found.next), strict=True):
        total = (trace.y * term.strikes["delta_k"]).sum() / 1e4
        assert total == pytest.approx(term.strikes["contribution"].sum(), rel=1e-5)
