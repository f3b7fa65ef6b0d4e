"""Loss curves of a training run."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from engine.charts import marks, theme
from engine.runs.progress_log import LossHistory
from engine.training import alarms

ROW_HEIGHT = 200
"""Pixels of one row of panels."""

WIDE_RANGE = 50.0
"""A positive loss whose largest value is this many times its smallest is drawn on a logarithmic axis."""


def loss_curves(history: LossHistory, *, dark: bool = False) -> go.Figure:
    """Every loss over the epochs, one panel each, with the phases of the fit marked.

    Losses of different terms have nothing to do with each other's scale, so none shares an axis. Where a fit reports
    the arbitrage and the spread of what it generates, dashed lines are the data's and the level of the alarm.

    Args:
        history: reports so far; names, epochs and values.
        dark: drawn on a dark background.
    """
    names = [name for name in history.losses if name != alarms.DATA_PENALTY]
    columns = 2 if len(names) > 1 else 1
    rows = max(1, -(-len(names) // columns))
    titles = [_capital(name) for name in names]
    fig = make_subplots(
        rows=rows, cols=columns, subplot_titles=titles, shared_xaxes=True, vertical_spacing=0.16 / rows + 0.04
    )
    keep = theme.thin(len(history), theme.MOST_POINTS // max(1, len(names)))
    epochs = history.epochs[keep]
    starts, guides = _phase_starts(history), []
    for index, name in enumerate(names):
        row, column = index // columns + 1, index % columns + 1
        values = history.losses[name][keep]
        colour, mode = theme.series_colour(index), "lines+markers" if len(epochs) < 3 else "lines"
        hover = f"epoch %{{x:,}}: %{{y:.4g}}<extra>{_capital(name)}</extra>"
        marks.line(fig, epochs, values, _capital(name), colour, hover, width=1.5, mode=mode, row=row, col=column)
        finite = values[np.isfinite(values)]
        wide = len(finite) > 0 and finite.min() > 0 and finite.max() > WIDE_RANGE * finite.min()
        fig.update_yaxes({"nticks": 5, "type": "log" if wide else None}, row=row, col=column)
        axes = f"x{index + 1 if index else ''}", f"y{index + 1 if index else ''}"
        levels = [("y", level, "dash") for level in _levels(history, name)]
        guides += [_guide(axes, *one) for one in [*levels, *(("x", epoch, "dot") for _, epoch in starts)]]
    words = [
        {"text": phase, "x": epoch, "y": 1, "xref": "x", "yref": "y domain", "xanchor": "left", "yanchor": "top",
         "showarrow": False, "font": {"size": 11}}
        for phase, epoch in starts
    ]  # fmt: skip
    fig.update_layout(shapes=guides, annotations=[*fig.layout.annotations, *words])  # add_vline took 10 ms a line
    fig.update_xaxes(title_text="Epoch, all phases", row=rows)
    alt = _alt(history)
    return theme.base_layout(fig, alt=alt, height=60 + ROW_HEIGHT * rows, legend=False)


def _guide(axes: tuple[str, str], along: str, value: float, dash: str) -> dict[str, object]:
    """A line across one panel, at a value of its x or y axis."""
    x, y = axes
    if along == "x":
        ends = {"xref": x, "x0": value, "x1": value, "yref": f"{y} domain", "y0": 0, "y1": 1}
    else:
        ends = {"xref": f"{x} domain", "x0": 0, "x1": 1, "yref": y, "y0": value, "y1": value}
    return {"type": "line", "line": {"color": theme.REFERENCE, "width": 1, "dash": dash}, **ends}


def _levels(history: LossHistory, name: str) -> list[float]:
    """What a watched figure is held against: the data's, and for the spread also where it is alarming."""
    if name == alarms.SPREAD:
        return [1.0, alarms.COLLAPSED]
    data = history.losses.get(alarms.DATA_PENALTY, np.zeros(0))
    return [float(data[-1])] if name == alarms.PENALTY and len(data) and data[-1] > 0 else []


def _phase_starts(history: LossHistory) -> list[tuple[str, int]]:
    """Phases after the first, and the epochs done when they were first reported."""
    starts, position = [], 0
    for phase, reports in groupby(history.phases):
        if position > 0:
            starts.append((phase, int(history.epochs[position - 1])))
        position += len(list(reports))
    return starts


def _alt(history: LossHistory) -> str:
    if len(history) == 0 or not history.losses:
        return "Loss curves: nothing has been reported yet."
    latest = "; ".join(f"{name} {values[0]:.3g} to {values[-1]:.3g}" for name, values in history.losses.items())
    return f"Losses from epoch {history.epochs[0]:,} to {history.epochs[-1]:,}: {latest}."


def _capital(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}"
