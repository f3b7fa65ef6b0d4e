"""What the graph page shows: a finished study and the graph chosen in the sidebar."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from engine.decisions import graph
from engine.runs.studies import StudyResult
from engine.studies.graph.results import LABELS, label
from pages.decisions import _graph_cache as kept
from pages.decisions import _graph_text as text
from pages.ui import cache


@dataclass(frozen=True)
class View:
    """A finished study of graphs."""

    result: StudyResult

    def table(self, name: str) -> pd.DataFrame:
        """A table of the study."""
        return cache.study_table(self.result, name)

    @property
    def tickers(self) -> list[str]:
        """The nodes, sorted by sector."""
        return [str(name) for name in self.table("panel")["ticker"]]

    @property
    def sectors(self) -> tuple[str, ...]:
        """Of each node."""
        return tuple(str(name) for name in self.table("panel")["sector"])

    def metrics(self) -> list[tuple[str, str, str | None, str]]:
        """The answer in five figures, each with what it is held against."""
        methods = self.table("methods").set_index("method")
        gains = self.table("differences").set_index("method")
        best, own, lasso = (methods.loc[name] for name in ("selected", "identity", "lasso"))
        items: list[tuple[str, str, str | None, str]] = [
            (
                "Selected weighting",
                f"{best['portfolio_sr']:.2f}",
                f"95 %: {best['low']:.2f} to {best['high']:.2f}",
                text.SELECTED,
            ),
            (
                "Own generator only",
                f"{own['portfolio_sr']:.2f}",
                f"thesis: {own['published_portfolio_sr']:.2f}",
                text.IDENTITY,
            ),
        ]
        gain = gains.loc["selected"]
        real = "real" if gain["p_value"] < 0.05 else "could be luck"
        items.append(("Gain, all seeds", f"{gain['gain']:+.2f}", f"p = {gain['p_value']:.2g}, {real}", text.GAIN))
        single = self.table("seed_gains").set_index("method").loc["selected"]
        words = f"p = {single['p_value']:.2g}, {single['wins']:.0f} of {single['seeds']:.0f} seeds"
        items.append(("Gain, one seed", f"{single['gain']:+.2f}", words, text.GAIN_SEED))
        items.append(("LASSO", f"{lasso['portfolio_sr']:.2f}", "thesis: 4.39", text.LASSO))
        return items


@dataclass(frozen=True)
class Chosen:
    """The graph that the pictures show."""

    method: str
    eta: float | None
    weights: np.ndarray
    key: str

    @property
    def words(self) -> str:
        """``LASSO, η = 1e-06``."""
        return label(self.method, self.eta)


def choose(view: View) -> Chosen:
    """The weighting and, where it has one, its η: moving the slider learns the graph again."""
    names = [name for name in LABELS if name in kept.graphs(view.result)]
    method = st.sidebar.selectbox(
        "Weighting",
        names,
        index=names.index("lasso"),
        format_func=LABELS.__getitem__,
        key="graph_method",
        persist_state="session",
        help=text.WEIGHTING,
    )
    key = f"{view.result.directory}|{view.result.created}|{method}"
    if method not in graph.GRIDS:
        return Chosen(method, None, np.asarray(kept.graphs(view.result)[method], dtype=float), key)
    table = view.table("methods").set_index("method")
    low, high = text.EXPONENTS[method]
    start = float(np.clip(round(np.log10(float(table.loc[method, "eta"])), 1), low, high))
    own = f"graph_eta_{method}_{view.result.directory.name}"  # another study begins with its own η
    exponent = st.sidebar.slider("log₁₀ η", low, high, start, 0.1, key=own, persist_state="session", help=text.ETA)
    eta = float(f"{10**exponent:.3g}")
    return Chosen(method, eta, kept.learned(view.result, method, eta), f"{key}|{eta:g}")
