"""The words of headings: what each kind of file calls its columns, and how points of surfaces are named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Role:
    """What a column can be in one kind of file.

    Args:
        name: key of ``mapping``.
        label: words for people.
        headings: headings that mean this role (lower case, words joined by ``_``), the surest first.
        needed: whether the file is useless without it.
    """

    name: str
    label: str
    headings: tuple[str, ...]
    needed: bool = False

    @cached_property
    def squashed(self) -> tuple[str, ...]:
        """The headings without joints, as :func:`squashed` writes those of a file."""
        return tuple(heading.replace("_", "") for heading in self.headings)


def _role(name: str, label: str, headings: str, needed: bool = False) -> Role:
    return Role(name, label, (name, *headings.split()), needed)


_DATE = _role(
    "date", "the date", "quote_date trade_date trading_date data_date day datum as_of as_of_date observation_date "
    "dates quote_datetime datetime date_time snapshot snapshot_time snapshot_utc timestamp",
    True,
)  # fmt: skip
_SPOT = _role(
    "spot",
    "the underlying price",
    "index_price underlying_price underlying_last underlying_close underlying_value active_underlying_price "
    "underlying spot_price stock_price und_price underlier_price index_level index_close s s0",
)
_IV = "impl_volatility implied_volatility implied_vol impvol imp_vol mark_iv mid_iv iv_pct iv_percent iv_% vol sigma"
_TICKER = _role("ticker", "the ticker", "symbol tic ric")
_CLOSE = _role(
    "close", "the closing price", "close_price closing_price px_last last_price prc adj_close adjusted_close"
)

ROLES: dict[str, tuple[Role, ...]] = {
    "surfaces": (
        _DATE,
        Role("spot", _SPOT.label, (*_SPOT.headings, "close", "px_last", "last_price"), True),
        _role("maturity", "the time to maturity", "maturity_days maturity_years days_to_maturity days_to_expiry days "
              "days_to_expiration dte tenor time_to_maturity ttm time_to_expiry tte tau expiry_days years t"),
        _role("moneyness", "the moneyness K/S", "k_s k_over_s strike_over_spot mny m moneyness_pct moneyness_% "
              "log_moneyness log_m ln_m log_k_s ln_k_s log_k_over_s ln_k_over_s s_k s_over_k spot_over_strike"),
        _role("strike", "the strike", "strike_price impl_strike k"),
        _role("iv", "the implied vol", _IV),
        _role("rate", "the interest rate", "r interest_rate risk_free risk_free_rate rf rate_pct rate_%"),
        _role("vix", "the VIX", "vix_close vix_index"),
        _role("delta", "the delta", "delta_pct delta_%"),
        _role("type", "call or put", "cp_flag option_type call_put cp right c_p"),
        _role("underlying", "the underlying", "underlying_symbol act_symbol ticker symbol secid"),
    ),
    "quotes": (
        _DATE,
        _role("expiry", "the expiry date", "exdate expiration expiration_date expiry_date expire_date exp_date expires "
              "expiry_dt xpry_dt maturity_date", True),
        _role("strike", "the strike", "strike_price strk strike_pr strk_pric exercise_price k", True),
        _role("type", "call or put", "cp_flag option_type option_typ optn_tp call_put put_call cp right c_p opt_type",
              True),
        _role("bid", "the bid", "best_bid bid_price best_bid_price bid_px px_bid bid_1545 bid_eod", True),
        _role("ask", "the ask", "best_offer offer best_ask ask_price best_ask_price ask_px px_ask ask_1545 ask_eod",
              True),
        _SPOT,
        _role("volume", "the volume", "trade_volume vol contracts volume_24h total_volume"),
        _role("iv", "the vendor's implied vol", _IV.replace(" iv_pct iv_percent iv_%", "")),
        _role("root", "the option root", "option_root root_symbol"),
        _role("price", "a price without bid and ask", "mid mid_price mark mark_price settle settlement settle_price "
              "settlement_price settle_pr sttlm_pric settl_price close close_price cls_pric last last_price last_sale "
              "ltp premium"),
        _role("underlying", "the underlying", "underlying_symbol act_symbol und_symbol underlying_ticker tckr_symb "
              "asset ticker symbol secid"),
        _role("contract", "the contract's symbol", "contract_symbol option_symbol symbol instrument instrument_name "
              "inst_id osi occ_symbol ticker option_id option calls puts"),
        _role("dte", "the days to expiry", "days_to_expiration days_to_expiry"),
        _role("last_trade", "the time of the last trade", "last_trade_date last_trade_time last_traded last_trade_day"),
        _role("spot_bid", "the bid of the underlying", "underlying_bid underlying_bid_1545 underlying_bid_eod"),
        _role("spot_ask", "the ask of the underlying", "underlying_ask underlying_ask_1545 underlying_ask_eod"),
    ),
    "prices": (
        _DATE,
        _TICKER,
        _role("open", "the opening price", "open_price openprc px_open"),
        Role("close", _CLOSE.label, (*_CLOSE.headings, "close_last", "price", "last")),
    ),
    "series": (
        _DATE,
        _TICKER,
        Role("close", "the value", (*_CLOSE.headings, "value", "level", "index", "vix", "price", "last"), True),
    ),
    "sectors": (
        Role("ticker", "the ticker", _TICKER.headings, True),
        _role("sector", "the ticker of the sector ETF", "sector_etf etf benchmark sector_ticker", True),
    ),
}  # fmt: skip
"""What columns each kind of file can have."""

NOT_CLOSES = {
    "open", "high", "low", "close", "adjclose", "adjustedclose", "price", "last", "volume", "vol", "change", "change%",
    "return", "returns", "dividends", "stocksplits", "turnover", "vwap", "trades", "spot", "stockprice", "strike",
    "bid", "ask", "iv", "delta", "gamma", "vega", "theta", "rho", "openinterest", "rate", "moneyness", "maturity",
}  # fmt: skip
"""Squashed headings of columns of numbers that are no ticker's closes."""

KNOWN = {word for roles in ROLES.values() for role in roles for word in role.squashed if len(word) > 1} | {
    "high", "low", "openinterest", "time", "timestamp", "datetime", "adjclose", "price", "change", "gamma",
    "vega", "theta", "rho", "net", "lastsale",
}  # fmt: skip
"""Squashed headings that tell a line of headings from other lines."""

_NUMBER = r"(\d+(?:\.\d+)?)"
_UNIT = r"(d|days?|w|wk|wks|weeks?|m|mo|mon|mths?|months?|y|yr|yrs|years?)"
_WORDS = r"(?:(?:implied_volatility|impl_volatility|implied_vol|impvol|imp_vol|vol|sigma|iv|moneyness|mny|m|k|df)_*)*"
_MATURITY_FIRST = re.compile(_WORDS + _NUMBER + "_*" + _UNIT + r"_*" + _WORDS + _NUMBER + r"_*(%|pct)?_*" + _WORDS)
_MONEYNESS_FIRST = re.compile(_WORDS + _NUMBER + r"_*(%|pct)?_*" + _WORDS + r"_+" + _NUMBER + _UNIT + "_*" + _WORDS)
_HALF_SPREAD = re.compile(r"half_spread_(call|put)_(.*)")
_DELTA_FIRST = re.compile(r"(?:dlt|delta)_*" + _NUMBER + r"_*" + _WORDS + _NUMBER + "_*" + _UNIT)
_AT_THE_MONEY = re.compile(_WORDS + _NUMBER + _UNIT)
PER_YEAR = {"d": 365.0, "w": 52.0, "m": 12.0, "y": 1.0}
"""Units of maturities (their first letter) in a year."""


def normal(heading: str) -> str:
    """A heading in lower case, words joined by ``_``, units in brackets dropped (a percent sign is kept as ``%``)."""
    text = heading.strip().lower()
    text = re.sub(r"[(\[]\s*(%|pct|percent)\s*[)\]]", "_%", text)
    text = re.sub(r"(?<=\S)\s*[(\[](?!column \d).*?[)\]]\s*$", "", text)
    return re.sub(r"[\s\-./\\_\[\]]+", "_", text).strip("_")


def squashed(heading: str) -> str:
    """A heading for comparison: normal, without joints and without the number that tells repeated ones apart."""
    return normal(re.sub(r" \(column \d+\)$", "", heading)).replace("_", "")


def point_of(heading: str) -> tuple[float, float] | None:
    """(maturity in years, moneyness as written) of a wide heading like ``iv_30d_0.9`` or ``1M 90%``, or None."""
    text = _joined(heading)
    if match := _MATURITY_FIRST.fullmatch(text):
        length, unit, moneyness = float(match[1]), match[2][0], float(match[3])
        percent = bool(match[4])
    elif match := _MONEYNESS_FIRST.fullmatch(text):
        length, unit, moneyness = float(match[3]), match[4][0], float(match[1])
        percent = bool(match[2])
    else:
        return None
    return length / PER_YEAR[unit], moneyness / 100 if percent and moneyness > 5 else moneyness


def delta_point_of(heading: str) -> tuple[float, float] | None:
    """(maturity in years, delta of the call) of a wide heading like ``dlt25Iv30d`` (0.25) or ``iv30d`` (0.5)."""
    text = _joined(heading)
    if match := _DELTA_FIRST.fullmatch(text):
        delta, length, unit = float(match[1]) / 100, float(match[2]), match[3][0]
    elif (match := _AT_THE_MONEY.fullmatch(text)) and re.match(r"(iv|imp|vol|sigma)", text):
        delta, length, unit = 0.5, float(match[1]), match[2][0]
    else:
        return None
    return (length / PER_YEAR[unit], delta) if 0 < delta < 1 else None


def _joined(heading: str) -> str:
    text = re.sub(r" \(column \d+\)$", "", heading)
    text = re.sub(r"[\s\-]+", "_", text.strip().lower())
    return re.sub(r"(?<=\d)[,p](?=\d)", ".", text)


def surface_points(headings: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Heading → (maturity, moneyness) for the columns of vols of a wide surface."""
    return {h: point for h in headings if (point := point_of(h)) is not None}


def delta_points(headings: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Heading → (maturity, delta of the call) for the columns of vols of a wide surface by delta."""
    return {h: point for h in headings if (point := delta_point_of(h)) is not None}


def half_spread_points(headings: Sequence[str]) -> dict[str, tuple[str, float, float]]:
    """Heading → ("call" or "put", maturity, moneyness) for the columns of half-spreads of a wide surface."""
    points = {}
    for heading in headings:
        match = _HALF_SPREAD.fullmatch(re.sub(r"[\s\-]+", "_", heading.strip().lower()))
        point = point_of(match[2]) if match else None
        if match and point:
            points[heading] = (match[1], *point)
    return points
