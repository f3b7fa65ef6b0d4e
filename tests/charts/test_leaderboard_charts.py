"""The leaderboard's pictures: order, colours, rejected levels, flat transforms."""

import numpy as np
import pandas as pd
import pytest

from engine.charts import leaderboard, theme

REGISTERED = {"a": "hybrid", "b": "fhs", "c": "simulated_market", "far": "persistence"}


def scores(names: str = "abc") -> pd.DataFrame:
    ratio = {"a": 0.99, "b": 1.0, "c": 0.98, "far": 1.4}
    rows = [
        {
            "model": name,
            "energy": 5 * ratio[name],
            "energy_ratio": ratio[name],
            "energy_ratio_low": ratio[name] - 0.01,
            "energy_ratio_high": ratio[name] + 0.02,
            "energy_p": 0.004,
        }
        for name in ([*names] if names != "abcfar" else [*"abc", "far"])
    ]
    return pd.DataFrame(rows)


def exceedance() -> pd.DataFrame:
    rows = [
        {"model": model, "series": series, "level": level, "days": 400, "share": share, "kupiec_p": p}
        for model, share, p in (("a", 0.025, 0.9), ("b", 0.1, 0.0))
        for series in ("return", "2M 100 %")
        for level in (0.025, 0.975)
    ]
    return pd.DataFrame(rows)


def test_the_best_is_at_the_top_with_its_interval_in_its_colour() -> None:
    fig = leaderboard.ranking(scores(), REGISTERED, "fhs", true_ratio=0.97)
    assert list(fig.layout.yaxis.categoryarray) == ["b", "a", "c"]  # from below
    by_kind = {trace.name: trace for trace in fig.data}
    assert set(by_kind) == {"learned", "baseline", "true law"}
    learned = by_kind["learned"]
    assert learned.y == ("a",) and learned.marker.color == (theme.model_colour("hybrid"),)
    np.testing.assert_allclose(learned.error_x.array, [0.02], atol=1e-6)
    np.testing.assert_allclose(learned.error_x.arrayminus, [0.01], atol=1e-6)
    assert sorted(shape.x0 for shape in fig.layout.shapes) == [0.97, 1.0]
    assert "c 0.980; a 0.990; b 1.000; true law 0.970." in theme.alt_text(fig)


def test_a_generator_far_behind_is_written_at_the_edge() -> None:
    fig = leaderboard.ranking(scores("abcfar"), REGISTERED, "fhs")
    low, high = fig.layout.xaxis.range
    assert low < 0.97 and 1.02 <= high < 1.1
    assert [note.text for note in fig.layout.annotations] == ["1.400 →"]


@pytest.mark.parametrize("dark", [False, True])
def test_exceedances_are_coloured_by_their_standard_errors_and_crossed_where_rejected(dark: bool) -> None:
    fig = leaderboard.exceedance_heatmap(exceedance(), dark=dark)
    assert len(fig.data) == 2
    trace = fig.data[0]
    assert list(trace.y) == ["a", "b"] and list(trace.x) == ["2.5 %", "97.5 %"]
    se = np.sqrt(0.025 * 0.975 / 400)
    np.testing.assert_allclose(trace.z[0], [0, -6], atol=1e-6)  # 2.5 % below the 97.5 % quantile is far off the scale
    np.testing.assert_allclose(trace.z[1][0], min(0.075 / se, 6))
    assert trace.text[0][0] == "2.5" and trace.text[1][0] == "10.0 ✕"
    assert "return 2 of 4" in theme.alt_text(fig)
    assert len(leaderboard.exceedance_heatmap(exceedance(), series=["return"]).data) == 1


def test_transforms_are_steps_about_one() -> None:
    pit = pd.DataFrame(
        [
            {"model": model, "series": "return", "from": k / 4, "density": density}
            for model, densities in (("a", (1, 1, 1, 1)), ("b", (1.5, 0.5, 1, 1)))
            for k, density in enumerate(densities)
        ]
    )
    fig = leaderboard.pit_histograms(pit, ["a", "b"], REGISTERED)
    flat, uneven = fig.data
    np.testing.assert_array_equal(flat.x, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_array_equal(uneven.y, [1.5, 0.5, 1, 1, 1])
    assert flat.line.shape == "hv" and flat.line.color == theme.model_colour("hybrid")
    assert "farthest from flat is b, return, off by 0.50" in theme.alt_text(fig)


def test_penalties_stand_beside_the_data() -> None:
    table = pd.DataFrame({"model": ["data", "a"], "mean": [0.0, 0.02], "mean_low": [0, 0.01], "mean_high": [0, 0.03]})
    bars, written = leaderboard.penalty_ranking(table, REGISTERED).data
    assert list(bars.y) == ["a", "data"] and [text.strip() for text in written.text] == ["0.020", "0"]
    np.testing.assert_allclose(bars.x, [0.02, 1e-8])
    assert bars.marker.color == (theme.model_colour("hybrid"), theme.data_colour())
