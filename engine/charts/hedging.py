"""Hedges as pictures: tomorrow's risk, one month day by day, how the penalty was chosen, and the backtest of years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from engine.charts import marks, theme
from engine.market.grid import Floats

ALONE = "book alone"
"""The book without a hedge, in the holder's profits."""

METHOD_COLOURS = {
    "unhedged": theme.RAW,
    "delta": "#D55E00",
    "delta-vega": "#7A6BC4",
    "data-driven": "#0878B8",
    "least shortfall": "#00916A",
}
"""A way of hedging has its colour on every picture."""

_SPARE = "#A8762A"
_BINS = 61


def method_colour(label: str) -> str:
    """The colour of a strategy by its label, grey for the book alone; unknown ones share a spare one."""
    return theme.RAW if label == ALONE else METHOD_COLOURS.get(label, _SPARE)


def profits(pnl: Mapping[str, Floats], *, dark: bool = False) -> go.Figure:
    """Profit of the holder until tomorrow, book alone and with hedges: densities on one axis, and on the hedged ones'.

    Args:
        pnl: strategy → ``(K,)`` ΔV + Σ h ΔH + r Δ cash in scenarios, currency, losses negative; ``book alone`` is ΔV.
        dark: drawn on a dark background.
    """
    hedged = {name: values for name, values in pnl.items() if name != ALONE}
    panels = [("Book alone and hedged", pnl), ("Hedged, closer", hedged or pnl)]
    fig = make_subplots(rows=1, cols=2, subplot_titles=[title for title, _ in panels], horizontal_spacing=0.08)
    said = []
    for column, (_, shown) in enumerate(panels, start=1):
        reach = max(float(np.quantile(np.abs(values), 0.99)) for values in shown.values()) or 1.0
        edges = np.linspace(-reach, reach, _BINS + 1)
        for name, values in shown.items():
            counts = np.histogram(np.clip(values, -reach, reach), edges)[0]
            x, colour = theme.float32((edges[:-1] + edges[1:]) / 2), method_colour(name)
            hover = f"{name}, near %{{x:.3g}}: %{{y:.1f}} %"
            place: marks.Look = {"legendgroup": name, "showlegend": column == 1, "row": 1, "col": column}
            fill: marks.Look = {"fill": "tozeroy", "fillcolor": theme.with_alpha(colour, 0.15)}
            marks.line(fig, x, 100 * counts / len(values), name, colour, hover, shape="hvh", **fill, **place)
        fig.add_vline(x=0, line={"color": theme.data_colour(dark), "width": 1}, row=1, col=column)
    for name, values in pnl.items():
        said.append(f"{name} sd {values.std():.3g}, worst 5 % below {np.quantile(values, 0.05):.3g}")
    fig.update_xaxes(title_text="Profit (index points)")
    fig.update_yaxes(title_text="Share of scenarios (%)", col=1)
    return theme.base_layout(
        fig, alt=f"Profit of the holder until tomorrow: {'; '.join(said)}.", height=330, legend=True
    ).update_layout(legend={"y": 1.16}, margin={"t": 64})


def tracking_errors(dates: ArrayLike, errors: Mapping[str, Floats], *, dark: bool = False) -> go.Figure:
    """Z = V − Π of each strategy through one month.

    Args:
        dates: ``(days + 1,)``.
        errors: strategy → ``(days + 1,)`` currency.
        dark: drawn on a dark background.
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    fig = go.Figure()
    for name, values in errors.items():
        hover = f"{name}, %{{x|%d %b %Y}}: %{{y:.3g}}"
        marks.line(fig, days, values, name, method_colour(name), hover, mode="lines+markers", marker={"size": 5})
    fig.add_hline(y=0, line={"color": theme.data_colour(dark), "width": 1})
    ends = ", ".join(f"{name} {values[-1]:.3g}" for name, values in errors.items())
    alt = f"Tracking error V − Π from {days[0]} to {days[-1]}; at the end {ends}."
    return theme.base_layout(fig, alt=alt, y_title="Tracking error Z (index points)", legend=True)


def positions_heatmap(
    dates: ArrayLike, instruments: Sequence[str], positions: Floats, *, dark: bool = False
) -> go.Figure:
    """Positions held over each step, instruments by days: blank where none is held.

    Args:
        dates: ``(days,)``.
        instruments: ``(n,)`` names.
        positions: ``(days, n)`` units.
        dark: drawn on a dark background.
    """
    days = [str(day) for day in np.asarray(dates, dtype="datetime64[D]")]
    low, high = theme.colour_bounds(positions, "diverging")
    held = np.where(positions == 0, np.nan, positions)
    used = int((positions != 0).any(axis=0).sum())
    fig = go.Figure(
        go.Heatmap(
            x=days,
            y=list(instruments),
            z=theme.float32(held.T),
            zmin=low,
            zmax=high,
            colorscale=theme.colour_scale("diverging", dark),
            colorbar={"title": {"text": "units"}, "thickness": 12},
            xgap=1,
            ygap=1,
            hoverongaps=False,
            hovertemplate="%{y}, %{x}: %{z:.3f}<extra></extra>",
        )
    )
    fig.update_yaxes(autorange="reversed", type="category")
    fig.update_xaxes(type="category", nticks=8)
    alt = f"Positions in {len(instruments)} instruments over {len(days)} days; {used} are ever held."
    return theme.base_layout(fig, alt=alt, height=120 + 30 * max(4, len(instruments)), legend=False)


def exposures(
    dates: ArrayLike,
    delta: tuple[Floats, Floats],
    vega: tuple[Floats, Floats],
    *,
    label: str = "data-driven",
    dark: bool = False,
) -> go.Figure:
    """Delta and vega before and after the hedge, day by day.

    Args:
        dates: ``(days,)``.
        delta: ``(days,)`` of the portfolio, and of what the hedge leaves.
        vega: the same, currency per vol point.
        label: strategy, for the colour.
        dark: drawn on a dark background.
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    fig = make_subplots(rows=1, cols=2, subplot_titles=("Delta", "Vega"), horizontal_spacing=0.1)
    said = []
    for column, (name, (before, after)) in enumerate((("delta", delta), ("vega", vega)), start=1):
        for words, values, colour in (("before", before, theme.RAW), ("after", after, method_colour(label))):
            hover = f"{name} {words}, %{{x|%d %b %Y}}: %{{y:.3g}}"
            place: marks.Look = {"legendgroup": words, "showlegend": column == 1, "row": 1, "col": column}
            look: marks.Look = {"mode": "lines+markers", "marker": {"size": 5}}
            marks.line(fig, days, values, f"{words} the hedge", colour, hover, **look, **place)
        said.append(f"{name} at most {np.abs(before).max():.3g} before, {np.abs(after).max():.3g} after")
    fig.update_yaxes(title_text="Units of the underlying", col=1)
    fig.update_yaxes(title_text="Index points per vol point", col=2)
    return theme.base_layout(fig, alt=f"Exposures: {'; '.join(said)}.", legend=True).update_layout(
        legend={"y": 1.1}, margin={"t": 72}
    )


def attribution(frame: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Each day's change of the portfolio, what the hedge earned against it, interest and costs, and what is left.

    Args:
        frame: of :meth:`engine.decisions.hedging.HedgePath.attribution`.
        dark: drawn on a dark background.
    """
    parts = {
        "portfolio ΔV": (frame["value_change"], "#5F8A3C"),
        "hedge (its gain, taken off)": (-frame["hedge_gain"], "#0878B8"),
        "interest (taken off)": (-frame["interest"], "#A8762A"),
        "costs": (frame["cost"], "#D55E00"),
    }
    fig = go.Figure()
    for name, (values, colour) in parts.items():
        fig.add_bar(x=frame["date"], y=theme.float32(values), name=name, marker={"color": colour})
    fig.add_scatter(
        x=frame["date"],
        y=theme.float32(frame["error_change"]),
        mode="markers",
        name="left: ΔZ",
        marker={"color": theme.data_colour(dark), "symbol": "line-ew-open", "size": 14, "line": {"width": 3}},
        hovertemplate="ΔZ, %{x|%d %b %Y}: %{y:.3g}<extra></extra>",
    )
    fig.update_layout(barmode="relative", bargap=0.2)
    sums = ", ".join(f"{name} {values.sum():.3g}" for name, (values, _) in parts.items())
    alt = f"Attribution of each day's tracking error; over the month {sums}, left {frame['error_change'].sum():.3g}."
    return theme.base_layout(fig, alt=alt, y_title="Change of the day (index points)", legend=True)


def alpha_path(
    alphas: Floats, aic: Floats, n_instruments: NDArray[np.floating], chosen: float, *, dark: bool = False
) -> go.Figure:
    """Akaike's criterion and the number of instruments against α.

    Args:
        alphas: ``(m,)`` candidates.
        aic: ``(m,)`` on fresh scenarios.
        n_instruments: ``(m,)`` instruments with a position.
        chosen: the one of least criterion.
        dark: drawn on a dark background.
    """
    fig = make_subplots(specs=[[{"secondary_y": True}]])
    hover = "α %{x:.3g}: AIC %{y:.1f}"
    marks.line(fig, theme.float32(alphas), aic, "AIC", method_colour("data-driven"), hover, mode="lines+markers")
    fig.add_scatter(
        x=theme.float32(alphas),
        y=theme.float32(n_instruments),
        mode="lines+markers",
        name="instruments",
        line={"color": theme.REFERENCE, "width": 2, "dash": "dot", "shape": "hv"},
        hovertemplate="α %{x:.3g}: %{y:.0f} instruments<extra></extra>",
        secondary_y=True,
    )
    fig.add_vline(x=chosen, line={"color": theme.data_colour(dark), "width": 1.5, "dash": "dash"})
    fig.update_yaxes(title_text="AIC on fresh scenarios")
    most = float(np.max(n_instruments)) + 1
    fig.update_yaxes(title_text="Instruments held", secondary_y=True, range=[0, most], dtick=1, showgrid=False)
    alt = (
        f"AIC over {len(alphas)} values of α; {chosen:.3g} is chosen, with "
        f"{float(n_instruments[int(np.argmin(aic))]):.0f} instruments."
    )
    return theme.base_layout(fig, alt=alt, x_title="α, weight of costs", legend=True)


UNIT = 1.0
"""Errors up to this size are drawn on a straight scale by the symlog axis, larger ones on a logarithmic one."""

MOST_DOTS = 1_200
"""Dots a method in a scatter."""

_POWERS = (1, 10, 100, 1000, 10_000)


def symlog(values: ArrayLike) -> Floats:
    """sign(z) log10(1 + |z|/u): a straight line near zero, a logarithm far from it."""
    z = np.asarray(values, dtype=np.float64)
    scaled: Floats = np.sign(z) * np.log10(1 + np.abs(z) / UNIT)
    return scaled


def _symlog_ticks(most: float) -> dict[str, list[Any]]:
    """Ticks of a symlog axis at zero and at powers of ten up to a size, either side."""
    powers = [p for p in _POWERS if p <= most]
    labels = [-p for p in reversed(powers)] + [0, *powers]
    return {"tickvals": symlog(labels).tolist(), "ticktext": [theme.signed(v, ",.0f") for v in labels]}


def errors_through_time(
    dates: ArrayLike,
    errors: Mapping[str, Floats],
    *,
    logarithmic: bool = False,
    crisis: tuple[str, str] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Z_t of one straddle after another, month by month; lines break where a new one is entered.

    Args:
        dates: ``(months, days + 1)``.
        errors: method → ``(months, days + 1)`` Z, currency.
        logarithmic: symlog axis.
        crisis: first and last day that are shaded.
        dark: drawn on a dark background.
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    step = max(1, -(-days.size * len(errors) // theme.MOST_POINTS))
    kept = np.unique([*range(0, days.shape[1], step), days.shape[1] - 1])  # the end of a month always
    gap = np.full((len(days), 1), np.datetime64("NaT"), dtype="datetime64[D]")
    x = np.concatenate([days[:, kept], gap], axis=1).ravel()
    fig = go.Figure()
    if crisis is not None:
        fig.add_vrect(x0=crisis[0], x1=crisis[1], fillcolor=theme.GUIDE, opacity=0.5, line_width=0, layer="below")
    said = []
    for place, (name, z) in enumerate(errors.items()):
        values = np.concatenate([z[:, kept], np.full((len(z), 1), np.nan)], axis=1).ravel()
        fig.add_scatter(
            x=x,
            y=theme.float32(symlog(values) if logarithmic else values),
            mode="lines",
            line={"color": method_colour(name) if name in METHOD_COLOURS else theme.series_colour(place), "width": 1.3},
            name=name,
            customdata=theme.float32(values),
            hovertemplate=f"{name}, %{{x|%d %b %Y}}: %{{customdata:.3g}}<extra></extra>",
        )
        said.append(f"{name} {z.min():.3g} to {z.max():.3g}")
    if logarithmic:
        fig.update_yaxes(**_symlog_ticks(2 * max(float(np.abs(z).max()) for z in errors.values())))
    return theme.base_layout(
        fig,
        alt=f"Tracking errors from {days.min()} to {days.max()}: {'; '.join(said)}.",
        y_title="Tracking error Z (index points" + ("; logarithmic beyond 1)" if logarithmic else ")"),
        legend=True,
    )


def error_laws(errors: Mapping[str, Floats], *, dark: bool = False) -> go.Figure:
    """The distribution function of Z of each method, on a symlog axis: steeper in the middle is better.

    Args:
        errors: method → Z, any shape, currency.
        dark: drawn on a dark background.
    """
    levels = np.concatenate([[0.001, 0.0025, 0.005], np.linspace(0.01, 0.99, 99), [0.995, 0.9975, 0.999]])
    fig = go.Figure()
    said = []
    for name, z in errors.items():
        quantiles = np.quantile(z, levels)
        hover = f"{name}: %{{y:.1f}} % of days below %{{customdata:.3g}}"
        shade = method_colour(name)
        marks.line(
            fig, theme.float32(symlog(quantiles)), 100 * levels, name, shade, hover, customdata=theme.float32(quantiles)
        )
        said.append(f"{name} 5 % {np.quantile(z, 0.05):.3g}, 95 % {np.quantile(z, 0.95):.3g}")
    fig.update_xaxes(**_symlog_ticks(2 * max(float(np.abs(z).max()) for z in errors.values())))
    fig.add_vline(x=0, line={"color": theme.data_colour(dark), "width": 1})
    return theme.base_layout(
        fig,
        alt=f"Distribution functions of tracking errors: {'; '.join(said)}.",
        x_title="Tracking error Z (index points; logarithmic beyond 1)",
        y_title="Share of days below (%)",
        legend=True,
    )


def against(mine: Floats, theirs: Floats, labels: tuple[str, str], *, dark: bool = False) -> go.Figure:
    """One method's Z against another's, day by day: dots nearer the horizontal axis than the vertical favour the first.

    Args:
        mine, theirs: Z of the same days, any shape.
        labels: names of the two.
        dark: drawn on a dark background.
    """
    y, x = np.ravel(mine), np.ravel(theirs)
    shown = theme.thin(len(x), MOST_DOTS)
    smaller = float((np.abs(y) < np.abs(x)).mean())
    most = max(np.abs(x).max(), np.abs(y).max(), UNIT)
    reach = float(symlog(most))
    fig = go.Figure()
    across, up, colour = theme.float32(symlog(x[shown])), symlog(y[shown]), method_colour(labels[0])
    hover = f"{labels[1]} %{{customdata[0]:.3g}}, {labels[0]} %{{customdata[1]:.3g}}"
    facts: marks.Look = {"customdata": theme.float32(np.stack([x[shown], y[shown]], axis=1)), "showlegend": False}
    marks.dots(fig, across, up, None, colour, hover, size=4, opacity=0.45, **facts)
    for sign in (1, -1):
        fig.add_scatter(
            x=[-reach, reach],
            y=[-sign * reach, sign * reach],
            mode="lines",
            line={"color": theme.data_colour(dark), "width": 1, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
        )
    fig.update_xaxes(**_symlog_ticks(most))
    fig.update_yaxes(**_symlog_ticks(most))
    alt = f"Z of {labels[0]} against Z of {labels[1]}; {labels[0]} is nearer zero on {100 * smaller:.0f} % of days."
    return theme.base_layout(
        fig, alt=alt, x_title=f"Z, {labels[1]} (index points)", y_title=f"Z, {labels[0]} (index points)", legend=False
    )


def statistic_dots(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Statistics of each method with their intervals, published ones beside them where there are any.

    Args:
        table: columns ``method``, ``words`` of the statistic, ``value``, ``low``, ``high``, ``published`` or NaN.
        dark: drawn on a dark background.
    """
    names = list(dict.fromkeys(table["words"]))
    methods = list(dict.fromkeys(table["method"]))
    fig = go.Figure()
    for place, name in enumerate(methods):
        part = table[table["method"] == name].set_index("words").reindex(names)
        shift = (place - (len(methods) - 1) / 2) * 0.8 / max(1, len(methods))
        x = np.arange(len(names)) + shift
        colour = method_colour(name)
        fig.add_scatter(
            x=x,
            y=theme.float32(part["value"]),
            mode="markers",
            name=name,
            marker={"color": colour, "size": 9},
            error_y=marks.interval(part["value"], part["low"], part["high"], color=colour, thickness=1.5, width=3),
            hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>",
        )
        if part["published"].notna().any():
            fig.add_scatter(
                x=x,
                y=theme.float32(part["published"]),
                mode="markers",
                name="published (SPX, 2018–2023)",
                legendgroup="published",
                showlegend=place == 0,
                marker={"color": theme.data_colour(dark), "symbol": "x-thin", "size": 8, "line": {"width": 1.5}},
                hovertemplate=f"{name}, published: %{{y:.3g}}<extra></extra>",
            )
    fig.update_xaxes(tickvals=list(range(len(names))), ticktext=names, range=[-0.6, len(names) - 0.4])
    first = table[table["words"] == names[0]]
    said = ", ".join(f"{m} {v:.3g}" for m, v in zip(first["method"], first["value"], strict=True))
    return theme.base_layout(fig, alt=f"{names[0]}: {said}.", y_title="Index points, with 95 % intervals", legend=True)


def instruments_held(counts: Floats, labels: Sequence[str], *, dark: bool = False) -> go.Figure:
    """Share of days with so many instruments, by initial moneyness (Table 4.1).

    Args:
        counts: ``(n_moneyness, days)`` instruments with a position.
        labels: ``(n_moneyness,)``.
        dark: drawn on a dark background.
    """
    most = int(np.max(counts))
    share = np.stack([np.bincount(row.astype(int), minlength=most + 1) / len(row) for row in counts])
    fig = go.Figure()
    for k, colour in enumerate(theme.shades(most + 1, dark)):
        fig.add_bar(
            y=list(labels),
            x=theme.float32(100 * share[:, k]),
            orientation="h",
            name=f"{k}",
            marker={"color": colour},
            hovertemplate=f"%{{y}}: {k} instruments on %{{x:.1f}} % of days<extra></extra>",
        )
    fig.update_layout(barmode="stack", bargap=0.25, legend={"title": {"text": "instruments"}, "traceorder": "normal"})
    fig.update_yaxes(type="category")
    means = ", ".join(f"{label} {row.mean():.1f}" for label, row in zip(labels, counts, strict=True))
    alt = f"Instruments held, mean by initial moneyness: {means}."
    return theme.base_layout(
        fig, alt=alt, x_title="Share of days (%)", y_title="Strike at entry", height=300, legend=True
    )


def alphas_chosen(dates: ArrayLike, alphas: Floats, labels: Sequence[str], *, dark: bool = False) -> go.Figure:
    """α of each straddle when it was entered.

    Args:
        dates: ``(months,)`` days of entry.
        alphas: ``(months, n_moneyness)``; one line if they are the same for all straddles.
        labels: ``(n_moneyness,)``.
        dark: drawn on a dark background.
    """
    fig = go.Figure()
    together = bool((np.ptp(alphas, axis=1) == 0).all())
    names, columns = (["all straddles"], alphas[:, :1]) if together else (list(labels), alphas)
    for label, column, colour in zip(names, columns.T, theme.shades(len(names), dark), strict=True):
        fig.add_scatter(
            x=np.asarray(dates, dtype="datetime64[D]"),
            y=theme.float32(column),
            mode="markers+lines",
            marker={"size": 5},
            line={"color": colour, "width": 1},
            name=label,
            hovertemplate=f"{label}, %{{x|%b %Y}}: α %{{y:.3g}}<extra></extra>",
        )
    alt = f"α chosen at entry, {alphas.min():.3g} to {alphas.max():.3g}, median {np.median(alphas):.3g}."
    return theme.base_layout(fig, alt=alt, y_title="α, weight of costs", height=320, legend=True)
