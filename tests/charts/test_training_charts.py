"""Loss curves: one panel a loss, phases marked, few points, a sentence for those who cannot see them."""

import numpy as np
import pytest

from engine.charts import theme
from engine.charts.training import loss_curves
from engine.runs.progress_log import LossHistory


def history(n: int = 40, **losses: np.ndarray) -> LossHistory:
    phases = tuple("matching" if k < n // 4 else "training" for k in range(n))
    return LossHistory(np.arange(1, n + 1), phases, losses)


def test_one_panel_a_loss_with_the_phase_marked() -> None:
    curves = history(generator=np.linspace(0.7, 0.6, 40), discriminator=np.full(40, 0.69), roughness=np.ones(40))
    fig = loss_curves(curves)
    assert [trace.name for trace in fig.data] == ["Generator", "Discriminator", "Roughness"]
    assert len({trace.yaxis for trace in fig.data}) == 3
    np.testing.assert_allclose(fig.data[0].y, curves.losses["generator"], rtol=1e-6)
    assert fig.data[0].y.dtype == np.float32
    assert [shape.x0 for shape in fig.layout.shapes] == [10, 10, 10]
    assert [note.text for note in fig.layout.annotations] == ["Generator", "Discriminator", "Roughness", "training"]
    alt = theme.alt_text(fig)
    assert "epoch 1 to 40" in alt and "generator 0.7 to 0.6" in alt and "\n" not in alt


def test_a_wide_positive_range_is_logarithmic_only() -> None:
    curves = history(wide=np.geomspace(1000, 1, 40), narrow=np.linspace(2, 1, 40), signed=np.linspace(-1000, 1, 40))
    fig = loss_curves(curves)
    assert [fig.layout[f"yaxis{k}"].type for k in ("", "2", "3")] == ["log", None, None]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_the_first_moments_of_a_run(n: int) -> None:
    fig = loss_curves(history(n, loss=np.ones(n)) if n else LossHistory(np.arange(0), (), {}))
    assert theme.alt_text(fig) and len(fig.data) == (1 if n else 0)


def test_gaps_and_many_reports() -> None:
    values = np.ones(60_000)
    values[100:200] = np.nan
    fig = loss_curves(history(60_000, a=values, b=values, c=values), dark=True)
    assert sum(len(trace.x) for trace in fig.data) <= theme.MOST_POINTS
    assert fig.data[0].x[-1] == 60_000
