"""What was read is held against what markets do: splits, opens, spacing, weekends, parity. Own numbers throughout."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from engine.errors import MarketDataError
from engine.market import adjustments
from engine.market.intake import AmbiguousColumns, read_any, read_prices, read_quotes, read_surfaces
from engine.market.returns import fingan_windows

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
CLOSES_AND_OPENS = 700


def csv(table):
    return table.to_csv(index=False).encode()


def weekdays(n, first="2015-03-02"):
    return np.busday_offset(np.datetime64(first), np.arange(n), roll="forward")


def stock(n=CLOSES_AND_OPENS, seed=1, sd=0.012):
    """Closes and opens of a share whose nights make a tenth of its variance."""
    rng = np.random.default_rng(seed)
    night, day = 0.3 * sd * rng.normal(size=n), sd * rng.normal(size=n)
    close = 80 * np.exp(np.cumsum(night + day))
    return close, close * np.exp(-day)


def prices(close, opens, dates=None):
    dates = weekdays(len(close)) if dates is None else dates
    return csv(pd.DataFrame({"date": dates.astype(str), "open": opens.round(6), "close": close.round(6)}))


def surfaces(spot, vols=None, dates=None):
    """A wide file: one row a day, two maturities and three levels, vols of 20 % that fall with strike."""
    n = len(spot)
    level = np.full(n, 0.2) if vols is None else vols
    table = pd.DataFrame({"date": (weekdays(n) if dates is None else dates).astype(str), "spot": spot})
    for days in (30, 90):
        for m in (0.9, 1.0, 1.1):
            table[f"iv_{days}d_{m}"] = level * (1 - 0.3 * (m - 1) + 0.05 * (days == 90))
    return csv(table)


def walk(n=120, seed=3):
    return 500 * np.exp(np.cumsum(0.01 * np.random.default_rng(seed).normal(size=n)))


# --- splits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [1.5, 2, 3, 7, 20, 1 / 2, 1 / 10])
def test_a_split_of_the_spot_that_vols_do_not_notice_is_taken_out_and_said(ratio):
    spot = walk()
    vols = 0.2 * np.exp(0.03 * np.random.default_rng(4).normal(size=120))
    split = spot.copy()
    split[50:] /= ratio
    read = read_surfaces(surfaces(split, vols))
    np.testing.assert_allclose(read.data.spot * ratio, spot, rtol=1e-6)
    (doubt,) = read.doubts
    assert "row 51" in doubt and adjustments.split_words(ratio) in doubt and str(read.data.dates[50]) in doubt
    assert doubt in read.notes


def test_the_split_can_be_kept_by_an_answer():
    spot = walk()
    spot[50:] /= 4
    read = read_surfaces(surfaces(spot), splits="keep")
    np.testing.assert_allclose(read.data.spot, spot, rtol=1e-9)
    assert "kept, as asked" in read.doubts[0]


def test_a_crash_that_the_vols_notice_is_no_split_unless_said_so():
    spot, vols = walk(), np.full(120, 0.2)
    spot[50:] /= 2
    vols[50:] = 0.7
    read = read_surfaces(surfaces(spot, vols))
    np.testing.assert_allclose(read.data.spot, spot, rtol=1e-9)
    assert "more than 30 % in a day" in read.doubts[0]
    assert read_surfaces(surfaces(spot, vols), splits="adjust").data.spot[0] == pytest.approx(spot[0] / 2)


def test_a_jump_that_is_no_usual_split_is_left_and_said():
    spot = walk()
    spot[50:] *= 0.62
    read = read_surfaces(surfaces(spot))
    np.testing.assert_allclose(read.data.spot, spot, rtol=1e-9)
    assert "more than 30 %" in read.doubts[0]


def test_splits_left_in_prices_are_said_and_taken_out_when_asked_for():
    close, opens = stock()
    whole = close.copy()
    close[:300], opens[:300] = 3 * close[:300], 3 * opens[:300]
    read = read_prices(prices(close, opens), names=["KO.csv"])
    np.testing.assert_allclose(read.data.close[:, 0], close, atol=1e-6)
    assert "3:1" in read.doubts[0] and "row 301" in read.doubts[0] and "splits=adjust" in read.doubts[0]
    with pytest.raises(MarketDataError, match="looks like a split"):
        fingan_windows(read.data, "KO")
    mended = read_prices(prices(close, opens), names=["KO.csv"], splits="adjust")
    np.testing.assert_allclose(mended.data.close[:, 0], whole, atol=1e-5)
    assert len(fingan_windows(mended.data, "KO"))


def test_a_jump_of_an_index_that_often_jumps_is_not_doubted():
    for name, sd in (("VIX.csv", 0.01), ("KO.csv", 0.05)):
        level, _ = stock(sd=sd)
        level[400:] *= 1.5
        read = read_any(prices(level, level), name=name)
        assert not any("split left in" in doubt for doubt in read.doubts), name
    alone, _ = stock(sd=0.01)
    alone[400:] *= 0.55
    assert "like no other" in read_any(prices(alone, alone), name="KO.csv").doubts[0]


def test_a_crash_of_the_market_is_no_split():
    one, _ = stock(seed=1)
    two, _ = stock(seed=2)
    one[400:], two[400:] = one[400:] / 2, two[400:] / 1.9
    table = pd.DataFrame({"date": weekdays(len(one)).astype(str), "KO": one, "PEP": two})
    read = read_any(csv(table))
    assert not read.doubts and any("no usual split" in note for note in read.notes)


def test_nearest_split():
    assert adjustments.nearest_split(-np.log(4) + 0.02) == 4
    assert adjustments.nearest_split(np.log(10)) == pytest.approx(0.1)
    assert adjustments.nearest_split(-0.55) is None
    assert [adjustments.split_words(r) for r in (4, 1.5, 1 / 10, 2 / 3)] == ["4:1", "3:2", "1:10", "2:3"]


# --- opens ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heading", ["close", "Adj Close"])
def test_raw_opens_do_not_stand_beside_adjusted_closes(heading):
    close, opens = stock()
    adjusted = close * np.linspace(0.95, 1.0, len(close))  # dividends of 5 % taken out of the close alone
    table = pd.DataFrame({"date": weekdays(len(close)).astype(str), "open": opens, heading: adjusted})
    read = read_prices(csv(table), names=["KO.csv"])
    assert read.data.open is None and any("not adjusted alike" in doubt for doubt in read.doubts)
    with pytest.raises(MarketDataError, match="closes only"):
        fingan_windows(read.data, "KO")
    kept = read_prices(csv(table), names=["KO.csv"], opens="keep")
    assert kept.data.open is not None and "kept, as asked" in kept.doubts[-1]


def test_only_the_ticker_at_fault_loses_its_opens():
    (one, open_one), (two, open_two) = stock(seed=5), stock(seed=6)
    two = two * np.where(np.arange(len(two)) < 300, 1.0, 0.5)  # a split taken out of the opens only
    parts = [
        pd.DataFrame({"date": weekdays(len(c)).astype(str), "ticker": t, "open": o, "close": c})
        for t, c, o in (("KO", one, open_one), ("PEP", two, open_two))
    ]
    read = read_prices(csv(pd.concat(parts)))
    assert not np.isnan(read.data.open[:, 0]).any() and np.isnan(read.data.open[:, 1]).all()


@pytest.mark.parametrize("seed", range(12))
def test_honest_opens_are_never_doubted(seed):
    close, opens = stock(seed=seed, sd=0.02 if seed % 2 else 0.008)
    assert adjustments.opens_of_another_kind(opens, close) is None


# --- days -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        (np.datetime64("2018-01-05") + 7 * np.arange(40), "weekly"),
        (pd.date_range("2018-01-31", periods=40, freq="ME").to_numpy().astype("datetime64[D]"), "monthly"),
        (pd.date_range("2010-03-31", periods=40, freq="QE").to_numpy().astype("datetime64[D]"), "quarterly"),
    ],
)
def test_weeks_and_months_are_said(dates, said):
    for read in (read_any(prices(*stock(40), dates), name="ko.csv"), read_any(surfaces(walk(40), dates=dates))):
        assert any(said in doubt and "not daily" in doubt for doubt in read.doubts)


def test_a_filled_up_calendar_is_told_from_a_market_that_never_closes():
    every = np.datetime64("2018-01-01") + np.arange(70)
    close, opens = stock(70)
    assert "trades every day" in read_any(prices(close, opens, every), name="btc.csv").doubts[0]
    weekend = ~np.is_busday(every)
    for k in np.flatnonzero(weekend):
        close[k] = close[k - 1]
    assert "repeat the day before" in read_any(prices(close, close, every), name="ko.csv").doubts[0]
    early = weekdays(60) - 1  # Sunday to Thursday
    assert "a day early" in read_any(prices(*stock(60), early), name="ko.csv").doubts[0]
    assert read_any(prices(*stock(60)), name="ko.csv").doubts == ()
    sunday = chain()
    sunday["date"] = "2024-05-05"
    assert "the day is a Sunday" in read_quotes(csv(sunday)).doubts[0]


# --- surfaces ---------------------------------------------------------------------------------------------------------


def test_a_mirrored_skew_and_a_grid_away_from_the_money_are_said():
    table = pd.read_csv(io.BytesIO(surfaces(walk(30))))
    levels = {"0.9": "1.1111", "1.0": "1.0000", "1.1": "0.9091"}
    mirrored = table.rename(columns=lambda h: h.replace(h[-3:], levels[h[-3:]]) if h.startswith("iv") else h)
    assert "S/K" in read_surfaces(csv(mirrored)).doubts[0]
    far = table.rename(columns=lambda h: f"{h[:-3]}{float(h[-3:]) / 2:g}" if h.startswith("iv") else h)
    assert "misses the money" in read_surfaces(csv(far)).doubts[0]


# --- quotes -----------------------------------------------------------------------------------------------------------


def chain(spot=100.0, rate=0.03, dividend=0.01, unit=1.0, says=None, name="ABC"):
    """Black–Scholes quotes of three expiries with a spread; prices divided by ``unit``."""
    rows = []
    for days in (30, 91, 182):
        tau = days / 365
        for strike in np.arange(0.8, 1.21, 0.05) * spot:
            forward, width = spot * np.exp((rate - dividend) * tau), 0.2 * np.sqrt(tau)
            d = np.log(forward / strike) / width + width / 2
            call = np.exp(-rate * tau) * (forward * norm.cdf(d) - strike * norm.cdf(d - width))
            put = call - np.exp(-rate * tau) * (forward - strike)
            for kind, mid in (("C", call), ("P", put)):
                bid, ask = max(mid - 0.01, 0.0) / unit, (mid + 0.01) / unit
                expiry = np.datetime64("2024-05-01") + days
                rows.append(("2024-05-01", name, says or spot, str(expiry), strike, kind, bid, ask))
    return pd.DataFrame(rows, columns=["date", "root", "spot", "expiry", "strike", "type", "bid", "ask"])


def test_honest_quotes_are_not_doubted():
    for table in (chain(), chain(rate=0.08, dividend=0.0), chain(rate=-0.005, dividend=0.03)):
        assert read_quotes(csv(table)).doubts == ()


def test_prices_in_coin_are_told_by_what_options_in_the_money_cost():
    read = read_quotes(csv(chain(unit=100.0)))
    assert any("in units of the underlying (coin)" in note for note in read.notes)
    with pytest.raises(AmbiguousColumns, match="in units of the underlying") as asked:
        read_quotes(csv(chain().assign(bid=lambda t: t["bid"] * 3, ask=lambda t: t["ask"] * 3)))
    assert (asked.value.needed, asked.value.by) == ("price_unit", "option") and "coin" in asked.value.options
    coin = read_quotes(csv(chain(unit=100.0)), price_unit="coin")
    np.testing.assert_allclose(coin.data.table["ask"], read_quotes(csv(chain())).data.table["ask"])
    assert (
        coin.doubts == () and "check the prices" in read_quotes(csv(chain(unit=100.0)), price_unit="currency").doubts[0]
    )


def test_an_implausible_carry_is_asked_about_and_can_be_meant():
    table = chain(rate=0.30, dividend=0.0)
    with pytest.raises(AmbiguousColumns, match="carry") as asked:
        read_quotes(csv(table))
    assert "+30.0 % a year" in asked.value.question
    read = read_quotes(csv(table), **{asked.value.needed: asked.value.options[0]})
    assert len(read.data) == len(table) and "as accepted" in read.doubts[-1]


def test_a_spot_that_parity_contradicts_is_said_or_asked():
    assert "3.0 % below" in read_quotes(csv(chain(says=97.0))).doubts[0]
    assert "4.0 % above" in read_quotes(csv(chain(says=104.0))).doubts[0]
    assert read_quotes(csv(chain(says=100.5))).doubts == ()
    with pytest.raises(AmbiguousColumns, match=r"What is the underlying price\?.* about 100") as asked:
        read_quotes(csv(chain(says=82.0)))
    assert (asked.value.needed, asked.value.takes) == ("spot", "number")
    given = read_quotes(csv(chain(says=82.0)), spot=100.0)
    assert given.doubts == () and set(given.data.table["spot"]) == {100.0}
    table = chain().drop(columns="spot")
    assert "below" in read_quotes(csv(table), spot=82.0).doubts[0]  # given by a person: said, not asked again


def test_strikes_far_from_spot_are_asked_about():
    with pytest.raises(AmbiguousColumns, match="times the underlying price"):
        read_quotes(csv(chain(says=5.0)))


def test_two_underlyings_of_a_day_are_asked_about_and_without_names_refused():
    both = pd.concat([chain(), chain(400.0, name="XYZ")])
    with pytest.raises(AmbiguousColumns, match="It holds 2: ABC, XYZ"):
        read_quotes(csv(both))
    with pytest.raises(MarketDataError, match=r"one underlying.*100 to 400 on 2024-05-01"):
        read_quotes(csv(both.drop(columns="root")))


# --- the cases of the issue -------------------------------------------------------------------------------------------


@pytest.fixture
def case():
    if not (CASES / "RIGHT.md").exists():
        pytest.skip("the cases of ../shared/cases are absent")
    return lambda name: CASES / name


def test_cases_of_splits_opens_and_spacing(case):
    split = read_surfaces(case("L_split.csv"))
    clean = read_surfaces(case("ok/L_clean.csv"))
    np.testing.assert_allclose(split.data.log_return, clean.data.log_return, atol=2e-2)
    assert float(np.std(split.data.log_return[395:405])) < 0.02 and "row 401" in split.doubts[0]
    read = read_prices(case("p_open_adjclose.csv"))
    assert read.data.open is None and read.doubts
    assert read_prices(case("ok/p_open_close_ok.csv")).data.open is not None
    for name in ("k_monthly.csv", "s_monthly.csv"):
        assert any("monthly" in doubt for doubt in read_any(case(name)).doubts)


def test_cases_that_were_right_stay_without_doubt(case):
    for name in ("L_clean", "L_halt", "F_clean", "F_halt", "F_short", "p_open_close_ok", "p_oil", "p_zero", "p_alphav",
                 "s_long", "s_negrate", "q_div", "q_negrate", "q_iso_tz", "q_coin_usd", "VIX_History"):  # fmt: skip
        assert read_any(case(f"ok/{name}.csv")).doubts == (), name
