"""Graph ensembles: the finished study that the page shows, the graph chosen in the sidebar, and tables in words."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import graph as draw
from engine.decisions import graph
from engine.runs.studies import StudyResult
from engine.studies.graph import live as graph_live
from engine.studies.graph.live import Live
from engine.studies.graph.results import LABELS, label
from pages.ui import cache, downloads, forms, study_jobs, wording

GAIN = "Selected less own generator, signs averaged over seeds, on the same resampled days; one-sided p of no gain."

GAIN_SEED = "The same with the generators of one seed, mean over seeds; days and seeds resampled."

LASSO = "Portfolio Sharpe ratio of the sparse graph, η chosen on the validation part as in the thesis."

ETA = "Penalty of LASSO and Ridge, or the least PnL in return units. The graph is learned again at once."

EXPONENTS = {"lasso": (-7.5, -3.0), "ridge": (-7.5, -3.0), "pnl_threshold": (-3.0, 0.0)}
"""Range of log10 η by weighting."""


@dataclass(frozen=True)
class View(study_jobs.StudyView):
    """A finished study of graphs."""

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
                "Sharpe ratio a year of the equally weighted portfolio on the test part, with the weighting "
                "that walking forward through training and validation part selects, mixed with each asset's "
                "own generator; block bootstrap interval.",
            ),
            (
                "Own generator only",
                f"{own['portfolio_sr']:.2f}",
                f"thesis: {own['published_portfolio_sr']:.2f}",
                "The same portfolio when every asset is forecast by its own generator alone.",
            ),
        ]
        gain = gains.loc["selected"]
        real = "real" if gain["p_value"] < 0.05 else "could be luck"
        items.append(("Gain, all seeds", f"{gain['gain']:+.2f}", f"p = {gain['p_value']:.2g}, {real}", GAIN))
        single = self.table("seed_gains").set_index("method").loc["selected"]
        words = f"p = {single['p_value']:.2g}, {single['wins']:.0f} of {single['seeds']:.0f} seeds"
        items.append(("Gain, one seed", f"{single['gain']:+.2f}", words, GAIN_SEED))
        items.append(("LASSO", f"{lasso['portfolio_sr']:.2f}", "thesis: 4.39", LASSO))
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
    names = [name for name in LABELS if name in graphs(view.result)]
    method = forms.Remembered(st.sidebar).selectbox(
        "Weighting",
        names,
        index=names.index("lasso"),
        format_func=LABELS.__getitem__,
        key="graph_method",
        help="How the edges are learned from the validation part. Selected is the one that walked forward "
        "best, mixed with each asset's own generator.",
    )
    key = f"{view.result.directory}|{view.result.created}|{method}"
    if method not in graph.GRIDS:
        return Chosen(method, None, np.asarray(graphs(view.result)[method], dtype=float), key)
    table = view.table("methods").set_index("method")
    low, high = EXPONENTS[method]
    start = float(np.clip(round(np.log10(float(table.loc[method, "eta"])), 1), low, high))
    own = f"graph_eta_{method}_{view.result.directory.name}"  # another study begins with its own η
    exponent = st.sidebar.slider("log₁₀ η", low, high, start, 0.1, key=own, persist_state="session", help=ETA)
    eta = float(f"{10**exponent:.3g}")
    return Chosen(method, eta, learned(view.result, method, eta), f"{key}|{eta:g}")


# --- kept between runs of the script ----------------------------------------------------------------------------------


@cache.keep(max_entries=6, show_spinner="Reading the graphs …")
def graphs(result: StudyResult) -> dict[str, np.ndarray]:
    """Weighting → ``(assets, generators)`` weights.

    Raises:
        CheckpointError: if the study does not hold them.
    """
    return result.arrays("graphs")


@cache.keep(max_entries=3, show_spinner="Reading what graphs are learned from …")
def live(result: StudyResult) -> Live:
    """What learns graphs with another η.

    Raises:
        CheckpointError: if the study does not hold it.
    """
    return graph_live.restore(result.arrays("live"))


@cache.keep(max_entries=64, show_spinner="Learning the graph …")
def learned(result: StudyResult, method: str, eta: float) -> np.ndarray:
    """The graph of a method with any η."""
    return live(result).weights(method, eta)


@st.cache_resource(max_entries=64, show_spinner="Laying out the nodes …")
def positions(key: str, layout: str, _weights: np.ndarray, _sectors: tuple[str, ...]) -> np.ndarray:
    """Places of the nodes of the graph known by ``key``."""
    return draw.positions(_weights, _sectors, layout)  # type: ignore[arg-type]


# --- tables -----------------------------------------------------------------------------------------------------------

NUMBER = "%.2f"


def show_table(table: pd.DataFrame, name: str, digits: str = NUMBER) -> None:
    """A table in words with its downloads; whole numbers as such."""
    shown = table.assign(method=table["method"].map(lambda one: LABELS.get(one, one))) if "method" in table else table
    columns: dict[str, object] = {}
    for column in map(str, shown.select_dtypes("float").columns):
        whole = (shown[column].dropna() % 1 == 0).all() and shown[column].abs().max() >= 2
        form = "%.0e" if column == "eta" else "%d" if whole else digits
        columns[_heading(column)] = st.column_config.NumberColumn(format=form)
    named = wording.readable(shown.rename(columns={name: _heading(str(name)) for name in shown.columns}))
    st.dataframe(named, hide_index=True, width="stretch", column_config=columns)
    downloads.table_buttons(lambda: table, f"graph_{name}", key=f"graph_table_{name}")


def _heading(name: str) -> str:
    """``published_mean_sr`` → ``Published mean SR``."""
    words = name.replace("_", " ").split()
    known = {"sr": "SR", "pnl": "PnL", "eta": "η", "sd": "sd", "p": "p"}
    heading = " ".join(known.get(word, word) for word in words)
    return heading[:1].upper() + heading[1:] if words[0] not in known else heading
