"""How well the surface fits the quotes: smiles, residuals, what was dropped."""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import quotes as draw
from engine.charts import theme
from engine.market.grid import Floats, maturity_label
from engine.surfaces import quote_cleaning
from engine.surfaces.smoothing import Construction
from pages.surfaces._quotes_tabs import CURVE_POINTS
from pages.surfaces._quotes_view import View
from pages.ui import downloads, frame, pictures

_PANELS = 6

Smile = tuple[pd.DataFrame, tuple[Floats, Floats]]
_KEPT: WeakKeyDictionary[Construction, dict[Any, Smile]] = WeakKeyDictionary()


def smiles(view: View) -> None:
    """Quotes against the surface: six expiries at once, and one of them large."""
    built, grid = view.built, view.built.grid
    listed = built.quotes.groupby("expiry")["maturity"].first()
    inside = listed[listed.between(grid.maturity[0], grid.maturity[-1])]
    spread = (inside if len(inside) else listed).iloc[theme.thin(len(inside) or len(listed), _PANELS)]
    panels = {_expiry(day, tau): _smile(built, day, tau) for day, tau in spread.items()}
    frame.chart(pictures.of(draw.smile_panels, panels, dark=view.dark), key="quotes_panels")
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
    frame.chart(
        pictures.of(draw.smile_fit, smile, curve, label=label, range_of_grid=edges, dark=view.dark), key="quotes_smile"
    )


def residuals(view: View) -> None:
    """Where the surface passes the quotes by."""
    frame.chart(
        pictures.of(draw.residual_heatmap, view.built.quotes, dark=view.dark, height=480), key="quotes_residuals"
    )
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
    frame.chart(pictures.of(draw.drops_bar, counts, words, len(built.quotes), in_the_money), key="quotes_drops")
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


def _expiry(day: Any, tau: float) -> str:
    return f"{pd.Timestamp(day):%d %b %Y} ({maturity_label(float(tau))})"


def _smile(built: Construction, day: Any, tau: float) -> Smile:
    """Quotes of an expiry and the surface along it, over the strikes both have; kept as long as the surface is."""
    kept = _KEPT.setdefault(built, {})
    if day not in kept:
        kept[day] = _smile_of(built, day, tau)
    return kept[day]


def _smile_of(built: Construction, day: Any, tau: float) -> Smile:
    smile = built.smile(day)
    low = max(float(built.grid.moneyness[0]), float(smile["moneyness"].min()))
    high = min(float(built.grid.moneyness[-1]), float(smile["moneyness"].max()))
    m = np.linspace(low, max(high, low), CURVE_POINTS)
    return smile, (m, built.grid.interpolate(built.iv, m, float(tau)))
