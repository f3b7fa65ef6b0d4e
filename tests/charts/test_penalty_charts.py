"""Penalty matrices, Φ, and what reweighting costs."""

import numpy as np
import pytest

from engine.charts import penalties, theme
from engine.market.grid import VOLGAN_GRID, Floats
from engine.scenarios import reweighting
from engine.surfaces import arbitrage


@pytest.fixture(scope="module")
def crooked(surface: Floats) -> arbitrage.Penalty:
    """A surface with one vol pushed up, so that all three kinds of arbitrage appear."""
    bent = surface.copy()
    bent[6, 4] *= 1.6
    return arbitrage.penalty(bent, VOLGAN_GRID)


@pytest.mark.parametrize("dark", [False, True])
def test_zero_is_background_and_the_worst_cell_is_framed(dark: bool, crooked: arbitrage.Penalty, check_figure) -> None:
    matrix = crooked.butterfly
    worst = arbitrage.worst_cell(matrix, VOLGAN_GRID, "butterfly")
    fig = penalties.penalty_panels({"Butterfly": matrix}, VOLGAN_GRID, {"Butterfly": worst.description}, dark=dark)
    check_figure(fig)
    (trace,) = fig.data
    assert trace.zmin == 0 and trace.zmax == pytest.approx(matrix.max())
    assert trace.colorscale[0] == (0, theme.background(dark))
    np.testing.assert_allclose(trace.z, matrix, rtol=1e-6)
    i, j = np.unravel_index(matrix.argmax(), matrix.shape)
    assert (i, j) == worst.index
    (mark,) = [a for a in fig.layout.annotations if a.name == "worst"]
    assert (mark.x, mark.y) == (VOLGAN_GRID.maturity_labels[j], VOLGAN_GRID.moneyness_labels[i])
    (frame,) = fig.layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (j - 0.5, j + 0.5, i - 0.5, i + 0.5)
    assert worst.description in theme.alt_text(fig) and theme.significant(matrix.max()) in theme.alt_text(fig)
    assert trace.text[0][0] == "" and trace.text[i][j] == ""  # zero prints nothing; the worst is printed in bold


def test_three_matrices_share_one_scale(crooked: arbitrage.Penalty, check_figure) -> None:
    matrices = {"Calendar": crooked.calendar, "Call spread": crooked.call_spread, "Butterfly": crooked.butterfly}
    fig = penalties.penalty_panels(matrices, VOLGAN_GRID)
    check_figure(fig)
    most = max(m.max() for m in matrices.values())
    for trace, matrix, axes in zip(fig.data, matrices.values(), ("", "2", "3"), strict=True):
        assert (trace.zmin, trace.zmax) == (0, pytest.approx(most))
        np.testing.assert_allclose(trace.z, matrix, rtol=1e-6)
        marks = [a for a in fig.layout.annotations if a.name == "worst" and a.xref == f"x{axes}"]
        assert len(marks) == int(matrix.max() > 0)
    assert sum(trace.showscale for trace in fig.data) == 1
    assert fig.layout.annotations[2].text == f"Butterfly · worst {theme.significant(crooked.butterfly.max())}"


def test_a_fixed_scale_lets_vanishing_penalties_go_white(crooked: arbitrage.Penalty, check_figure) -> None:
    most = float(crooked.butterfly.max())
    fig = penalties.penalty_panels({"Butterfly": 1e-6 * crooked.butterfly}, VOLGAN_GRID, top=most)
    check_figure(fig)
    assert fig.data[0].zmax == pytest.approx(most)
    assert len([a for a in fig.layout.annotations if a.name == "worst"]) == 1


@pytest.mark.parametrize("size", [0.0, 1e-13])
def test_no_arbitrage_says_none_and_marks_nothing(size: float, check_figure) -> None:
    fig = penalties.penalty_panels({"Calendar": np.full(VOLGAN_GRID.shape, size)}, VOLGAN_GRID, {"Calendar": "nothing"})
    check_figure(fig)
    assert not fig.layout.shapes and [a.text for a in fig.layout.annotations] == ["Calendar · none"]
    assert fig.data[0].zmin == 0 < fig.data[0].zmax


def test_phi_histogram_counts_everything_once(check_figure) -> None:
    rng = np.random.default_rng(1)
    phi = np.maximum(0, rng.gamma(0.6, 0.03, 3_000) - 0.005)
    weights = reweighting.weights(phi, reweighting.default_beta(phi))
    fig = penalties.phi_histogram(phi, weights, data_phi=0.0096)
    check_figure(fig)
    raw, reweighted = fig.data
    assert raw.y.sum() == pytest.approx(100, rel=1e-5) and reweighted.y.sum() == pytest.approx(100, rel=1e-5)
    assert raw.name == f"raw mean {theme.significant(phi.mean())}"
    assert reweighted.name == f"reweighted mean {theme.significant(float(weights @ phi))}"
    assert "data 0.0096" in theme.alt_text(fig)
    assert raw.marker.line.color != reweighted.marker.line.color


@pytest.mark.parametrize("phi", [np.zeros(50), np.full(50, 0.02), np.array([0.0] * 49 + [5.0])])
def test_phi_histogram_of_odd_samples(phi: Floats, check_figure) -> None:
    fig = penalties.phi_histogram(phi)
    check_figure(fig)
    assert fig.data[0].y.sum() == pytest.approx(100, rel=1e-5)


def test_concentration_is_the_share_held_by_the_heaviest(check_figure) -> None:
    weights = np.r_[0.5, np.full(999, 0.5 / 999)]
    fig = penalties.weight_concentration(weights)
    check_figure(fig)
    held = fig.data[1]
    assert held.x[0] == pytest.approx(0.1) and held.y[0] == pytest.approx(50)
    assert held.x[-1] == pytest.approx(100) and held.y[-1] == pytest.approx(100)
    assert (np.diff(held.y) >= 0).all()
    assert "the single heaviest 50.00 %" in theme.alt_text(fig)


@pytest.mark.parametrize("current", [0.0, 1e4, 1e15])
def test_curves_mark_the_beta_in_use(current: float, check_figure) -> None:
    phi = np.random.default_rng(2).gamma(0.6, 0.03, 500)
    beta = np.r_[0, np.geomspace(1, 1e15, 61)]
    weights = reweighting.weights(np.broadcast_to(phi, (len(beta), 500)), beta)
    kl, ess = reweighting.relative_entropy(weights), reweighting.effective_sample_size(weights)
    fig = penalties.reweighting_curves(beta, kl, ess, n=500, current=current)
    check_figure(fig)
    line, mark = fig.data[:2]
    np.testing.assert_allclose(line.y, ess, rtol=1e-6)
    expected = float(reweighting.effective_sample_size(reweighting.weights(phi, current)))
    assert mark.y[0] == pytest.approx(expected, rel=0.02)
    assert f"β = {theme.significant(current)}" in theme.alt_text(fig)
    assert fig.layout.xaxis2.ticktext[0] == "0" and fig.layout.xaxis2.type == "log"
