"""From quotes to a surface: the truth comes back, every method keeps its promise, and bad days say why."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from model_quotes import DATE, SPOT, changed, flat, joined, model_quotes, skewed

from engine.errors import MarketDataError, SettingsError
from engine.market import intake
from engine.market.grid import CH2_GRID, VOLGAN_GRID, Grid
from engine.market.quotes import OptionQuotes
from engine.market.surface_history import SurfaceHistory
from engine.surfaces import arbitrage, nadaraya_watson, smoothing
from engine.surfaces.nadaraya_watson import ScatteredVols
from engine.surfaces.smoothing import METHODS, history_from_quotes, surface_from_quotes

NARROW = (1e-5, 1e-5)
GRID = Grid(np.linspace(0.7, 1.3, 13), np.array([30, 60, 91, 182]) / 365)


def quotes_on_the_grid(vol=skewed, **options: object) -> OptionQuotes:
    return model_quotes(vol, days=(30, 60, 91, 182), moneyness=np.linspace(0.6, 1.4, 33), **options)


def truth(grid: Grid = GRID) -> np.ndarray:
    return np.stack([skewed(grid.moneyness, tau) for tau in grid.maturity], axis=1)


@pytest.mark.parametrize("method", METHODS)
def test_a_flat_market_comes_back_flat_whatever_the_method(method: str) -> None:
    found = surface_from_quotes(
        model_quotes(flat, half_spread=0.01, days=(7, 30, 91, 365, 500)), CH2_GRID, method=method
    )
    # where an option is worth less than its spread the smoothest surface is as good as any other
    near = ~found.extrapolated & (np.abs(CH2_GRID.moneyness[:, None] - 1) < 0.1)
    assert found.iv[near] == pytest.approx(0.2, abs=1e-3 if method == "arbitrage_free" else 1e-6)
    assert found.phi_after == 0.0
    assert found.rate == pytest.approx(0.02, abs=1e-10)
    if method != "arbitrage_free":
        assert found.iv == pytest.approx(0.2, abs=1e-6)
        assert found.rmse == pytest.approx(0.0, abs=1e-4)
    assert found.fit.share_inside > 0.98
    assert found.drop_counts.empty
    assert np.array_equal(found.surface, found.iv)


def test_with_narrow_kernels_the_truth_comes_back_at_the_quotes() -> None:
    found = surface_from_quotes(quotes_on_the_grid(), GRID, NARROW, "kernel")
    assert found.iv == pytest.approx(truth(), abs=1e-9)
    assert found.fit.bandwidth == NARROW
    assert found.fit.search is None
    assert surface_from_quotes(quotes_on_the_grid(), GRID, method="interpolation").iv == pytest.approx(
        truth(), abs=1e-9
    )


def test_the_whole_chain_equals_its_parts_longhand() -> None:
    quotes = model_quotes(skewed, rate=0.03)
    found = surface_from_quotes(quotes, CH2_GRID, (0.01, 0.02), "kernel")
    otm = [(r.strike / SPOT, (r.expiry - DATE).days / 365, r.is_call) for r in quotes.table.itertuples()]
    otm = [(m, tau) for m, tau, is_call in otm if is_call == (m >= 1)]
    assert len(found.quotes) == len(otm)
    for i, m in ((0, CH2_GRID.moneyness[0]), (4, CH2_GRID.moneyness[4]), (9, CH2_GRID.moneyness[9])):
        for j, tau in ((0, CH2_GRID.maturity[0]), (7, CH2_GRID.maturity[7])):
            above = below = 0.0
            for x, t in otm:
                sigma = skewed(x, t)
                d1 = (-np.log(x) + (0.03 + sigma**2 / 2) * t) / (sigma * np.sqrt(t))
                vega = np.sqrt(t) * np.exp(-(d1**2) / 2) / np.sqrt(2 * np.pi)
                w = vega * np.exp(-((m - x) ** 2) / 0.02 - (tau - t) ** 2 / 0.04)
                above, below = above + w * sigma, below + w
            assert found.iv[i, j] == pytest.approx(above / below, rel=1e-9)


@pytest.mark.parametrize("method", ["kernel+repair", "interpolation+repair", "ssvi"])
def test_these_methods_leave_no_arbitrage_in_noisy_quotes(method: str) -> None:
    rng = np.random.default_rng(2)
    quotes = quotes_on_the_grid(half_spread=0.02)
    mid = (quotes.table["bid"] + quotes.table["ask"]) / 2 * np.exp(rng.normal(0, 0.2, len(quotes)))
    noisy = changed(quotes, slice(None), bid=0.95 * mid, ask=1.05 * mid)
    found = surface_from_quotes(noisy, GRID, NARROW, method)
    assert found.phi_before > 0
    assert found.phi_after == 0.0
    assert arbitrage.total_penalty(found.iv, GRID, found.rate) == 0.0
    if found.fit.repair is not None:
        assert found.fit.repair.n_changed > 0
        assert "prices moved" in found.words
    if method == "ssvi":
        assert found.fit.model is not None and found.fit.model.wing <= 2 + 1e-9


def test_rates_by_expiry_undo_dividends() -> None:
    quotes = quotes_on_the_grid(rate=0.03, dividend=0.025)
    by_day = surface_from_quotes(quotes, GRID, NARROW, "kernel", rates="day")
    by_expiry = surface_from_quotes(quotes, GRID, NARROW, "kernel", rates="expiry")
    assert by_expiry.iv == pytest.approx(truth(), abs=1e-8)
    assert np.abs(by_day.iv - truth()).max() > 1e-4
    assert by_expiry.rates["dividend_yield"].to_numpy() == pytest.approx(0.025, abs=1e-8)


def test_an_expiry_without_pairs_takes_the_days_rate_and_says_so() -> None:
    quotes = quotes_on_the_grid()
    last = quotes.table["expiry"].max()
    lone = (quotes.table["expiry"] == last) & (quotes.table["is_call"] != (quotes.table["strike"] >= SPOT))
    found = surface_from_quotes(OptionQuotes(quotes.table[~lone]), GRID, NARROW, "kernel", rates="expiry")
    assert "1 expiry has too few call/put pairs" in found.words
    assert found.iv == pytest.approx(truth(), abs=1e-8)


def test_a_given_rate_is_used() -> None:
    found = surface_from_quotes(quotes_on_the_grid(rate=0.02), GRID, NARROW, "kernel", rate=0.02)
    assert found.rate == 0.02
    assert found.iv == pytest.approx(truth(), abs=1e-9)


def test_half_spreads_are_smoothed_apart_for_calls_and_puts() -> None:
    quotes = quotes_on_the_grid()
    table = quotes.table
    half = np.where(table["is_call"], 0.30, 0.05)
    mid = (table["bid"] + table["ask"]) / 2
    wide = changed(quotes, slice(None), bid=np.maximum(mid - half, 1e-9), ask=np.maximum(mid - half, 1e-9) + 2 * half)
    found = surface_from_quotes(wide, GRID, (0.002, 0.01), "kernel")
    assert found.half_spread.shape == (2, *GRID.shape)
    assert found.half_spread[0] == pytest.approx(0.30 / SPOT, rel=1e-9)
    assert found.half_spread[1] == pytest.approx(0.05 / SPOT, rel=1e-9)


def test_half_spreads_follow_the_kernel_longhand() -> None:
    quotes = quotes_on_the_grid()
    table = quotes.table
    half = 0.02 + 0.1 * (table["strike"] / SPOT) ** 2
    wide = changed(quotes, slice(None), bid=table["bid"], ask=table["bid"] + 2 * half)
    found = surface_from_quotes(wide, GRID, NARROW, "kernel")
    expected = np.broadcast_to((0.02 + 0.1 * GRID.moneyness[:, None] ** 2) / SPOT, GRID.shape)
    assert found.half_spread[1] == pytest.approx(expected, rel=1e-6)


def test_quotes_used_carry_the_surface_beside_them() -> None:
    found = surface_from_quotes(quotes_on_the_grid(half_spread=0.02), GRID, NARROW, "kernel")
    inside = found.quotes["moneyness"].between(0.7, 1.3)
    assert found.quotes.loc[inside, "residual"].abs().max() < 0.01
    assert found.quotes.loc[~inside, "residual"].isna().all()
    smile = found.smile(found.quotes["expiry"].iloc[0])
    near = smile[smile["moneyness"].between(0.8, 1.2)]
    assert ((near["iv_bid"] < near["iv"]) & (near["iv"] < near["iv_ask"])).all()


def test_a_history_of_one_day() -> None:
    found = surface_from_quotes(quotes_on_the_grid(), GRID, NARROW, "kernel")
    history = found.history("one day")
    assert isinstance(history, SurfaceHistory)
    assert history.period == ("2020-03-02", "2020-03-02")
    assert np.array_equal(history.iv[0], found.iv)
    assert history.half_spread is not None and history.half_spread.shape == (1, 2, *GRID.shape)


# --- what can go wrong, each with its sentence ---------------------------------------------------------------------


def test_calls_only() -> None:
    quotes = model_quotes()
    calls = OptionQuotes(quotes.table[quotes.table["is_call"]])
    with pytest.raises(
        MarketDataError, match="expected calls and puts on 2020-03-02; found 165 usable calls and no puts"
    ):
        surface_from_quotes(calls, CH2_GRID)


def test_no_puts_out_of_the_money() -> None:
    quotes = model_quotes(moneyness=np.linspace(1.0, 1.4, 9))
    with pytest.raises(MarketDataError, match="found no puts below the spot of 100"):
        surface_from_quotes(quotes, CH2_GRID)


def test_one_expiry() -> None:
    with pytest.raises(MarketDataError, match=r"at least two expiries on 2020-03-02.*found one, 2020-04-01"):
        surface_from_quotes(model_quotes(days=(30,)), CH2_GRID, method="ssvi")


def test_no_pair() -> None:
    quotes = model_quotes(moneyness=np.linspace(0.8, 1.2, 81))
    otm = OptionQuotes(quotes.table[quotes.table["is_call"] == (quotes.table["strike"] > SPOT)])
    found = smoothing.fit_quotes(otm)
    assert found.forward(0.25) == pytest.approx(100 * np.exp(0.02 / 4), abs=0.02)
    assert "no call and put share a strike" in found.notes[0]
    far = OptionQuotes(otm.table[(otm.table["strike"] / SPOT - 1).abs() > 0.1])
    with pytest.raises(MarketDataError, match=r"both a call and a put.*Give the rate \(on 2020-03-02\)"):
        smoothing.fit_quotes(far)
    assert smoothing.fit_quotes(far, rate=0.02, method="ssvi").iv(1.0, 0.25) == pytest.approx(0.2, abs=1e-6)


def test_zero_bids_everywhere() -> None:
    quotes = changed(model_quotes(), slice(None), bid=0.0)
    with pytest.raises(MarketDataError, match="found none: 330 of 330 quotes dropped: 330 zero bids"):
        surface_from_quotes(quotes, CH2_GRID)


def test_crossed_quotes_are_counted() -> None:
    quotes = changed(quotes_on_the_grid(), [0, 1, 2, 3], bid=90.0, ask=80.0)
    found = surface_from_quotes(quotes, GRID, NARROW, "kernel")
    assert found.drop_counts.to_dict() == {"crossed": 4}
    assert found.words.startswith("4 of 264 quotes dropped: 4 crossed. ")


def test_prices_below_intrinsic_are_counted() -> None:
    quotes = quotes_on_the_grid()
    table = quotes.table
    low = table.index[table["is_call"] & table["strike"].between(99.9, 100.1)]
    found = surface_from_quotes(changed(quotes, low, bid=0.05, ask=0.05), GRID, NARROW, "kernel")
    assert found.drop_counts.to_dict() == {"below_intrinsic": 4}
    assert np.isfinite(found.iv).all()


def test_maturities_under_a_day_are_counted() -> None:
    expired = changed(model_quotes(days=(30,)), slice(None), expiry=DATE)
    found = surface_from_quotes(joined(expired, model_quotes()), CH2_GRID, (0.01, 0.01), "kernel")
    assert found.drop_counts.to_dict() == {"under_a_day": 66}


def test_morning_and_afternoon_roots_are_reported() -> None:
    found = surface_from_quotes(
        joined(quotes_on_the_grid(root="SPX"), quotes_on_the_grid(root="SPXW")), GRID, NARROW, "kernel"
    )
    assert "4 expiries are listed under several roots (SPX, SPXW)" in found.words
    assert len(found.rates) == 8
    assert found.iv == pytest.approx(truth(), abs=1e-9)


def test_a_hole_is_filled_and_said() -> None:
    m = np.concatenate([np.linspace(0.6, 0.8, 9), np.linspace(1.2, 1.4, 9)])
    found = surface_from_quotes(model_quotes(skewed, moneyness=m), CH2_GRID, (0.0005, 0.01), "kernel")
    assert np.isfinite(found.iv).all()
    i, j = CH2_GRID.nearest(1.0, 0.25)
    assert found.extrapolated[i, j]
    assert "in a hole between them" in found.words


def test_beyond_the_quotes_the_surface_is_finite_and_marked() -> None:
    narrow = model_quotes(skewed, moneyness=np.linspace(0.95, 1.05, 11), days=(60, 91))
    for method in METHODS:
        found = surface_from_quotes(narrow, VOLGAN_GRID, method=method)
        assert np.isfinite(found.iv).all() and (found.iv > 0).all()
        inside = (np.abs(VOLGAN_GRID.moneyness[:, None] - 1) < 0.051) & (VOLGAN_GRID.maturity == 1 / 6)
        assert not found.extrapolated[inside & (VOLGAN_GRID.maturity * 365 >= 60)].any()
        assert found.extrapolated[0, 0] and found.extrapolated[-1, -1]
        assert "rest on the nearest quotes (the first at 60 %, 1D)" in found.words


def test_several_days_need_a_date() -> None:
    two = joined(model_quotes(), model_quotes(date=DATE + pd.Timedelta(days=1)))
    with pytest.raises(MarketDataError, match="which of them is meant"):
        surface_from_quotes(two, CH2_GRID)
    assert surface_from_quotes(two, CH2_GRID, (0.01, 0.01), day="2020-03-03").date == np.datetime64("2020-03-03")


@pytest.mark.parametrize("options", [{"method": "spline"}, {"rates": "month"}, {"bandwidth": (0.0, 0.1)}])
def test_wrong_settings_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        surface_from_quotes(model_quotes(), CH2_GRID, **options)  # type: ignore[arg-type]


# --- many days ------------------------------------------------------------------------------------------------------


def week() -> OptionQuotes:
    days = [DATE + pd.Timedelta(days=n) for n in range(5)]
    parts = [model_quotes(skewed, date=day, spot=100 + n, rate=0.01 + 0.001 * n) for n, day in enumerate(days)]
    parts[3] = changed(parts[3], slice(None), bid=0.0)
    return joined(*parts)


def test_a_history_is_its_days_one_by_one() -> None:
    quotes, seen = week(), []
    found = history_from_quotes(quotes, CH2_GRID, None, "kernel", on_day=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 5) for n in range(1, 6)]
    assert len(found.history) == 4
    assert found.history.spot.tolist() == [100, 101, 102, 104]
    assert found.history.rate == pytest.approx([0.01, 0.011, 0.012, 0.014], abs=1e-9)
    for row, date in enumerate(found.history.dates):
        alone = surface_from_quotes(quotes, CH2_GRID, found.bandwidth, "kernel", day=date, previous=None)
        assert np.array_equal(found.history.iv[row], alone.iv)
    assert found.skipped["date"].tolist() == [pd.Timestamp("2020-03-05")]
    assert "330 zero bids" in found.skipped["reason"].iloc[0]
    assert found.words == "4 surfaces built, 1 day skipped."
    assert found.days["used"].tolist() == [165] * 4
    assert found.days["dropped_zero_bid"].tolist() == [0] * 4


def test_the_bandwidth_comes_from_one_seeded_day() -> None:
    quotes = week()
    first, again = (history_from_quotes(quotes, CH2_GRID, None, "kernel", seed=3) for _ in range(2))
    assert first.search_day == again.search_day
    assert first.bandwidth == again.bandwidth
    on_that_day = surface_from_quotes(quotes, CH2_GRID, None, "kernel", day=first.search_day)
    assert on_that_day.fit.bandwidth == first.bandwidth
    other = history_from_quotes(quotes, CH2_GRID, None, "kernel", seed=4)
    assert other.search_day != first.search_day
    # the day of zero bids comes first in the order of this seed and is passed over
    assert np.random.default_rng(8).permutation(5)[0] == 3
    assert history_from_quotes(quotes, CH2_GRID, None, "kernel", seed=8).search_day != np.datetime64("2020-03-05")


def test_a_given_bandwidth_is_not_searched_for() -> None:
    found = history_from_quotes(week(), CH2_GRID, (0.01, 0.02), "kernel")
    assert (found.search, found.search_day, found.bandwidth) == (None, None, (0.01, 0.02))


def test_days_of_nothing_say_why() -> None:
    with pytest.raises(MarketDataError, match="zero bids"):
        history_from_quotes(changed(week(), slice(None), bid=0.0), CH2_GRID, None, "kernel")
    with pytest.raises(MarketDataError, match="none of 5 does, the first because"):
        history_from_quotes(changed(week(), slice(None), bid=0.0), CH2_GRID, (0.01, 0.01), "kernel")


# --- from grid to grid ----------------------------------------------------------------------------------------------


def test_another_grid_is_the_projects_interpolation() -> None:
    history = surface_from_quotes(quotes_on_the_grid(half_spread=0.02), GRID, NARROW, "kernel").history()
    there = smoothing.to_grid(history, VOLGAN_GRID)
    expected = GRID.interpolate(history.iv, VOLGAN_GRID.moneyness[:, None], VOLGAN_GRID.maturity)
    assert np.array_equal(there.iv, expected)
    assert there.half_spread is not None and history.half_spread is not None
    assert there.half_spread.min() >= 0
    same = smoothing.to_grid(history, GRID)
    assert same.iv == pytest.approx(history.iv, rel=1e-12)
    assert same.half_spread == pytest.approx(history.half_spread, abs=1e-13)


def test_straight_lines_between_scattered_vols() -> None:
    vols = ScatteredVols(
        np.array([0.8, 1.2, 0.8, 1.2, 1.2]),
        np.array([0.25, 0.25, 0.5, 0.5, 0.5]),
        np.array([0.3, 0.2, 0.2, 0.1, 0.4]),
        np.array([1.0, 1.0, 1.0, 2.0, 1.0]),
    )
    grid = Grid([0.6, 0.9, 1.2], [0.1, 0.25, 0.375])
    # the two vols at (1.2, 0.5) average to 0.2 with their weights
    expected = [[0.3, 0.3, 0.25], [0.275, 0.275, 0.2375], [0.2, 0.2, 0.2]]
    assert smoothing.interpolate(vols, grid) == pytest.approx(np.array(expected), rel=1e-12)
    assert smoothing.outside_quotes(vols, grid).tolist() == [[True] * 3, [True, False, False], [True, False, False]]


# --- the real day ---------------------------------------------------------------------------------------------------


@pytest.mark.market_data
def test_the_spx_day(market_data: Path) -> None:
    quotes = intake.read_quotes(market_data / "spx_quotes_2019-05-17.csv").data
    found = surface_from_quotes(quotes, CH2_GRID, None, "kernel", rates="day", keep_untraded=False)
    assert found.words.startswith(
        "9,348 of 12,626 quotes dropped: 636 zero bids, 8,705 untraded, 7 below intrinsic value."
    )
    assert len(found.quotes) + len(found.dropped) <= found.fit.n_quotes == 12_626
    assert found.fit.search is not None and found.fit.search.penalty.shape == (50, 50)
    assert found.phi_after == found.fit.search.penalty.min() == 0.0
    assert 0.005 < found.rate < 0.015
    i, j = CH2_GRID.nearest(1.0, 1 / 12)
    assert 0.10 < found.iv[i, j] < 0.20
    fitted = surface_from_quotes(quotes, CH2_GRID, method="ssvi", keep_untraded=False)
    assert fitted.phi_after == 0.0
    assert fitted.rmse < 0.5 < found.rmse
    published = nadaraya_watson.PUBLISHED_BANDWIDTH
    assert surface_from_quotes(quotes, CH2_GRID, published, "kernel", rates="day").phi_after == 0.0
