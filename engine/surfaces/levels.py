"""Which levels a surface is wanted at: what quotes span, and what a person types.

``0.9,0.95,1,1.05 x 21d,30d,45d`` is a grid of moneyness K/S; with ``log:`` in front the levels are log K/F, measured
from each maturity's own forward. Maturities are days (``21d``), weeks (``2w``), months (``3m``) or years (``1y``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import CH2_GRID, VOLGAN_GRID, Floats, Grid
from engine.market.quotes import OptionQuotes

NAMED = {"10x8": CH2_GRID, "11x9": VOLGAN_GRID}
"""The thesis's grids."""

LOG = "log:"
"""What stands before levels of log forward moneyness."""

_DAYS = {"d": 1.0, "w": 7.0, "m": 365 / 12, "y": 365.0}
_MOST = 200
_STEPS = (0.01, 0.02, 0.025, 0.05, 0.1)
_MOST_LEVELS, _MOST_MATURITIES = 11, 9


@dataclass(frozen=True)
class Levels:
    """A grid, and what its moneyness is measured from.

    Args:
        grid: moneyness and maturities.
        forward: moneyness is K/F (written as logarithms), not K/S.
    """

    grid: Grid
    forward: bool = False

    @property
    def text(self) -> str:
        """The same as it is typed."""
        m = np.log(self.grid.moneyness) if self.forward else self.grid.moneyness
        left = ",".join(f"{x:.10g}" for x in np.round(m, 10))
        right = ",".join(f"{x:.10g}d" for x in np.round(365 * self.grid.maturity, 6))
        return f"{LOG if self.forward else ''}{left} x {right}"


def parse(text: str) -> Levels:
    """A grid as it is typed, or the name of one of ``NAMED``.

    Raises:
        SettingsError: one sentence saying what was expected and what was found.
    """
    if text.strip() in NAMED:
        return Levels(NAMED[text.strip()])
    parts = re.split(r"\s+[x×]\s*|\s*[x×]\s+|(?<=\d)[x×](?=\d)", text.strip())
    if len(parts) != 2:
        raise SettingsError(
            f"expected a grid as levels x maturities, such as 0.9,1,1.1 x 21d,30d,45d; found {text[:60]!r}"
        )
    forward = parts[0].strip().startswith(LOG)
    left = parts[0].strip().removeprefix(LOG)
    moneyness = np.array([_number("moneyness", cell) for cell in _cells(left)])
    maturity = np.array([_years(cell) for cell in _cells(parts[1])])
    if max(len(moneyness), len(maturity)) > _MOST:
        raise SettingsError(f"expected at most {_MOST} levels and maturities; found {len(moneyness)} x {len(maturity)}")
    if forward and (np.abs(moneyness) > 3).any():
        raise SettingsError(f"expected log moneyness between -3 and 3; found {moneyness[np.abs(moneyness) > 3][0]:g}")
    if not forward and (moneyness > 20).any():
        raise SettingsError(f"expected moneyness as a fraction of spot, 1 at the money; found {moneyness.max():g}")
    try:
        return Levels(Grid(np.exp(moneyness) if forward else moneyness, maturity), forward)
    except MarketDataError as error:
        raise SettingsError(str(error)) from None


def proposed(quotes: pd.DataFrame) -> Grid:
    """The grid that quotes span: their expiries, thinned, and round moneyness levels between the quoted strikes.

    Args:
        quotes: ``moneyness, maturity`` of the quotes that carry vols, one row each.

    Returns:
        At most 11 levels and 9 maturities; levels where at least half the maturities are quoted.
    """
    by_expiry = quotes.groupby("maturity")["moneyness"].agg(["min", "max"]).sort_index()
    maturity = _thinned(by_expiry.index.to_numpy(dtype=np.float64))
    low, high = float(by_expiry["min"].median()), float(by_expiry["max"].median())
    step = next((s for s in _STEPS if (high - low) / s <= _MOST_LEVELS - 1), _STEPS[-1])
    levels = np.round(np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step, 6)
    if len(levels) < 3:
        levels = np.linspace(low, max(high, low + 0.02), 3)
    if len(levels) > 2 * _MOST_LEVELS:
        levels = levels[np.unique(np.linspace(0, len(levels) - 1, _MOST_LEVELS).round().astype(int))]
    if len(maturity) < 2:
        maturity = np.append(maturity, 2 * maturity[-1])
    return Grid(levels, maturity)


def proposed_for(quotes: OptionQuotes) -> Grid:
    """The grid that the out-of-the-money quotes of all days span together, in days to expiry.

    Raises:
        MarketDataError: if no quote has a bid and a day to go.
    """
    table = quotes.table
    days = (table["expiry"].to_numpy().astype("datetime64[D]") - table["date"].to_numpy().astype("datetime64[D]")) / (
        np.timedelta64(1, "D")
    )
    m = (table["strike"] / table["spot"]).to_numpy(dtype=np.float64)
    usable = (days >= 1) & (table["bid"].to_numpy() > 0) & (table["is_call"].to_numpy(dtype=bool) == (m >= 1))
    if not usable.any():
        raise MarketDataError("expected out-of-the-money quotes with a bid and a day to expiry; found none")
    return proposed(pd.DataFrame({"moneyness": m[usable], "maturity": days[usable] / 365}))


def _thinned(maturity: Floats) -> Floats:
    """At most nine of them, even in the logarithm, the first and the last among them."""
    if len(maturity) <= _MOST_MATURITIES:
        return maturity
    wanted = np.geomspace(maturity[0], maturity[-1], _MOST_MATURITIES)
    kept: Floats = maturity[np.unique([int(np.abs(np.log(maturity / tau)).argmin()) for tau in wanted])]
    return kept


def _cells(text: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"[,;]", text) if cell.strip()]


def _number(name: str, cell: str) -> float:
    try:
        value = float(cell[:-1]) / 100 if cell.endswith("%") else float(cell)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise SettingsError(f"expected {name} levels as numbers; found {cell[:40]!r}")
    return value


def _years(cell: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([dwmy])", cell.lower())
    if found is None:
        raise SettingsError(f"expected maturities such as 21d, 2w, 3m or 1y; found {cell[:40]!r}")
    return float(found[1]) * _DAYS[found[2]] / 365
