"""Tabs of the surface: itself, its arbitrage, the bandwidth that made it, and the surfaces of all days."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import penalties, theme
from engine.charts import quotes as draw
from engine.market import export
from engine.surfaces import arbitrage, smoothing
from pages.surfaces.quotes_page import View
from pages.ui import cache, datasets, downloads, frame, surface_picture


def surface(view: View) -> None:
    """The surface in three dimensions and as numbers, and against the truth where that is known."""
    built = view.built
    shown = {"Surface": (built.iv, "vol"), "Quotes joined by straight lines": (built.interpolated, "vol")}
    if built.fit.repair is not None:
        shown["What the repair changed"] = (built.fit.repair.iv_change, "vol_change")
    if view.truth is not None:
        shown["True surface"] = (view.truth, "vol")
        shown["Surface less truth"] = (built.iv - view.truth, "vol_change")
    left, middle, right = st.columns([5, 5, 3], vertical_alignment="bottom")
    what = left.selectbox("Show", list(shown), key="quotes_show")
    sight = surface_picture.controls(middle, right, key="quotes")
    values, quantity = shown[what]
    surface_picture.draw(values, built.grid, sight, key="quotes", quantity=quantity)
    n = int(built.extrapolated.sum())
    if n:
        frame.caption(
            f"{n} of {built.grid.size} grid points lie outside the quoted strikes and expiries or far from every "
            "quote; the download marks them."
        )
    downloads.table_buttons(
        lambda: export.surfaces_table(built.history()), f"surface_{built.date}", key="quotes_wide", label="Surface"
    )
    downloads.table_buttons(lambda: _points(view), f"surface_points_{built.date}", key="quotes_long", label="Points")


def penalty(view: View) -> None:
    """P1, P2, P3 before and after, on one scale."""
    built = view.built
    before = "Before the repair" if built.fit.repair is not None else "Quotes joined by straight lines"
    top = max(float(getattr(built.before, kind).max()) for kind in penalties.NAMES)
    for title, matrices in ((before, built.before), ("The surface", built.after)):
        st.markdown(f"**{title}**: Φ {theme.significant(float(matrices.total))}")
        if not float(matrices.total) > 0:
            st.success("No static arbitrage on the grid.", icon=":material/check:")
            continue
        panels = {name: getattr(matrices, kind) for kind, name in penalties.NAMES.items()}
        worst = {
            name: arbitrage.worst_cell(getattr(matrices, kind), built.grid, kind).description
            for kind, name in penalties.NAMES.items()
        }
        frame.picture(
            penalties.penalty_panels, panels, built.grid, worst, top=top or None, key=f"quotes_penalty_{title}"
        )
    if built.fit.repair is not None:
        st.markdown(frame.plain(built.fit.repair.words + "."))


def bandwidth(view: View) -> None:
    """The search over 2,500 pairs, or what stands in its place."""
    built = view.built
    if built.fit.search is None:
        frame.note(
            f"No search: h1 = {built.fit.bandwidth[0]:g}, h2 = {built.fit.bandwidth[1]:g} "
            + ("smooth the surface." if built.fit.method.startswith("kernel") else "smooth the half-spreads only.")
        )
        return
    frame.picture(draw.bandwidth_heatmap, built.fit.search, key="quotes_bandwidths")
    h1, h2 = built.fit.search.best
    frame.say(
        f"{built.fit.search.ties:,} of {built.fit.search.penalty.size:,} pairs share the least Φ of "
        f"{theme.significant(float(built.fit.search.penalty.min()))}; of these h1 = {h1:g}, h2 = {h2:g} lies closest "
        f"to the quotes. Standard deviations of the kernel: {h1**0.5:.3f} in moneyness, {365 * h2**0.5:.0f} days."
    )


def all_days(view: View) -> None:
    """Surfaces of all days as a dataset for the other pages."""
    loaded, choice = view.loaded, view.choice
    days = loaded.data.dates
    frame.say(
        f"Build the surfaces of all {len(days):,} days with these settings and add them to the dataset list of "
        "every page. A kernel's bandwidths are searched once, on a day drawn among the first hundred, and kept."
    )
    if st.button(f"Build {len(days):,} surfaces", type="primary", icon=":material/build:", key="quotes_build"):
        bar = st.progress(0.0, "Starting …")
        with frame.errors("Look at the days one by one: each says what is wrong with it."):
            made = smoothing.history_from_quotes(
                loaded.data,
                choice.levels.grid,
                choice.bandwidth,
                choice.method,
                forward_moneyness=choice.levels.forward,
                rates=choice.rates,
                keep_untraded=choice.keep_untraded,
                on_day=lambda done, total: bar.progress(done / total, f"{done:,} of {total:,} days"),
            )
            content = downloads.csv_bytes(export.surfaces_table(made.history))
            stored = cache.upload([(f"surfaces from {loaded.label}.csv"[-120:], content)], kind="surfaces")
        bar.empty()
        datasets.choose(stored.entry)
        st.session_state["quotes_made"] = made
    made = st.session_state.get("quotes_made")
    if made is not None:
        st.success(
            frame.plain(f"{made.words} They are now the active surfaces of every page."), icon=":material/check:"
        )
        st.dataframe(made.days, hide_index=True, width="stretch", height=240)
        if len(made.skipped):
            st.dataframe(made.skipped, hide_index=True, width="stretch")


def _points(view: View) -> pd.DataFrame:
    """One row a grid point: vol, whether it is extrapolated, half-spreads, and the truth where it is known."""
    built = view.built
    m, tau = np.meshgrid(built.grid.moneyness, built.grid.maturity, indexing="ij")
    table = pd.DataFrame(
        {
            "date": pd.Timestamp(built.date),
            "spot": built.spot,
            "moneyness": m.ravel(),
            "maturity_years": tau.ravel(),
            "iv": built.iv.ravel(),
            "extrapolated": built.extrapolated.ravel(),
            "half_spread_call": built.half_spread[0].ravel(),
            "half_spread_put": built.half_spread[1].ravel(),
        }
    )
    return table if view.truth is None else table.assign(true_iv=view.truth.ravel())
