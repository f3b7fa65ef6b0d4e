"""What the Paths tab asks: where paths start, how long and how many, and how strongly arbitrage weighs on them."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from engine.charts import theme
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.surface_model import SurfaceModel

STARTS = ("Last day", "Most stressed day", "Calmest day")
BETAS = (0.0, *(10.0 ** (k / 2) for k in range(-4, 31)))
DEFAULT = "default"
LENGTHS = {"1 month": 21, "3 months": 63, "6 months": 126, "1 year": 252}
SLOW_PATHS, SLOW_DAYS = 5, 5


@dataclass(frozen=True)
class Request:
    """What to simulate."""

    row: int
    days: int
    n: int
    seed: int


def request(history: SurfaceHistory, model: SurfaceModel) -> Request:
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


def beta(default: float) -> float:
    """β of the paths from a slider with logarithmic steps, at first 500/max φ."""
    place = int(np.searchsorted(BETAS, default, side="right"))
    options = [*BETAS[:place], DEFAULT, *BETAS[place:]]
    words = f"500/max φ = {theme.significant(default)}" if default > 0 else "default: 0, no path has arbitrage"
    if st.session_state.get("paths_beta", DEFAULT) not in options:
        st.session_state["paths_beta"] = DEFAULT
    chosen = st.select_slider(
        "β: how strongly the arbitrage of a path is weighed down (per unit of φ, log scale)",
        options,
        value=DEFAULT,
        format_func=lambda b: words if b == DEFAULT else theme.significant(b),
        key="paths_beta",
        help="0 leaves the paths as drawn. Moving it simulates nothing again.",
    )
    return default if chosen == DEFAULT else float(chosen)


def _row(history: SurfaceHistory, start: str) -> int:
    usable = history.atm()[FIRST_CONDITION_ROW:]
    if start == STARTS[1]:
        return FIRST_CONDITION_ROW + int(usable.argmax())
    return FIRST_CONDITION_ROW + int(usable.argmin()) if start == STARTS[2] else len(history) - 1
