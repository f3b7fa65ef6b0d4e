"""Surfaces in three dimensions, as heatmaps, and as smiles."""

import numpy as np
import pytest

from engine.charts import surfaces, theme
from engine.market.grid import CH2_GRID, VOLGAN_GRID, Floats, Grid


@pytest.mark.parametrize("view", surfaces.VIEWS)
def test_surface_shows_the_data_from_every_side(view: str, surface: Floats, check_figure) -> None:
    fig = surfaces.surface_3d(surface, VOLGAN_GRID, view)
    check_figure(fig)
    (trace,) = fig.data
    np.testing.assert_allclose(trace.z, 100 * surface.T, rtol=1e-6)
    assert trace.z.dtype == np.float32
    assert trace.x.shape == (11,) and trace.y.shape == (9,)
    assert fig.layout.scene.camera.eye.to_plotly_json() == surfaces.VIEWS[view]["eye"]
    assert fig.layout.scene.uirevision == view


def test_ticks_of_a_surface_are_market_words_at_their_place(surface: Floats) -> None:
    scene = surfaces.surface_3d(surface, VOLGAN_GRID).layout.scene
    words = dict(zip(VOLGAN_GRID.moneyness, VOLGAN_GRID.moneyness_labels, strict=True))
    assert [words[x] for x in scene.xaxis.tickvals] == list(scene.xaxis.ticktext)
    assert scene.xaxis.ticktext[0] == "60 %" and scene.xaxis.ticktext[-1] == "140 %"
    assert scene.yaxis.ticktext[0] == "1D" and scene.yaxis.ticktext[-1] == "1Y"
    assert "1M" in scene.yaxis.ticktext
    assert (np.diff(np.log(scene.yaxis.tickvals.astype(float))) > 0.085 * np.log(252)).all()


def test_flat_views_drop_the_labels_they_look_along(surface: Floats) -> None:
    assert surfaces.surface_3d(surface, VOLGAN_GRID, "smile").layout.scene.yaxis.showticklabels is False
    assert surfaces.surface_3d(surface, VOLGAN_GRID, "term structure").layout.scene.xaxis.showticklabels is False
    assert surfaces.surface_3d(surface, VOLGAN_GRID, "top").layout.scene.zaxis.showticklabels is False


@pytest.mark.parametrize("dark", [False, True])
def test_heatmap_prints_its_values_under_market_labels(dark: bool, surface: Floats, check_figure) -> None:
    before = surface.copy()
    fig = surfaces.surface_heatmap(surface, VOLGAN_GRID, dark=dark)
    check_figure(fig)
    (trace,) = fig.data
    np.testing.assert_allclose(trace.z, 100 * surface, rtol=1e-6)
    assert trace.text[5][3] == f"{100 * surface[5, 3]:.1f}"
    assert list(trace.x) == list(VOLGAN_GRID.maturity_labels)
    assert list(trace.y) == list(VOLGAN_GRID.moneyness_labels)
    assert fig.layout.xaxis.type == fig.layout.yaxis.type == "category"
    np.testing.assert_array_equal(surface, before)
    i, j = np.unravel_index(surface.argmax(), surface.shape)
    words = (
        f"highest {100 * surface.max():.1f} % at {VOLGAN_GRID.moneyness_labels[i]}, {VOLGAN_GRID.maturity_labels[j]}"
    )
    assert words in theme.alt_text(fig)


def test_changes_are_symmetric_about_zero(surface: Floats) -> None:
    change = 0.1 * (surface - surface.mean())
    (trace,) = surfaces.surface_heatmap(change, VOLGAN_GRID, quantity="vol_change").data
    assert trace.zmin == -trace.zmax
    assert trace.zmax == pytest.approx(100 * np.abs(change).max())
    assert trace.text[0][8].startswith(("+", "−"))


def test_bounds_can_be_shared(surface: Floats) -> None:
    (trace,) = surfaces.surface_heatmap(surface, VOLGAN_GRID, bounds=(0.1, 0.9)).data
    assert (trace.zmin, trace.zmax) == pytest.approx((10, 90))


def test_smiles_are_lines_of_the_grid_with_a_dotted_reference(surface: Floats, check_figure) -> None:
    fig = surfaces.smile_slices(surface, VOLGAN_GRID, [1 / 12, 0.25], reference=0.9 * surface)
    check_figure(fig)
    assert [trace.name for trace in fig.data] == ["1M, today", "1M", "3M, today", "3M"]
    np.testing.assert_allclose(fig.data[1].y, 100 * surface[:, 3], rtol=1e-6)
    np.testing.assert_allclose(fig.data[0].y, 90 * surface[:, 3], rtol=1e-6)
    assert fig.data[0].line.dash == "dot" and fig.data[0].line.color == fig.data[1].line.color


def test_slices_spread_over_the_grid_by_default() -> None:
    assert surfaces.slice_columns(VOLGAN_GRID) == [0, 3, 5, 8]
    assert surfaces.slice_columns(CH2_GRID, [30 / 365, 31 / 365]) == [0]
    assert surfaces.slice_columns(Grid([0.9, 1, 1.1], [0.1, 0.2])) == [0, 1]


def test_a_huge_grid_is_thinned(check_figure) -> None:
    grid = Grid(np.linspace(0.5, 1.5, 300), np.linspace(0.01, 2, 200))
    values = np.add.outer(grid.moneyness, grid.maturity)
    for fig in (
        surfaces.surface_3d(values, grid),
        surfaces.surface_heatmap(values, grid),
        surfaces.smile_slices(values, grid),
    ):
        check_figure(fig)
    assert surfaces.surface_3d(values, grid).data[0].z.max() == pytest.approx(350)
    assert surfaces.surface_heatmap(values, grid).data[0].text is None


def test_a_surface_with_holes_is_drawn(surface: Floats) -> None:
    holed = surface.copy()
    holed[0, 0] = np.nan
    assert surfaces.surface_heatmap(holed, VOLGAN_GRID).data[0].text[0][0] == "n/a"
    assert "without a finite value" in theme.alt_text(surfaces.surface_3d(np.nan * surface, VOLGAN_GRID))
