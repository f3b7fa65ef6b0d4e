"""A surface painted without WebGL: the camera's geometry, what hides what, labels, and holes."""

import re

import numpy as np
import pytest

from engine.charts import surfaces, theme
from engine.charts.surface_projection import FIELD_OF_VIEW, MOST_CELLS, Camera, surface_projected
from engine.market.grid import VOLGAN_GRID, Floats, Grid


def cells(fig) -> list[tuple[Floats, str]]:
    """Corners ``(4, 2)`` and colour of every painted cell, in the order painted; the first shape is the net."""
    found = []
    for shape in fig.layout.shapes[1:]:
        numbers = [float(x) for x in re.findall(r"-?\d+\.\d+", shape.path)]
        found.append((np.array(numbers).reshape(-1, 2), shape.fillcolor))
    return found


def test_orthographic_views_look_along_their_axis() -> None:
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (20, 3))
    top, smile, term = (Camera.of(view).project(points) for view in ("top", "smile", "term structure"))
    np.testing.assert_allclose(top[:, :2], points[:, :2], atol=1e-12)  # moneyness to the right, maturity upwards
    np.testing.assert_allclose(smile[:, 0], points[:, 0], atol=1e-12)
    np.testing.assert_allclose(term[:, 0], points[:, 1], atol=1e-12)
    for view in surfaces.VIEWS:
        axes = Camera.of(view).axes
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)


def test_perspective_is_similar_triangles() -> None:
    camera = Camera.of("front")
    eye = np.array(list(surfaces.VIEWS["front"]["eye"].values()))
    point = np.array([0.3, -0.2, 0.4])
    right, up, distance = camera.project(point)
    # the sight line through those screen coordinates leads back to the point
    ray = camera.axes[2] + np.tan(FIELD_OF_VIEW / 2) * (right * camera.axes[0] + up * camera.axes[1])
    np.testing.assert_allclose(eye + distance * ray, point, atol=1e-12)
    nearer = camera.project(eye + 0.5 * (point - eye))
    np.testing.assert_allclose(nearer[:2], [right, up], atol=1e-12)
    assert nearer[2] == pytest.approx(distance / 2)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("view", surfaces.VIEWS)
def test_every_cell_is_painted_in_the_colour_of_its_values(view: str, dark: bool, surface: Floats) -> None:
    fig = surface_projected(surface, VOLGAN_GRID, view, dark=dark)
    painted = cells(fig)
    assert len(painted) == (surface.shape[0] - 1) * (surface.shape[1] - 1)
    low, high = surface.min(), surface.max()
    means = (surface[:-1, :-1] + surface[1:, :-1] + surface[:-1, 1:] + surface[1:, 1:]) / 4
    expected = [theme.colour_at((x - low) / (high - low), "sequential", dark) for x in means.ravel()]
    assert sorted(colour for _, colour in painted) == sorted(expected)
    assert fig.layout.paper_bgcolor == "rgba(0,0,0,0)" and fig.layout.font.color is None
    assert theme.alt_text(fig) == theme.alt_text(surfaces.surface_3d(surface, VOLGAN_GRID, view))


def test_what_is_nearer_is_painted_later(surface: Floats) -> None:
    # a flat surface seen from the front: the nearest corner is the highest strike at the shortest maturity
    painted = cells(surface_projected(np.full(surface.shape, 0.2), VOLGAN_GRID, "front"))
    heights = [corners[:, 1].mean() for corners, _ in painted]
    assert np.argmin(heights) == len(heights) - 1 and np.argmax(heights) == 0


def test_labels_are_market_words_and_the_hidden_axis_has_none(surface: Floats) -> None:
    def words(view: str) -> set[str]:
        fig = surface_projected(surface, VOLGAN_GRID, view)
        return {*fig.data[0].text, *(note.text for note in fig.layout.annotations)}

    vol = theme.QUANTITIES["vol"].title
    assert {"60 %", "140 %", "1D", "1Y", vol} <= words("front")
    assert "1D" not in words("smile") and {"60 %", vol} <= words("smile")
    assert "60 %" not in words("term structure") and {"1Y", vol} <= words("term structure")
    assert vol not in words("top") and {"60 %", "1Y"} <= words("top")


def test_the_mouse_finds_the_values(surface: Floats) -> None:
    fig = surface_projected(surface, VOLGAN_GRID)
    found = {(row[0], row[1]): row[2] for row in fig.data[1].customdata}
    assert found["95 %", "1M"] == f"{100 * surface[4, 3]:.1f}"
    assert len(found) == surface.size


def test_holes_are_left_out_and_a_surface_of_one_value_is_drawn(surface: Floats) -> None:
    holed = surface.copy()
    holed[3, 3] = np.nan
    assert len(cells(surface_projected(holed, VOLGAN_GRID))) == 80 - 4
    assert len(cells(surface_projected(np.zeros(surface.shape), VOLGAN_GRID, quantity="vol_change"))) == 80


def test_a_fine_surface_is_thinned() -> None:
    grid = Grid(np.linspace(0.5, 1.5, 60), np.linspace(0.1, 2, 50))
    iv = 0.2 + 0.1 * np.add.outer(grid.moneyness - 1, grid.maturity)
    assert len(cells(surface_projected(iv, grid))) <= MOST_CELLS
