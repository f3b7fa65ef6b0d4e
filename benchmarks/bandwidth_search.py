"""The whole search for the kernel's bandwidths: 50 × 50 smoothed surfaces, their Φ, and their fit to the quotes.

``python -m benchmarks.bandwidth_search`` prints ``{"seconds": …}`` for one day of quotes: those of ``--data FILE``, or
of ``../shared/data/spx_quotes_2019-05-17.csv`` where that is there, or else a simulated chain; with every quote that
has a bid, traded or not (``--traded`` leaves the untraded out). ``seconds_from_file`` is what a person waits for:
reading the file, cleaning, inverting, searching and smoothing.

On two Xeon cores the search over the 5,677 out-of-the-money vols of that file takes 0.3 to 0.6 s on the 10×8 grid; the
time to beat was 20 s.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.report import least_seconds, print_line
from engine.market import intake
from engine.market.grid import CH2_GRID, VOLGAN_GRID
from engine.market.quotes import OptionQuotes
from engine.models.simulated.market import built_in
from engine.surfaces import nadaraya_watson, smoothing, synthetic_quotes

LOCAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "spx_quotes_2019-05-17.csv"
GRIDS = {"10x8": CH2_GRID, "11x9": VOLGAN_GRID}


def main() -> None:
    """Time the search and everything around it."""
    parser = argparse.ArgumentParser(description="Time the bandwidth search.")
    parser.add_argument("--data", type=Path, help="a file of option quotes of one day")
    parser.add_argument("--grid", choices=GRIDS, default="10x8")
    parser.add_argument("--traded", action="store_true", help="leave untraded quotes out")
    options = parser.parse_args()
    grid = GRIDS[options.grid]
    path = options.data or (LOCAL if LOCAL.exists() else None)

    def quotes() -> OptionQuotes:
        if path is None:
            return synthetic_quotes.from_history(built_in("simulated-11x9").history, -1)
        return intake.read_quotes(path).data

    def whole() -> smoothing.Construction:
        return smoothing.surface_from_quotes(quotes(), grid, method="kernel", keep_untraded=not options.traded)

    built = whole()
    columns = (built.quotes[name].to_numpy() for name in ("moneyness", "maturity", "iv", "vega"))
    vols = nadaraya_watson.ScatteredVols(*columns)
    figures = {
        "seconds": round(least_seconds(lambda: nadaraya_watson.search_bandwidth(vols, grid, built.fit.rate), 3), 3),
        "seconds_from_file": round(least_seconds(whole, 3), 3),
        "vols": len(vols),
        "grid": options.grid,
        "data": path.name if path else "simulated chain",
        "bandwidth": built.fit.bandwidth,
        "penalty": built.phi_after,
    }
    print_line(figures, "numpy", "scipy")


if __name__ == "__main__":
    main()
