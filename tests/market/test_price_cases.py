"""The files of prices among ``../shared/cases``: what RIGHT.md says of each, and that what was right has stayed so."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import MarketDataError
from engine.market.intake import AmbiguousColumns, read_any, read_prices, read_quotes, read_surfaces
from engine.market.returns import fingan_windows

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not (CASES / "RIGHT.md").exists(), reason="the cases of ../shared/cases are absent")

RIGHT_BEFORE = {
    "F_clean.csv": "ca7158b8acb1",
    "F_halt.csv": "3d2c9c987df7",
    "F_short.csv": "66a04a48d579",
    "F_split.csv": "acf66d9a9853",
    "F_split95.csv": "21459074f65a",
    "L_clean.csv": "97d4f5c9981f",
    "L_halt.csv": "aa222f823bbf",
    "VIXCLS.csv": "4757e717e55b",
    "VIX_History.csv": "804b42abf0c7",
    "p_alphav.csv": "a782f841dcaa",
    "p_excel_sep.csv": "c117b6d933ec",
    "p_footer.csv": "237139084383",
    "p_live_dup.csv": "b38a9d0c2a4c",
    "p_oil.csv": "f9696bf93839",
    "p_open_close_ok.csv": "84c3016b3dd3",
    "p_split.csv": "e3ef76ae22d7",
    "p_yf_history.csv": "47d78fc17642",
    "p_zero.csv": "cd1eea3466bf",
    "s_calendar_ffill.csv": "39695163349b",
    "s_long.csv": "a10b4346378a",
}
"""Fingerprints of what was read before files were held against what markets do."""


@pytest.mark.parametrize("name", RIGHT_BEFORE)
def test_what_was_right_is_read_as_before(name):
    read = read_any(CASES / "ok" / name)
    ticker = name.removesuffix(".csv")
    assert read.data.fingerprint == RIGHT_BEFORE[name], ticker


def ends(series):
    return float(series[0]), float(series[-1])


@pytest.mark.parametrize(
    ("name", "tickers", "close", "opens"),
    [
        ("p_investing.csv", ("P_INVESTING",), (4000.0, 3528.0), (4002.4, 3553.6)),
        ("p_yf_multi1.csv", ("ABC",), (100.0, 88.2), (100.06, 88.84)),
        ("p_bbg_preamble.csv", ("ABC",), (100.0, 88.2), (100.06, 88.84)),
    ],
)
def test_sixty_days_of_vendors(name, tickers, close, opens):
    read = read_any(CASES / name)
    assert (read.data.tickers, len(read.data)) == (tickers, 60) and read.rejected.empty
    assert ends(read.data.close[:, 0]) == close and ends(read.data.open[:, 0]) == opens


@pytest.mark.parametrize(("answer", "close"), [("close", [10.5, 10.7]), ("close (column 4)", [10.4, 10.6])])
def test_either_close(answer, close):
    with pytest.raises(AmbiguousColumns) as asked:
        read_any(CASES / "p_dup_close.csv")
    assert answer in asked.value.options
    assert read_any(CASES / "p_dup_close.csv", mapping={"close": answer}).data.close[:2, 0].tolist() == close


def test_seconds_bars_and_returns():
    for options in ({}, {"mapping": {"date": "timestamp"}}):
        assert read_prices(CASES / "k_epoch.csv", **options).data.period[0] == "2024-01-01"
    assert read_any(CASES / "k_hourly.csv").data.close[:2, 0].tolist() == [102.0, 103.0]
    assert read_any(CASES / "k_nbsp_thousand.csv").data.close[0, 0] == 1102.25
    with pytest.raises(MarketDataError, match="found returns or changes"):
        read_any(CASES / "k_returns.csv")
    with pytest.raises(MarketDataError):
        read_any(CASES / "s_orats.csv")


def test_opens_that_are_not_adjusted_make_no_half_days():
    for name, ticker in (("p_open_adjclose.csv", "P_OPEN_ADJCLOSE"), ("ok/F_divadj_close.csv", "AAA")):
        with pytest.raises(MarketDataError, match="opens"):
            fingan_windows(read_prices(CASES / name).data, ticker)
    assert fingan_windows(read_prices(CASES / "ok/F_divadj_close.csv").data, "BBB").notes is not None
    assert len(fingan_windows(read_prices(CASES / "ok/p_open_close_ok.csv").data, "P_OPEN_CLOSE_OK"))


def test_the_split_of_the_spot():
    split, clean = (read_surfaces(CASES / name).data.log_return for name in ("L_split.csv", "ok/L_clean.csv"))
    assert np.std(split) == pytest.approx(np.std(clean), abs=1e-6)


def test_closes_below_what_parity_says():
    pair = [CASES / "q_nospot.csv", CASES / "adjcloses.csv"]
    assert any("3.0 % below" in doubt for doubt in read_quotes(pair).doubts)
    assert read_quotes([pair[0], CASES / "closes.csv"]).doubts == ()
