"""The tab with the scenarios to take away, and the command that draws the same ones."""

import shlex

import streamlit as st

from engine.charts import surfaces, theme
from engine.datasets import Loaded
from engine.scenarios import reweighting
from pages.generators.next_day_page import View
from pages.ui import downloads, frame
from pages.ui.generators import Ready


def draw(view: View, ready: Ready, loaded: Loaded) -> None:
    """The scenarios with their weights, the surface as a page of its own, and the command that gives the same."""
    weighted = view.drawn.weighted(view.weights)
    name = f"scenarios-{view.model}-{view.day}"
    frame.say(
        f"{theme.count(len(view.drawn))} scenarios of {view.next_day}: weight, log-return, and the vols of "
        f"{view.grid.size} grid points as decimals, one row each; columns iv_<days>d_<moneyness>."
    )
    downloads.table_buttons(weighted.to_frame, name, key="volgan_scenarios", label="Scenarios as")
    figure = surfaces.surface_3d(view.mean_surface(), view.grid, dark=False, title=f"Mean scenario of {view.next_day}")
    st.download_button(
        "Surface as HTML",
        lambda: theme.standalone(figure).to_html(include_plotlyjs=True),
        f"surface-{view.model}-{view.day}.html",
        "text/html",
        key="volgan_html",
        on_click="ignore",
        help="A page of its own with the surface to turn. Every picture can be saved as PNG by its camera button.",
    )
    st.markdown("The same scenarios from the command line:")
    st.code(sample_command(ready, loaded, view), language="bash", wrap_lines=True)


def sample_command(ready: Ready, loaded: Loaded, view: View) -> str:
    """What a person types to get the same scenarios."""
    beta = "auto" if view.beta == float(reweighting.default_beta(view.phi)) else f"{view.beta:.17g}"
    words = ["python", "-m", "engine", "sample", *ready.typed, "--data", loaded.entry.id]
    words += ["--date", str(view.day), "--n", str(len(view.drawn)), "--seed", str(view.seed), "--beta", beta]
    return shlex.join([*words, "--out", f"scenarios-{view.day}.parquet"])
