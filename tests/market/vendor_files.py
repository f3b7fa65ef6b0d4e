"""Invented files in the formats of vendors, all of one Black–Scholes chain: own numbers, vendors' headings."""

import numpy as np
import pandas as pd
from scipy.stats import norm

SPOT, RATE, DIVIDEND = 250.0, 0.03, 0.01
DAY = pd.Timestamp("2024-05-06")
DAYS = (28, 91)


def vol(moneyness, tau):
    return 0.22 - 0.1 * np.log(moneyness) + 0.02 * np.sqrt(tau)


def chain(spot=SPOT, symbol="QQZ"):
    """One row a quote: what every vendor's file says in its own way."""
    rows = []
    for days in DAYS:
        tau, expiry = days / 365, DAY + pd.Timedelta(days=days)
        for strike in spot * np.arange(0.8, 1.21, 0.1):
            sigma = vol(strike / spot, tau)
            width, forward = sigma * np.sqrt(tau), spot * np.exp((RATE - DIVIDEND) * tau)
            d = np.log(forward / strike) / width + width / 2
            call = np.exp(-RATE * tau) * (forward * norm.cdf(d) - strike * norm.cdf(d - width))
            put = call - np.exp(-RATE * tau) * (forward - strike)
            for kind, mid in (("C", call), ("P", put)):
                rows.append((expiry, round(strike, 2), kind, round(0.99 * mid, 4), round(1.01 * mid, 4), sigma))
    table = pd.DataFrame(rows, columns=["expiry", "strike", "kind", "bid", "ask", "iv"])
    code = table["expiry"].dt.strftime("%y%m%d") + table["kind"]
    return table.assign(
        mid=(table["bid"] + table["ask"]) / 2, occ=symbol + code + (1000 * table["strike"]).map("{:08.0f}".format)
    )


def csv(table, above="", **options):
    return (above + table.to_csv(index=False, **options)).encode()


def yfinance(full=True):
    q = chain()
    table = pd.DataFrame(
        {
            "contractSymbol": q["occ"],
            "lastTradeDate": ["2024-05-02 19:59:00+00:00", "2024-05-06 13:31:00+00:00"] * (len(q) // 2),
            "strike": q["strike"],
            "lastPrice": q["mid"],
            "bid": q["bid"],
            "ask": q["ask"],
            "change": 0.0,
            "volume": 3.0,
            "openInterest": 7,
            "impliedVolatility": q["iv"],
            "inTheMoney": False,
        }
    )
    sides = {"option_type": np.where(q["kind"] == "C", "call", "put"), "expiration": q["expiry"].dt.date}
    return csv(table.assign(**sides) if full else table)


def in_one_row(names, shared, side):
    """Calls and puts in one row: shared columns and, for either side, what ``side`` makes of its quotes."""
    q = chain()
    calls, puts = (q[q["kind"] == kind].reset_index(drop=True) for kind in "CP")
    columns = {name: shared(calls)[name] for name in names["before"]}
    columns |= {names["call"].format(key): value for key, value in side(calls).items()}
    columns |= {name: shared(calls)[name] for name in names["between"]}
    columns |= {names["put"].format(key): value for key, value in side(puts).items()}
    return pd.DataFrame(columns)


def cboe(old=False):
    def shared(q):
        return {"Expiration Date": q["expiry"].dt.strftime("%a %b %d %Y"), "Strike": q["strike"]}

    def side(q):
        return {"Contract": q["occ"], "Last Sale": 0, "Bid": q["bid"], "Ask": q["ask"], "Volume": 4, "IV": q["iv"]}

    names = {"before": ["Expiration Date"], "between": ["Strike"], "call": "C {}", "put": "P {}"}
    table = in_one_row(names, shared, side)
    table.columns = [{"C Contract": "Calls", "P Contract": "Puts"}.get(c, c[2:] if c[1] == " " else c) for c in table]
    new_lines = (
        f'\nQQZ INDEX,Last: {SPOT:.2f},Change: 1.25\n"Date: May 6, 2024 at 4:15 PM EDT",Bid: 249,Ask: 252,Volume: 0\n'
    )
    old_lines = f"QQZ (QQZ INDEX),{SPOT + 9},1.25\nMay 06 2024 @ 16:15 ET,Bid,249.5,Ask,250.5,Size,1x1\n"
    return csv(table, old_lines if old else new_lines)


def datashop(close=False):
    q = chain()
    base = {
        "underlying_symbol": "^QQZ",
        "quote_date": DAY.date(),
        "root": "QQZ",
        "expiration": q["expiry"].dt.date,
        "strike": q["strike"],
        "option_type": q["kind"],
        "trade_volume": 9,
        "underlying_bid_eod": SPOT - 0.5,
        "underlying_ask_eod": SPOT + 0.5,
    }
    shift = 0 if close else 7  # the prices at the close are others than those of 15:45
    eod = {"bid_eod": q["bid"] + shift, "ask_eod": q["ask"] + shift}
    early = {
        "bid_1545": q["bid"],
        "ask_1545": q["ask"],
        "active_underlying_price_1545": SPOT,
        "implied_volatility_1545": q["iv"],
    }
    return csv(pd.DataFrame(base | (eod if close else eod | early)))


def optionsdx():
    def shared(q):
        return {
            "[QUOTE_UNIXTIME]": 1715025600,
            "[QUOTE_READTIME]": "2024-05-06 16:00",
            "[QUOTE_DATE]": DAY.date(),
            "[UNDERLYING_LAST]": SPOT,
            "[EXPIRE_DATE]": q["expiry"].dt.date,
            "[DTE]": (q["expiry"] - DAY).dt.days,
            "[STRIKE]": q["strike"],
        }

    def side(q):
        return {"IV": q["iv"], "VOLUME": 2, "BID": q["bid"], "SIZE": "1 x 2", "ASK": q["ask"], "DELTA": 0.5}

    before = ["[QUOTE_UNIXTIME]", "[QUOTE_READTIME]", "[QUOTE_DATE]", "[UNDERLYING_LAST]", "[EXPIRE_DATE]", "[DTE]"]
    names = {"before": before, "between": ["[STRIKE]"], "call": "[C_{}]", "put": "[P_{}]"}
    table = in_one_row(names, shared, side)
    lines = [", ".join(table.columns), *(", ".join(map(str, row)) for row in table.itertuples(index=False))]
    return "\n".join(lines).encode()


def optionmetrics():
    q = chain()
    return csv(
        pd.DataFrame(
            {
                "secid": 500000,
                "date": DAY.date(),
                "symbol": "QQZ " + q["occ"].str[3:],
                "exdate": q["expiry"].dt.date,
                "cp_flag": q["kind"],
                "strike_price": (1000 * q["strike"]).astype(int),
                "best_bid": q["bid"],
                "best_offer": q["ask"],
                "volume": 1,
                "impl_volatility": q["iv"],
            }
        )
    )


def theta():
    q = chain()
    return csv(
        pd.DataFrame(
            {
                "root": "QQZ",
                "expiration": q["expiry"].dt.strftime("%Y%m%d"),
                "strike": (1000 * q["strike"]).astype(int),
                "right": q["kind"],
                "ms_of_day": 57600000,
                "bid": q["bid"],
                "ask": q["ask"],
                "date": f"{DAY:%Y%m%d}",
            }
        )
    )


def orats_strikes(api=False):
    def shared(q):
        date, price = ("tradeDate", "stockPrice") if api else ("trade_date", "stkPx")
        stamp = q["expiry"].dt.strftime("%Y-%m-%d" if api else "%m/%d/%Y")
        day = f"{DAY:%Y-%m-%d}" if api else f"{DAY:%m/%d/%Y}"
        return {"ticker": "QQZ", date: day, price: SPOT, "expirDate": stamp, "strike": q["strike"]}

    def side(q):
        word = "Price" if api else "Px"
        return {f"Bid{word}": q["bid"], f"Ask{word}": q["ask"], "MidIv": q["iv"]}

    before = ["ticker", *(("tradeDate", "stockPrice") if api else ("trade_date", "stkPx")), "expirDate", "strike"]
    words = ("call{}", "put{}") if api else ("c{}", "p{}")
    return csv(in_one_row({"before": before, "between": [], "call": words[0], "put": words[1]}, shared, side))


def deribit():
    q = chain()
    tau = (q["expiry"] - DAY).dt.days / 365
    code = q["expiry"].dt.strftime("%d%b%y").str.upper().str.lstrip("0")
    coin = {name: (q[name] / SPOT).round(8) for name in ("bid", "ask", "mid")}
    return csv(
        pd.DataFrame(
            {
                "instrument_name": "QQZ-" + code + "-" + q["strike"].map("{:g}".format) + "-" + q["kind"],
                "creation_timestamp": 1714996800123,
                "bid_price": coin["bid"],
                "ask_price": coin["ask"],
                "mark_price": coin["mid"],
                "mark_iv": 100 * q["iv"],
                "underlying_price": SPOT * np.exp(0.02 * tau),
                "index_price": SPOT,
                "volume": 0.1,
                "base_currency": "QQZ",
            }
        )
    )


def okx():
    q = chain()
    return csv(
        pd.DataFrame(
            {
                "instId": "QQZ-USD-" + q["expiry"].dt.strftime("%y%m%d-") + q["strike"].map("{:g}-".format) + q["kind"],
                "ts": 1714996800000,
                "bidPx": (q["bid"] / SPOT).round(8),
                "askPx": (q["ask"] / SPOT).round(8),
                "markVol": q["iv"],
                "idxPx": SPOT,
            }
        )
    )


def nse(udiff=False):
    q = chain()
    if udiff:
        columns = {
            "TradDt": DAY.date(),
            "FinInstrmTp": "IDO",
            "TckrSymb": "QQZ",
            "XpryDt": q["expiry"].dt.date,
            "StrkPric": q["strike"],
            "OptnTp": q["kind"] + "E",
            "ClsPric": q["mid"] + 1,
            "UndrlygPric": SPOT,
            "SttlmPric": q["mid"],
            "TtlTradgVol": 12,
        }
        return csv(pd.DataFrame(columns))
    columns = {
        "INSTRUMENT": "OPTIDX",
        "SYMBOL": "QQZ",
        "EXPIRY_DT": q["expiry"].dt.strftime("%d-%b-%Y"),
        "STRIKE_PR": q["strike"],
        "OPTION_TYP": q["kind"] + "E",
        "CLOSE": q["mid"] + 1,
        "SETTLE_PR": q["mid"],
        "CONTRACTS": 12,
        "TIMESTAMP": f"{DAY:%d-%b-%Y}".upper(),
    }
    future = {**dict.fromkeys(columns, 0), "INSTRUMENT": "FUTIDX", "SYMBOL": "QQZ", "EXPIRY_DT": "30-May-2024"}
    future |= {"OPTION_TYP": "XX", "TIMESTAMP": "06-MAY-2024"}
    return csv(pd.concat([pd.DataFrame(columns), pd.DataFrame([future])]))


def dolthub():
    q = chain()
    return csv(
        pd.DataFrame(
            {
                "date": DAY.date(),
                "act_symbol": "QQZ",
                "expiration": q["expiry"].dt.date,
                "strike": q["strike"],
                "call_put": np.where(q["kind"] == "C", "Call", "Put"),
                "bid": q["bid"],
                "ask": q["ask"],
                "vol": q["iv"].round(4),
                "delta": 0.5,
            }
        )
    )


QUOTES = {
    "yfinance": (yfinance, {"spot": SPOT}),
    "yfinance, symbols only": (lambda: yfinance(full=False), {"spot": SPOT}),
    "Cboe": (cboe, {}),
    "Cboe, old": (lambda: cboe(old=True), {}),
    "DataShop 15:45": (datashop, {}),
    "DataShop close": (lambda: datashop(close=True), {}),
    "OptionsDX": (optionsdx, {}),
    "OptionMetrics": (optionmetrics, {"spot": SPOT}),
    "ThetaData": (theta, {"spot": SPOT}),
    "ORATS strikes": (orats_strikes, {}),
    "ORATS strikes, API": (lambda: orats_strikes(api=True), {}),
    "Deribit": (deribit, {}),
    "OKX": (okx, {}),
    "NSE": (nse, {"spot": SPOT}),
    "NSE, UDiFF": (lambda: nse(udiff=True), {}),
    "DoltHub": (dolthub, {"spot": SPOT}),
}
"""Vendor → file, and the answers to what it lacks."""
