"""The tab that opens first: the surface in three dimensions and as a heatmap, and the smiles with their bands."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from engine.charts import scenarios
from engine.market.grid import Floats
from engine.scenarios import reweighting
from pages.generators.next_day_page import View
from pages.ui import frame, surface_picture

QUANTITY = {"Change from today": "vol_change", "Width of the 95 % band": "vol_width"}
"""What is shown → its quantity in the theme; the others are vols."""

SHOW_HELP = (
    "The mean over the reweighted scenarios; its change from today in vol points; how wide the 95 % band is at each "
    "point; the scenario with the most arbitrage; today's surface; and the one that came about, where it is known."
)


def draw(view: View) -> None:
    """3-D with fixed views beside the heatmap, and the smiles with their bands below."""
    shown: dict[str, Callable[[], Floats]] = {
        "Mean scenario": view.mean_surface,
        "Change from today": lambda: view.mean_surface() - view.history.iv[view.row],
        "Width of the 95 % band": lambda: _width(view),
        "Worst scenario": lambda: np.asarray(view.iv[int(view.phi.argmax())], dtype=np.float64),
        "Today": lambda: view.history.iv[view.row],
    }
    if view.realised_iv is not None:
        shown["Realised"] = lambda: view.history.iv[view.row + 1]
    left, middle, right = st.columns([5, 5, 3], vertical_alignment="bottom")
    what = str(left.selectbox("Show", list(shown), key="volgan_show", persist_state="session", help=SHOW_HELP))
    sight = surface_picture.controls(middle, right, key="volgan")
    quantity, values = QUANTITY.get(what, "vol"), shown[what]()
    surface_picture.draw(values, view.grid, sight, key="volgan", quantity=quantity)
    st.markdown(
        "**Smiles tomorrow**, reweighted: 50, 80 and 95 % bands; today's dotted"
        + (", the realised one solid" if view.is_known else "")
    )
    frame.picture(
        scenarios.smile_fan,
        view.iv,
        view.grid,
        view.weights,
        today=view.history.iv[view.row],
        realised=view.realised_iv,
        model=view.model,
        key="volgan_smiles",
    )


def _width(view: View) -> Floats:
    low, high = reweighting.weighted_quantile(view.iv, view.weights, [0.025, 0.975], axis=0)
    width: Floats = high - low
    return width
