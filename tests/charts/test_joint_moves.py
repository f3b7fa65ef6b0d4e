"""The joint density: its regions hold the probability they say, and both panels share their axes."""

import numpy as np
import pytest

from engine.charts import factor_models, theme

RNG = np.random.default_rng(5)


def normal(n: int, rho: float, sx: float = 0.01, sy: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    a, b = RNG.standard_normal((2, n))
    return sx * a, sy * (rho * a + np.sqrt(1 - rho**2) * b)


def test_a_region_holds_its_share_of_a_normal_law() -> None:
    x, y = normal(20_000, -0.6, 1.0, 1.0)
    centres = np.linspace(-5, 5, 101)
    region = factor_models.region_probability(x, y, centres, centres)
    a, b = np.meshgrid(centres, centres)
    true = 1 - np.exp(-(a**2 + 2 * 0.6 * a * b + b**2) / (1 - 0.36) / 2)  # of the ellipse through each cell
    assert np.abs(region - true).max() < 0.06
    i, j = (np.rint((v + 5) / 0.1).astype(int) for v in (x, y))
    inside = (np.abs(x) < 5) & (np.abs(y) < 5)
    for share in (0.5, 0.9):
        assert (region[j[inside], i[inside]] < share).mean() == pytest.approx(share, abs=0.03)


def test_both_panels_share_axes_and_tell_correlation_and_spread() -> None:
    simulated, data = normal(2500, -0.9), normal(2500, -0.3, 0.02)
    figure = factor_models.joint_density(simulated, data)
    np.testing.assert_array_equal(figure.layout.xaxis.range, figure.layout.xaxis2.range)
    np.testing.assert_array_equal(figure.layout.yaxis.range, figure.layout.yaxis2.range)
    words = theme.alt_text(figure)
    assert "Simulated: correlation −0.9" in words and "sd 100 bp" in words.replace("99 bp", "100 bp").replace(
        "101 bp", "100 bp"
    )
    assert figure.layout.xaxis.title.text == "Δ log S (bp a day)"
    assert sum(t.z.size if t.type == "contour" else len(t.x) for t in figure.data) < 2 * theme.MOST_POINTS


def test_moves_that_stand_still_are_drawn_all_the_same() -> None:
    still = np.zeros(50)
    x, y = normal(50, 0.0)
    assert factor_models.region_probability(still, y, np.linspace(-1, 1, 48), np.linspace(-1, 1, 48)).max() <= 1
    assert factor_models.joint_density((x, y), (x, y)).data
