"""The Paths tab: a generator chained for up to a year, fans through time, arbitrage, and whether it stays sane."""

from dataclasses import dataclass
from shlex import quote

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import paths as charts
from engine.charts import theme
from engine.datasets import Loaded
from engine.errors import MarketDataError
from engine.evaluation.path_stability import Stability
from engine.market.grid import Floats, maturity_label
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.rollout import SurfacePaths
from engine.models.surface_model import SurfaceModel
from engine.scenarios import reweighting
from pages.generators.next_day_page import controls
from pages.ui import cache, datasets, downloads, frame
from pages.ui.generators import Ready

PAST_DAYS = 60
"""Of the data, drawn before the paths."""

FEW_PATHS = 20
"""Effective paths below which bands are doubtful."""

STARTS = (datasets.LAST, datasets.STRESSED, datasets.CALM)

BETAS = (0.0, *(10.0 ** (k / 2) for k in range(-4, 31)))
"""β from 0 over 0.01 to 10¹⁵, two steps a decade."""

LENGTHS = {"1 month": 21, "3 months": 63, "6 months": 126, "1 year": 252}
"""Trading days."""

SLOW_PATHS, SLOW_DAYS = 5, 5
"""What is walked of a model that carries a whole history along each path."""


@dataclass(frozen=True)
class Request:
    """What to simulate."""

    row: int
    days: int
    n: int
    seed: int


def draw(loaded: Loaded, ready: Ready) -> None:
    """Everything on the tab."""
    history, model, card = loaded.data, ready.model, ready.card
    asked = _request(history, model)
    with frame.errors("Choose a later start, or a longer history."):
        walked, found = cache.surface_paths(ready.key, model, history, asked.row, asked.n, asked.days, asked.seed)
    if not isinstance(found, str) and found.alarm:
        st.error(frame.plain(found.alarm), icon=":material/explosion:")
    try:
        default = walked.default_beta()
    except MarketDataError as everything_left:
        frame.problem(str(everything_left), "Shorten the paths, or train the generator longer.")
        return
    beta = controls.beta_slider(
        "β: how strongly the arbitrage of a path is weighed down (per unit of φ, log scale)",
        default,
        controls.beta_options(default, BETAS),
        formula="500/max φ",
        without="no path has arbitrage",
        key=f"paths_beta_{history.fingerprint}_{asked.row}_{card.model}",
        help="0 leaves the paths as drawn. Moving it simulates nothing again.",
    )
    weights = walked.weights(beta)
    frame.metrics(metrics(walked, weights, found))
    if (effective := float(reweighting.effective_sample_size(weights))) < FEW_PATHS:
        st.warning(
            f"At this β about {effective:,.0f} path{'s carry' if effective >= 1.5 else ' carries'} the weight: the "
            "reweighted bands rest on so few. Lower β or walk more paths.",
            icon=":material/filter_alt:",
        )
    frame.provenance(
        f"{asked.n:,} paths of {asked.days} days from {walked.dates[0]}, seed {asked.seed}",
        f"{theme.count(float(walked.complete.sum()))} stayed to the end",
        f"trained on {card.trained_on[0]} to {card.trained_on[1]}",
        frame.origin_words(loaded),
    )
    _fan(walked, weights, history, asked.row, card.model)
    if isinstance(found, str):
        st.info(frame.plain(f"The paths are not held against the data: {found}."), icon=":material/info:")
    else:
        for line in found.words:
            st.markdown(f"- {frame.plain(line)}")
        frame.picture(charts.stability_dots, found.table, model=card.model, key="paths_dots")
        frame.provenance(f"median and 5 to 95 % over paths, and over {found.windows} overlapping windows of the data")
        st.dataframe(table(found), hide_index=True, width="stretch", key="paths_table")
        downloads.table_buttons(lambda: found.table, "path_stability", key="paths_stability", label="Statistics")
        st.markdown("**Mean reversion**, all paths together; data: moment fit of the whole history")
        st.dataframe(reversion(found), hide_index=True, key="paths_reversion")
    st.markdown("**Every path and day**: weight, spot, ATM and realised vol, index, Φ, φ so far, scores")
    downloads.table_buttons(lambda: walked.to_frame(weights), f"paths-{card.model}", key="paths_all", label="Paths")
    day = None if asked.row == len(history) - 1 else str(history.dates[asked.row])
    typed = " ".join(map(quote, ready.typed))
    st.code(
        command(typed, quote(loaded.entry.id), day, asked.days, asked.n, asked.seed, beta),
        language="bash",
        wrap_lines=True,
    )


def _request(history: SurfaceHistory, model: SurfaceModel) -> Request:
    """A form, because a year of paths takes seconds."""
    slow = type(model).chain is SurfaceModel.chain
    with st.form("paths_form", border=True):
        first, second, third, fourth = st.columns(4)
        start = first.selectbox("Start", STARTS, key="paths_start", help="Paths begin at the close of this day.")
        length = second.selectbox(
            "Length",
            list(LENGTHS),
            index=1,
            key="paths_length",
            help="Trading days: 21, 63, 126 or 252. From three months on, the paths are held against the data.",
        )
        n = third.number_input(
            "Paths", 2, 2_000, 300, step=100, key="paths_n", help="1,000 paths of a year take a few seconds."
        )
        seed = fourth.number_input(
            "Seed", 0, 2**31 - 1, 1, key="paths_seed", help="The same seed walks the same paths."
        )
        st.form_submit_button("Walk", icon=":material/directions_walk:", type="primary")
    if slow:
        st.caption(
            f"This model has no quick way to be chained: each path carries a whole history. {SLOW_PATHS} paths of "
            f"{SLOW_DAYS} days are walked here; for more use the command below."
        )
        return Request(_row(history, str(start)), SLOW_DAYS, SLOW_PATHS, int(seed))
    return Request(_row(history, str(start)), LENGTHS[str(length)], int(n), int(seed))


def _row(history: SurfaceHistory, start: str) -> int:
    usable = history.atm()[FIRST_CONDITION_ROW:]
    if start == datasets.LAST:
        return len(history) - 1
    return FIRST_CONDITION_ROW + int(usable.argmax() if start == datasets.STRESSED else usable.argmin())


def _fan(walked: SurfacePaths, weights: np.ndarray, history: SurfaceHistory, row: int, model: str) -> None:
    """One quantity through time, raw beside reweighted; φ along the path with what the data gather."""
    atm = f"ATM {maturity_label(walked.atm_maturity)} vol"
    past = slice(max(1, row - PAST_DAYS), row + 1)
    real = {
        "Spot": history.spot[past],
        atm: 100 * history.atm(walked.atm_maturity)[past],
        "Realised vol, 21 days": 100 * history.realised_vol[past],
        "VIX of the surfaces": None,
        "φ along the path": None,
    }
    drawn = {
        "Spot": (np.exp(walked.log_spot), "Spot (index level)"),
        atm: (100 * walked.atm, f"{atm} (% a year)"),
        "Realised vol, 21 days": (100 * walked.realised, "Realised vol, 21 days (% a year)"),
        "VIX of the surfaces": (walked.vix, "VIX of the surfaces (index points)"),
        "φ along the path": (walked.accumulated, "φ, Φ summed since the start"),
    }
    what = st.segmented_control(
        "Through time", list(drawn), default=atm, required=True, key="paths_what", help="Bands hold 50, 80 and 95 %."
    )
    values, title = drawn[str(what)]
    stayed, known = walked.complete, real[str(what)]
    phi = float(cache.history_penalty(history)[: row + 1].mean())
    frame.picture(
        charts.time_fan,
        walked.dates,
        {"raw": (values[stayed], None), "reweighted": (values[stayed], weights[stayed])},
        y_title=title,
        past_dates=history.dates[past] if known is not None else None,
        past=known,
        reference=("the data's average", phi * np.arange(walked.days + 1)) if what == "φ along the path" else None,
        model=model,
        key="paths_fan",
    )


def metrics(paths: SurfacePaths, weights: Floats, found: Stability | str) -> list[tuple[str, str, str | None, str]]:
    """The answer in numbers, each with what to hold it against."""
    stayed = paths.complete
    phi = paths.path_penalty
    reweighted = float(weights[stayed] @ phi[stayed])
    items: list[tuple[str, str, str | None, str]] = [
        (
            "φ of a path, reweighted",
            theme.significant(reweighted),
            f"raw {theme.significant(float(phi[stayed].mean()))}",
            "Φ summed over the days of a path; zero for a path on which nothing can ever be arbitraged.",
        ),
        (
            "Effective paths",
            theme.count(float(reweighting.effective_sample_size(weights))),
            f"of {theme.count(len(paths))} · KL {theme.significant(float(reweighting.relative_entropy(weights)))} nats",
            "How many equally weighted paths the reweighted ones are worth.",
        ),
    ]
    inside = float(paths.inside[stayed, -1].mean())
    items.insert(
        0,
        (
            "Inside history at the end",
            theme.percent(inside),
            f"{theme.percent(1 - float(stayed.mean()))} of paths left",
            "Share of grid points on the last day within the lowest and highest vol the data had there, over the paths "
            "that stayed; and the share of paths whose vols left 0.1 % to 500 %.",
        ),
    )
    if not isinstance(found, str):
        ours, theirs = found.surfaces_with_arbitrage
        items.insert(
            1,
            (
                "Surfaces with arbitrage",
                theme.percent(ours),
                f"data {theme.percent(theirs)}",
                "Share of all chained surfaces with Φ > 0, and of the data's.",
            ),
        )
    return items


def table(found: Stability) -> pd.DataFrame:
    """The stability table in words."""
    rows = found.table
    shown = pd.DataFrame({"Statistic": rows["statistic"] + rows["unit"].map(lambda unit: f" ({unit})" if unit else "")})
    shown["Paths"] = [_three(*v) for v in rows[["paths", "paths_low", "paths_high"]].to_numpy()]
    shown["Data"] = [_three(*v) for v in rows[["data", "data_low", "data_high"]].to_numpy()]
    shown["Verdict"] = rows["verdict"]
    return shown


def reversion(found: Stability) -> pd.DataFrame:
    """Ornstein–Uhlenbeck parameters in words."""
    rows = found.reversion
    shown = pd.DataFrame({"Component": rows["factor"], "Of": rows["source"]})
    shown["λ (a year), 95 % interval"] = [_three(*v) for v in rows[["mean_reversion", "low", "high"]].to_numpy()]
    shown["Half-life (days)"] = [f"{v:,.0f}" if v < 1e6 else "never" for v in rows["half_life"]]
    shown["Level α"] = ["none" if v != v else f"{v:.2f}".replace("-", "−") for v in rows["mean"]]
    return shown


def command(generator: str, data: str, day: str | None, days: int, n: int, seed: int, beta: float) -> str:
    """What gives the same table again."""
    date = "" if day is None else f" --date {day}"
    return (
        f"python -m engine paths {generator} --data {data}{date} --days {days} --n {n} --seed {seed} "
        f"--beta {beta:.6g} --out paths.parquet"
    )


def _three(middle: float, low: float, high: float) -> str:
    return f"{middle:.3g} ({low:.3g} … {high:.3g})".replace("-", "−").replace("nan", "n/a")
