"""Reading market data: ``python -m benchmarks.market_import`` prints milliseconds for 847 days of 42 vols from CSV."""

import tempfile
from pathlib import Path

from benchmarks.report import least_seconds, print_line
from engine.market import intake
from engine.market.export import surfaces_table
from engine.market.grid import Grid
from engine.models.simulated.market import simulate

GRID = Grid([0.9, 0.95, 0.975, 1.0, 1.025, 1.05, 1.1], [day / 365 for day in (61, 91, 182, 365, 548, 730)])
DAYS = 847


def main() -> None:
    """Write a wide file of the simulated market and time reading it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "surfaces.csv"
        surfaces_table(simulate(GRID, DAYS, seed=1).history).to_csv(path, index=False)
        seconds = least_seconds(lambda: intake.read_surfaces(path), 5)
    print_line({"milliseconds": round(1e3 * seconds, 1), "days": DAYS, "vols_a_day": GRID.size})


if __name__ == "__main__":
    main()
