"""One hedge as pictures: what is left of tomorrow's risk, one month day by day, and how the penalty was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from engine.charts import theme
from engine.market.grid import Floats

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
    """The colour of a strategy by its label; unknown ones share a spare one."""
    return METHOD_COLOURS.get(label, _SPARE)


def residuals(changes: Mapping[str, Floats], *, dark: bool = False, height: int = theme.HEIGHT) -> go.Figure:
    """What tomorrow may change, before and after hedging: densities on one axis, and on that of the hedged ones.

    Args:
        changes: strategy → ``(K,)`` ΔV − Σ φ ΔH − ψ r Δ in scenarios, currency; ``unhedged`` is ΔV − V r Δ.
        dark: drawn on a dark background.
        height: pixels.
    """
    hedged = {name: values for name, values in changes.items() if name != "unhedged"}
    panels = [("Before and after", changes), ("After, closer", hedged or changes)]
    fig = make_subplots(rows=1, cols=2, subplot_titles=[title for title, _ in panels], horizontal_spacing=0.08)
    said = []
    for column, (_, shown) in enumerate(panels, start=1):
        reach = max(float(np.quantile(np.abs(values), 0.99)) for values in shown.values()) or 1.0
        edges = np.linspace(-reach, reach, _BINS + 1)
        for name, values in shown.items():
            counts = np.histogram(np.clip(values, -reach, reach), edges)[0]
            fig.add_scatter(
                x=theme.float32((edges[:-1] + edges[1:]) / 2),
                y=theme.float32(100 * counts / len(values)),
                mode="lines",
                line={"color": method_colour(name), "width": 2, "shape": "hvh"},
                fill="tozeroy",
                fillcolor=theme.with_alpha(method_colour(name), 0.15),
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                hovertemplate=f"{name}, near %{{x:.3g}}: %{{y:.1f}} %<extra></extra>",
                row=1,
                col=column,
            )
    for name, values in changes.items():
        said.append(f"{name} sd {values.std():.3g}, 1 % worst {np.quantile(values, 0.01):.3g}")
    fig.update_xaxes(title_text="Change until tomorrow (units of spot; the end bars hold the tails)")
    fig.update_yaxes(title_text="Share of scenarios (%)", col=1)
    return theme.base_layout(
        fig, alt=f"Change of the hedged position until tomorrow: {'; '.join(said)}.", height=height, legend=True
    ).update_layout(legend={"y": 1.1}, margin={"t": 72})


def tracking_errors(
    dates: ArrayLike, errors: Mapping[str, Floats], *, dark: bool = False, height: int = theme.HEIGHT
) -> go.Figure:
    """Z = V − Π of each strategy through one month.

    Args:
        dates: ``(days + 1,)``.
        errors: strategy → ``(days + 1,)`` currency.
        dark: drawn on a dark background.
        height: pixels.
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    fig = go.Figure()
    for name, values in errors.items():
        fig.add_scatter(
            x=days,
            y=theme.float32(values),
            mode="lines+markers",
            marker={"size": 5},
            line={"color": method_colour(name), "width": 2},
            name=name,
            hovertemplate=f"{name}, %{{x|%d %b %Y}}: %{{y:.3g}}<extra></extra>",
        )
    fig.add_hline(y=0, line={"color": theme.data_colour(dark), "width": 1})
    ends = ", ".join(f"{name} {values[-1]:.3g}" for name, values in errors.items())
    return theme.base_layout(
        fig,
        alt=f"Tracking error V − Π from {days[0]} to {days[-1]}; at the end {ends}.",
        y_title="Tracking error Z (units of spot)",
        height=height,
        legend=True,
    )


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
    return theme.base_layout(
        fig,
        alt=f"Positions in {len(instruments)} instruments over {len(days)} days; {used} are ever held.",
        height=120 + 30 * max(4, len(instruments)),
        legend=False,
    )


def exposures(
    dates: ArrayLike,
    delta: tuple[Floats, Floats],
    vega: tuple[Floats, Floats],
    *,
    label: str = "data-driven",
    dark: bool = False,
    height: int = theme.HEIGHT,
) -> go.Figure:
    """Delta and vega before and after the hedge, day by day.

    Args:
        dates: ``(days,)``.
        delta: ``(days,)`` of the portfolio, and of what the hedge leaves.
        vega: the same, currency per vol point.
        label: strategy, for the colour.
        dark: drawn on a dark background.
        height: pixels.
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    fig = make_subplots(rows=1, cols=2, subplot_titles=("Delta", "Vega"), horizontal_spacing=0.1)
    said = []
    for column, (name, (before, after)) in enumerate((("delta", delta), ("vega", vega)), start=1):
        for words, values, colour in (("before", before, theme.RAW), ("after", after, method_colour(label))):
            fig.add_scatter(
                x=days,
                y=theme.float32(values),
                mode="lines+markers",
                marker={"size": 5},
                line={"color": colour, "width": 2},
                name=f"{words} the hedge",
                legendgroup=words,
                showlegend=column == 1,
                hovertemplate=f"{name} {words}, %{{x|%d %b %Y}}: %{{y:.3g}}<extra></extra>",
                row=1,
                col=column,
            )
        said.append(f"{name} at most {np.abs(before).max():.3g} before, {np.abs(after).max():.3g} after")
    fig.update_yaxes(title_text="Units of the underlying", col=1)
    fig.update_yaxes(title_text="Units of spot per vol point", col=2)
    return theme.base_layout(fig, alt=f"Exposures: {'; '.join(said)}.", height=height, legend=True).update_layout(
        legend={"y": 1.1}, margin={"t": 72}
    )


def attribution(frame: pd.DataFrame, *, dark: bool = False, height: int = theme.HEIGHT) -> go.Figure:
    """Each day's change of the portfolio, what the hedge earned against it, interest and costs, and what is left.

    Args:
        frame: of :meth:`engine.decisions.hedging.HedgePath.attribution`.
        dark: drawn on a dark background.
        height: pixels.
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
    return theme.base_layout(
        fig,
        alt=f"Attribution of each day's tracking error; over the month {sums}, left {frame['error_change'].sum():.3g}.",
        y_title="Change of the day (units of spot)",
        height=height,
        legend=True,
    )


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
    fig.add_scatter(
        x=theme.float32(alphas),
        y=theme.float32(aic),
        mode="lines+markers",
        name="AIC",
        line={"color": method_colour("data-driven"), "width": 2},
        hovertemplate="α %{x:.3g}: AIC %{y:.1f}<extra></extra>",
    )
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
    return theme.base_layout(
        fig,
        alt=f"AIC over {len(alphas)} values of α; {chosen:.3g} is chosen, with "
        f"{float(n_instruments[int(np.argmin(aic))]):.0f} instruments.",
        x_title="α, weight of costs",
        legend=True,
    )
