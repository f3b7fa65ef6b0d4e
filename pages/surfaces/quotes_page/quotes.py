"""Tabs of the quotes: how closely the surface follows them, which were dropped, what rates and VIX they imply."""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import quotes as draw
from engine.charts import surfaces, theme
from engine.market.grid import Floats, maturity_label
from engine.surfaces import quote_cleaning, smoothing
from engine.surfaces.smoothing import Construction
from pages.surfaces.quotes_page import View, controls
from pages.ui import cache, downloads, frame, widths, wording

PANELS = 6
"""Expiries shown at once."""

CURVE_POINTS = 121
"""Of the surface along a smile."""

Smile = tuple[pd.DataFrame, tuple[Floats, Floats]]

_KEPT: WeakKeyDictionary[Construction, dict[Any, Smile]] = WeakKeyDictionary()
"""By surface and expiry; gone with the surface."""


def smiles(view: View) -> None:
    """Quotes against the surface: six expiries at once, and one of them large."""
    built, grid = view.built, view.built.grid
    listed = built.quotes.groupby("expiry")["maturity"].first()
    inside = listed[listed.between(grid.maturity[0], grid.maturity[-1])]
    spread = (inside if len(inside) else listed).iloc[theme.thin(len(inside) or len(listed), PANELS)]
    panels = {_expiry(day, tau): _smile(built, day, tau) for day, tau in spread.items()}
    frame.picture(draw.smile_panels, panels, key="quotes_panels")
    days = list(listed.index)
    day = st.selectbox(
        "Expiry",
        days,
        index=days.index(spread.index[0]),
        format_func=lambda d: _expiry(d, listed[d]) + ("" if d in inside.index else ", outside the grid"),
        key=f"quotes_expiry_{view.loaded.entry.id}_{built.date}",
        help="Bars are bid and ask. Quotes whose bid and ask do not enclose the surface are marked.",
    )
    smile, curve = _smile(built, day, listed[day])
    edges = (float(grid.moneyness[0]), float(grid.moneyness[-1]))
    label = _expiry(day, listed[day])
    frame.picture(draw.smile_fit, smile, curve, label=label, range_of_grid=edges, key="quotes_smile")


def methods(view: View) -> None:
    """Every method on these quotes: how many it keeps inside bid and ask, how far it is from them, its arbitrage."""
    choice, rows, shares = view.choice, [], {}
    for method, name in smoothing.METHODS.items():
        built = view.built
        if method != choice.method:
            built = cache.quote_surface(
                view.loaded,
                choice.levels.grid,
                None,
                method,
                forward_moneyness=choice.levels.forward,
                day=choice.day,
                previous=choice.previous,
                rates=choice.rates,
                keep_untraded=choice.keep_untraded,
            )
        shares[method] = built.fit.share_inside
        rows.append(
            {
                "Method": name,
                "Inside bid–ask": theme.percent(built.fit.share_inside, 1),
                "From mids (vol points)": round(built.rmse, 2),
                "Φ": theme.significant(built.phi_after),
            }
        )
    controls.show_shares(view.loaded, choice, shares)
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    violated = view.built.fit.violated
    if len(violated):
        st.markdown("**Quotes that the chosen surface leaves outside**, farthest first")
        shown = violated.assign(expiry=violated["expiry"].dt.date, type=np.where(violated["is_call"], "call", "put"))
        columns = ["expiry", "root", "strike", "type", "bid", "ask", "price", "outside", "vol_points"]
        st.dataframe(wording.readable(shown[columns].head(200)), hide_index=True, width="stretch", height=240)
        downloads.table_buttons(lambda: violated, f"{view.name}_outside", key="quotes_outside", label="Quotes outside")


def residuals(view: View) -> None:
    """Where the surface passes the quotes by."""
    frame.picture(draw.residual_heatmap, view.built.quotes, height=480, key="quotes_residuals")
    frame.caption("Median of quote less surface by 5 % of moneyness and expiry; colours end at 95 % of cells.")
    downloads.table_buttons(lambda: view.built.quotes, f"{view.name}_used", key="quotes_used", label="Quotes used")


def dropped(view: View) -> None:
    """What became of every quote."""
    built = view.built
    in_the_money = built.fit.n_quotes - len(built.dropped) - len(built.quotes)
    counts = built.drop_counts
    words = quote_cleaning.REASONS
    frame.picture(draw.drops_bar, counts, words, len(built.quotes), in_the_money, key="quotes_drops")
    st.markdown(frame.plain(built.words))
    if len(built.dropped):
        columns = ["expiry", "root", "strike", "type", "bid", "ask", "volume", "maturity", "reason"]
        dropped = built.dropped.assign(
            type=np.where(built.dropped["is_call"], "call", "put"),
            expiry=built.dropped["expiry"].dt.date,
            reason=built.dropped["reason"].map(words),
        )
        table = dropped[columns]
        st.dataframe(wording.readable(table.head(1_000)), hide_index=True, width="stretch", height=280)
        if len(table) > 1_000:
            st.caption(frame.plain(f"The first 1,000 of {len(table):,}; the download has all."))
        downloads.table_buttons(lambda: table, f"{view.name}_dropped", key="quotes_dropped", label="Dropped quotes")
    else:
        st.success("No quote was dropped.", icon=":material/check:")


def rates_and_spreads(view: View) -> None:
    """What parity says by expiry, and the half-spreads of calls and puts."""
    built = view.built
    if built.fit.parity is not None:
        frame.picture(draw.parity_rates, built.rates, built.fit.rate, key="quotes_parity")
        st.dataframe(_rates_table(built.rates), hide_index=True, width="stretch", height=240)
    left, right = widths.columns(2)
    bounds = (0.0, float(built.half_spread.max()) or 1e-4)
    for column, side, name in ((left, 0, "calls"), (right, 1, "puts")):
        with column:
            st.markdown(f"**Half bid–ask spread of {name}**")
            frame.picture(
                surfaces.surface_heatmap,
                built.half_spread[side],
                built.grid,
                quantity="half_spread",
                bounds=bounds,
                key=f"quotes_spread_{name}",
            )


def volatility_index(view: View) -> None:
    """The VIX of the quotes, strike by strike."""
    found = cache.quoted_vix(view.loaded, view.choice.day)
    if isinstance(found, str):
        st.info(frame.plain(f"No VIX: {found}"), icon=":material/info:")
        return
    frame.picture(draw.vix_strikes, found, key="quotes_vix")
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
        lambda: pd.concat(parts), f"vix_{view.built.date}", key="quotes_vix_strikes", label="Strikes"
    )


def _expiry(day: Any, tau: float) -> str:
    return f"{pd.Timestamp(day):%d %b %Y} ({maturity_label(float(tau))})"


def _smile(built: Construction, day: Any, tau: float) -> Smile:
    """Quotes of an expiry and the surface along it; kept as long as the surface is."""
    kept = _KEPT.setdefault(built, {})
    if day not in kept:
        kept[day] = _smile_of(built, day, tau)
    return kept[day]


def _smile_of(built: Construction, day: Any, tau: float) -> Smile:
    smile = built.smile(day)
    m = np.linspace(float(smile["moneyness"].min()), float(smile["moneyness"].max()), CURVE_POINTS)
    return smile, (m, built.fit.iv(m, float(tau)))


def _rates_table(table: pd.DataFrame) -> pd.DataFrame:
    """Forwards and rates by expiry in market units."""

    def percent(column: str) -> list[str]:
        return ["" if np.isnan(x) else theme.percent(x, 2) for x in table[column]]

    return pd.DataFrame(
        {
            "Expiry": table["expiry"].dt.date,
            "Root": table["root"],
            "Days": (365 * table["maturity"]).round(1),
            "Pairs": table["pairs"],
            "Carry (a year)": percent("rate"),
            "Forward": table["forward"].round(2),
            "Discount rate (a year)": percent("discount_rate"),
            "Dividend yield (a year)": percent("dividend_yield"),
            "Pairs of the line": table["line_pairs"],
        }
    )
