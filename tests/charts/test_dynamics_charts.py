"""Charts of the dynamics study: what is drawn is what was found."""

import numpy as np
import pytest

from engine.charts import dynamics as draw
from engine.charts import theme
from engine.market.grid import CH2_GRID
from engine.models.simulated import market as simulated_market
from engine.studies.surfaces import dynamics as study
from engine.studies.surfaces.dynamics import SurfaceDynamicsConfig, SurfaceDynamicsResult


@pytest.fixture(scope="module")
def result() -> SurfaceDynamicsResult:
    history = simulated_market.simulate(CH2_GRID, 1_500, 4).history
    return study.run(history, SurfaceDynamicsConfig(draws=100))


def test_shares_carry_their_interval_and_the_published_mark(result: SurfaceDynamicsResult, check_figure) -> None:
    table = result.explained_table()
    fig = draw.explained_shares(
        table["share"], result.share_interval, table["published_share"], result.components.names
    )
    check_figure(fig)
    bars, marks = fig.data
    np.testing.assert_allclose(bars.y, 100 * table["share"], rtol=1e-6)
    np.testing.assert_allclose(bars.y + bars.error_y.array, 100 * table["share_high"], rtol=1e-5)
    np.testing.assert_allclose(bars.y - bars.error_y.arrayminus, 100 * table["share_low"], rtol=1e-5)
    np.testing.assert_allclose(marks.y, [68.88, 12.17, 5.67, 2.86], rtol=1e-6)


def test_the_spectrum_splits_at_the_edge(result: SurfaceDynamicsResult, check_figure) -> None:
    found = result.components
    fig = draw.correlation_spectrum(found.correlation_eigenvalues, found.edge)
    check_figure(fig)
    above, below, edge = fig.data
    assert len(above.x) == found.n_significant and len(above.x) + len(below.x) == draw.SHOWN
    assert set(edge.y) == {found.edge} and fig.layout.yaxis.type == "log"
    assert min(below.y) > 0  # eigenvalues of exactly zero still have a place on a log axis


@pytest.mark.parametrize("dark", [False, True])
def test_eigen_surfaces_share_one_scale_around_zero(dark: bool, result: SurfaceDynamicsResult, check_figure) -> None:
    fig = draw.eigen_surfaces(result.components, dark=dark)
    check_figure(fig)
    assert len(fig.data) == 4
    for trace, vector in zip(fig.data, result.components.vectors, strict=True):
        np.testing.assert_allclose(trace.z, vector, rtol=1e-6)
        assert trace.zmin == -trace.zmax == fig.data[0].zmin
    assert fig.layout.annotations[0].text.startswith("PC1 · level")


@pytest.mark.parametrize("k", [1, 3])
def test_any_number_of_eigen_surfaces(k: int, check_figure) -> None:
    history = simulated_market.simulate(CH2_GRID, 100, 4).history
    found = study.run(history, SurfaceDynamicsConfig(draws=100, components=k)).components
    check_figure(draw.eigen_surfaces(found))


def test_factors_keep_their_extremes(result: SurfaceDynamicsResult, check_figure) -> None:
    fig = draw.factor_processes(result.dates, result.components.factors, result.components.names)
    check_figure(fig)
    for trace, factor in zip(fig.data, result.components.factors.T, strict=True):
        assert (np.max(trace.y), np.min(trace.y)) == pytest.approx((factor.max(), factor.min()), rel=1e-6)


def test_the_fitted_decay_is_a_straight_line_on_the_log_axis(result: SurfaceDynamicsResult, check_figure) -> None:
    memory, fit = result.autocorrelation(0), result.fits[0]
    assert fit is not None
    fig = draw.autocorrelations(memory, fit)
    check_figure(fig)
    data, line, limit = fig.data
    slope = np.diff(np.log(line.y)) / np.diff(line.x)
    np.testing.assert_allclose(slope, -fit.mean_reversion / 252, rtol=1e-3)
    assert min(data.y) > 0 and fig.layout.yaxis.type == "log" and limit.y[0] == pytest.approx(memory.band)
    check_figure(draw.autocorrelations(memory))


def test_partial_autocorrelations_start_at_lag_one_between_their_limits(
    result: SurfaceDynamicsResult, check_figure
) -> None:
    memory = result.autocorrelation(0)
    fig = draw.partial_autocorrelations(memory)
    check_figure(fig)
    assert fig.data[0].x[0] == 1 and fig.data[1].y[0] == -fig.data[2].y[0] == pytest.approx(memory.band)


def test_rolling_correlations_begin_when_a_window_is_full(result: SurfaceDynamicsResult, check_figure) -> None:
    long_term = result.correlation_table()["correlation"]
    names = result.components.names
    fig = draw.rolling_correlations(result.dates[1:], result.rolling, names, long_term, window=504)
    check_figure(fig)
    lines = [trace for trace in fig.data if trace.showlegend is None]
    assert len(lines) == 4 and lines[0].x[0] == result.dates[504]
    empty = draw.rolling_correlations(result.dates[1:], np.full((4, 1_499), np.nan), names, window=504)
    assert len(empty.data) == 0 and "shorter than the window" in theme.alt_text(empty)


@pytest.mark.parametrize("dark", [False, True])
def test_vols_and_ratios(dark: bool, result: SurfaceDynamicsResult, check_figure) -> None:
    assert result.vols is not None
    lines = draw.vol_lines(result.dates, result.vols, dark=dark)
    check_figure(lines)
    assert [trace.name for trace in lines.data] == ["realised, 21 days", "1M ATM", "VIX"]
    assert lines.data[0].line.color == theme.data_colour(dark)
    ratios = draw.vol_ratios(result.dates, result.vols)
    check_figure(ratios)
    assert [trace.name for trace in ratios.data] == ["realised / 1M ATM", "VIX / 1M ATM", "VIX / realised"]
