"""A surface in three dimensions beside its heatmap: painted from fixed sides, or turned by hand with WebGL."""

from typing import Any, NamedTuple

from engine.charts import surface_projection, surfaces
from engine.market.grid import Floats, Grid
from pages.ui import forms, frame, widths


class Sight(NamedTuple):
    """How a surface is looked at: from which side, and whether it can be turned."""

    side: str
    by_hand: bool


def controls(view: Any, turn: Any, *, key: str) -> Sight:
    """The View selector and the toggle, drawn into two places of the page."""
    side = forms.segments(
        "View",
        surfaces.VIEWS,
        key=f"{key}_view",
        where=view,
        default="front",
        help="The side from which the surface is seen.",
    )
    by_hand = forms.Remembered(turn).toggle(
        "Turn by hand",
        key=f"{key}_turn",
        help="Drag and zoom it, drawn with WebGL: without a graphics card that takes a second or two.",
    )
    return Sight(side, by_hand)


def draw(values: Floats, grid: Grid, sight: Sight, *, key: str, quantity: str = "vol") -> None:
    """The surface ``(n_moneyness, n_maturity)`` as seen, and its heatmap with values beside."""
    left, right = widths.columns(2)
    shown = (values, grid, sight.side)
    if sight.by_hand:
        frame.picture(surfaces.surface_3d, *shown, quantity=quantity, show_scale=False, key=f"{key}_3d", where=left)
    else:
        frame.picture(
            surface_projection.surface_projected, *shown, quantity=quantity, key=f"{key}_projected", where=left
        )
    frame.picture(surfaces.surface_heatmap, values, grid, quantity=quantity, height=460, key=f"{key}_heat", where=right)
