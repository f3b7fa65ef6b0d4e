import numpy as np
import pytest
from graph_panels import panel
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decisions import forecasting, graph
from engine.errors import MarketDataError, SettingsError

ETA = {"pnl_threshold": 0.02, "lasso": 1e-5, "ridge": 1e-5}


def days(times):
    """Two half-days a day."""
    return np.repeat(np.arange(times // 2), 2).astype("datetime64[D]")


@pytest.mark.parametrize("method", graph.METHODS)
def test_every_row_has_absolute_sum_one(method):
    signs, returns = panel()
    found = graph.weights(method, signs, returns, ETA.get(method))
    np.testing.assert_allclose(np.abs(found).sum(axis=1), 1, rtol=1e-12)
    searched = graph.weights(method, signs, returns)
    np.testing.assert_allclose(np.abs(searched).sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("method", graph.METHODS)
def test_permuting_assets_permutes_everything(method):
    signs, returns = panel(seed=3)
    order = np.random.default_rng(0).permutation(5)
    before = graph.weights(method, signs, returns, ETA.get(method))
    after = graph.weights(method, signs[order][:, order], returns[order], ETA.get(method))
    np.testing.assert_allclose(after, before[order][:, order], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        graph.bets(after, signs[order][:, order]), graph.bets(before, signs)[order], rtol=1e-9, atol=1e-12
    )


def test_signals_and_bets_are_their_sums():
    signs, returns = panel(3, 4, 10)
    w = np.random.default_rng(1).normal(size=(3, 4))
    c, h = graph.signals(signs, returns), graph.bets(w, signs)
    for i in range(3):
        for j in range(4):
            assert c[i, j] == pytest.approx(sum(signs[i, j, t] * returns[i, t] for t in range(10)), abs=1e-15)
        for t in range(10):
            assert h[i, t] == pytest.approx(sum(w[i, j] * signs[i, j, t] for j in range(4)), abs=1e-14)


def test_harder_votes_longhand():
    signs, _ = panel(3, 4, 12)
    w = graph.normalised(np.random.default_rng(2).normal(size=(3, 4)))
    for i in range(3):
        for t in range(12):
            soft = sum(w[i, j] * signs[i, j, t] for j in range(4))
            hard = sum(w[i, j] * np.sign(signs[i, j, t]) for j in range(4))
            expected = {"0": soft, "I": np.sign(soft), "II": hard, "III": np.sign(hard)}
            for vote, value in expected.items():
                assert graph.bets(w, signs, vote)[i, t] == pytest.approx(value, abs=1e-14)


def test_identity_gives_each_assets_own_bets_and_pnl_exactly():
    signs, returns = panel()
    own = np.stack([signs[i, i] for i in range(5)])
    bet = graph.bets(graph.weights("identity", signs, returns), signs)
    np.testing.assert_array_equal(bet, own)
    np.testing.assert_array_equal(forecasting.weighted_pnl(bet, returns), forecasting.weighted_pnl(own, returns))


@given(share=st.floats(0, 1), seed=st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_an_anchored_row_bets_between_the_own_generator_and_the_graph(share, seed):
    signs, returns = panel(seed=seed)
    w = graph.weights("pnl_based", signs, returns)
    found = graph.anchored(w, share)
    np.testing.assert_allclose(np.abs(found).sum(axis=1), 1, rtol=1e-12)
    for i in range(len(w)):
        row = [(1 - share) * w[i, j] + (share if i == j else 0) for j in range(len(w))]
        total = sum(map(abs, row))
        assert found[i] == pytest.approx([x / total for x in row] if total else np.eye(len(w))[i], abs=1e-12)
    np.testing.assert_array_equal(graph.anchored(w, 0), w)
    np.testing.assert_array_equal(graph.anchored(w, 1), np.eye(len(w)))


def test_an_anchor_is_the_column_of_the_own_generator():
    w = np.array([[0.0, 1.0, 0.0], [0.5, 0.0, -0.5]])
    np.testing.assert_allclose(graph.anchored(w, 0.5, own=[2, 1]), [[0, 0.5, 0.5], [0.25, 0.5, -0.25]])
    with pytest.raises(SettingsError, match=r"found 1\.5"):
        graph.anchored(w, 1.5, own=[2, 1])


def test_proposition_3_no_weights_of_the_simplex_earn_more_than_pnl_max():
    signs, returns = panel(seed=5)
    c = graph.signals(signs, returns)
    best = graph.weights("pnl_max", signs, returns)
    earned = (best * c).sum(axis=1)
    np.testing.assert_allclose(earned, np.abs(c).max(axis=1), rtol=1e-12)
    assert ((best != 0).sum(axis=1) == 1).all()
    rng = np.random.default_rng(0)
    for _ in range(500):
        other = graph.normalised(rng.normal(size=c.shape) * rng.integers(0, 2, c.shape))
        assert ((other * c).sum(axis=1) <= earned + 1e-15).all()


def test_proposition_3_tied_generators_share_and_earn_the_same():
    signs, returns = panel(1, 3, 40, seed=1)
    signs[0, 2] = -signs[0, 0]  # the same signal with the other sign
    signs[0, 1] = 0.1 * signs[0, 0]
    found = graph.weights("pnl_max", signs, returns, own=[0])
    c = graph.signals(signs, returns)
    np.testing.assert_allclose(found[0], [0.5 * np.sign(c[0, 0]), 0, -0.5 * np.sign(c[0, 0])])
    assert (found * c).sum() == pytest.approx(np.abs(c).max())


def test_proposition_4_weights_maximise_pnl_less_the_squared_penalty():
    signs, returns = panel(seed=7)
    c = graph.signals(signs, returns)
    found = graph.weights("pnl_based", signs, returns)
    rng = np.random.default_rng(0)
    for eta in (0.3, 2.0):
        optimum = c / (2 * eta)  # where the gradient c − 2ηλ vanishes
        value = (optimum * c).sum(axis=1) - eta * (optimum**2).sum(axis=1)
        for _ in range(200):
            near = optimum + 0.1 * rng.normal(size=c.shape) * np.abs(optimum).max()
            assert ((near * c).sum(axis=1) - eta * (near**2).sum(axis=1) <= value).all()
        np.testing.assert_allclose(found, graph.normalised(optimum), rtol=1e-12)


def test_lemma_1_the_objective_grows_without_bound_exactly_where_pnl_threshold_puts_weight():
    signs, returns = panel(seed=9)
    c = graph.signals(signs, returns)
    eta = float(np.median(np.abs(c)))
    found = graph.weights("pnl_threshold", signs, returns, eta)
    for i, j in np.ndindex(c.shape):
        far = [size * side * c[i, j] - eta * size for size in (1.0, 1e3, 1e6) for side in (-1, 1)]
        assert (max(far) > 0) == (abs(c[i, j]) > eta)
        if np.abs(c[i]).max() > eta:  # otherwise λ = 0 and the row falls back to its own generator
            assert (found[i, j] != 0) == (max(far) > 0)


def test_lemma_1_nothing_above_the_threshold_leaves_each_asset_its_own_generator():
    signs, returns = panel()
    eta = 2 * np.abs(graph.signals(signs, returns)).max()
    np.testing.assert_array_equal(graph.weights("pnl_threshold", signs, returns, eta), np.eye(5))


def test_lasso_without_any_edge_falls_back_to_the_own_generator():
    signs, returns = panel()
    np.testing.assert_array_equal(graph.weights("lasso", signs, returns, 1.0), np.eye(5))
    own = [4, 0, 1, 2, 3]
    np.testing.assert_array_equal(graph.weights("lasso", signs, returns, 1.0, own=own), np.eye(5)[own])


@settings(max_examples=50, deadline=None)
@given(scale=st.floats(1e-300, 1e300), seed=st.integers(0, 1000))
def test_weights_do_not_know_the_scale_of_lambda(scale, seed):
    raw = np.random.default_rng(seed).uniform(-1, 1, (4, 6))
    np.testing.assert_allclose(graph.normalised(scale * raw), graph.normalised(raw), rtol=1e-12)


def test_sharpe_weights_are_proportional_to_the_ratio_of_daily_pnl():
    signs, returns = panel(times=80)
    found = graph.weights("sharpe", signs, returns, date=days(80))
    for i in range(5):
        ratios = []
        for j in range(5):
            pnl = (signs[i, j] * returns[i]).reshape(-1, 2).sum(axis=1)
            ratios.append(pnl.mean() / pnl.std())
        np.testing.assert_allclose(found[i], np.array(ratios) / np.abs(ratios).sum(), rtol=1e-10)


def test_correlation_weights_are_the_normalised_matrix():
    signs, returns = panel()
    expected = np.corrcoef(returns)
    expected /= np.abs(expected).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(graph.weights("correlation", signs, returns), expected, rtol=1e-10)
    np.testing.assert_allclose(graph.correlation(returns), expected, rtol=1e-10)


def test_portfolio_sharpe_longhand():
    signs, returns = panel(times=60)
    bet = graph.bets(np.eye(5), signs)
    pnl = np.array([sum(bet[i, t] * returns[i, t] for i in range(5) for t in (2 * d, 2 * d + 1)) for d in range(30)])
    expected = np.sqrt(252) * pnl.mean() / pnl.std()
    assert graph.portfolio_sharpe(bet, returns, days(60)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("holdout", [0.0, 0.2])
def test_the_hyperparameter_has_the_best_portfolio_sharpe_where_it_is_compared(holdout):
    signs, returns = panel(seed=11, times=100)
    date, etas = days(100), (1e-4, 3e-5, 1e-5, 3e-6)
    found = graph.choose("lasso", signs, returns, etas, date=date, holdout=holdout)
    cut = 100 - round(holdout * 100)
    test = slice(cut if holdout else 0, None)
    reached = []
    for eta in etas:
        fitted = graph.weights("lasso", signs[..., :cut], returns[:, :cut], eta)
        reached.append(graph.portfolio_sharpe(graph.bets(fitted, signs[..., test]), returns[:, test], date[test]))
    np.testing.assert_allclose(found.sharpe, reached, rtol=1e-9)
    assert found.eta == etas[int(np.argmax(reached))]
    np.testing.assert_allclose(found.weights, graph.weights("lasso", signs, returns, found.eta), rtol=1e-12)


def test_the_compared_part_of_validation_does_not_reach_the_fit():
    signs, returns = panel(seed=12, times=100)
    etas = (1e-4, 1e-5)
    before = graph.choose("lasso", signs, returns, etas, holdout=0.2)
    shuffled = returns.copy()
    shuffled[:, 80:] = -returns[:, :79:-1]
    after = graph.choose("lasso", signs, shuffled, etas, holdout=0.2)
    assert not np.allclose(before.sharpe, after.sharpe)  # compared on other data …
    pnl = [graph.bets(graph.weights("lasso", signs[..., :80], r[:, :80], 1e-5), signs) for r in (returns, shuffled)]
    np.testing.assert_array_equal(*pnl)  # … but fitted on the same


@pytest.mark.parametrize("method", graph.METHODS[2:])
def test_masks_hold_back_edges(method):
    signs, returns = panel(6, 6, 90, seed=2)
    allowed = graph.same_sector(["a", "a", "a", "b", "b", "b"])
    found = graph.weights(method, signs, returns, ETA.get(method), allowed=allowed)
    assert not found[~allowed].any() and np.abs(found).sum() == pytest.approx(6)


@pytest.mark.parametrize("method", ["sharpe", "pnl_based", "pnl_max", "lasso"])
def test_positive_graphs_have_no_negative_edge(method):
    signs, returns = panel(seed=4)
    assert (graph.weights(method, signs, returns, ETA.get(method)) < 0).any()
    assert (graph.weights(method, signs, returns, ETA.get(method), positive=True) >= 0).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s, r: graph.weights("best", s, r), "expected a method among identity"),
        (lambda s, r: graph.weights("lasso", s, r, -1.0), "expected η > 0; found -1"),
        (lambda s, r: graph.weights("lasso", s, r, 1e-5, l1_share=2), "share of the l1 penalty"),
        (lambda s, r: graph.weights("identity", s[..., 0], r), "expected signs \\(assets, generators, times\\)"),
        (lambda s, r: graph.weights("identity", s[:, :3], r), "its own among 3 generators"),
        (lambda s, r: graph.weights("ridge", 2 * s, r, 1e-5), "expected signs in \\[-1, 1\\]"),
        (lambda s, r: graph.weights("ridge", s, r * np.nan, 1e-5), "expected finite signs and returns"),
        (lambda s, r: graph.weights("lasso", s, r, 1e-5, allowed=np.ones((2, 2), bool)), "expected allowed edges"),
        (lambda s, r: graph.choose("identity", s, r), "expected a method with a hyperparameter"),
        (lambda s, r: graph.choose("lasso", s, r, holdout=0.95), "holdout in \\[0, 0.9\\]"),
        (lambda s, r: graph.bets(np.eye(5), s, "IV"), "expected a vote among 0, I, II, III"),
        (lambda s, r: graph.bets(np.eye(4), s), "expected weights \\(assets, generators\\)"),
    ],
)
def test_bad_graph_input_is_one_sentence(call, words):
    signs, returns = panel()
    with pytest.raises((MarketDataError, SettingsError), match=words):
        call(signs, returns)
