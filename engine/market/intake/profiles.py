"""Vendors' formats as data: how their headings are called, in what units, and what their files lack.

A profile is recognised by headings that only this vendor has together (``marks``). It says only what the general words
of ``vocabulary`` get wrong or cannot know; everything else is read by the general reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.market.intake.vocabulary import squashed


@dataclass(frozen=True)
class Profile:
    """One vendor's format.

    Args:
        name: what people call it.
        kind: what such a file holds, one of the kinds of the reader.
        marks: squashed headings (:func:`~engine.market.intake.vocabulary.squashed`) that tell it from all others.
        roles: role → heading, where the general words would choose another column or none; several headings separated
            by a blank are tried in turn.
        factors: role → by how much its numbers are too large (strikes × 1000: ``{"strike": 1000}``).
        coin: prices are in units of the underlying.
        date_order: "dmy" or "mdy", how dates are written that could be read both ways.
        lacks: what such a file does not hold, as a sentence for people (empty if nothing is missing).
    """

    name: str
    kind: str
    marks: tuple[str, ...]
    roles: Mapping[str, str] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    coin: bool = False
    date_order: str = ""
    lacks: str = ""

    def heading(self, role: str, headings: Sequence[str]) -> str | None:
        """The column of a role among the headings of a file, if the profile names one that is there."""
        for wanted in self.roles.get(role, "").split():
            found = next((h for h in headings if squashed(h) == wanted), None)
            if found is not None:
                return found
        return None


PROFILES: tuple[Profile, ...] = (
    Profile(
        "yfinance (option chain)",
        "quotes",
        ("contractsymbol", "lasttradedate", "impliedvolatility", "inthemoney"),
        lacks="the day of the quotes and the underlying price",
    ),
    Profile("Cboe (delayed quotes)", "quotes", ("calls", "puts", "strike", "expirationdate")),
    Profile(
        "Cboe DataShop (15:45)",
        "quotes",
        ("underlyingsymbol", "quotedate", "bid1545", "ask1545"),
        {
            "underlying": "underlyingsymbol",
            "bid": "bid1545",
            "ask": "ask1545",
            "spot": "activeunderlyingprice1545",
            "spot_bid": "underlyingbid1545",
            "spot_ask": "underlyingask1545",
            "iv": "impliedvolatility1545",
        },
    ),
    Profile(
        "Cboe DataShop (end of day)",
        "quotes",
        ("underlyingsymbol", "quotedate", "bideod", "askeod"),
        {"underlying": "underlyingsymbol", "bid": "bideod", "ask": "askeod"},
    ),
    Profile(
        "OptionsDX",
        "quotes",
        ("quotedate", "underlyinglast", "expiredate", "cbid", "pbid", "strike"),
        {"date": "quotedate", "expiry": "expiredate", "spot": "underlyinglast"},
    ),
    Profile(
        "OptionMetrics (option prices)",
        "quotes",
        ("secid", "exdate", "cpflag", "strikeprice", "bestbid", "bestoffer"),
        {"underlying": "secid", "root": "symbol"},
        {"strike": 1000.0},
        lacks="the underlying price",
    ),
    Profile(
        "OptionMetrics (volatility surface)",
        "surfaces",
        ("days", "delta", "implvolatility", "cpflag"),
        {"maturity": "days", "delta": "delta", "iv": "implvolatility", "strike": "implstrike", "type": "cpflag"},
        lacks="the underlying price",
    ),
    Profile(
        "ThetaData",
        "quotes",
        ("root", "expiration", "strike", "right", "msofday"),
        {"underlying": "root"},
        {"strike": 1000.0},
        lacks="the underlying price",
    ),
    Profile("ORATS (constant maturities)", "surfaces", ("tradedate", "stockprice", "iv30d"), {"spot": "stockprice"}),
    Profile(
        "ORATS (strikes)",
        "quotes",
        ("expirdate", "strike", "cbidpx", "pbidpx"),
        {"date": "tradedate", "expiry": "expirdate", "spot": "stkpx spotpx stockprice", "underlying": "ticker"},
        date_order="mdy",
    ),
    Profile(
        "ORATS (strikes, API)",
        "quotes",
        ("expirdate", "strike", "callbidprice", "putbidprice"),
        {"date": "tradedate", "expiry": "expirdate", "spot": "stockprice", "underlying": "ticker"},
    ),
    Profile(
        "Deribit",
        "quotes",
        ("markprice", "markiv", "underlyingprice"),
        {
            "date": "date creationtimestamp timestamp",
            "spot": "indexprice underlyingprice",
            "iv": "markiv",
            "underlying": "underlying basecurrency",
        },
        coin=True,
    ),
    Profile(
        "OKX",
        "quotes",
        ("instid", "bidpx", "askpx"),
        {"date": "ts", "contract": "instid", "bid": "bidpx", "ask": "askpx", "spot": "idxpx fwdpx", "iv": "markvol"},
        coin=True,
    ),
    Profile(
        "NSE bhavcopy",
        "quotes",
        ("instrument", "symbol", "expirydt", "strikepr", "optiontyp", "settlepr"),
        {"date": "timestamp", "expiry": "expirydt", "underlying": "symbol", "price": "settlepr", "volume": "contracts"},
        lacks="bid, ask and the underlying price",
    ),
    Profile(
        "NSE bhavcopy (UDiFF)",
        "quotes",
        ("traddt", "tckrsymb", "xprydt", "strkpric", "optntp", "sttlmpric"),
        {
            "date": "traddt",
            "underlying": "tckrsymb",
            "expiry": "xprydt",
            "price": "sttlmpric",
            "spot": "undrlygpric",
            "volume": "ttltradgvol",
        },
        lacks="bid and ask",
    ),
    Profile(
        "DoltHub",
        "quotes",
        ("actsymbol", "expiration", "strike", "callput", "vol"),
        {"underlying": "actsymbol", "iv": "vol"},
        lacks="the underlying price and volumes",
    ),
    Profile("Investing.com", "prices", ("date", "price", "open", "high", "low", "vol", "change%"), {"close": "price"}),
    Profile("Nasdaq", "prices", ("date", "closelast", "volume", "open", "high", "low"), {"close": "closelast"}),
    Profile(
        "Stooq (text)",
        "prices",
        ("<ticker>", "<date>", "<open>", "<close>"),
        {"ticker": "<ticker>", "date": "<date>", "open": "<open>", "close": "<close>"},
    ),
    Profile("Alpha Vantage (adjusted)", "prices", ("timestamp", "adjustedclose", "splitcoefficient", "close")),
    Profile("Yahoo (history)", "prices", ("date", "open", "close", "dividends", "stocksplits")),
)
"""Known formats, the first that fits is taken."""


def profile_of(headings: Sequence[str]) -> Profile | None:
    """The vendor's format that headings belong to, or None."""
    there = {squashed(heading) for heading in headings}
    return next((profile for profile in PROFILES if there.issuperset(profile.marks)), None)
