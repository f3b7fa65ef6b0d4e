"""What holds for every figure, and scenarios to draw."""

import re
from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import pytest

from engine.charts import theme
from engine.market.grid import VOLGAN_GRID, Floats

CheckFigure = Callable[[go.Figure], None]

UNIT = re.compile(r"\(.+\)|K/S|maturity|Trading day")


def points(fig: go.Figure) -> int:
    """Values that travel to the browser as positions or colours."""
    total = 0
    for trace in fig.data:
        values = trace.z if trace.type in ("surface", "heatmap") else trace.x
        total += int(np.size(values))
    return total


@pytest.fixture
def check_figure() -> CheckFigure:
    """Titles with units, an alt text with a number, transparent paper, no font colour, a bounded number of points."""

    def check(fig: go.Figure) -> None:
        alt = theme.alt_text(fig)
        assert re.search(r"\d|none", alt) and alt.endswith(".") and "\n" not in alt
        assert points(fig) <= theme.MOST_POINTS
        assert fig.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert fig.layout.font.color is None
        if any(trace.type == "surface" for trace in fig.data):
            scene = fig.layout.scene
            titles = [scene.xaxis.title.text, scene.yaxis.title.text, scene.zaxis.title.text]
            titles = [title for title in titles if title]
        else:
            used = {f"{axis}axis{str(getattr(t, f'{axis}axis') or axis)[1:]}" for t in fig.data for axis in "xy"}
            titles = [fig.layout[name].title.text for name in sorted(used)]
            assert fig.layout.xaxis.title.text or fig.layout[sorted(used)[-1]].title.text
            assert fig.layout.yaxis.title.text
        for title in filter(None, titles):
            assert UNIT.search(title), title

    return check


@pytest.fixture(scope="session")
def surface() -> Floats:
    """A plausible surface on the 11×9 grid, annualised fractions."""
    m, tau = np.meshgrid(np.log(VOLGAN_GRID.moneyness), VOLGAN_GRID.maturity, indexing="ij")
    iv: Floats = 0.2 * np.exp(-0.5 * m / np.sqrt(tau + 0.2) + 0.4 * m**2 / (tau + 0.2))
    return iv


@pytest.fixture(scope="session")
def scenarios(surface: Floats) -> tuple[Floats, Floats, Floats]:
    """Log-returns ``(n,)``, vols ``(n, 11, 9)`` and uneven weights ``(n,)``."""
    rng = np.random.default_rng(7)
    log_return = 0.01 * rng.standard_t(5, 2_000)
    iv = surface * np.exp(-4 * log_return[:, None, None] + 0.02 * rng.standard_normal((2_000, *surface.shape)))
    weights = rng.gamma(0.5, size=2_000)
    return log_return, iv, weights / weights.sum()
