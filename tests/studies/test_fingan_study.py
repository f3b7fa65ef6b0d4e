"""The whole Fin-GAN study on a small market: every table, what it keeps, and that it resumes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fingan_market import prices

from engine import datasets
from engine.decisions import forecasting
from engine.errors import CheckpointError
from engine.evaluation.comparison import block_counts
from engine.market import intake
from engine.market.price_history import PriceHistory
from engine.models.fingan.networks import COMBINATIONS, LOSSES
from engine.models.fingan.sampling import GeneratorStack
from engine.runs import fingan_progress, studies
from engine.runs.worker import FileCheckpointer
from engine.studies import base, fingan
from engine.studies.base import MemoryCheckpointer, Tables, Work
from engine.studies.fingan import arrays, tables
from engine.studies.fingan.tables import Played
from engine.studies.fingan.universe import Panel, universe
from engine.training.progress import Progress, TrainingStopped

CONFIG = fingan.Config(seeds=2, epochs=2, matching_epochs=1, samples=40, draws=100)


@pytest.fixture(scope="module")
def carried_out() -> tuple[Work, Tables]:
    work, made = Work(), {}
    for step in fingan.steps(prices(), CONFIG, work):
        made |= step.make()
    return work, made


def test_every_table_and_figure_is_there(carried_out: tuple[Work, Tables]) -> None:
    _, made = carried_out
    assert {"table_5_2", "table_5_3", "universality_portfolios", "costs", "paired", "halves", "tickers"} <= set(made)
    figures = {name.split("_")[2] for name in made if name.startswith("figure_5_")}
    assert figures == {"2", "3", "4", "6", "8", "9", "12", "13", "14"}
    overview = made["table_5_2"]
    assert {"fingan", "fingan_ensemble", "forgan", "lstm", "lstm_fin", "arima", "long_only"} <= set(overview["method"])
    ratios = overview[overview["statistic"] == "portfolio_sr"]
    assert ratios[["value", "low", "high"]].notna().all(axis=None)
    found = fingan.summary(made)
    value = made["table_5_2"].set_index(["method", "statistic"])["value"]
    leads = value["fingan_longer_ensemble", "portfolio_sr"]
    assert found["portfolio_sharpe_ratio_of_longer_choice_averaged"] == leads


def test_the_longer_choice_looks_at_five_years_of_training_and_at_no_test_day(
    carried_out: tuple[Work, Tables],
) -> None:
    work, made = carried_out
    found = universe(prices())
    kept, stack = work.checkpointer("forecasts_01").load(), work.checkpointer("gan_01").load()
    assert kept is not None and stack is not None
    one = found.windows[2]
    train = one.rows("train")
    days = np.unique(one.date[train])[-5 * 252 :]
    rows = np.flatnonzero((one.part == "train") & (one.date >= days[0]))
    bets = (
        GeneratorStack.restore(stack)
        .of(asset=one.ticker)
        .forecast(one.condition[rows], 40, first_row=int(rows[0]))
        .sign
    )
    for place in range(len(LOSSES)):
        pnl = forecasting.daily(10_000 * bets[place] * one.target[rows], one.date[rows])[1]
        assert kept["recent.sharpe"][2, place] == pytest.approx(np.sqrt(252) * pnl.mean() / pnl.std(), rel=1e-5)
    table = made["figure_5_12_combinations"]
    mine = table[(table["ticker"] == one.ticker) & (table["seed"] == 1) & table["combination"].isin(list(COMBINATIONS))]
    best = ((mine["validation_sr"] + mine["recent_sr"]) / 2).idxmax()
    assert mine.loc[best, "chosen_longer"] and mine["chosen_longer"].sum() == 1
    assert {"fingan_longer", "fingan_longer_ensemble"} <= set(made["table_5_2"]["method"])
    assert set(made["paired_longer"]["against"]) > {"ForGAN, seeds averaged", "Fin-GAN as published, seeds averaged"}


def test_a_study_of_an_earlier_version_is_refused_in_a_sentence(carried_out: tuple[Work, Tables]) -> None:
    before, _ = carried_out
    work = Work(_own=dict(before._own))
    kept = dict(before.checkpointer("forecasts_00").load() or {})
    del kept["recent.sharpe"]
    work._own["forecasts_00"] = MemoryCheckpointer()
    work.checkpointer("forecasts_00").save(kept)
    with pytest.raises(CheckpointError, match="that an earlier version began: repeat it in a new run"):
        fingan.steps(prices(), CONFIG, work)[-1].make()


def test_the_long_only_row_is_the_market(carried_out: tuple[Work, Tables]) -> None:
    _, made = carried_out
    test = Panel(universe(prices()).windows, "test")
    returns = test.pnl([np.ones(len(x)) for x in test.realised])
    row = made["table_5_2"].set_index(["method", "statistic"])["value"]["long_only"]
    assert row["mean_sr"] == pytest.approx(float(np.mean(forecasting.sharpe_ratio(returns))))
    assert row["portfolio_sr"] == pytest.approx(float(forecasting.sharpe_ratio(forecasting.portfolio(returns))))


@pytest.mark.parametrize("choice", ["longer", "thesis"])
def test_chosen_generators_are_kept_with_their_bets(carried_out: tuple[Work, Tables], choice: str) -> None:
    work, made = carried_out
    kept = work.checkpointer(arrays.KEPT[choice]).load()
    assert kept is not None
    stack = GeneratorStack.restore(kept)
    chosen = made["figure_5_12_combinations"]
    chosen = chosen[chosen["chosen_longer" if choice == "longer" else "chosen"]]
    chosen = chosen.set_index(["seed", "ticker"])["combination"]
    assert [(m.seed, m.asset) for m in stack.members] == list(chosen.index)
    assert [m.loss for m in stack.members] == list(chosen) and set(chosen) <= set(COMBINATIONS)
    windows = universe(prices()).windows
    rows = windows[1].rows("test")
    again = stack.of(asset="BBB").forecast(windows[1].condition[rows], CONFIG.samples, first_row=rows.start)
    np.testing.assert_allclose(arrays.ensemble_bets(kept, 1), again.sign.mean(axis=0), atol=1e-3)
    with pytest.raises(CheckpointError, match="bets of chosen generators"):
        arrays.ensemble_bets({}, 1)


def test_a_seed_does_not_depend_on_how_many_there_are(carried_out: tuple[Work, Tables]) -> None:
    work, _ = carried_out
    alone = Work()
    config = fingan.Config(seeds=1, first_seed=1, epochs=2, matching_epochs=1, samples=40, draws=100)
    step = next(s for s in fingan.steps(prices(), config, alone) if s.words == "Fin-GAN, seed 1")
    step.make()
    both = [one.checkpointer(arrays.gan(1)).load() for one in (work, alone)]
    assert both[0] is not None and both[1] is not None
    np.testing.assert_array_equal(both[0]["generator"], both[1]["generator"])


def test_bets_do_not_see_the_future(carried_out: tuple[Work, Tables]) -> None:
    """Shuffling the prices after a day of the test part leaves all bets before it as they were."""
    work, _ = carried_out
    history = prices()
    windows = universe(history).windows
    day = windows[0].date[windows[0].rows("test")][40]
    cut = int(np.searchsorted(history.dates, day))
    order = np.r_[np.arange(cut), cut + np.random.default_rng(3).permutation(len(history) - cut)]
    shuffled = type(history)(
        history.dates,
        history.close[order],
        history.tickers,
        open=history.open[order],
        sector_of=history.sector_of,
    )
    later = universe(shuffled).windows[0]
    kept = work.checkpointer(arrays.gan(0)).load()
    assert kept is not None
    stack = GeneratorStack.restore(kept).of(asset="AAA")
    rows = windows[0].rows("test")
    known = windows[0].date[rows] < day
    before = stack.forecast(windows[0].condition[rows], 40, first_row=rows.start).sign
    after = stack.forecast(later.condition[rows], 40, first_row=rows.start).sign
    np.testing.assert_array_equal(before[:, known], after[:, known])
    assert not np.array_equal(before[:, ~known], after[:, ~known])


def test_pooled_networks_judge_who_they_never_saw(carried_out: tuple[Work, Tables]) -> None:
    _, made = carried_out
    table = made["figure_5_14_universality"]
    left_out = table[table["model"] == "The other half of the tickers"]
    assert set(left_out["ticker"]) == {"AAA", "BBB", "CCC", "XA", "XB"} and not left_out["seen"].any()
    assert set(table["label"]) == set(LOSSES)


def test_a_stopped_seed_resumes_to_the_same_weights(tmp_path: Path, carried_out: tuple[Work, Tables]) -> None:
    def asked(progress: Progress) -> bool:
        return progress.phase == "gradient matching"  # reported at its end, however fast the machine

    stopping = Work(
        on_step=asked, checkpointers=lambda name: FileCheckpointer(tmp_path / "arrays" / f"{name}.safetensors")
    )
    config = fingan.Config(seeds=1, epochs=3, matching_epochs=2, samples=40, tickers="XB")
    step = next(s for s in fingan.steps(prices(), config, stopping) if s.words == "Fin-GAN, seed 0")
    with pytest.raises(TrainingStopped):
        step.make()
    (tmp_path / "result").mkdir()
    universe(prices(), "XB").table().to_csv(tmp_path / "result" / "tickers.csv", index=False)
    seen = fingan_progress.member_progress(tmp_path)
    assert seen is not None and (seen.seed, seen.epoch) == (0, 2)
    assert seen.figures["PnL*"].shape == (1, 1) and list(seen.figures["PnL*"].index) == ["XB"]
    resumed = Work(checkpointers=stopping.checkpointers)
    next(s for s in fingan.steps(prices(), config, resumed) if s.words == "Fin-GAN, seed 0").make()
    straight = Work()
    next(s for s in fingan.steps(prices(), config, straight) if s.words == "Fin-GAN, seed 0").make()
    both = [one.checkpointer(arrays.gan(0)).load() for one in (resumed, straight)]
    assert both[0] is not None and both[1] is not None
    np.testing.assert_array_equal(both[0]["generator"], both[1]["generator"])
    assert fingan_progress.member_progress(tmp_path) is None


def test_benchmarks_stopped_midway_give_the_same_tables(tmp_path: Path, carried_out: tuple[Work, Tables]) -> None:
    def asked(progress: Progress) -> bool:
        return progress.done == 2

    checkpointers = lambda name: FileCheckpointer(tmp_path / f"{name}.safetensors")  # noqa: E731
    with pytest.raises(TrainingStopped, match="2 of 5 tickers"):
        fingan.steps(prices(), CONFIG, Work(on_step=asked, checkpointers=checkpointers))[1].make()
    resumed = fingan.steps(prices(), CONFIG, Work(checkpointers=checkpointers))[1].make()
    _, made = carried_out
    assert set(resumed) == {"benchmark_orders"} and len(resumed["benchmark_orders"]) >= 5
    assert resumed["benchmark_orders"].equals(made["benchmark_orders"])


def test_the_command_line_names_the_study() -> None:
    assert base.study("fingan").DATA == "prices"
    with pytest.raises(CheckpointError):
        studies.find("no-such-study", "fingan")


def test_padding_loses_nothing() -> None:
    rows = [np.arange(6.0).reshape(2, 3), np.arange(10.0).reshape(2, 5)]
    back = arrays.unpadded(arrays.padded(rows), [3, 5])
    for row, again in zip(rows, back, strict=True):
        np.testing.assert_array_equal(row, again)
    with pytest.raises(CheckpointError, match="2 tickers and 4 windows"):
        arrays.unpadded(arrays.padded(rows), [3, 4])


@pytest.mark.market_data
def test_the_long_only_column_of_table_5_2(market_data: Path) -> None:
    history = datasets.load(str(market_data / "equity_us_2000_2021.parquet")).data
    assert isinstance(history, PriceHistory)
    sectors = intake.read_sectors(market_data / "equity_sectors.csv").data
    panel = Panel(universe(replace(history, sector_of=sectors)).windows, "test")
    long_only = Played("long_only", "Long only", (tuple(np.ones(len(x)) for x in panel.realised),))
    counts = block_counts(len(panel.days), rng=np.random.default_rng(0), draws=100)
    by_ticker = tables.by_ticker(panel, [long_only])
    found = tables.overview(panel, [long_only], by_ticker, counts).set_index("statistic")
    ours = found.loc[["mean_sr", "median_sr", "portfolio_sr", "mean_pnl", "median_pnl"], "value"]
    np.testing.assert_allclose(ours, [0.181, 0.190, 0.616, 2.343, 1.975], atol=0.002)
    np.testing.assert_allclose(ours, found.loc[ours.index, "published"], atol=0.01)
