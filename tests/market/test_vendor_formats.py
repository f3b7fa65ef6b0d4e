"""Files in vendors' formats, invented, are read to the chain or the surface that they were made of."""

import functools

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from engine.market.intake import AmbiguousColumns, read_any, read_surfaces
from engine.market.intake.profiles import PROFILES, profile_of
from engine.market.intake.tables import read_table
from tests.market import vendor_files as files


@pytest.mark.parametrize("vendor", files.QUOTES)
def test_a_chain_in_a_vendors_format(vendor):
    make, answers = files.QUOTES[vendor]
    read = read_any(make(), name="chain.csv", **answers)
    table = read.data.table.sort_values(["expiry", "strike", "is_call"], ascending=[True, True, False])
    want = files.chain().sort_values(["expiry", "strike", "kind"])
    assert read.kind == "quotes" and len(table) == len(want)
    assert (table["expiry"].to_numpy() == want["expiry"].to_numpy().astype("datetime64[s]")).all()
    assert np.allclose(table["strike"], want["strike"]) and (table["is_call"].to_numpy() == (want["kind"] == "C")).all()
    assert np.allclose((table["bid"] + table["ask"]) / 2, want["mid"], rtol=1e-3, atol=1e-4)
    assert set(table["date"]) == {files.DAY} and np.allclose(table["spot"], files.SPOT)
    known = table["iv"].notna().to_numpy()
    assert np.allclose(table["iv"].to_numpy()[known], want["iv"].to_numpy()[known], atol=1e-4)


@pytest.mark.parametrize("vendor", [v for v, (_, answers) in files.QUOTES.items() if answers])
def test_what_a_vendor_does_not_give_is_asked_for(vendor):
    make, _ = files.QUOTES[vendor]
    with pytest.raises(AmbiguousColumns) as asked:
        read_any(make(), name="chain.csv")
    assert (asked.value.needed, asked.value.takes) == ("spot", "number")


def test_every_profile_has_a_file_here():
    found = [
        read_table(make()).profile for make in (*(make for make, _ in files.QUOTES.values()), vsurf, orats_surface)
    ]
    made = {profile.name for profile in found if profile is not None}
    assert {p.name for p in PROFILES if p.kind in ("quotes", "surfaces")} <= made
    assert profile_of(["date", "open", "close"]) is None


def test_prices_without_bid_and_ask_are_said():
    notes = read_any(files.nse(udiff=True), name="x.csv").notes
    assert any("no bid and ask: SttlmPric is used for both" in note for note in notes)
    read = read_any(files.nse(), name="x.csv", spot=files.SPOT)
    assert len(read.rejected) == 1  # the future


def test_dolthubs_vol_is_a_vol_and_no_volume():
    table = read_any(files.dolthub(), name="x.csv", spot=files.SPOT).data.table
    assert table["volume"].isna().all() and table["iv"].notna().all()


def test_vol_of_whole_numbers_is_the_volume():
    content = files.dolthub().decode()
    table = (
        pd.read_csv(pd.io.common.StringIO(content)).assign(vol=7, act_symbol="QQZ").rename(columns={"call_put": "type"})
    )
    read = read_any(files.csv(table), name="x.csv", spot=files.SPOT).data.table
    assert set(read["volume"]) == {7.0} and read["iv"].isna().all()


# --- surfaces ---------------------------------------------------------------------------------------------------------

DATES = pd.bdate_range("2024-05-06", periods=4)
SPOTS = np.array([250.0, 251.5, 249.0, 252.0])
CARRY = files.RATE - files.DIVIDEND
MATURITIES = {"30d": 30 / 365, "60d": 60 / 365, "6m": 0.5, "1y": 1.0}


def smile_point(spot, tau, call_delta):
    """Vol and strike at a delta: the fixed point of strike → vol → strike."""
    strike, d = spot, float(ndtri(call_delta))
    for _ in range(40):
        sigma = files.vol(strike / spot, tau)
        width = sigma * np.sqrt(tau)
        strike = spot * np.exp(CARRY * tau - d * width + width**2 / 2)
    return sigma, strike


@functools.cache
def vsurf():
    rows = []
    for day, spot in zip(DATES, SPOTS, strict=True):
        for tau_days in (30, 91, 182):
            for delta in range(10, 95, 5):
                sigma, strike = smile_point(spot, tau_days / 365, delta / 100)
                rows += [(500000, day.date(), tau_days, delta, sigma, strike, "C")]
                rows += [(500000, day.date(), tau_days, delta - 100, sigma, strike, "P")]
    names = ["secid", "date", "days", "delta", "impl_volatility", "impl_strike", "cp_flag"]
    return files.csv(pd.DataFrame(rows, columns=names))


def orats_surface(maturities=MATURITIES):
    table = {"ticker": "QQZ", "tradeDate": DATES.date, "stockPrice": SPOTS}
    for name, tau in maturities.items():
        table[f"iv{name}"] = [100 * smile_point(spot, tau, 0.5)[0] for spot in SPOTS]
        for delta in (5, 25, 75, 95):
            table[f"dlt{delta}Iv{name}"] = [100 * smile_point(spot, tau, delta / 100)[0] for spot in SPOTS]
    return files.csv(pd.DataFrame(table))


def test_a_surface_by_delta_gives_the_spots_and_the_vols_that_it_was_made_of():
    read = read_any(vsurf(), name="vsurf.csv")
    history = read.data
    assert np.allclose(history.spot, SPOTS, rtol=1e-5) and len(history) == len(DATES)
    want = files.vol(history.grid.moneyness[:, None], history.grid.maturity)
    assert np.abs(history.iv - want).max() < 5e-4
    assert any("that of the strikes at delta ½" in note for note in read.notes)


def test_a_surface_by_delta_takes_its_spots_from_closes_beside_it_or_for_one_day_from_an_answer():
    closes = files.csv(pd.DataFrame({"date": DATES.date, "close": 1.01 * SPOTS}))
    read = read_surfaces([vsurf(), closes], names=["vsurf.csv", "qqz.csv"])
    assert np.allclose(read.data.spot, 1.01 * SPOTS)
    one_day = "\n".join(vsurf().decode().splitlines()[: 1 + 3 * 17 * 2]).encode()
    assert read_any(one_day, spot=252.5).data.spot.tolist() == [252.5]
    assert any("cannot be that of 4 days" in note for note in read_any(vsurf(), spot=252.5).notes)


def test_a_surface_by_delta_without_strikes_uses_each_points_own_vol():
    table = pd.read_csv(pd.io.common.BytesIO(vsurf())).drop(columns="impl_strike")
    table = table.assign(spot=np.repeat(SPOTS, 3 * 17 * 2), rate=CARRY)
    history = read_any(files.csv(table), name="vsurf.csv").data
    assert np.abs(history.iv - files.vol(history.grid.moneyness[:, None], history.grid.maturity)).max() < 5e-4


def test_constant_maturities_by_delta_make_a_surface_or_a_question():
    history = read_any(orats_surface(), name="orats.csv").data
    assert history.grid.maturity.tolist() == [30 / 365, 60 / 365, 0.5, 1.0] and history.spot.tolist() == SPOTS.tolist()
    want = files.vol(history.grid.moneyness[:, None] / np.exp(CARRY * history.grid.maturity), history.grid.maturity)
    assert np.abs(history.iv - want).max() < 0.01  # linear between five deltas, and K/S without the carry
    with pytest.raises(AmbiguousColumns) as asked:
        read_any(orats_surface({"30d": 30 / 365}), name="orats.csv")
    assert asked.value.by == "kind"


def test_bloombergs_fields_of_vols_below_lines_about_the_request():
    levels = (80.0, 100.0, 120.0)
    fields = {"30DAY": 30 / 365, "3MTH": 0.25, "12MTH": 1.0}
    table = {"Date": DATES.strftime("%m/%d/%Y"), "PX_LAST": SPOTS}
    for name, tau in fields.items():
        for level in levels:
            table[f"{name}_IMPVOL_{level:.1f}%MNY_DF"] = np.round(100 * files.vol(level / 100, tau), 4)
    above = "Security,QQZ US Equity,,\nStart Date,05/06/2024,,\nEnd Date,05/09/2024,,\n,,,\n"
    history = read_any(files.csv(pd.DataFrame(table), above), name="bbg.csv", date_order="mdy").data
    assert history.grid.moneyness.tolist() == [0.8, 1.0, 1.2] and history.spot.tolist() == SPOTS.tolist()
    assert np.allclose(history.iv, files.vol(history.grid.moneyness[:, None], history.grid.maturity), atol=1e-6)
