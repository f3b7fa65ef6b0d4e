"""Charts of the Fin-GAN study: what is drawn is what was found."""

import numpy as np
import pandas as pd
import pytest

from engine.charts import fingan as draw
from engine.charts import fingan as draw_ticker
from engine.charts import theme

DAYS = np.datetime64("2020-01-01") + np.arange(400)
LABELS = {"fingan": "Fin-GAN", "forgan": "ForGAN"}


def test_every_cell_shows_its_number_and_the_chosen_one_a_dot(check_figure) -> None:
    values = pd.DataFrame([[0.54, -0.1], [np.nan, 7.0]], index=["KO", "PEP"], columns=["Fin-GAN", "LSTM"])
    fig = draw.matrix(values, draw.SHARPE, x_title="Method (of forecasting)", marked=values > 1, limit=3)
    check_figure(fig)
    (trace,) = fig.data
    assert trace.text[0][0] == "+0.54" and trace.text[0][1] == "−0.10"
    assert trace.text[1][0] == "" and trace.text[1][1] == "● +7.00"
    assert trace.zmax == 3 and trace.zmin == -3


@pytest.mark.parametrize("dark", [False, True])
def test_cumulative_pnl_is_the_running_sum_in_percent(dark: bool, check_figure) -> None:
    pnl = np.random.default_rng(1).normal(1, 10, len(DAYS))
    fig = draw.cumulative(DAYS, {"fingan": pnl, "forgan": -pnl}, LABELS, dashed=("forgan",), dark=dark)
    check_figure(fig)
    np.testing.assert_allclose(fig.data[0].y, np.cumsum(pnl) / 100, rtol=1e-5, atol=1e-6)
    assert fig.data[1].line.dash == "dash" and f"{pnl.sum() / 100:+.1f}" in theme.alt_text(fig)


def test_seeds_show_dots_interval_and_published_mark(check_figure) -> None:
    table = pd.DataFrame({"method": "fingan", "label": "Fin-GAN", "seed": ["0", "1"], "portfolio_sr": [1.8, 2.2]})
    row = {"method": "fingan", "label": "Fin-GAN", "statistic": "portfolio_sr"}
    overview = pd.DataFrame([{**row, "value": 2.0, "low": 0.7, "high": 3.3, "published": 2.107}])
    fig = draw.seeds(table, overview)
    check_figure(fig)
    band, dots, mark = fig.data
    assert tuple(band.x) == (0.7, 3.3) and tuple(mark.x) == (2.107,)
    np.testing.assert_allclose(dots.x, [1.8, 2.2], rtol=1e-6)


def test_net_ratio_marks_the_chosen_cost(check_figure) -> None:
    costs = np.linspace(0, 5, 20)
    fig = draw.net_ratios(costs, {"fingan": 2 - costs, "forgan": 1 - costs}, LABELS, 1.0)
    check_figure(fig)
    assert "Fin-GAN 1.00; ForGAN 0.00" in theme.alt_text(fig)
    assert fig.layout.shapes[1].x0 == 1.0


def test_distributions_name_their_means_and_the_truth(check_figure) -> None:
    x = np.linspace(-100, 100, 81)
    tables = [
        pd.DataFrame({"label": name, "x": x, "density": np.exp(-((x - mean) ** 2) / 400)})
        for name, mean in (("BCE", 0.0), ("SR", 30.0), ("Data", 0.0))
    ]
    fig = draw_ticker.distributions(pd.concat(tables), 42.0, x_title="Half-day return (bp)")
    check_figure(fig)
    assert "SR +30" in theme.alt_text(fig) and fig.layout.shapes[0].x0 == 42.0
    assert fig.data[2].line.color == theme.data_colour()


@pytest.mark.parametrize("known", [True, False])
def test_bets_are_drawn_with_and_without_prices(known: bool, check_figure) -> None:
    bet = np.random.default_rng(2).uniform(-1, 1, len(DAYS))
    pnl = 10 * bet if known else None
    fig = draw_ticker.bets_and_pnl(DAYS, bet, pnl)
    check_figure(fig)
    np.testing.assert_allclose(fig.data[0].y, bet, rtol=1e-5)
    assert len(fig.data) == (2 if known else 1)


def test_gradient_norms_have_a_panel_a_term(check_figure) -> None:
    norms = pd.DataFrame(
        {"iteration": np.arange(2000)} | {t: np.full(2000, k + 1.0) for k, t in enumerate(draw_ticker.TERMS)}
    )
    fig = draw_ticker.gradient_norms(norms)
    check_figure(fig)
    assert [a.text for a in fig.layout.annotations] == ["BCE", "PnL", "MSE", "SR", "STD"]
