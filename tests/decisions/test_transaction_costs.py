"""Costs of trading one unit: quoted half-spreads, and the stated model."""

from dataclasses import replace

import numpy as np
import pytest
from hedging_markets import GRID, market

from engine.decisions.hedging.options import Book, Option
from engine.decisions.hedging.transaction_costs import CostModel
from engine.errors import MarketDataError, SettingsError
from engine.market.grid import DT

ROW = 40


def costs_of(model, history, options, elapsed=0.0):
    book = Book(tuple(options))
    spot = float(history.spot[ROW])
    quotes = book.quote(spot, history.iv[ROW], GRID, elapsed, float(history.rate[ROW]))
    return model.per_unit(book, quotes, history, ROW, elapsed), quotes, spot


def test_quoted_costs_are_the_half_spreads_of_calls_and_of_puts():
    history = market()
    spot = float(history.spot[ROW])
    options = [Option(0.9 * spot, 1 / 12, False), Option(0.9 * spot, 1 / 12, True), Option(1.05 * spot, 1 / 6, True)]
    found, _, _ = costs_of(CostModel("quoted"), history, options)
    spread = history.half_spread[ROW] * spot
    assert found[0] == 0.0
    np.testing.assert_allclose(found[1:], [spread[1, 2, 1], spread[0, 2, 1], spread[0, 5, 2]], rtol=1e-12)
    assert found[1] != found[2]


def test_beyond_the_surface_the_nearest_half_spread_holds_and_nothing_becomes_free():
    history = market()
    spot = float(history.spot[ROW])
    options = [Option(0.3 * spot, 1 / 12, False), Option(2.0 * spot, 1 / 12, True), Option(spot, 1e-3, True)]
    found, _, _ = costs_of(CostModel("quoted"), history, options)
    spread = history.half_spread[ROW] * spot
    np.testing.assert_allclose(found[1:], [spread[1, 0, 1], spread[0, -1, 1], spread[0, 4, 0]], rtol=1e-12)


def test_parametric_costs_are_vega_times_vol_points_with_a_floor():
    history = market()
    spot = float(history.spot[ROW])
    options = [Option(spot, 1 / 12, True), Option(0.75 * spot, 1 / 52, False)]
    model = CostModel("parametric", vol_points=0.3, least=1e-4, underlying=2.0, scale=1.5)
    found, quotes, _ = costs_of(model, history, options)
    expected = 1.5 * np.array([spot * 2e-4, quotes.vega[0] * 0.003, 1e-4 * spot])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert quotes.vega[1] * 0.003 < 1e-4 * spot


def test_settlement_costs_nothing():
    history = market()
    options = [Option(float(history.spot[ROW]), 5 * DT, True)]
    for source in ("quoted", "parametric"):
        assert costs_of(CostModel(source), history, options, elapsed=5 * DT)[0].tolist() == [0.0, 0.0]


def test_the_default_follows_the_data():
    assert CostModel.for_history(market()).source == "quoted"
    bare = replace(market(), half_spread=None)
    assert CostModel.for_history(bare, vol_points=0.2) == CostModel("parametric", vol_points=0.2)
    with pytest.raises(MarketDataError, match="data with half-spreads for quoted costs; found none"):
        costs_of(CostModel("quoted"), bare, [Option(float(bare.spot[ROW]), 0.1, True)])


def test_costs_below_zero_are_refused_and_zero_is_allowed():
    with pytest.raises(SettingsError, match=r"costs >= 0; found -0\.1 for vol points"):
        CostModel("parametric", vol_points=-0.1)
    with pytest.raises(SettingsError, match="quoted or parametric; found 'free'"):
        CostModel("free")
    found, _, _ = costs_of(CostModel(scale=0.0), market(), [Option(float(market().spot[ROW]), 0.1, True)])
    assert not found.any()


def test_costs_in_words():
    assert CostModel().in_words() == "half-spreads of the data, underlying free"
    said = CostModel("parametric", underlying=1.0, scale=2.0).in_words()
    assert said == "half-spread of 0.1 vol points, at least 0.25 bp of spot times 2, underlying 1 bp"
