"""A finished hedging study as its pictures need it: errors by straddle and month, with or without the crisis."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from engine.market.grid import Floats
from engine.runs.studies import StudyResult
from pages.ui import cache

METHODS = ("unhedged", "delta", "delta-vega", "data-driven")
ALL, ALL_TABLES = "All straddles", "all"
CRISIS = {"All months": "included", "Without the crisis": "excluded"}
STATISTICS = {
    "sd": "sd",
    "var_5": "VaR 5 %",
    "var_2_5": "VaR 2.5 %",
    "var_1": "VaR 1 %",
    "mean": "mean",
    "median": "median",
    "upper_5": "upper 5 %",
    "upper_2_5": "upper 2.5 %",
    "upper_1": "upper 1 %",
}


@dataclass(frozen=True)
class View:
    """What is looked at: a study, with or without its crisis months, all straddles or one strike."""

    result: StudyResult
    crisis: str
    strike: str

    @property
    def crisis_key(self) -> str:
        """As tables say it."""
        return CRISIS[self.crisis]

    @property
    def m0(self) -> float | None:
        """K/S₀ of the straddles looked at; None for all."""
        return None if self.strike == ALL else float(self.strike.split()[0]) / 100

    @cached_property
    def facts(self) -> dict[str, str]:
        """Of the experiment."""
        table = self.table("facts")
        return dict(zip(table["fact"].astype(str), table["value"].astype(str), strict=True))

    def table(self, name: str) -> pd.DataFrame:
        """One table of the study."""
        return cache.study_table(self.result, name)

    @cached_property
    def paths(self) -> pd.DataFrame:
        """The days of the months looked at."""
        table, months = self.table("paths"), self.table("months")
        if self.crisis_key == "excluded":
            calm = months.loc[~months["crisis"], "month"].unique()
            table = table[table["month"].isin(calm)]
        return table if self.m0 is None else table[np.isclose(table["m0"], self.m0)]

    @property
    def methods(self) -> list[str]:
        """Those that the study compares."""
        return [name for name in METHODS if f"error_{name.replace('-', '_')}" in self.table("paths")]

    @cached_property
    def errors(self) -> dict[str, Floats]:
        """Method → Z of every day looked at."""
        return {name: self.paths[f"error_{name.replace('-', '_')}"].to_numpy() for name in self.methods}

    def by_month(self, m0: float) -> tuple[np.ndarray, dict[str, Floats]]:
        """Days ``(months, days + 1)`` and Z of the same shape, of the straddles of one strike."""
        part = self.paths[np.isclose(self.paths["m0"], m0)].sort_values(["month", "day"])
        width = int(part["day"].max()) + 1
        dates = part["date"].to_numpy(dtype="datetime64[D]").reshape(-1, width)
        found = {name: part[f"error_{name.replace('-', '_')}"].to_numpy().reshape(-1, width) for name in self.methods}
        return dates, found

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """Value, interval and published figure of each method and statistic, for what is looked at."""
        found = self._looked_at(self.table("pooled" if self.m0 is None else "by_moneyness"))
        return found.assign(words=found["statistic"].map(STATISTICS))

    @cached_property
    def differences(self) -> pd.DataFrame:
        """The data-driven hedge less each of the others, for what is looked at."""
        return self._looked_at(self.table("differences"))

    def _looked_at(self, table: pd.DataFrame) -> pd.DataFrame:
        m0 = table["m0"].astype(str)
        strike = m0 == ALL_TABLES if self.m0 is None else np.isclose(pd.to_numeric(m0, errors="coerce"), self.m0)
        return table[(table["crisis"] == self.crisis_key) & strike]

    def figure(self, method: str, statistic: str) -> pd.Series:
        """One row of the statistics."""
        rows = self.statistics
        return rows[(rows["method"] == method) & (rows["statistic"] == statistic)].iloc[0]


def strikes(result: StudyResult) -> list[str]:
    """``75 %`` … in the order of the study, all together first."""
    found = cache.study_table(result, "months")["m0"].unique()
    return [ALL, *(f"{100 * m:g} %" for m in sorted(found))]


def has_calm(result: StudyResult) -> bool:
    """Whether there are months outside the crisis and months in it."""
    return "excluded" in set(cache.study_table(result, "pooled")["crisis"])
