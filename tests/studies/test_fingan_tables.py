"""Tables of the Fin-GAN study against the longhand sums they stand for."""

import math

import numpy as np
import pytest
from fingan_market import prices

from engine.decisions import forecasting
from engine.decisions.forecasting import NoTrade
from engine.evaluation import trading
from engine.evaluation.comparison import block_counts
from engine.studies.fingan import combinations, tables
from engine.studies.fingan.combinations import Trials
from engine.studies.fingan.tables import PUBLISHED_STATISTICS, TABLE_5_3, published
from engine.studies.fingan.universe import Panel, universe

LOSSES = ("BCE", "PnL", "SR")
LABELS = {"BCE": "ForGAN", "PnL": "PnL", "SR": "SR"}


@pytest.fixture(scope="module")
def panels() -> tuple[Panel, Panel]:
    windows = universe(prices()).windows
    return Panel(windows, "validation"), Panel(windows, "test")


def random_trials(panel: Panel, seed: int, seeds: int = 2, skill: float = 0.0) -> Trials:
    rng = np.random.default_rng(seed)

    def bet(x: np.ndarray) -> np.ndarray:
        return np.clip(rng.uniform(-1, 1, (len(LOSSES), len(x))) + skill * np.sign(x), -1, 1)

    return Trials(
        LOSSES,
        tuple(range(seeds)),
        tuple(tuple(bet(x) for x in panel.realised) for _ in range(seeds)),
        tuple(tuple(rng.normal(0, 1e-3, (len(LOSSES), len(x))) for x in panel.realised) for _ in range(seeds)),
        np.full((seeds, len(panel.tickers), len(LOSSES)), 0.01),
    )


def by_hand(bet: np.ndarray, x: np.ndarray, date: np.ndarray) -> float:
    days: dict[object, float] = {}
    for b, r, d in zip(bet, x, date, strict=True):
        days[d] = days.get(d, 0.0) + 10_000 * b * r
    values = list(days.values())
    mean = sum(values) / len(values)
    return math.sqrt(252) * mean / math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))


def test_the_loss_is_chosen_on_validation_alone(panels: tuple[Panel, Panel]) -> None:
    validation, _ = panels
    trials = random_trials(validation, 1)
    found = combinations.ratios(validation, trials)
    for s in range(2):
        for t in range(5):
            for k in range(3):
                bet, x, date = trials.bets[s][t][k], validation.realised[t], validation.date[t]
                assert found[s, t, k] == pytest.approx(by_hand(bet, x, date))
    choice = combinations.choose(found, LOSSES, ("PnL", "SR"))
    np.testing.assert_array_equal(choice, 1 + found[..., 1:].argmax(axis=-1))


def test_a_loss_that_never_bets_is_never_chosen() -> None:
    ratios = np.array([[[5.0, np.nan, -2.0]]])
    assert combinations.choose(ratios, LOSSES, ("PnL", "SR"))[0, 0] == 2


def test_chosen_bets_and_their_average_over_seeds(panels: tuple[Panel, Panel]) -> None:
    _, test = panels
    trials = random_trials(test, 2)
    choice = np.array([[1, 2, 1, 2, 1], [2, 2, 1, 1, 1]])
    played = trials.pick(choice, "fingan", "Fin-GAN")
    np.testing.assert_array_equal(played.bets[1][0], trials.bets[1][0][2])
    ensemble = played.averaged("fingan_ensemble", "averaged")
    np.testing.assert_allclose(ensemble.bets[0][0], (trials.bets[0][0][1] + trials.bets[1][0][2]) / 2)
    assert ensemble.expected is not None
    np.testing.assert_allclose(ensemble.expected[0][3], (trials.expected[0][3][2] + trials.expected[1][3][1]) / 2)
    everything = trials.averaged(("PnL", "SR"), "all", "all")
    np.testing.assert_allclose(everything.bets[0][4], trials.bets[0][4][1:].mean(axis=0))


def test_overview_is_means_over_seeds_with_the_published_beside(panels: tuple[Panel, Panel]) -> None:
    _, test = panels
    played = random_trials(test, 3).only("PnL", "fingan", "Fin-GAN")
    counts = block_counts(len(test.days), rng=np.random.default_rng(0), draws=200)
    by_ticker = tables.by_ticker(test, [played])
    found = tables.overview(test, [played], by_ticker, counts).set_index("statistic")
    ratios = np.array(
        [[by_hand(played.bets[s][t], test.realised[t], test.date[t]) for t in range(5)] for s in range(2)]
    )
    assert found.loc["mean_sr", "value"] == pytest.approx(ratios.mean())
    assert found.loc["mean_sr", "sd_over_seeds"] == pytest.approx(ratios.mean(axis=1).std(ddof=1))
    assert found.loc["median_sr", "value"] == pytest.approx(np.median(ratios, axis=1).mean())
    assert found.loc["portfolio_sr", "published"] == 2.107
    pooled = [float(forecasting.sharpe_ratio(test.pnl(bets).sum(axis=0))) for bets in played.bets]
    assert found.loc["portfolio_sr", "value"] == pytest.approx(np.mean(pooled))
    for statistic in ("mean_sr", "median_sr", "portfolio_sr", "mean_pnl"):
        assert found.loc[statistic, "low"] < found.loc[statistic, "value"] < found.loc[statistic, "high"]
    per_seed = tables.seeds_table(test, [played])
    np.testing.assert_allclose(per_seed["portfolio_sr"], pooled)


def test_skill_is_told_from_chance_and_a_method_from_itself(panels: tuple[Panel, Panel]) -> None:
    _, test = panels
    skilled = random_trials(test, 4, skill=0.5).only("PnL", "fingan", "Fin-GAN")
    chance = random_trials(test, 5).only("PnL", "random", "Random")
    counts = block_counts(len(test.days), rng=np.random.default_rng(0), draws=300, block=5)
    found = tables.paired(test, skilled, [chance, skilled], counts)
    assert found["p_value"][0] < 0.01 and found["low"][0] > 0
    assert found["difference"][1] == 0 and found["p_value"][1] == 1


def test_errors_are_those_of_the_portfolio(panels: tuple[Panel, Panel]) -> None:
    _, test = panels
    played = random_trials(test, 14).only("PnL", "fingan", "Fin-GAN")
    ensemble = played.averaged("fingan_ensemble", "averaged")
    found = tables.errors(test, [played, ensemble])
    assert list(found["method"]) == ["fingan_ensemble"]  # several seeds are no one portfolio
    pnl = forecasting.portfolio(test.pnl(ensemble.bets[0]))
    expected = trading.sharpe_error(pnl)
    assert found["low"][0] == pytest.approx(expected.low) and found["portfolio_sr"][0] == pytest.approx(expected.ratio)
    assert found["probabilistic"][0] == pytest.approx(trading.probabilistic_sharpe(pnl))


def test_nights_and_days_of_the_portfolio_add_up(panels: tuple[Panel, Panel]) -> None:
    _, test = panels
    played = random_trials(test, 6).only("SR", "fingan", "Fin-GAN")
    halves = tables.halves(test, [played]).set_index("half")
    series = tables.portfolio_series(test, [played])
    total = halves.loc["overnight", "mean_pnl"] + halves.loc["intraday", "mean_pnl"]
    assert total == pytest.approx(series["fingan"].mean(), abs=1e-4)


def test_combination_table_counts_and_marks(panels: tuple[Panel, Panel]) -> None:
    validation, test = panels
    before, after = random_trials(validation, 7), random_trials(test, 8)
    after.spread[1, 2, 0] = 1e-5
    seen = combinations.ratios(validation, before)
    choice = combinations.choose(seen, LOSSES, ("PnL", "SR"))
    recent = seen[..., ::-1]
    longer = combinations.choose(combinations.longer(seen, recent), LOSSES, ("PnL", "SR"))
    found = combinations.combination_table(test, after, seen, recent, choice, longer, LABELS)
    assert len(found) == 2 * 5 * 3 and found["chosen"].sum() == found["chosen_longer"].sum() == 10
    for _, of_one in found[found["combination"] != "BCE"].groupby(["ticker", "seed"]):
        best = (of_one["validation_sr"] + of_one["recent_sr"]).idxmax()
        assert of_one.loc[best, "chosen_longer"]
    assert found[found["collapsed"]][["ticker", "seed", "combination"]].to_numpy().tolist() == [["CCC", 1, "BCE"]]
    counted = combinations.chosen_table(found, ("PnL", "SR")).set_index("combination")
    assert counted["tickers"].sum() == pytest.approx(5)
    assert counted.loc["SR", "published"] == TABLE_5_3["SR"]
    luck = combinations.selection_table(validation, test, before, after, choice, ("PnL", "SR"))
    assert ((luck["deflated"] > 0) & (luck["deflated"] < 1)).all()


def test_correlations_are_one_with_themselves_and_symmetric(panels: tuple[Panel, Panel]) -> None:
    _, test = panels
    found = combinations.correlation_table(test, random_trials(test, 9)).pivot(
        index="row", columns="column", values="correlation"
    )
    np.testing.assert_allclose(np.diag(found), 1)
    np.testing.assert_allclose(found, found.T)
    assert abs(found.loc["BCE", "PnL"]) < 4 / math.sqrt(10 * 100)


def test_costs_are_one_subtraction_from_the_series(panels: tuple[Panel, Panel]) -> None:
    validation, test = panels
    early = random_trials(validation, 10, skill=0.3).only("PnL", "fingan", "Fin-GAN").averaged("fingan", "Fin-GAN")
    late = random_trials(test, 11, skill=0.3).only("PnL", "fingan", "Fin-GAN").averaged("fingan", "Fin-GAN")
    counts = block_counts(len(test.days), rng=np.random.default_rng(0), draws=100)
    found = tables.cost_table(validation, test, [early], [late], counts, costs=(0.0, 2.0))
    series = tables.cost_series(test, [late])
    for row in found.itertuples(index=False):
        own = series[series["rule"] == row.rule]
        net = own["gross"] - row.cost * own["traded"]
        assert row.portfolio_sr == pytest.approx(float(forecasting.sharpe_ratio(net)), abs=1e-2)
    dear = found[found["cost"] == 2.0].iloc[0]
    assert dear["every_bet_sr"] < found["every_bet_sr"].iloc[0]
    held = [NoTrade(band=0.4).positions(bet) for bet in late.bets[0]]
    by_loop = np.mean([abs(h[0]) + np.abs(np.diff(h)).sum() for h in held]) / len(test.days)
    assert series[series["rule"] == "band 0.4"]["traded"].mean() == pytest.approx(by_loop, rel=1e-3)


def test_published_figures_are_where_the_thesis_has_them() -> None:
    assert published("fingan", "portfolio_sr") == 2.107 and published("long_only", "sd_pnl") == 5.97
    assert math.isnan(published("long_only", "mean_mae")) and math.isnan(published("logistic", "mean_sr"))
    assert sum(TABLE_5_3.values()) == 31 and len(PUBLISHED_STATISTICS) == 9
