"""Every drop has one reason and is counted; nothing disappears."""

import numpy as np
import pandas as pd
import pytest
from model_quotes import DATE, SPOT, changed, joined, model_quotes, skewed

from engine.errors import MarketDataError
from engine.market.quotes import OptionQuotes
from engine.surfaces import quote_cleaning


def counts(quotes: OptionQuotes, **options: object) -> dict[str, int]:
    clean = quote_cleaning.clean(quotes, **options)
    assert len(clean.table) + len(clean.dropped) == int((quotes.table["date"] == clean.date).sum())
    together = [*clean.table["row"], *clean.dropped["row"]]
    assert len(set(together)) == len(together)
    return quote_cleaning.drop_counts(clean.dropped).to_dict()


def test_good_quotes_are_all_kept() -> None:
    assert counts(model_quotes(skewed, half_spread=0.05)) == {}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"bid": 9.0, "ask": 8.0}, "crossed"),
        ({"bid": 0.0, "ask": 0.05}, "zero_bid"),
        ({"bid": np.nan}, "no_price"),
        ({"ask": np.nan}, "no_price"),
        ({"bid": -1.0}, "no_price"),
        ({"expiry": DATE}, "under_a_day"),
        ({"expiry": DATE - pd.Timedelta(days=3)}, "under_a_day"),
        ({"volume": 0.0}, "untraded"),
    ],
)
def test_each_reason_is_found_and_counted(values: dict[str, object], reason: str) -> None:
    quotes = model_quotes(skewed, half_spread=0.05, volume=3.0)
    assert counts(changed(quotes, [3, 40, 77], **values)) == {reason: 3}


def test_a_quote_of_two_faults_is_counted_once() -> None:
    quotes = changed(model_quotes(volume=1.0), [5], bid=0.0, volume=0.0)
    assert counts(quotes) == {"zero_bid": 1}


def test_untraded_quotes_can_be_kept_and_unknown_volume_is_no_reason() -> None:
    assert counts(model_quotes(volume=0.0), keep_untraded=True) == {}
    assert counts(model_quotes(volume=np.nan)) == {}


def test_an_option_that_expires_tomorrow_is_kept() -> None:
    assert counts(model_quotes(days=(1, 30), moneyness=np.linspace(0.98, 1.02, 5))) == {}


def test_of_duplicates_the_tightest_is_kept() -> None:
    near = np.linspace(0.9, 1.1, 9)
    wide, tight = (model_quotes(half_spread=h, moneyness=near) for h in (0.2, 0.01))
    clean = quote_cleaning.clean(joined(wide, tight))
    assert quote_cleaning.drop_counts(clean.dropped).to_dict() == {"duplicate": len(wide)}
    assert set(clean.table["row"]) == set(range(len(wide), 2 * len(wide)))


def test_identical_duplicates_leave_one() -> None:
    once = model_quotes(half_spread=0.01)
    clean = quote_cleaning.clean(joined(once, once, once))
    assert len(clean.table) == len(once)
    assert len(clean.dropped) == 2 * len(once)


def test_two_roots_on_an_expiry_are_no_duplicates_but_are_said() -> None:
    clean = quote_cleaning.clean(joined(model_quotes(root="SPX"), model_quotes(root="SPXW")))
    assert clean.dropped.empty
    assert "5 expiries are listed under several roots (SPX, SPXW); the 330 options quoted twice" in clean.notes[0]


def test_missing_roots_are_one_root() -> None:
    quotes = changed(model_quotes(), slice(None), root=None)
    assert (quote_cleaning.clean(quotes).table["root"] == "").all()


def test_stale_quotes_are_those_that_slept_through_a_move() -> None:
    before = model_quotes(skewed, half_spread=0.05, spot=100.0, days=(30, 60, 91))
    after = model_quotes(
        skewed,
        half_spread=0.05,
        spot=104.0,
        days=(29, 59, 90),
        moneyness=np.linspace(0.6, 1.4, 33) / 1.04,
        date=DATE + pd.Timedelta(days=1),
    )
    strikes = before.table["strike"].round(6)
    asleep = strikes.between(97, 103) & (before.table["expiry"] == DATE + pd.Timedelta(days=60))
    rows = before.table.index[asleep]
    old = changed(after, rows, bid=before.table.loc[rows, "bid"], ask=before.table.loc[rows, "ask"])
    both = joined(changed(before, slice(None), strike=strikes), changed(old, slice(None), strike=strikes))
    clean = quote_cleaning.clean(both, DATE + pd.Timedelta(days=1), previous=DATE)
    assert quote_cleaning.drop_counts(clean.dropped).to_dict() == {"stale": len(rows)}
    # without the day before, nobody can tell
    assert quote_cleaning.clean(both, DATE + pd.Timedelta(days=1)).dropped.empty


def test_quotes_that_need_not_move_are_not_stale() -> None:
    first = model_quotes(skewed, half_spread=0.05)
    second = changed(first, slice(None), date=DATE + pd.Timedelta(days=1))
    clean = quote_cleaning.clean(joined(first, second), DATE + pd.Timedelta(days=1), previous=DATE)
    assert clean.dropped.empty


def test_vols_come_back_and_bad_prices_do_not() -> None:
    quotes = model_quotes(skewed, rate=0.02)
    table = quotes.table
    low = table.index[table["is_call"] & table["strike"].between(99.9, 100.1)][0]
    high = table.index[~table["is_call"] & table["strike"].between(89.9, 90.1)][0]
    deep = table.index[table["is_call"] & (table["strike"] < 70)][0]
    wild = table.index[~table["is_call"] & table["strike"].between(59.9, 60.1)][0]
    bad = changed(quotes, [low], bid=0.1, ask=0.1)  # a call at the money below its forward value
    bad = changed(bad, [high], bid=95.0, ask=95.0)  # a put worth more than its strike
    bad = changed(bad, [deep], bid=20.0, ask=21.0)  # a call that asks less than exercise pays
    bad = changed(bad, [wild], bid=40.0, ask=40.0)  # a put at a vol of over 500 %
    kept, used = quote_cleaning.with_vols(quote_cleaning.clean(bad), 0.02)
    reasons = used.dropped.set_index("row")["reason"].to_dict()
    assert reasons == {low: "below_intrinsic", high: "above_bound", deep: "below_intrinsic", wild: "absurd_vol"}
    assert len(kept.table) == len(table) - 4
    truth = [skewed(m, tau) for m, tau in zip(used.table["moneyness"], used.table["maturity"], strict=True)]
    assert np.abs(used.table["iv"] - truth).max() < 1e-10
    otm = used.table["is_call"] == (used.table["moneyness"] >= 1)
    assert otm.all()


def test_forwards_other_than_the_spots_are_honoured() -> None:
    clean = quote_cleaning.clean(model_quotes(skewed, rate=0.03, dividend=0.02))
    tau = clean.table["maturity"].to_numpy()
    _, used = quote_cleaning.with_vols(clean, 0.03, SPOT * np.exp(0.01 * tau))
    truth = [skewed(m, t) for m, t in zip(used.table["moneyness"], used.table["maturity"], strict=True)]
    assert np.abs(used.table["iv"] - truth).max() < 1e-10
    assert quote_cleaning.prices_at(used.table, used.table["iv"]) == pytest.approx(
        used.table["mid"].to_numpy(), abs=1e-12
    )
    assert quote_cleaning.vols_at(used.table, used.table["mid"]) == pytest.approx(
        used.table["iv"].to_numpy(), abs=1e-14
    )


def test_the_words_count() -> None:
    quotes = changed(model_quotes(volume=1.0), [0, 1, 2], bid=0.0)
    quotes = changed(quotes, [10], bid=99.0, ask=1.0)
    dropped = quote_cleaning.clean(quotes).dropped
    assert quote_cleaning.drop_words(dropped, 12_626) == "4 of 12,626 quotes dropped: 1 crossed, 3 zero bids"
    assert quote_cleaning.drop_words(dropped.iloc[:0], 330) == "None of 330 quotes dropped"


def test_which_day_must_be_clear() -> None:
    two = joined(model_quotes(), model_quotes(date=DATE + pd.Timedelta(days=1)))
    with pytest.raises(MarketDataError, match="found 2 days"):
        quote_cleaning.clean(two)
    with pytest.raises(MarketDataError, match="2020-05-05, not in the quotes"):
        quote_cleaning.clean(two, "2020-05-05")
    assert quote_cleaning.clean(two, "2020-03-03").date == np.datetime64("2020-03-03")


def test_a_day_without_a_spot_is_refused() -> None:
    with pytest.raises(MarketDataError, match="price of the underlying"):
        quote_cleaning.clean(changed(model_quotes(), slice(None), spot=np.nan))
