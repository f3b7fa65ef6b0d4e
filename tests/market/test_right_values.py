"""The right values of small files in people's formats (`../shared/cases/RIGHT.md`), where they are there."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import MarketDataError
from engine.market.intake import AmbiguousColumns, read_any, read_quotes, read_surfaces

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases"
pytestmark = pytest.mark.skipif(not (CASES / "RIGHT.md").is_file(), reason="no ../shared/cases beside this checkout")

LEVELS = [0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2]


def implied_vol_at_the_money(quotes, days):
    """Vol of the call at the money of an expiry, by the parity forward of the same strike: an inversion of its own."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    table = quotes.table[quotes.table["date"] == quotes.table["date"].iloc[0]]
    left = (table["expiry"] - table["date"]).dt.days
    table = table[left == min(set(left), key=lambda d: abs(d - days))].assign(mid=lambda t: (t["bid"] + t["ask"]) / 2)
    sides = table.pivot_table(index="strike", columns="is_call", values="mid").dropna()
    spot, tau = table["spot"].iloc[0], (table["expiry"] - table["date"]).dt.days.iloc[0] / 365
    near = sides[(sides.index > 0.85 * spot) & (sides.index < 1.15 * spot)]
    slope, level = np.polyfit(near.index, near[True] - near[False], 1)
    discount, forward = -slope, level / -slope
    strike = sides.index[np.abs(sides.index - spot).argmin()]

    def price(vol):
        width = vol * np.sqrt(tau)
        d = np.log(forward / strike) / width + width / 2
        return discount * (forward * norm.cdf(d) - strike * norm.cdf(d - width))

    return 100 * brentq(lambda vol: price(vol) - sides[True][strike], 1e-3, 5)


QUOTES = {
    "q_expiry_twice.csv": ({"date": "2023-03-06"}, [4000], 20.57),
    "q_yf_chain.csv": ({"spot": 4000}, [4000], 20.57),
    "q_coin.csv": ({}, [50000], 60.0),
    "ok/q_coin_usd.csv": ({}, [50000], 60.0),
    "q_dolthub.csv": ({"spot": 4000}, [4000], 20.57),
    "q_ce_pe.csv": ({}, [4000], 20.57),
    "q_optionsdx.txt": ({}, [4000, 4040], 20.57),
    "q_cboe_delayed.csv": ({}, [4000], 20.57),
    "ok/q_div.csv": ({}, [4000], 20.57),
    "ok/q_hod.csv": ({}, [4000, 4040], 20.57),
    "ok/q_iso_tz.csv": ({}, [4000], 20.57),
    "ok/q_ivydb.csv": ({"spot": 4000, "date": "2023-03-06"}, [4000], 20.57),
    "ok/q_negrate.csv": ({}, [4000], 20.57),
}


@pytest.mark.parametrize("name", QUOTES)
def test_chains(name):
    answers, spots, vol = QUOTES[name]
    quotes = read_any(CASES / name, **answers).data
    rows = 432 if "coin" in name else 272
    assert len(quotes) == rows * len(spots) and len(quotes.dates) == len(spots)
    assert quotes.period[0] == "2023-03-06" and sorted(set(quotes.table["spot"])) == spots
    assert implied_vol_at_the_money(quotes, 30) == pytest.approx(vol, abs=0.3)


@pytest.mark.parametrize(("name", "spot", "vol"), [("AAA", 100, 20.57), ("BBB", 400, 45.57)])
def test_two_underlyings(name, spot, vol):
    with pytest.raises(AmbiguousColumns) as asked:
        read_any(CASES / "q_two_underlyings.csv")
    assert (asked.value.needed, asked.value.options) == ("underlying", ("AAA", "BBB"))
    quotes = read_any(CASES / "q_two_underlyings.csv", underlying=name).data
    assert len(quotes) == 272 and set(quotes.table["spot"]) == {spot}
    assert implied_vol_at_the_money(quotes, 30) == pytest.approx(vol, abs=0.3)


@pytest.mark.parametrize(
    ("name", "needed"), [("q_expiry_twice.csv", "date"), ("q_yf_chain.csv", "spot"), ("q_nospot.csv", "spot")]
)
def test_what_a_chain_lacks_is_asked(name, needed):
    with pytest.raises(AmbiguousColumns) as asked:
        read_any(CASES / name)
    assert asked.value.needed == needed and asked.value.takes


def test_dolthubs_vol_is_no_volume():
    table = read_quotes(CASES / "q_dolthub.csv", spot=4000).data.table
    assert table["volume"].isna().all() and table["iv"].min() >= 0.16 and table["iv"].max() <= 0.31


def test_closes_beside_the_quotes():
    quotes = read_quotes([CASES / "q_nospot.csv", CASES / "closes.csv"]).data
    assert implied_vol_at_the_money(quotes, 30) == pytest.approx(20.57, abs=0.1)


def test_strikes_times_a_power_of_ten():
    read = read_any(CASES / "k_cents.csv")
    ratio = read.data.table["strike"] / read.data.table["spot"]
    assert (ratio.min(), ratio.max()) == (0.9, 1.12) and any("divided by 100:" in note for note in read.notes)


@pytest.mark.parametrize(
    "name", ["s_tenor.csv", "s_log_values.csv", "ok/s_long.csv", "ok/s_callput.csv", "ok/s_two.csv"]
)
def test_surfaces(name):
    history = read_surfaces(CASES / name).data
    assert history.iv.shape == (40, 7, 8) and history.grid.moneyness.tolist() == LEVELS
    assert history.iv[0, 3, 0] == pytest.approx(0.208156) and history.spot[0] == 3968.05


def test_inverted_moneyness_is_asked_about():
    with pytest.raises(AmbiguousColumns) as asked:
        read_any(CASES / "s_s_over_k.csv")
    assert (asked.value.needed, asked.value.options) == ("moneyness", ("S/K", "K/S"))
    history = read_any(CASES / "s_s_over_k.csv", moneyness="S/K").data
    assert history.grid.moneyness.tolist() == LEVELS and history.iv[0, 0, 0] == pytest.approx(0.240286)


@pytest.mark.parametrize("answers", [{}, {"spot": 4000}, {"kind": "surfaces", "spot": 4000}])
def test_a_surface_by_delta(answers):
    history = read_any(CASES / "s_ivydb_vsurf.csv", **answers).data
    by_moneyness = read_any(CASES / "ok/s_long.csv").data
    assert np.allclose(history.spot, by_moneyness.spot, rtol=1e-5) and history.iv.shape[0] == 40
    middle = history.iv[:, history.grid.moneyness.tolist().index(1.0)]
    assert np.abs(middle - by_moneyness.iv[:, 3]).max() < 2e-4


def test_constant_maturities_without_smiles_are_no_prices():
    with pytest.raises(AmbiguousColumns) as asked:
        read_any(CASES / "s_orats.csv")
    assert asked.value.by == "kind"
    with pytest.raises(MarketDataError, match="three or more deltas"):
        read_any(CASES / "s_orats.csv", kind="surfaces")
    assert read_any(CASES / "s_orats.csv", kind="prices", close="stockPrice").data.close[0, 0] == 396.81


def test_headings_below_other_lines_odd_spaces_and_seconds():
    assert len(read_any(CASES / "p_bbg_preamble.csv").data) == 60
    assert read_any(CASES / "k_nbsp_thousand.csv").data.close[0, 0] == 1102.25
    for answers in ({}, {"mapping": {"date": "timestamp"}}):
        assert read_any(CASES / "k_epoch.csv", **answers).data.period[0] == "2024-01-01"
    for column, closes in (("close", [10.5, 10.7]), ("close (column 4)", [10.4, 10.6])):
        assert read_any(CASES / "p_dup_close.csv", close=column).data.close[:2, 0].tolist() == closes


OK = {"k_theta.csv": {"spot": 4700}, "k_space_thousand.csv": {"ticker": "QQZ"}, "q_ivydb.csv": {"spot": 4000}}


def test_what_was_read_right_still_is():
    for path in sorted((CASES / "ok").glob("*.csv")):
        read = read_any(path, **OK.get(path.name, {}))
        assert len(read.data) > 0, path.name
