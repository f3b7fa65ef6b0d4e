"""The study of surfaces makes every table of chapter 2, with the published figures beside."""

import numpy as np
import pytest

from engine.market.grid import CH2_GRID
from engine.models.simulated.market import simulate
from engine.studies import surfaces
from engine.studies.base import Tables, Work
from engine.surfaces import arbitrage, vix

HISTORY = simulate(CH2_GRID, 400, seed=3).history


@pytest.fixture(scope="module")
def tables() -> Tables:
    config = surfaces.Config(paths=200, draws=100)
    made: Tables = {}
    for step in surfaces.steps(HISTORY, config, Work()):
        made |= step.make()
    return made


def test_every_table_of_the_chapter_is_there(tables: Tables) -> None:
    expected = {"explained_variance", "mean_reversion", "return_correlation", "vol_ratios", "penalty_by_day"}
    expected |= {"penalty_quantiles", "noise_experiment", "shift_experiment", "vix"}
    for model in ("stylised_thesis", "spx_thesis", "spx_estimated"):
        expected |= {f"factor_{model}_{part}" for part in ("presence", "quantiles", "entropy")}
    assert expected <= set(tables)
    assert len({step.words for step in surfaces.steps(HISTORY, surfaces.Config(), Work())}) == 6


def test_penalties_and_index_are_those_of_the_days(tables: Tables) -> None:
    phi = arbitrage.total_penalty(HISTORY.iv, HISTORY.grid, HISTORY.rate)
    np.testing.assert_allclose(tables["penalty_by_day"]["total"], phi, rtol=1e-12)
    table = tables["penalty_quantiles"].set_index(["constraint", "statistic"])
    assert table.loc[("total", "99%"), "value"] == pytest.approx(np.quantile(phi, 0.99), rel=1e-12, abs=1e-15)
    assert table.loc[("total", "share of days without"), "published"] == 0.802
    np.testing.assert_allclose(tables["vix"]["from_surface"], vix.from_surface(HISTORY.iv, HISTORY.grid, HISTORY.rate))
    np.testing.assert_allclose(tables["vix"]["quoted"], HISTORY.vix)


def test_the_summary_is_finite(tables: Tables) -> None:
    assert all(np.isfinite(value) for value in surfaces.summary(tables).values())
