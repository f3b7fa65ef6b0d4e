"""The tabs of the quotes page; each draws one :class:`View` when it is open."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine import datasets as catalogue
from engine.charts import arbitrage_history, penalties, surfaces, theme
from engine.charts import quotes as draw
from engine.datasets import Loaded
from engine.market import export
from engine.market.grid import Floats, maturity_label
from engine.surfaces import arbitrage, quote_cleaning, smoothing
from engine.surfaces.construction import Construction
from pages.surfaces import _quotes_text as text
from pages.surfaces._quotes_controls import Choice
from pages.ui import cache, datasets, downloads, frame

_PANELS = 6
_CURVE_POINTS = 121


@dataclass(frozen=True)
class View:
    """What is shown: the quotes, the choices, the surface, and the true one where it is known."""

    loaded: Loaded
    choice: Choice
    built: Construction
    truth: Floats | None
    dark: bool

    @property
    def name(self) -> str:
        """Stem of downloads."""
        return f"quotes_{self.built.date}"


def smiles(view: View) -> None:
    """Quotes against the surface: six expiries at once, and one of them large."""
    built, grid = view.built, view.built.grid
    listed = built.quotes.groupby("expiry")["maturity"].first()
    inside = listed[listed.between(grid.maturity[0], grid.maturity[-1])]
    spread = (inside if len(inside) else listed).iloc[theme.thin(len(inside) or len(listed), _PANELS)]
    panels = {_expiry(day, tau): _smile(built, day, tau) for day, tau in spread.items()}
    frame.chart(draw.smile_panels(panels, dark=view.dark), key="quotes_panels")
    days = list(listed.index)
    day = st.selectbox(
        "Expiry",
        days,
        index=days.index(spread.index[0]),
        format_func=lambda d: _expiry(d, listed[d]) + ("" if d in inside.index else ", outside the grid"),
        key=f"quotes_expiry_{view.loaded.entry.id}_{built.date}",
        help="Between grid maturities the surface is linear in maturity; outside them it is extended linearly.",
    )
    smile, curve = _smile(built, day, listed[day])
    edges = (float(grid.moneyness[0]), float(grid.moneyness[-1]))
    label = _expiry(day, listed[day])
    frame.chart(draw.smile_fit(smile, curve, label=label, range_of_grid=edges, dark=view.dark), key="quotes_smile")


def surface(view: View) -> None:
    """The surface in three dimensions and as numbers, and against the truth where that is known."""
    built = view.built
    shown = {"Surface": (built.iv, "vol"), "Quotes joined by straight lines": (built.interpolated, "vol")}
    if built.repair is not None:
        shown["What the repair changed"] = (built.repair.iv_change, "vol_change")
    if view.truth is not None:
        shown["True surface"] = (view.truth, "vol")
        shown["Surface less truth"] = (built.iv - view.truth, "vol_change")
    left, right = st.columns([3, 2])
    what = left.selectbox("Show", list(shown), key="quotes_show")
    camera = right.segmented_control("View", list(surfaces.VIEWS), default="front", required=True, key="quotes_view")
    values, quantity = shown[what]
    left, right = st.columns(2)
    with left:
        figure = surfaces.surface_3d(values, built.grid, camera or "front", quantity=quantity, dark=view.dark)
        frame.chart(figure, key="quotes_3d")
    with right:
        figure = surfaces.surface_heatmap(values, built.grid, quantity=quantity, dark=view.dark, height=460)
        frame.chart(figure, key="quotes_heat")
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
    downloads.table_buttons(lambda: _points(view), f"surface_points_{built.date}", key="quotes_long", label="Points")


def residuals(view: View) -> None:
    """Where the surface passes the quotes by."""
    frame.chart(draw.residual_heatmap(view.built.quotes, dark=view.dark, height=480), key="quotes_residuals")
    st.caption(
        frame.plain("Median of quote less surface by 5 % of moneyness and expiry; colours end at 95 % of cells.")
    )
    downloads.table_buttons(lambda: view.built.quotes, f"{view.name}_used", key="quotes_used", label="Quotes used")


def dropped(view: View) -> None:
    """What became of every quote."""
    built = view.built
    in_the_money = built.n_quotes - len(built.dropped) - len(built.quotes)
    counts = built.drop_counts
    words = quote_cleaning.REASONS
    frame.chart(draw.drops_bar(counts, words, len(built.quotes), in_the_money), key="quotes_drops")
    st.markdown(frame.plain(built.words))
    if len(built.dropped):
        columns = ["expiry", "root", "strike", "is_call", "bid", "ask", "volume", "maturity", "reason"]
        table = built.dropped[columns].assign(
            expiry=built.dropped["expiry"].dt.date, reason=built.dropped["reason"].map(words)
        )
        st.dataframe(table.head(1_000), hide_index=True, width="stretch", height=280)
        if len(table) > 1_000:
            st.caption(frame.plain(f"The first 1,000 of {len(table):,}; the download has all."))
        downloads.table_buttons(lambda: table, f"{view.name}_dropped", key="quotes_dropped", label="Dropped quotes")
    else:
        st.success("No quote was dropped.", icon=":material/check:")


def penalty(view: View) -> None:
    """P1, P2, P3 before and after, on one scale."""
    built = view.built
    before = "Before the repair" if built.repair is not None else "Quotes joined by straight lines"
    top = max(float(getattr(built.before, kind).max()) for kind in arbitrage_history.NAMES)
    for title, matrices in ((before, built.before), ("The surface", built.after)):
        st.markdown(f"**{title}**: Φ {theme.significant(float(matrices.total))}")
        if not float(matrices.total) > 0:
            st.success("No static arbitrage on the grid.", icon=":material/check:")
            continue
        panels = {name: getattr(matrices, kind) for kind, name in arbitrage_history.NAMES.items()}
        worst = {
            name: arbitrage.worst_cell(getattr(matrices, kind), built.grid, kind).description
            for kind, name in arbitrage_history.NAMES.items()
        }
        figure = penalties.penalty_panels(panels, built.grid, worst, dark=view.dark, top=top or None)
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
    frame.chart(draw.bandwidth_heatmap(built.search, dark=view.dark), key="quotes_bandwidths")
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
        frame.chart(draw.parity_rates(built.rates, built.rate, dark=view.dark), key="quotes_parity")
        st.dataframe(text.rates(built.rates), hide_index=True, width="stretch", height=240)
    left, right = st.columns(2)
    bounds = (0.0, float(built.half_spread.max()) or 1e-4)
    for column, side, name in ((left, 0, "calls"), (right, 1, "puts")):
        with column:
            st.markdown(f"**Half bid–ask spread of {name}**")
            figure = surfaces.surface_heatmap(
                built.half_spread[side], built.grid, quantity="half_spread", dark=view.dark, bounds=bounds
            )
            frame.chart(figure, key=f"quotes_spread_{name}")


def index(view: View) -> None:
    """The VIX of the quotes, strike by strike."""
    found = cache.quoted_vix(view.loaded, view.choice.day)
    if isinstance(found, str):
        st.info(frame.plain(f"No VIX: {found}"), icon=":material/info:")
        return
    frame.chart(draw.vix_strikes(found, dark=view.dark), key="quotes_vix")
    terms = [("near", found.near), ("next", found.next)]
    table = pd.DataFrame(
        [
            {
                "term": name,
                "expiry": term.expiry.date(),
                "root": term.root,
                "days": round(term.minutes / 1440, 3),
                "rate (%)": round(100 * term.rate, 2),
                "forward": round(term.forward, 2),
                "K0": term.k0,
                "strikes": len(term.strikes),
                "zero bids passed": term.zero_bids,
                "vol (%)": round(100 * term.variance**0.5, 2),
            }
            for name, term in terms
        ]
    )
    st.dataframe(table, hide_index=True, width="stretch")
    parts = [term.strikes.assign(term=name, expiry=term.expiry) for name, term in terms]
    downloads.table_buttons(
        lambda: pd.concat(parts), f"vix_{built_day(view)}", key="quotes_vix_strikes", label="Strikes"
    )


def many_days(view: View) -> None:
    """Surfaces of all days as a dataset for the other pages."""
    loaded, choice = view.loaded, view.choice
    days = loaded.data.dates
    st.markdown(
        frame.plain(
            f"Build the surfaces of all {len(days):,} days with these settings and add them to the dataset list of "
            "every page. Bandwidths are searched once, on a day drawn among the first hundred, and kept."
        )
    )
    if st.button(f"Build {len(days):,} surfaces", type="primary", icon=":material/build:", key="quotes_build"):
        bar = st.progress(0.0, "Starting …")
        with frame.errors("Look at the days one by one: each says what is wrong with it."):
            made = smoothing.history_from_quotes(
                loaded.data,
                choice.grid,
                choice.bandwidth,
                choice.method,
                rates=choice.rates,
                keep_untraded=choice.keep_untraded,
                on_day=lambda done, total: bar.progress(done / total, f"{done:,} of {total:,} days"),
            )
            content = downloads.csv_bytes(export.surfaces_table(made.history))
            stored = catalogue.store_upload([(f"surfaces from {loaded.label}.csv"[-120:], content)], kind="surfaces")
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


def built_day(view: View) -> str:
    """The day, for names of files."""
    return str(view.built.date)


def _expiry(day: Any, tau: float) -> str:
    return f"{pd.Timestamp(day):%d %b %Y} ({maturity_label(float(tau))})"


def _smile(built: Construction, day: Any, tau: float) -> tuple[pd.DataFrame, tuple[Floats, Floats]]:
    """Quotes of an expiry and the surface along it, over the strikes both have."""
    smile = built.smile(day)
    low = max(float(built.grid.moneyness[0]), float(smile["moneyness"].min()))
    high = min(float(built.grid.moneyness[-1]), float(smile["moneyness"].max()))
    m = np.linspace(low, max(high, low), _CURVE_POINTS)
    return smile, (m, built.grid.interpolate(built.iv, m, float(tau)))


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
