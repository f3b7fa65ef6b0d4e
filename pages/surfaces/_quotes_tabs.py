"""The tabs of the quotes page; each draws one :class:`View` when it is open."""

import streamlit as st

from engine.charts import penalties, surfaces, theme
from engine.charts import quotes as draw
from engine.market import export
from engine.surfaces import arbitrage
from pages.surfaces import _quotes_text as text
from pages.surfaces._quotes_view import View, points
from pages.ui import downloads, frame, pictures, surface_picture, widths

CURVE_POINTS = 121


def surface(view: View) -> None:
    """The surface in three dimensions and as numbers, and against the truth where that is known."""
    built = view.built
    shown = {"Surface": (built.iv, "vol"), "Quotes joined by straight lines": (built.interpolated, "vol")}
    if built.repair is not None:
        shown["What the repair changed"] = (built.repair.iv_change, "vol_change")
    if view.truth is not None:
        shown["True surface"] = (view.truth, "vol")
        shown["Surface less truth"] = (built.iv - view.truth, "vol_change")
    left, middle, right = st.columns([5, 5, 3], vertical_alignment="bottom")
    what = left.selectbox("Show", list(shown), key="quotes_show")
    sight = surface_picture.controls(middle, right, key="quotes")
    values, quantity = shown[what]
    surface_picture.draw(values, built.grid, sight, key="quotes", dark=view.dark, quantity=quantity)
    n = int(built.extrapolated.sum())
    if n:
        st.caption(
            frame.plain(
                f"{n} of {built.grid.size} grid points lie outside the quoted strikes and expiries or far from every "
                "quote; the download marks them."
            )
        )
    downloads.table_buttons(
        lambda: export.surfaces_table(built.history()), f"surface_{built.date}", key="quotes_wide", label="Surface"
    )
    downloads.table_buttons(lambda: points(view), f"surface_points_{built.date}", key="quotes_long", label="Points")


def penalty(view: View) -> None:
    """P1, P2, P3 before and after, on one scale."""
    built = view.built
    before = "Before the repair" if built.repair is not None else "Quotes joined by straight lines"
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
        figure = pictures.of(penalties.penalty_panels, panels, built.grid, worst, dark=view.dark, top=top or None)
        frame.chart(figure, key=f"quotes_penalty_{title}")
    if built.repair is not None:
        st.markdown(frame.plain(built.repair.words + "."))


def bandwidth(view: View) -> None:
    """The search over 2,500 pairs, or what stands in its place."""
    built = view.built
    if built.search is None:
        st.info(
            frame.plain(
                f"No search: h1 = {built.bandwidth[0]:g}, h2 = {built.bandwidth[1]:g} "
                + ("smooth the surface." if built.method.startswith("kernel") else "smooth the half-spreads only.")
            ),
            icon=":material/info:",
        )
        return
    frame.chart(pictures.of(draw.bandwidth_heatmap, built.search, dark=view.dark), key="quotes_bandwidths")
    h1, h2 = built.search.best
    st.markdown(
        frame.plain(
            f"{built.search.ties:,} of {built.search.penalty.size:,} pairs share the least Φ of "
            f"{theme.significant(float(built.search.penalty.min()))}; of these h1 = {h1:g}, h2 = {h2:g} lies closest "
            f"to the quotes. Standard deviations of the kernel: {h1**0.5:.3f} in moneyness, {365 * h2**0.5:.0f} days."
        )
    )


def rates(view: View) -> None:
    """What parity says by expiry, and the half-spreads of calls and puts."""
    built = view.built
    if built.parity is not None:
        frame.chart(pictures.of(draw.parity_rates, built.rates, built.rate, dark=view.dark), key="quotes_parity")
        st.dataframe(text.rates(built.rates), hide_index=True, width="stretch", height=240)
    left, right = widths.columns(2)
    bounds = (0.0, float(built.half_spread.max()) or 1e-4)
    for column, side, name in ((left, 0, "calls"), (right, 1, "puts")):
        with column:
            st.markdown(f"**Half bid–ask spread of {name}**")
            figure = pictures.of(
                surfaces.surface_heatmap,
                built.half_spread[side],
                built.grid,
                quantity="half_spread",
                dark=view.dark,
                bounds=bounds,
            )
            frame.chart(figure, key=f"quotes_spread_{name}")
