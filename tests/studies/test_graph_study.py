import numpy as np
import pandas as pd
import pytest
from graph_market import SAMPLES, Finished, prices, stack

from engine.decisions import forecasting, graph
from engine.decisions.graph.cross_evaluation import cross_sign_counts
from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.price_history import PriceHistory
from engine.studies import graph as graph_study
from engine.studies.base import MemoryCheckpointer, Work
from engine.studies.fingan.universe import universe
from engine.studies.graph import inputs, results
from engine.studies.graph import live as graph_live

CONFIG = graph_study.Config(samples=SAMPLES, draws=100, shuffles=10, refits=5, seed=3)


def carried_out(data, work):
    tables = {}
    for step in graph_study.steps(data, CONFIG, work):
        tables |= step.make()
    return tables


@pytest.fixture(scope="module")
def finished():
    work = Work({"fingan": Finished()})
    return carried_out(prices(), work), work


def test_every_table_of_the_chapter_is_there(finished):
    tables, _ = finished
    assert set(tables["methods"]["method"]) == {*graph.METHODS, "selected"}
    published = tables["methods"].set_index("method")["published_portfolio_sr"]
    assert published["lasso"] == 4.39 and published["identity"] == 2.0
    assert len(tables["votes"]) == 4 * 9 and len(tables["pnl_correlation"]) == 9
    assert {"lasso_nodes", "lasso_sectors", "lasso_spectrum", "lasso_strong_edges", "selected_nodes"} <= set(tables)
    assert {"sr_matrix", "return_correlation", "portfolio_pnl", "bet_size", "permutation", "variants"} <= set(tables)
    summary = graph_study.summary(tables)
    assert summary["seeds"] == 2 and summary["tickers"] == 6
    assert summary["gain_of_selected"] == pytest.approx(
        summary["portfolio_sharpe_of_selected"] - summary["portfolio_sharpe_of_identity"]
    )


def test_identity_is_each_tickers_own_generator(finished):
    tables, _ = finished
    data, source = prices(), inputs.trained(Finished())
    panel = inputs.panel({one.ticker: one for one in universe(data).windows})
    bets = []
    for place, ticker in enumerate(panel.tickers):
        signs = []
        for seed in source.seeds:  # all generators, because a stream is keyed by the generator's place
            rng = np.random.default_rng([CONFIG.seed, 1, seed])
            counts = cross_sign_counts(source.networks(seed, panel.tickers), panel.test.condition, SAMPLES, rng)
            signs.append(counts[place, place] / SAMPLES)
        bets.append(np.mean(signs, axis=0))
        found = tables["tickers"].set_index(["method", "ticker"])["sharpe"]["identity", ticker]
        pnl = forecasting.daily(bets[-1] * panel.test.returns[place], panel.test.date)[1]
        assert found == pytest.approx(np.sqrt(252) * pnl.mean() / pnl.std(), rel=1e-9)
    pnl = forecasting.daily(np.mean(np.stack(bets) * panel.test.returns, axis=0), panel.test.date)[1]
    found = tables["methods"].set_index("method")["portfolio_sr"]["identity"]
    assert found == pytest.approx(np.sqrt(252) * pnl.mean() / pnl.std(), rel=1e-9)


def test_nothing_is_decided_on_the_test_part(finished):
    tables, work = finished
    shaken_work = Work({"fingan": Finished()})
    shaken = carried_out(prices(shaken_from=820), shaken_work)  # the test part begins on day 810
    for name in ("walk_forward", "walk_forward_years", "edges", "edge_stability", "stability", "lasso_facts"):
        pd.testing.assert_frame_equal(tables[name], shaken[name])
    for name, w in work.checkpointer("graphs").load().items():
        np.testing.assert_array_equal(w, shaken_work.checkpointer("graphs").load()[name])
    assert not np.allclose(tables["methods"]["portfolio_sr"], shaken["methods"]["portfolio_sr"])


def test_what_a_page_learns_again_is_what_the_study_learned(finished):
    tables, work = finished
    live = graph_live.restore(work.checkpointer("live").load())
    kept = work.checkpointer("graphs").load()
    methods = tables["methods"].set_index("method")
    for method in ("lasso", "ridge", "pnl_threshold"):
        w = live.weights(method, methods["eta"][method])
        np.testing.assert_allclose(w, kept[method], atol=2e-4)
        portfolio, by_ticker = live.sharpe(kept[method].astype(float))
        assert portfolio == pytest.approx(methods["portfolio_sr"][method], abs=0.01)
        found = tables["tickers"][tables["tickers"]["method"] == method]["sharpe"]
        np.testing.assert_allclose(by_ticker, found, atol=0.02)
    with pytest.raises(SettingsError, match="with η > 0"):
        live.weights("identity", 1.0)
    found = tables["tickers"][tables["tickers"]["method"] == "ridge"]["mean_pnl"]
    np.testing.assert_allclose(live.pairs.mean_pnl(kept["ridge"].astype(float)), found, atol=1e-3)
    damaged = dict(work.checkpointer("live").load())
    del damaged["gram"]
    with pytest.raises(CheckpointError, match="'gram'"):
        graph_live.restore(damaged)


def test_series_and_moments_of_pairs_give_the_same_ratios(monkeypatch):
    rng = np.random.default_rng(0)
    date = np.repeat(np.datetime64("2020-01-01") + np.arange(60), 2)
    one = inputs.Part(date, np.zeros((4, 120, 0)), 0.01 * rng.standard_normal((4, 120)))
    signs = np.clip(rng.standard_normal((4, 4, 120)), -1, 1)
    signs[0, 1] = 0  # a generator without opinion
    few = graph_live.restore(graph_live.arrays((signs, one), (signs, one)))
    monkeypatch.setattr(graph_live, "MOST_ASSETS", 3)
    many = graph_live.restore(graph_live.arrays((signs, one), (signs, one)))
    assert isinstance(few.pairs, graph_live.PairMoments) and isinstance(many.pairs, graph_live.PairSeries)
    w = graph.normalised(rng.normal(size=(4, 4)))
    direct = graph.portfolio_sharpe(graph.bets(w, signs), one.returns, one.date)
    for live in (few, many):
        portfolio, ratios = live.sharpe(w)
        assert portfolio == pytest.approx(direct, abs=0.02)
        pnl = forecasting.daily(1e4 * graph.bets(w, signs) * one.returns, date)[1]
        np.testing.assert_allclose(ratios, np.sqrt(252) * pnl.mean(axis=1) / pnl.std(axis=1), atol=0.02)
        np.testing.assert_allclose(live.pairs.mean_pnl(w), pnl.mean(axis=1), atol=0.05)
        assert live.pairs.days == 60
    silent = np.zeros((4, 4))
    silent[:, 1] = 1.0
    assert np.isnan(few.sharpe(silent)[1][0])


def test_a_resumed_study_does_not_evaluate_again(finished):
    _, before = finished
    work = Work({"fingan": Finished()}, checkpointers=lambda name: before.checkpointer(name))
    calls = []

    def run(task, blocks):
        calls.append(len(blocks))
        return enumerate(map(task, blocks))

    again = Work({"fingan": Finished()}, checkpointers=work.checkpointers, run=run)
    carried_out(prices(), again)
    assert calls == []
    carried_out(prices(), Work({"fingan": Finished()}, checkpointers=lambda name: MemoryCheckpointer(), run=run))
    assert len(calls) > 0


def test_the_words_follow_the_numbers(finished):
    tables, _ = finished
    said = results.verdicts(tables)
    assert said[0].startswith("Walking forward through the years before the test part selects")
    real, luck = (dict(tables), dict(tables))
    for changed, p in ((real, 0.01), (luck, 0.4)):
        changed["differences"] = tables["differences"].assign(p_value=p, gain=1.25, low=0.1, high=2.4)
    assert any("gains +1.25 over identity" in s and "a real difference" in s for s in results.verdicts(real))
    assert any("could be luck" in sentence for sentence in results.verdicts(luck))
    assert any(s.startswith("Not distinguishable from identity") and "LASSO" in s for s in results.verdicts(luck))


def test_half_of_the_selected_graph_stays_with_the_own_generator_and_the_words_say_so(finished):
    tables, work = finished
    kept = work.checkpointer("graphs").load()
    row = tables["walk_forward"].query("selected").iloc[0]
    assert row["own_share"] == 0.5
    part = inputs.panel({one.ticker: one for one in universe(prices()).windows}).validation
    counts = [work.checkpointer(f"signs_{seed}").load()["validation"].astype(float) for seed in (0, 1)]
    learned = graph.weights(row["method"], sum(counts) / (2 * SAMPLES), part.returns, row["eta"], date=part.date)
    np.testing.assert_allclose(kept["selected"], graph.anchored(learned, 0.5), atol=1e-6)
    assert "mixed with each asset's own generator to 50%" in results.verdicts(tables)[0]
    plain = tables["walk_forward"].drop(columns="own_share")  # as studies of earlier versions have it
    assert "mixed" not in results.verdicts({**tables, "walk_forward": plain})[0]


def test_a_panel_of_one_sector_selects_nothing_and_says_so(finished):
    tables = dict(finished[0])
    walk = tables["walk_forward"].assign(walk_forward_sr=np.nan)
    tables["walk_forward"] = walk.assign(selected=walk["method"] == "identity")
    sentence = results.verdicts(tables)[0]
    assert "All assets are of one sector" in sentence and "nan" not in sentence


def test_a_study_without_generators_or_with_two_of_one_is_one_sentence():
    with pytest.raises(SettingsError, match="expected --fingan with a finished Fin-GAN study; found none"):
        graph_study.steps(prices(), CONFIG, Work())
    doubled = stack(seeds=(0,), tickers=("AA", "BB"))
    doubled = doubled.take([0, 1, 1])
    with pytest.raises(CheckpointError, match="found two of"):
        inputs.trained(Finished(doubled))


def test_tickers_that_the_data_lack_are_one_sentence():
    work = Work({"fingan": Finished(stack(tickers=("AA", "BB", "ZZ")))})
    with pytest.raises(MarketDataError, match="found ZZ unusable"):
        graph_study.steps(prices(), CONFIG, work)[0].make()


def test_prices_cut_into_other_parts_are_refused():
    """On fewer days the test part would lie in what the generators were trained on."""
    data = prices()
    shorter = PriceHistory(data.dates[:-40], data.close[:-40], data.tickers, data.open[:-40], data.sector_of)
    first = next(iter(graph_study.steps(shorter, CONFIG, Work({"fingan": Finished()}))))
    with pytest.raises(MarketDataError, match="expected the prices that the Fin-GAN study was made from") as found:
        first.make()
    assert " to ".join(data.period) in str(found.value) and shorter.period[1] in str(found.value)


def test_a_panel_needs_two_tickers():
    windows = {one.ticker: one for one in universe(prices(), "AA").windows}
    with pytest.raises(MarketDataError, match="expected at least two tickers"):
        inputs.panel(windows)
