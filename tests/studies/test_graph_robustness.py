import numpy as np
import pandas as pd
import pytest

from engine.decisions import forecasting, graph
from engine.errors import MarketDataError
from engine.studies.graph import results, robustness, selection
from engine.studies.graph.inputs import UNKNOWN_SECTOR, Part
from engine.studies.graph.selection import Candidate


def part(assets=4, days=150, seed=0, start="2018-01-01"):
    """Returns of two half-days a day, without windows."""
    rng = np.random.default_rng(seed)
    date = np.repeat(np.datetime64(start) + np.arange(days), 2)
    return Part(date, np.zeros((assets, 2 * days, 0)), 0.01 * rng.standard_normal((assets, 2 * days)))


def planted(one, seed=1, strength=0.5):
    """Signs of which generator 0 knows something about every asset, the others nothing."""
    rng = np.random.default_rng(seed)
    assets, times = one.returns.shape
    signs = np.clip(0.6 * rng.standard_normal((assets, assets, times)), -1, 1)
    signs[:, 0] = np.clip(strength * np.sign(one.returns) + 0.5 * rng.standard_normal(one.returns.shape), -1, 1)
    return signs


def test_days_change_places_whole_and_windows_stay():
    before = part()
    after = robustness.shuffled_days(before, np.random.default_rng(0))
    days = {tuple(before.returns[:, k : k + 2].ravel()) for k in range(0, 300, 2)}
    assert {tuple(after.returns[:, k : k + 2].ravel()) for k in range(0, 300, 2)} == days
    assert (after.returns != before.returns).mean() > 0.9
    np.testing.assert_array_equal(after.date, before.date)


def test_knowledge_beats_shuffled_returns_and_ignorance_does_not():
    validation, test = part(seed=1), part(seed=2, start="2018-06-01")
    tried = {"pnl_based": Candidate("pnl_based"), "selected": Candidate("pnl_max", own_share=0.0)}
    knowing = robustness.permutation_table(
        tried, (planted(validation), validation), (planted(test, 2), test), draws=40, seed=0
    )
    assert (knowing["p_value"] <= 2 / 41).all() and (knowing["share_surviving"] < 0.5).all()
    ignorant = robustness.permutation_table(
        tried, (planted(validation, strength=0), validation), (planted(test, 2, strength=0), test), draws=40, seed=0
    )
    assert (ignorant["p_value"] > 0.05).all()


def test_a_share_stays_with_the_own_generator():
    one = part()
    learned = robustness.fit(Candidate("pnl_based"), planted(one), one)
    mixed = robustness.fit(Candidate("pnl_based", own_share=0.5), planted(one), one)
    np.testing.assert_array_equal(mixed, graph.anchored(learned, 0.5))


def test_agreement_of_equal_opposite_and_disjoint_graphs():
    w = graph.normalised(np.array([[1.0, 2, 0], [0, -1, 0], [0, 0, 3]]))
    assert robustness.agreement(np.stack([w, w, w])) == pytest.approx({"jaccard": 1, "cosine": 1})
    assert robustness.agreement(np.stack([w, -w])) == pytest.approx({"jaccard": 0, "cosine": -1})
    other = w[:, [2, 0, 1]]
    found = robustness.agreement(np.stack([w, other]))
    edges = [{(i, j, np.sign(x)) for (i, j), x in np.ndenumerate(g) if x} for g in (w, other)]
    assert found["jaccard"] == pytest.approx(len(edges[0] & edges[1]) / len(edges[0] | edges[1]))


def test_pairs_of_other_sectors_only():
    mask = selection.strangers(["a", "a", "b", UNKNOWN_SECTOR, UNKNOWN_SECTOR])
    assert mask.tolist() == [
        [False, False, True, True, True],
        [False, False, True, True, True],
        [True, True, False, True, True],
        [True, True, True, False, True],
        [True, True, True, True, False],
    ]


def test_walking_forward_longhand():
    one = part(days=900, start="2017-07-03")
    rng = np.random.default_rng(3)
    counts = rng.integers(-10, 11, (4, 4, 1800)).astype(np.int16)
    pairs = selection.strangers(["a", "a", "b", "b"])
    found = selection.walk_forward(counts, 10, one, pairs, 600, [Candidate("pnl_based"), Candidate("lasso", 1e-5)])
    assert sorted(set(found["year"])) == [2019]  # 2018 begins after 364 half-days only
    begin = int(np.searchsorted(one.date, np.datetime64("2019-01-01")))
    signs = np.where(pairs[..., None], counts / 10, 0.0)
    w = np.einsum("ijt,it->ij", signs[..., begin - 600 : begin], one.returns[:, begin - 600 : begin])
    w /= np.abs(w).sum(axis=1, keepdims=True)
    bets = np.einsum("ij,ijt->it", w, signs[..., begin:])
    pnl = forecasting.daily(10_000 * (bets * one.returns[:, begin:]).mean(axis=0), one.date[begin:])[1]
    row = found[found["method"] == "pnl_based"].iloc[0]
    assert row["sharpe"] == pytest.approx(np.sqrt(252) * pnl.mean() / pnl.std(), rel=1e-9)
    assert row["days"] == len(pnl)


def test_the_ratio_over_years_is_that_of_all_days():
    one = part(days=1500, start="2014-01-01")
    counts = np.random.default_rng(4).integers(-10, 11, (4, 4, 3000)).astype(np.int16)
    pairs = selection.strangers(["a", "b", "c", "d"])
    tried = [Candidate("pnl_based"), Candidate("sharpe")]
    years = selection.walk_forward(counts, 10, one, pairs, 500, tried).assign(seed=0)
    signs, validation = counts[..., 2600:] / 10, Part(one.date[2600:], one.condition[:, 2600:], one.returns[:, 2600:])
    table = selection.choice(years, signs, validation, [Candidate("identity"), *tried])
    assert np.isnan(table["walk_forward_sr"][0]) and table["selected"].sum() == 1
    pnl = []
    for year in sorted(set(years["year"])):
        now = one.date.astype("datetime64[Y]").astype(int) + 1970 == year
        begin = int(np.argmax(now))
        past = slice(begin - 500, begin)
        heard = np.where(pairs[..., None], counts / 10, 0.0)
        w = graph.weights("pnl_based", heard[..., past], one.returns[:, past])
        earned = (graph.bets(w, heard[..., now]) * one.returns[:, now]).mean(axis=0)
        pnl.append(forecasting.daily(earned, one.date[now])[1])
    whole = np.concatenate(pnl)
    assert table["walk_forward_sr"][1] == pytest.approx(np.sqrt(252) * whole.mean() / whole.std(), rel=1e-9)
    other = selection.walk_forward(-counts, 10, one, pairs, 500, tried).assign(seed=1)
    both = selection.choice(pd.concat([years, other]), signs, validation, tried)["walk_forward_sr"]
    alone = selection.choice(other, signs, validation, tried)["walk_forward_sr"]
    np.testing.assert_allclose(both, (table["walk_forward_sr"][1:].to_numpy() + alone) / 2)
    best = table.loc[table["walk_forward_sr"].idxmax()]
    assert selection.selected(table) == Candidate(best["method"])


def test_too_short_a_past_is_one_sentence():
    counts = np.zeros((4, 4, 300), dtype=np.int16)
    with pytest.raises(MarketDataError, match="expected a year that begins after 280 half-days"):
        selection.walk_forward(counts, 10, part(), np.ones((4, 4), bool), 280, [Candidate("pnl_based")])


def test_costs_only_cost():
    validation, test = part(seed=5), part(seed=6, start="2018-06-01")
    graphs = {"identity": np.eye(4)}
    table = robustness.cost_table(graphs, (planted(validation), validation), (planted(test, 2), test))
    assert (np.diff(table["net_sr"]) < 0).all()
    gross = graph.portfolio_sharpe(graph.bets(np.eye(4), planted(test, 2)), test.returns, test.date)
    assert (table["net_sr"] < gross).all()


def test_gains_over_seeds_longhand_and_their_interval():
    rng = np.random.default_rng(8)
    own = rng.normal(0.5, 8, (6, 500))
    pnl = {"identity": own, "better": own + rng.normal(0.8, 4, (6, 500)), "worse": own - 2}
    table = results.seed_gains(pnl, draws=800, seed=0).set_index("method")
    ratios = {name: np.sqrt(252) * series.mean(axis=1) / series.std(axis=1) for name, series in pnl.items()}
    for name in ("better", "worse"):
        assert table["gain"][name] == pytest.approx((ratios[name] - ratios["identity"]).mean(), rel=1e-9)
        assert table["wins"][name] == (ratios[name] > ratios["identity"]).sum()
        assert table["low"][name] < table["gain"][name] < table["high"][name]
    assert table["p_value"]["better"] < 0.05 < 0.95 < table["p_value"]["worse"]
    same = results.seed_gains({"identity": own, "same": own}, draws=50, seed=0).set_index("method")
    assert same["gain"]["same"] == 0 and same["p_value"]["same"] == 1


def test_a_single_seed_has_an_interval_of_days_alone():
    own = np.random.default_rng(9).normal(0.5, 8, (1, 300))
    table = results.seed_gains({"identity": own, "lasso": own + 1}, draws=200, seed=0).set_index("method")
    assert np.isnan(table["sd_over_seeds"]["lasso"]) and table["low"]["lasso"] < table["high"]["lasso"]


def test_best_and_worst_tickers():
    tickers = pd.DataFrame({"method": "lasso", "ticker": list("ABCDEF"), "sharpe": [0.5, 2, np.nan, -1, 1, 3]})
    row = results.extreme_table(tickers, top=2).iloc[0]
    assert row.to_dict() == {
        "method": "lasso", "best_1": "F 3.00", "best_2": "B 2.00", "worst_1": "D -1.00", "worst_2": "A 0.50"
    }  # fmt: skip
