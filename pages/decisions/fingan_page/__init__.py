"""Fin-GAN: the finished study that the page shows and its prices; one module a tab, those of the losses in one."""

from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from engine.datasets import Loaded
from engine.errors import CheckpointError
from engine.market.price_history import PriceHistory
from engine.runs.studies import StudyResult
from pages.ui import cache, datasets, study_jobs

PUBLISHED_TICKERS = 31


PUBLISHED = {"Fin-GAN": "Fin-GAN as published", "Fin-GAN, seeds averaged": "Fin-GAN as published, seeds averaged"}
"""Words of earlier studies → what they are called now."""


@dataclass(frozen=True)
class View(study_jobs.StudyView):
    """A finished study and, where they are loaded, its prices."""

    prices: PriceHistory | None

    def table(self, name: str) -> pd.DataFrame:
        """A table of the study; what earlier versions called Fin-GAN without a word is the thesis's choice."""
        found = super().table(name)
        if "method" in found:  # the longer choice leads
            found = found.sort_values("method", key=lambda one: ~one.str.startswith("fingan_longer"), kind="stable")
        named = [column for column in ("label", "against") if column in found]
        return found.assign(**{column: found[column].replace(PUBLISHED) for column in named}) if named else found

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
            f"{self.result.data['name']}, {first} to {last}",
            "no costs in the ratios above",
            "" if len(self.tickers) == PUBLISHED_TICKERS else "published figures are of other tickers and years",
        )


def words(result: StudyResult) -> str:
    """A finished study in a list. Plain text: names come from people."""
    seeds = int(result.settings["seeds"])
    return f"{result.data['name']} · {seeds} {'seed' if seeds == 1 else 'seeds'} · {result.directory.name}"


def about(result: StudyResult) -> str:
    """A study in the strip: its run and the data it was carried out on. Plain text."""
    first, last = result.data["period"]
    fingerprint = str(result.data["digest"])[:12]
    return f"study {result.directory.name} of {result.data['name']} · {first} to {last} · fingerprint {fingerprint}"


def prices_of(result: StudyResult, loaded: Loaded | None) -> PriceHistory | None:
    """The loaded prices with the study's sector map, if they are the very ones it was carried out on."""
    if loaded is None or not isinstance(loaded.data, PriceHistory):
        return None
    listed = cache.study_table(result, "tickers").dropna(subset="sector")
    sectors = {str(row.ticker): str(row.sector) for row in listed.itertuples()}
    mapped = replace(loaded.data, sector_of=sectors)
    about = {**result.data, "digest": result.data.get("prices", result.data["digest"])}
    return mapped if datasets.same(about, loaded) or mapped.digest == result.data["digest"] else None


TITLES = {
    "label": "Method",
    "method": "Method",
    "against": "Against",
    "difference": "Difference of SR",
    "low": "95 % low",
    "high": "95 % high",
    "p_value": "p",
    "half": "Half",
    "portfolio_sr": "Portfolio SR",
    "forgan_portfolio_sr": "ForGAN",
    "sd_over_seeds": "± seeds",
    "mean_pnl": "Mean PnL (bp a day)",
    "cost": "Cost (bp)",
    "rule": "Rule",
    "validation_sr": "SR, validation",
    "test_sr": "SR, test",
    "every_bet_sr": "SR, every bet",
    "turnover": "Traded a day",
    "break_even": "Break-even (bp)",
    "tickers": "Tickers",
    "published": "Published",
    "ticker": "Ticker",
    "luck_alone": "Best by luck",
    "deflated": "Deflated SR",
    "above_zero": "P(SR > 0), test",
    "probabilistic": "P(SR > 0)",
    "standard_error": "Standard error",
    "model": "Trained on",
    "seen": "Seen in training",
    "chosen": "Combination",
    "alpha": "α (PnL)",
    "beta": "β (MSE)",
    "gamma": "γ (SR)",
    "delta": "δ (STD)",
}
"""Columns of tables, in words."""


def show_table(table: pd.DataFrame, digits: int = 3) -> None:
    """A table, its columns in words."""
    st.dataframe(table.round(digits).rename(columns=TITLES), hide_index=True, width="stretch", height="content")
