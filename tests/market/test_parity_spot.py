"""Closes beside quotes are held against what put–call parity of the quotes says."""

import numpy as np
import pandas as pd
import pytest

from engine.market import intake
from engine.market.intake.quotes import parity_spot
from engine.surfaces import black_scholes


def chain() -> pd.DataFrame:
    rows = []
    for days in (30, 91, 182):
        tau = days / 365
        for strike in np.arange(80.0, 121.0, 5.0):
            for is_call in (True, False):
                mid = float(black_scholes.price(100 * np.exp(-0.01 * tau), strike, tau, 0.2, 0.03, is_call))
                expiry = pd.Timestamp("2024-01-02") + pd.Timedelta(days=days)
                rows.append(("2024-01-02", f"{expiry:%Y-%m-%d}", strike, "C" if is_call else "P", mid, mid))
    return pd.DataFrame(rows, columns=["date", "expiry", "strike", "type", "bid", "ask"])


def test_parity_gives_the_spot() -> None:
    table = chain().assign(root="", is_call=lambda t: t["type"] == "C")
    table = table.assign(date=pd.to_datetime(table["date"]), expiry=pd.to_datetime(table["expiry"]))
    spot, forward = parity_spot(table)
    assert spot == pytest.approx(100, rel=2e-3)
    assert forward.to_numpy() == pytest.approx(100 * np.exp(0.02 * np.array([30, 91, 182]) / 365), rel=2e-3)
    assert np.isnan(parity_spot(table[table["is_call"]])[0])


@pytest.mark.parametrize(("close", "warned"), [(100.0, False), (97.0, True)])
def test_closes_that_parity_contradicts_are_said(close: float, warned: bool) -> None:
    quotes = chain().to_csv(index=False).encode()
    closes = f"Date,Close\n2024-01-01,{close}\n2024-01-02,{close}\n".encode()
    read = intake.read_quotes([quotes, closes], names=["quotes.csv", "closes.csv"])
    said = [note for note in read.notes if note.startswith("warning: the close")]
    assert bool(said) == warned
    assert not warned or ("97" in said[0] and "-3" in said[0])
