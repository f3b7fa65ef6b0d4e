"""One look for every figure: colours by quantity and by model, number formats, layout, alt text.

Figures keep backgrounds transparent and set no text colour: :mod:`engine.charts.theme` colours text and axes, for light
and for dark, when they are shown or saved. What it cannot know takes ``dark: bool``: the line of the data (black on
light, near-white on dark) and the neutral end of a colour scale. Lines of models are mid-tones with a contrast of at
least 3 against both backgrounds; all scales are safe for colour-blind readers (viridis, cividis, Okabe–Ito hues).

Text, grids and labels on light and on dark are laid under what a figure says itself.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from numpy.typing import ArrayLike, NDArray
from plotly.colors import sequential

from engine.charts import palette
from engine.models import registry

pio.templates.default = "none"  # the app brings its own; plotly's would be 7 kB of every figure, and slow to apply

MOST_POINTS = 5_000
"""No figure sends more points than about this to the browser."""

HEIGHT = 420
"""Default height in pixels."""

GUIDE = "rgba(128,128,128,0.35)"
"""Grid lines, cell gaps and zero lines: a mid grey that shows on light and on dark."""

GUIDE_3D = "#9A9A9A"
"""The same in three dimensions, where plotly draws no transparency."""

RAW = "#8A8A8A"
"""Scenarios as the model drew them, before reweighting."""

REFERENCE = "#B8860B"
"""Marks that are neither data nor model: a chosen β, a threshold, a nominal level."""

Scale = list[tuple[float, str]]
Kind = Literal["sequential", "density", "diverging", "penalty"]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class Quantity:
    """How one quantity is drawn wherever it appears.

    Args:
        label: words for the axis.
        unit: the unit after scaling; empty for a pure number.
        factor: what an engine value is multiplied with to be in that unit.
        digits: d3/Python format of the scaled value.
        kind: which colour scale.
    """

    label: str
    unit: str
    factor: float
    digits: str
    kind: Kind

    @property
    def title(self) -> str:
        """Axis title with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


QUANTITIES: dict[str, Quantity] = {
    "vol": Quantity("Implied vol", "% a year", 100, ".1f", "sequential"),
    "vol_width": Quantity("Width of band", "vol points", 100, ".1f", "sequential"),
    "vol_change": Quantity("Change of vol", "vol points", 100, "+.1f", "diverging"),
    "log_vol_change": Quantity("Change of log vol", "%", 100, "+.1f", "diverging"),
    "half_spread": Quantity("Half bid–ask spread", "bp of spot", 10_000, ".1f", "density"),
    "penalty": Quantity("Penalty", "", 1, ".2g", "penalty"),
    "frequency": Quantity("Share of scenarios", "%", 100, ".0f", "density"),
    "density": Quantity("Density", "", 1, ".2g", "density"),
    "weight": Quantity("Weight", "", 1, "+.2f", "diverging"),
    "correlation": Quantity("Correlation", "", 1, "+.2f", "diverging"),
    "loading": Quantity("Loading", "unit norm", 1, "+.2f", "diverging"),
}
"""Every quantity that is drawn as colour, by name."""

_VIRIDIS = (
    "#440154",
    "#482878",
    "#3E4989",
    "#31688E",
    "#26828E",
    "#1F9E89",
    "#35B779",
    "#6DCD59",
    "#B4DE2C",
    "#FDE725",
)
_CIVIDIS = tuple(colour.upper() for colour in sequential.Cividis)
_DIVERGING_LIGHT = ("#00426A", "#0072B2", "#7DB8DB", "#FFFFFF", "#F0A873", "#D55E00", "#7F3800")
_DIVERGING_DARK = ("#8CCBF0", "#3A97D0", "#1C4A68", "#22211F", "#6B3A14", "#E07020", "#FFC08F")
_PENALTY_LIGHT = ("#FFFFFF", "#FBD9C0", "#F0A873", "#D55E00", "#7F3800")
_PENALTY_DARK = ("#22211F", "#52301A", "#9A4A0E", "#E07020", "#FFC08F")

OTHER_COLOURS = {"bce_gan": "#C2659B", "factor_model": "#7A6BC4"}
"""Of what is drawn beside registered models; theirs are in their Specs."""

SERIES_COLOURS = (
    *("#0878B8", "#00916A", "#C2659B", "#D55E00", "#A8762A", "#7A6BC4", "#5F8A3C", "#2E8FA3"),
    *("#B5651D", "#8E6C8A", "#C0504D", "#4F81BD", "#9C6ADE", "#3D9970", "#B06F00"),
)


def data_colour(dark: bool = False) -> str:
    """The market's own line: black on light, near-white on dark."""
    return "#F2F2F2" if dark else "#111111"


def background(dark: bool = False) -> str:
    """What zero looks like on a scale that starts or is centred at zero."""
    return _PENALTY_DARK[0] if dark else _PENALTY_LIGHT[0]


def model_colour(name: str) -> str:
    """The colour of a model on every page: its Spec's, or one made for it that is far from all others."""
    fixed = OTHER_COLOURS | {spec.name: spec.colour for spec in registry.SPECS.values() if spec.colour}
    if name in fixed:
        return fixed[name]
    unnamed = [spec.name for spec in registry.SPECS.values() if not spec.colour]
    if name in unnamed:
        return palette.distinct(tuple(fixed.values()), len(unnamed))[unnamed.index(name)]
    return SERIES_COLOURS[zlib.crc32(name.encode()) % len(SERIES_COLOURS)]


def series_colour(index: int) -> str:
    """Colours for series that are no model (loss terms, maturities of a slice), in a fixed order."""
    return SERIES_COLOURS[index % len(SERIES_COLOURS)]


def with_alpha(colour: str, alpha: float) -> str:
    """``#RRGGBB`` as ``rgba(…)``, for bands."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def shades(n: int, dark: bool = False) -> list[str]:
    """n ordered colours of the sequential scale, its end that fades into the background left out."""
    low, high = (0.3, 1.0) if dark else (0.0, 0.8)
    return [_along(_VIRIDIS, low + (high - low) * k / max(1, n - 1)) for k in range(n)]


def colour_scale(kind: Kind, dark: bool = False) -> Scale:
    """The scale of a kind: ``sequential`` and ``density`` from dark to bright, ``diverging`` neutral in the middle,
    ``penalty`` one hue that starts at white (at the background in dark).
    """
    colours = {
        "sequential": _VIRIDIS,
        "density": _CIVIDIS,
        "diverging": _DIVERGING_DARK if dark else _DIVERGING_LIGHT,
        "penalty": _PENALTY_DARK if dark else _PENALTY_LIGHT,
    }[kind]
    return [(k / (len(colours) - 1), colour) for k, colour in enumerate(colours)]


def colour_bounds(values: ArrayLike, kind: Kind) -> tuple[float, float]:
    """Ends of the colour scale: ``[0, max]`` for penalties and densities, symmetric about zero for diverging ones.

    Never an empty interval, so that a matrix of zeros is drawn in the colour of zero.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if kind in ("penalty", "density"):
        return 0.0, high if high > 0 else 1.0
    if kind == "diverging":
        most = max(abs(low), abs(high)) or 1.0
        return -most, most
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def colour_at(position: float, kind: Kind, dark: bool = False) -> str:
    """The colour of a scale at a position in [0, 1]."""
    return _along([colour for _, colour in colour_scale(kind, dark)], min(1.0, max(0.0, position)))


def text_on(colour: str) -> str:
    """Black or white, whichever is easier to read on a colour."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#FFFFFF"


def float32(values: ArrayLike) -> Floats32:
    """What a figure sends to the browser: half the bytes, more digits than a screen can show."""
    return np.asarray(values, dtype=np.float32)


def thin(n: int, most: int = MOST_POINTS, *, keep: ArrayLike | None = None) -> NDArray[np.intp]:
    """Sorted positions of at most ``most`` of n points: every k-th one, the first and the last.

    Args:
        n: number of points there are.
        most: number of points to draw.
        keep: optional ``(n,)`` series; the lowest and the highest point of each stretch are then taken instead, so
            that thinning hides no spike.
    """
    if n <= most:
        return np.arange(n, dtype=np.intp)
    if keep is None:
        return np.unique(np.linspace(0, n - 1, most).round().astype(np.intp))
    series = np.asarray(keep, dtype=np.float64)
    edges = np.linspace(0, n, max(1, (most - 2) // 2) + 1).round().astype(np.intp)
    chosen = [0, n - 1]
    for start, stop in pairwise(edges):
        if stop > start and not np.isnan(series[start:stop]).all():
            stretch = series[start:stop]
            chosen += [start + int(np.nanargmin(stretch)), start + int(np.nanargmax(stretch))]
    return np.unique(np.array(chosen, dtype=np.intp))


def percent(value: float, digits: int = 1) -> str:
    """A vol or a share given as a fraction: ``0.2034`` → ``20.3 %``."""
    return f"{signed(100 * value, f'.{digits}f')} %" if math.isfinite(value) else "n/a"


def basis_points(value: float) -> str:
    """A return given as a fraction: ``-0.0124`` → ``−124 bp``."""
    return f"{signed(10_000 * value, ',.0f')} bp" if math.isfinite(value) else "n/a"


VANISHING = 1e-99
"""What weights underflow to is no figure."""


def significant(value: float, digits: int = 2) -> str:
    """Φ, KL and p-values: ``0.01274`` → ``0.013``; powers of ten as ``2×10⁻⁷``; below 10⁻⁹⁹ it is ``0``."""
    if not math.isfinite(value):
        return "n/a"
    if abs(value) < VANISHING:
        return "0"
    exponent = math.floor(math.log10(float(f"{abs(value):.{digits - 1}e}")))
    if -4 <= exponent < 5:
        return signed(round(value, digits - 1 - exponent), f",.{max(0, digits - 1 - exponent)}f")
    mantissa = f"{abs(value) / 10.0**exponent:.{digits - 1}f}".rstrip("0").rstrip(".")
    power = power_of_ten(exponent)
    return ("−" if value < 0 else "") + (power if mantissa == "1" else f"{mantissa}×{power}")


def power_of_ten(exponent: int) -> str:
    """``-7`` → ``10⁻⁷``."""
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def signed(value: float, spec: str) -> str:
    """A number with a true minus sign, and never minus (or plus) zero."""
    text = format(value, spec)
    if text[0] in "+-" and not any(digit in text for digit in "123456789"):
        return text[1:]
    return text.replace("-", "−", 1) if text.startswith("-") else text


def count(value: float) -> str:
    """A number of things: ``12626`` → ``12,626``."""
    return signed(value, ",.0f") if math.isfinite(value) else "n/a"


def distinct(labels: Sequence[str], values: ArrayLike) -> list[str]:
    """Labels fit for a categorical axis: equal ones (two expiries of one month, say) get their value appended."""
    numbers = np.asarray(values, dtype=np.float64)
    twice = {label for label in labels if list(labels).count(label) > 1}
    return [f"{label} ({x:.4g})" if label in twice else label for label, x in zip(labels, numbers, strict=True)]


AXIS: dict[str, Any] = {
    "gridcolor": GUIDE,
    "zerolinecolor": GUIDE,
    "automargin": True,
    "exponentformat": "power",
}
LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0}


def base_layout(
    fig: go.Figure,
    *,
    alt: str,
    x_title: str | None = None,
    y_title: str | None = None,
    title: str | None = None,
    height: int = HEIGHT,
    legend: bool | None = None,
) -> go.Figure:
    """The layout every figure shares; call it last.

    Args:
        fig: the figure, changed in place.
        alt: one sentence with the numbers in it, for those who cannot see the picture (read by :func:`alt_text`).
        x_title, y_title: axis titles with units, for every subplot, of three and more beside one another that of x for
            the middle one; None leaves what is there.
        title: heading inside the figure; pages usually write it above instead.
        height: pixels.
        legend: show the legend, or not, or let plotly decide.
    """
    layout: dict[str, Any] = fig.layout.to_plotly_json()
    beside = [key for key in layout if key.startswith("xaxis")]
    rows = {tuple(axis.get("domain", ())) for key, axis in layout.items() if key.startswith("yaxis")}
    shared = beside[len(beside) // 2] if x_title and len(beside) > 2 and len(rows) == 1 else ""
    for name in {"xaxis", "yaxis", *(key for key in layout if key.startswith(("xaxis", "yaxis")))}:
        words = x_title if name.startswith("x") else y_title
        if shared and name in beside:  # titles of narrow panels beside one another would run into each other
            words = x_title if name == shared else ""
        axis = layout.get(name, {})
        heading = {**axis.get("title", {}), "standoff": 8, **({} if words is None else {"text": words})}
        layout[name] = {**axis, **AXIS, "title": heading}
    layout |= {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": layout.get("plot_bgcolor", "rgba(0,0,0,0)"),
        "height": height,
        "margin": {**_room(fig, layout), "t": 48 if title or layout.get("annotations") else 24, "pad": 0},
        "legend": {**layout.get("legend", {}), **LEGEND},
        "meta": {"alt": " ".join(alt.split())},
    }
    if title is not None:
        layout["title"] = {**layout.get("title", {}), "text": title}
    if legend is not None:
        layout["showlegend"] = legend
    fig.layout = layout  # all at once: every update of a part takes plotly milliseconds
    return fig


def _room(fig: go.Figure, layout: dict[str, Any]) -> dict[str, float]:
    """Pixels left, right and below for ticks, axis titles and a colour bar, as they mostly need them.

    Where they need more the browser makes more room by itself, but then it draws the whole figure a second time.
    """
    axes = [axis for name, axis in layout.items() if name.startswith("yaxis")]
    if not any(axis.get("visible", True) for axis in axes) or all("scene" in trace for trace in fig.data):
        return {"l": 8, "r": 8, "b": 8}
    labels = [y for trace in fig.data for y in (trace.y if "y" in trace and trace.y is not None else ())[:1_000]]
    longest = max((len(y) for y in labels if isinstance(y, str)), default=0)
    bar = "coloraxis" in layout or any("showscale" in trace and trace.showscale is not False for trace in fig.data)
    return {"l": 48 + 6.3 * longest if longest else 64, "r": 112 if bar else 36 if len(axes) > 1 else 8, "b": 54}


def alt_text(fig: go.Figure) -> str:
    """The sentence that describes a figure, for the ``alt`` of the page; empty if it has none."""
    meta = fig.layout.meta
    return str(meta["alt"]) if isinstance(meta, dict) and "alt" in meta else ""


def _along(colours: Sequence[str], position: float) -> str:
    """A colour between those of a scale, ``position`` in [0, 1]."""
    x = position * (len(colours) - 1)
    k = min(int(x), len(colours) - 2)
    mixed = (
        round((k + 1 - x) * int(colours[k][c : c + 2], 16) + (x - k) * int(colours[k + 1][c : c + 2], 16))
        for c in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


FONT = '"Source Sans", sans-serif'
"""The app's own, which its pages bring along; elsewhere the reader's sans-serif."""


@dataclass(frozen=True)
class Inks:
    """Colours of what is neither data nor model.

    Args:
        text: ticks, axis titles, labels of panels.
        strong: headings and legends.
        ground: the page behind the figure, and the box of a hover label.
        edge: the edge of that box.
    """

    text: str
    strong: str
    ground: str
    edge: str


LIGHT = Inks(text="#5C6270", strong="#262730", ground="#FFFFFF", edge="rgba(49,51,63,0.2)")
DARK = Inks(text="#D5DAE2", strong="#FAFAFA", ground="#171614", edge="rgba(237,235,232,0.2)")


def inks(dark: bool = False) -> Inks:
    """Those of the light or of the dark page."""
    return DARK if dark else LIGHT


def dressed(fig: go.Figure, dark: bool = False) -> dict[str, Any]:
    """The parts of a figure, ``{"data": [...], "layout": {...}}``, with the look under its own layout.

    Args:
        fig: any figure; it stays as it is, its template is left out.
        dark: for the dark page.
    """
    layout: dict[str, Any] = fig.layout.to_plotly_json()
    layout.pop("template", None)
    ink = inks(dark)
    title = {"font": {"size": 14}}
    under: dict[str, Any] = {
        "font": {"family": FONT, "size": 12, "color": ink.text},
        "title": {"font": {"size": 16, "color": ink.strong}, "xanchor": "left", "x": 0, "pad": {"l": 4}},
        "legend": {"font": {"color": ink.strong}},
        "hoverlabel": {"bgcolor": ink.ground, "bordercolor": ink.edge, "font": {"color": ink.text}},
    }
    for name in layout:
        if name.startswith("xaxis"):
            under[name] = {"showgrid": False, "zeroline": False, "title": title}
        elif name.startswith("yaxis"):
            under[name] = {"title": title}
    return {"data": [trace.to_plotly_json() for trace in fig.data], "layout": over(layout, under)}


def over(given: Mapping[str, Any], under: Mapping[str, Any]) -> dict[str, Any]:
    """The two merged at every depth; what is given wins."""
    merged = {**under, **given}
    for name in given.keys() & under.keys():
        if isinstance(given[name], Mapping) and isinstance(under[name], Mapping):
            merged[name] = over(given[name], under[name])
    return merged


def standalone(fig: go.Figure, dark: bool = False) -> go.Figure:
    """A copy to save as a picture or a page of its own: with the look, and a background that is not the app's."""
    copy = go.Figure(dressed(fig, dark))
    copy.update_layout(paper_bgcolor=inks(dark).ground, template=go.layout.Template())
    return copy
