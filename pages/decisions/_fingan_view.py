"""What the Fin-GAN page shows: a finished study, its tables, and whether the loaded prices are those it is about."""

from dataclasses import dataclass

import pandas as pd

from engine.errors import CheckpointError
from engine.market.price_history import PriceHistory
from engine.runs.studies import StudyResult
from pages.ui import cache

PUBLISHED_TICKERS = 31


@dataclass(frozen=True)
class View:
    """A finished study and, where they are loaded, its prices."""

    result: StudyResult
    prices: PriceHistory | None

    def table(self, name: str) -> pd.DataFrame:
        """A table of the study."""
        return cache.study_table(self.result, name)

    def maybe(self, name: str) -> pd.DataFrame | None:
        """A table of the study if it has it."""
        return self.table(name) if name in self.result.table_names() else None

    @property
    def tickers(self) -> list[str]:
        """Tickers used."""
        listed = self.table("tickers")
        return [str(name) for name in listed[listed["used"]]["ticker"]]

    def figure(self, method: str, statistic: str) -> pd.Series:
        """One row of Table 5.2."""
        found = self.table("table_5_2")
        rows = found[(found["method"] == method) & (found["statistic"] == statistic)]
        if rows.empty:
            raise CheckpointError(f"expected {method} in the study's table; found it missing: run the study again")
        return rows.iloc[0]

    @property
    def labels(self) -> dict[str, str]:
        """Method → words."""
        found = self.table("table_5_2")
        return dict(zip(found["method"], found["label"], strict=True))

    @property
    def combinations(self) -> dict[str, str]:
        """Loss → words, in the study's order."""
        found = self.table("figure_5_12_combinations").drop_duplicates("combination")
        return dict(zip(found["combination"], found["label"], strict=True))

    def provenance(self) -> tuple[str, ...]:
        """Sample size, seeds, period, origin."""
        days = self.table("figure_5_9_portfolio")["date"]
        first, last = self.result.data["period"]
        seeds = int(self.result.settings["seeds"])
        return (
            f"out of sample: {len(days)} days, {days.iloc[0]} to {days.iloc[-1]}",
            f"{len(self.tickers)} tickers, {seeds} {'seed' if seeds == 1 else 'seeds'}",
            "combination chosen without the test days",
            f"{self.result.data['name']}, {first} to {last}, data {str(self.result.data['digest'])[:12]}",
            "no costs in the ratios above",
            "" if len(self.tickers) == PUBLISHED_TICKERS else "published figures are of other tickers and years",
        )
