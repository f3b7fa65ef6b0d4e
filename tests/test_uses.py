"""What a dataset can be used for is what the code behind the pages accepts."""

import numpy as np
import pandas as pd
import pytest

from engine import uses
from engine.__main__ import main
from engine.errors import MarketDataError
from engine.market.grid import Grid
from engine.market.intake import read_quotes
from engine.market.intake.templates import templates
from engine.market.price_history import PriceHistory
from engine.market.returns import fingan_windows
from engine.market.surface_history import SurfaceHistory
from engine.studies.generators.scoring import SurfaceScoringConfig, split_rows
from engine.studies.surfaces import dynamics
from engine.surfaces import principal_components
from pages.ui.menu import SECTIONS

GRID = Grid([0.9, 1.0, 1.1], np.array([30, 91]) / 365)


def surfaces(n):
    rng = np.random.default_rng(0)
    dates = np.busday_offset(np.datetime64("2010-01-04"), np.arange(n), roll="forward")
    iv = 0.2 * np.exp(0.02 * rng.normal(size=(n, 3, 2)))
    return SurfaceHistory(dates, 100 * np.exp(np.cumsum(0.01 * rng.normal(size=n))), iv, GRID)


def prices(n, tickers=2, opens=True):
    rng = np.random.default_rng(1)
    close = 50 * np.exp(np.cumsum(0.01 * rng.normal(size=(n, tickers)), axis=0))
    dates = np.busday_offset(np.datetime64("2010-01-04"), np.arange(n), roll="forward")
    return PriceHistory(dates, close, ("AAA", "BBB")[:tickers], close * 1.001 if opens else None)


def of(data, title):
    return next(use for use in uses.uses(data) if use.title == title)


def accepted(attempt):
    try:
        attempt()
    except MarketDataError:
        return False
    return True


@pytest.mark.parametrize("n", [2, 3, 22, 23, 63, 64, 150, 200, 400])
def test_surfaces_are_offered_to_a_page_exactly_if_its_code_takes_them(n):
    history = surfaces(n)
    config = dynamics.SurfaceDynamicsConfig(draws=100)
    assert of(history, "Dynamics").possible == (accepted(lambda: dynamics.run(history, config)) if n < 100 else True)
    assert of(history, "Factor models").possible == accepted(lambda: principal_components.fit(history, 1))
    scored = accepted(lambda: split_rows(history, SurfaceScoringConfig()))
    assert of(history, "Leaderboard").possible == (scored and n > 22)
    assert of(history, "Hedging").possible == (n >= 23)
    assert of(history, "Static arbitrage").possible


@pytest.mark.parametrize("n", [2, 499, 500])
def test_prices_are_offered_to_fingan_exactly_if_it_takes_them(n):
    history = prices(n)
    fit = accepted(lambda: fingan_windows(history, "AAA"))
    assert of(history, "Fin-GAN").possible == of(history, "Graph ensembles").possible == fit == (n >= 500)
    assert not of(prices(n, tickers=1), "Graph ensembles").possible
    assert not of(prices(n, opens=False), "Fin-GAN").possible


def test_what_is_lacking_is_said_with_what_was_found():
    few = of(prices(2, tickers=1), "Fin-GAN")
    assert few.lacks == "needs at least 500 days of opens and closes; found 2 days"
    assert "closes only" in of(prices(600, opens=False), "Fin-GAN").lacks


def test_quotes_need_calls_and_puts_and_two_expiries():
    content = next(t.content for t in templates() if t.file == "quotes.csv")
    quotes = read_quotes(content).data
    assert of(quotes, "Quotes to surface").possible
    assert "found 1 day" in of(quotes, "Next-day generators").lacks
    calls = type(quotes)(quotes.table[quotes.table["is_call"]])
    assert "calls and puts" in of(calls, "Quotes to surface").lacks
    one = type(quotes)(quotes.table[quotes.table["expiry"] == quotes.table["expiry"].min()])
    assert "two expiries" in of(one, "Quotes to surface").lacks


def test_every_page_named_is_in_the_menu():
    content = next(t.content for t in templates() if t.file == "quotes.csv")
    titles = {script: title for entries in SECTIONS.values() for script, title, _ in entries}
    for data in (surfaces(30), prices(30), read_quotes(content).data):
        for use in uses.uses(data):
            assert not use.page or titles[use.page] == use.title


def test_check_says_it(tmp_path, capsys):
    path = tmp_path / "two.csv"
    pd.DataFrame({"date": ["2020-01-02", "2020-01-03"], "open": [1.0, 2.0], "close": [1.0, 2.0]}).to_csv(path)
    assert main(["check", str(path)]) == 0
    said = capsys.readouterr().out
    assert "not for Fin-GAN: needs at least 500 days of opens and closes; found 2 days" in said
    assert "for quotes and surfaces: uploaded with them" in said
