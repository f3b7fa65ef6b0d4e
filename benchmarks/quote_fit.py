"""The arbitrage-free surface through a day of quotes: share inside bid and ask, seconds, penalties.

``python -m benchmarks.quote_fit`` prints one JSON line for the afternoon-settled options of 11 to 230 days of
``../shared/data/spx_quotes_2019-05-17.csv`` where that is there, or else for a simulated chain; ``--all`` takes every
root and expiry, ``--traded`` leaves out quotes that nobody traded. Penalties are of a 100 × 30 grid over the quoted
span, in forward moneyness (no carry).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.report import least_seconds, print_line
from engine.market import intake
from engine.market.grid import Grid
from engine.market.quotes import OptionQuotes
from engine.models.simulated.market import built_in
from engine.surfaces import arbitrage, smoothing, synthetic_quotes

LOCAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "spx_quotes_2019-05-17.csv"


def main() -> None:
    """Time the fit and hold it against the quotes."""
    parser = argparse.ArgumentParser(description="Time the arbitrage-free surface.")
    parser.add_argument("--all", action="store_true", help="every root and expiry")
    parser.add_argument("--traded", action="store_true", help="leave untraded quotes out")
    options = parser.parse_args()
    if LOCAL.exists():
        quotes = intake.read_quotes(LOCAL).data
        days = (quotes.table["expiry"] - quotes.table["date"]).dt.days
        if not options.all:
            quotes = OptionQuotes(quotes.table[(quotes.table["root"] == "SPXW") & days.between(11, 230)])
    else:
        quotes = synthetic_quotes.from_history(built_in("simulated-11x9").history, -1)

    def fitted() -> smoothing.QuoteFit:
        return smoothing.fit_quotes(quotes, keep_untraded=not options.traded)

    fit = fitted()
    used = fit.quotes
    grid = Grid(
        np.linspace(used["moneyness"].min(), used["moneyness"].max(), 100),
        np.linspace(used["maturity"].min(), used["maturity"].max(), 30),
    )
    iv = fit.iv(grid.moneyness[:, None] * fit.forward(grid.maturity) / fit.spot, grid.maturity)
    found = arbitrage.penalty(iv, grid)
    figures = {
        "seconds": round(least_seconds(fitted, 2), 2),
        "quotes": len(used),
        "share_inside": round(fit.share_inside, 4),
        "calendar": float(found.calendar.sum()),
        "call_spread": float(found.call_spread.sum()),
        "butterfly": float(found.butterfly.sum()),
        "data": LOCAL.name if LOCAL.exists() else "simulated chain",
    }
    print_line(figures, "numpy", "scipy", "clarabel")


if __name__ == "__main__":
    main()
