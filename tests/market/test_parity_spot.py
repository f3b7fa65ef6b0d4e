"""The spot estimated from put–call parity, when a person asks for it."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from engine.errors import MarketDataError
from engine.market.intake import AmbiguousColumns, read_quotes

SPOT, RATE, YIELD = 4_000.0, 0.04, 0.015


def chain(spot: float = SPOT, day: str = "2024-03-01", kinds: str = "CP") -> pd.DataFrame:
    """Black–Scholes quotes of three expiries, a cent wide at least."""
    rows = []
    for days in (14, 49, 140):
        tau, vol = days / 365, 0.2
        for strike in np.arange(0.8, 1.21, 0.05) * 4_000:
            d1 = (np.log(spot / strike) + (RATE - YIELD + vol**2 / 2) * tau) / (vol * np.sqrt(tau))
            for kind in kinds:
                sign = 1 if kind == "C" else -1
                price = sign * (
                    spot * np.exp(-YIELD * tau) * norm.cdf(sign * d1)
                    - strike * np.exp(-RATE * tau) * norm.cdf(sign * (d1 - vol * np.sqrt(tau)))
                )
                expiry = np.datetime64(day) + days
                rows.append((day, expiry, strike, kind, round(max(price - 0.1, 0), 2), round(price + 0.1, 2), 5))
    return pd.DataFrame(rows, columns=["date", "expiry", "strike", "type", "bid", "ask", "volume"])


def read(table: pd.DataFrame, **answers: object):
    return read_quotes(table.to_csv(index=False).encode(), **answers)


def test_the_spot_of_each_day_is_found_and_the_forwards_are_listed():
    both = pd.concat([chain(), chain(4_100.0, "2024-03-04")])
    found = read(both, spot="parity")
    spots = found.data.table.groupby("date")["spot"].first().to_numpy()
    np.testing.assert_allclose(spots, [4_000, 4_100], rtol=5e-4)
    said = [note for note in found.notes if "estimated from put–call parity" in note]
    assert len(said) == 2 and "2024-03-15" in said[0] and "forwards (and discounts) by expiry" in said[0]
    forward = float(said[0].split("2024-04-19 ")[1].split(" (")[0].replace(",", ""))
    assert forward == pytest.approx(SPOT * np.exp((RATE - YIELD) * 49 / 365), rel=5e-4)


def test_it_is_one_answer_to_the_question():
    with pytest.raises(AmbiguousColumns, match="say parity to estimate it") as asked:
        read(chain())
    assert asked.value.needed == "spot" and asked.value.options[0] == "parity"


def test_without_pairs_it_is_refused_in_a_sentence():
    with pytest.raises(MarketDataError, match="three strikes with a call and a put of one expiry on 2024-03-01"):
        read(chain(kinds="C"), spot="parity")


def test_one_expiry_gives_its_discounted_forward():
    table = chain()
    one = table[table["expiry"] == table["expiry"].min()]
    spot = read(one, spot="parity").data.table["spot"].iloc[0]
    assert spot == pytest.approx(SPOT * np.exp(-YIELD * 14 / 365), rel=5e-4)
