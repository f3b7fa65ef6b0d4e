"""Fans of several generators side by side, each in its own colour."""

import textwrap
from collections.abc import Mapping

import numpy as np
import streamlit as st

from engine.charts import scenarios as draw_scenarios
from pages.surfaces._volgan_fans import HISTORY_DAYS
from pages.surfaces._volgan_view import View
from pages.ui import frame

WIDTH = 20
"""Characters of a line above a panel."""

LINE = 20
"""Pixels of a line of a heading."""


def draw(views: Mapping[str, View]) -> None:
    """Tomorrow's return and ATM vol by each generator, on the same axes."""
    view, dark = next(iter(views.values())), frame.is_dark()
    first = max(1, view.row + 1 - HISTORY_DAYS)
    dates = view.history.dates[first : view.row + 1]
    views = {heading(name): one for name, one in views.items()}
    lines = 1 + max(name.count("<br>") for name in views)
    room = {"margin": {"t": 70 + LINE * lines}, "legend": {"y": 1.06 + 0.07 * lines}}  # above the panels
    models = {name: one.model for name, one in views.items()}
    shared = {"model": view.model, "models": models, "dark": dark}
    st.markdown("**Return over the next day**, each reweighted with its own default β")
    panels = {name: (one.drawn.log_return, one.weights) for name, one in views.items()}
    past: np.ndarray = view.history.log_return[first - 1 : view.row]
    figure = draw_scenarios.return_fan(dates, past, view.next_day, panels, realised=view.realised_return, **shared)
    frame.chart(figure.update_layout(room), key="volgan_compare_returns")
    st.markdown(f"**{view.atm_label} implied vol**")
    panels = {name: (one.atm, one.weights) for name, one in views.items()}
    known = float(view.atm_history[view.row + 1]) if view.is_known else None
    figure = draw_scenarios.atm_fan(
        dates,
        view.atm_history[first : view.row + 1],
        view.next_day,
        panels,
        label=view.atm_label,
        realised=known,
        **shared,
    )
    frame.chart(figure.update_layout(room), key="volgan_compare_vols")


def heading(name: str) -> str:
    """A generator's name above its panel, on as many lines as it needs; angle brackets would be markup there."""
    return "<br>".join(textwrap.wrap(name.replace("<", "‹").replace(">", "›"), WIDTH))
