"""Windows of half-day returns: against loops, laws of chronology, and one sentence for every bad input."""

import csv
import math

import numpy as np
import pytest

from engine import datasets
from engine.errors import MarketDataError, SettingsError
from engine.market import returns
from engine.market.price_history import PriceHistory

DAYS = 600


def prices(days=DAYS, tickers=("KO", "PEP", "PG", "XLP"), seed=0, **changes):
    """Independent random walks with nights and days; ``changes`` alter arrays by name."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.01, (2 * days, len(tickers)))
    path = 50 * np.exp(np.cumsum(steps, axis=0))
    made = {
        "dates": np.busday_offset("2015-01-02", np.arange(days), roll="forward"),
        "open": path[0::2].copy(),
        "close": path[1::2].copy(),
        "tickers": tickers,
    }
    for name, change in changes.items():
        made[name] = change(made[name]) if callable(change) else change
    return PriceHistory(**made)


def halves_longhand(history, ticker, cap=0.15):
    """Day, night, day, … of one ticker by a loop."""
    column = history.tickers.index(ticker)
    found = []
    for t in range(len(history)):
        if t > 0:
            found.append(math.log(history.open[t, column] / history.close[t - 1, column]))
        found.append(math.log(history.close[t, column] / history.open[t, column]))
    return np.array([max(-cap, min(cap, x)) for x in found])


def test_windows_are_the_loop():
    history = prices()
    found = returns.fingan_windows(history, "KO", sector="XLP", length=7)
    series = halves_longhand(history, "KO") - halves_longhand(history, "XLP")
    np.testing.assert_allclose(found.returns, series, atol=1e-14)
    n, edges = len(series), [0, int(0.8 * len(series)), int(0.9 * len(series)), len(series)]
    assert n == 2 * DAYS - 1
    row = 0
    for part, begin, end in zip(("train", "validation", "test"), edges, edges[1:], strict=False):
        for target in range(begin + 7, end):
            np.testing.assert_allclose(found.condition[row], series[target - 7 : target], atol=1e-14)
            assert found.target[row] == found.returns[target] and found.part[row] == part
            assert found.date[row] == history.dates[(target + 1) // 2]
            assert found.overnight[row] == (target % 2 == 1)
            row += 1
    assert row == len(found) and found.condition.shape == (row, 7)


def test_parts_lie_side_by_side_and_do_not_share_returns():
    found = returns.fingan_windows(prices(), "KO")
    rows = [found.rows(part) for part in ("train", "validation", "test")]
    assert rows[0].start == 0 and rows[2].stop == len(found)
    assert rows[0].stop == rows[1].start and rows[1].stop == rows[2].start
    first = [found.position[part].min() - 10 for part in rows]
    last = [found.position[part].max() for part in rows]
    assert all(later > earlier for earlier, later in zip(last, first[1:], strict=False))
    with pytest.raises(SettingsError, match="train, validation or test; found 'future'"):
        found.rows("future")


@pytest.mark.parametrize("bad_opens", ["keep", "drop", "repair"])
def test_the_future_does_not_change_a_window(bad_opens):
    cut = 400
    shuffle = np.random.default_rng(1).permutation(DAYS - cut) + cut

    def shuffled(values):
        later = values.copy()
        later[cut:] = values[shuffle] * 1.01
        return later

    def with_bad_opens(values, base):
        values = values.copy()
        values[[50, 300]] = base.close[[50, 300]]
        return values

    base = prices()
    known = prices(open=lambda opens: with_bad_opens(opens, base))
    other = prices(open=lambda opens: shuffled(with_bad_opens(opens, base)), close=shuffled)
    one, two = (returns.fingan_windows(h, "KO", "XLP", bad_opens=bad_opens, split_check=False) for h in (known, other))
    before = [found.date < base.dates[cut] for found in (one, two)]
    assert before[0].sum() > 700
    np.testing.assert_array_equal(one.condition[before[0]], two.condition[before[1]])
    np.testing.assert_array_equal(one.target[before[0]], two.target[before[1]])


def test_capped_before_the_sector_is_subtracted():
    def jump(values):
        values = values.copy()
        values[300:, 0] *= math.exp(0.3)
        return values

    found = returns.fingan_windows(prices(open=jump, close=jump), "KO", "XLP", split_check=False)
    night = 2 * 300 - 1
    assert found.returns[night] == pytest.approx(0.15 - halves_longhand(prices(), "XLP")[night])


def flagged(days, columns=(0, 1, 2, 3)):
    """Opens that were not recorded: equal to the close, for those columns on those days."""
    base = prices()

    def change(opens):
        opens = opens.copy()
        for day in days:
            opens[day, list(columns)] = base.close[day, list(columns)]
        return opens

    return prices(open=change)


def test_bad_opens_are_kept_dropped_or_repaired():
    history = flagged([300])
    kept = returns.fingan_windows(history, "KO")
    dropped = returns.fingan_windows(history, "KO", bad_opens="drop")
    repaired = returns.fingan_windows(history, "KO", bad_opens="repair")
    assert kept.returns[600] == 0.0
    touched = [k for k, p in enumerate(kept.position) if any(599 <= q <= 600 for q in range(p - 10, p + 1))]
    assert len(dropped) == len(kept) - len(touched) == len(kept) - 12
    np.testing.assert_array_equal(dropped.position, np.delete(kept.position, touched))
    whole = kept.returns[599] + kept.returns[600]
    nights, days = kept.returns[1:599:2], kept.returns[2:599:2]
    past = nights[-252:] + days[-252:]
    share = np.clip(nights[-252:] @ past / (past @ past), 0, 1)
    assert repaired.returns[599] == pytest.approx(share * whole) and 0 < share < 1
    assert repaired.returns[599] + repaired.returns[600] == pytest.approx(whole)
    rest = np.delete(np.arange(len(kept.returns)), [599, 600])
    np.testing.assert_array_equal(repaired.returns[rest], kept.returns[rest])
    assert [w.notes[0].split(", ")[1] for w in (kept, dropped, repaired)] == [
        "kept",
        "windows that touch them left out",
        "repaired",
    ]


def test_one_open_at_its_close_is_no_bad_open():
    assert returns.fingan_windows(flagged([300], columns=(0,)), "KO").notes == ()


def test_halts_and_days_without_quotes_are_left_out_and_said():
    base = prices()

    def halt(values, field):
        values = values.copy()
        values[200:204, 0] = base.close[199, 0]
        if field == "open":
            values[400, 3] = np.nan
        return values

    history = prices(open=lambda v: halt(v, "open"), close=lambda v: halt(v, "close"))
    found = returns.fingan_windows(history, "KO", "XLP")
    left = np.r_[0:200, 204:400, 401:DAYS]
    assert len(found.returns) == 2 * len(left) - 1
    rest = PriceHistory(history.dates[left], history.close[left], history.tickers, history.open[left])
    np.testing.assert_allclose(found.returns, halves_longhand(rest, "KO") - halves_longhand(rest, "XLP"), atol=1e-14)
    assert len(found.notes) == 2
    assert "1 of 600 days not quoted" in found.notes[0] and "4 of 600 days halted" in found.notes[1]


def test_days_before_the_etf_began_are_said():
    def later(values):
        values = values.copy()
        values[:60, 3] = np.nan
        return values

    history = prices(open=later, close=later)
    found = returns.fingan_windows(history, "KO", "XLP")
    assert found.notes == (
        f"KO and XLP: quoted together from {history.dates[60]} to {history.dates[-1]}; 60 days of KO outside left out",
    )
    assert len(found.returns) == 2 * (DAYS - 60) - 1
    assert returns.fingan_windows(history, "XLP").notes == ()


def split(values, ratio=2):
    values = values.copy()
    values[300:, 0] /= ratio
    return values


@pytest.mark.parametrize("ratio", [3 / 2, 3, 25, 1 / 10, 1 / 50])
def test_splits_of_any_usual_ratio_either_way_are_seen(ratio):
    history = prices(open=lambda v: split(v, ratio), close=lambda v: split(v, ratio))
    with pytest.raises(MarketDataError, match="looks like a split"):
        returns.fingan_windows(history, "KO")


def nothing(values, rows):
    values = values.copy()
    values[rows, 3] = np.nan
    return values


@pytest.mark.parametrize(
    ("history", "arguments", "sentence"),
    [
        (prices(), ("KO", "XLE"), "expected prices of XLE, the sector ETF of KO; found none among the 4 tickers"),
        (prices(), ("MMM",), "expected prices of MMM; found none"),
        (prices(), ("KO", "KO"), "a sector ETF other than the ticker itself; found KO twice"),
        (prices(open=None), ("KO",), "expected opens beside the closes of KO; found closes only"),
        (prices(days=300), ("KO",), "at least 500 days with an open and a close of KO; found 300"),
        (
            prices(close=lambda v: nothing(v, slice(0, 590, 3)), days=1000),
            ("KO", "XLP"),
            "at most 5% of the days without trading; found KO and XLP: 196 of 999 days not quoted",
        ),
        (prices(open=split, close=split), ("KO",), r"found an open of KO at 0.\d+ of the close before on 20"),
        (
            prices(open=lambda v: np.full_like(v, 7.0), close=lambda v: np.full_like(v, 7.0)),
            ("KO",),
            "expected prices that move; found KO at one constant price",
        ),
        (
            prices(open=lambda v: np.tile(v[:, :1], 4), close=lambda v: np.tile(v[:, :1], 4)),
            ("KO", "XLP"),
            "returns of KO beyond those of XLP; found the two moving as one",
        ),
    ],
)
def test_bad_prices_are_one_sentence(history, arguments, sentence):
    with pytest.raises(MarketDataError, match=sentence) as found:
        returns.fingan_windows(history, *arguments)
    assert "\n" not in str(found.value)


def test_splits_duplicates_and_zero_prices_never_get_here():
    with pytest.raises(MarketDataError, match="distinct tickers; found KO twice"):
        prices(tickers=("KO", "KO", "PG", "XLP"))
    with pytest.raises(MarketDataError, match="twice"):
        prices(dates=lambda days: np.r_[days[:1], days[:-1]])
    with pytest.raises(MarketDataError, match="open prices > 0; found 0 for KO"):
        prices(open=lambda v: np.where(np.arange(len(v))[:, None] == 5, 0.0, v))


def test_a_crash_of_all_is_no_split():
    def crash(values):
        values = values.copy()
        values[300:] /= 2
        return values

    found = returns.fingan_windows(prices(open=crash, close=crash), "KO")
    assert found.returns[599] == -0.15
    assert returns.fingan_windows(prices(open=split, close=split), "KO", split_check=False).returns[599] == -0.15


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"length": 0}, "at least one half-day; found 0"),
        ({"cap": 0.0}, "cap on returns > 0; found 0"),
        ({"bad_opens": "guess"}, "keep, drop, repair; found 'guess'"),
        ({"parts": (0.8, 0.2, 0.1)}, "three shares > 0"),
        ({"parts": (0.8, 0.2)}, "three shares > 0"),
    ],
)
def test_settings_that_make_no_sense(settings, sentence):
    with pytest.raises(SettingsError, match=sentence):
        returns.fingan_windows(prices(), "KO", **settings)


def test_a_window_longer_than_a_part_is_refused():
    with pytest.raises(MarketDataError, match="more than 200 half-days in the validation part of KO; found 120"):
        returns.fingan_windows(prices(), "KO", length=200)


@pytest.mark.market_data
def test_the_long_only_row_of_table_5_2(market_data):
    history = datasets.load(str(market_data / "equity_us_2000_2021.parquet")).data
    with (market_data / "equity_sectors.csv").open() as file:
        sector_of = dict(list(csv.reader(file))[1:])
    pairs = [*sector_of.items(), *((etf, None) for etf in sorted(set(sector_of.values())))]
    daily = []
    for ticker, etf in pairs:
        found = returns.fingan_windows(history, ticker, etf)
        test = found.rows("test")
        assert test.stop - test.start == 1098
        day = np.unique(found.date[test], return_inverse=True)[1]
        daily.append(10_000 * np.bincount(day, found.target[test]))
    daily = np.array(daily)  # (tickers, days) basis points
    sharpe = math.sqrt(252) * daily.mean(axis=1) / daily.std(axis=1)
    portfolio = daily.mean(axis=0)
    row = [sharpe.mean(), np.median(sharpe), math.sqrt(252) * portfolio.mean() / portfolio.std()]
    row += [daily.mean(), np.median(daily.mean(axis=1))]
    np.testing.assert_allclose(row, [0.181, 0.190, 0.616, 2.343, 1.975], atol=0.002)
