"""Option quotes of one or more days, as they come from a vendor."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from engine.errors import MarketDataError

COLUMNS = ("date", "expiry", "strike", "is_call", "bid", "ask", "spot", "volume", "iv", "root")
"""Columns of :class:`OptionQuotes`; the first six are required, the others may be missing (NaN or empty)."""


@dataclass(frozen=True, eq=False)
class OptionQuotes:
    """Checked option quotes, one row each.

    Args:
        table: columns of ``COLUMNS``. ``date``/``expiry`` days, ``strike``/``bid``/``ask``/``spot`` in
            currency, ``is_call`` bool, ``volume`` contracts, ``iv`` annualised decimal as the vendor gives it,
            ``root`` the option root (SPX, SPXW), which keeps AM- and PM-settled options on one expiry apart.
        name: what a person calls these data.

    Raises:
        MarketDataError: what was expected and what was found.
    """

    table: pd.DataFrame
    name: str = ""

    def __post_init__(self) -> None:
        missing = [c for c in COLUMNS if c not in self.table.columns]
        if missing:
            raise MarketDataError(f"expected quote columns {', '.join(COLUMNS)}; found no {missing[0]}")
        if self.table.empty:
            raise MarketDataError("expected at least one option quote; found none")

    def __len__(self) -> int:
        return len(self.table)

    @property
    def dates(self) -> np.ndarray:
        """The distinct quote days, increasing."""
        return np.unique(self.table["date"].to_numpy().astype("datetime64[D]"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content (not the name)."""
        rows = pd.util.hash_pandas_object(self.table[list(COLUMNS)], index=False).to_numpy()
        return hashlib.sha256(b"scenarist-quotes-1" + rows.tobytes()).hexdigest()

    @property
    def fingerprint(self) -> str:
        """The first 12 characters of the digest, for people."""
        return self.digest[:12]

    @property
    def period(self) -> tuple[str, str]:
        """First and last quote day, ISO."""
        days = self.dates
        return str(days[0]), str(days[-1])
