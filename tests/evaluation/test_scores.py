"""Proper scores against longhand loops, the field's library, closed forms and their laws."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from engine.errors import MarketDataError, SettingsError
from engine.evaluation import scores


@pytest.fixture(scope="module")
def library():
    """scoringrules in plain numpy: without numba in sight it need not compile its kernels for five seconds."""
    if "scoringrules" in sys.modules:
        return sys.modules["scoringrules"]
    hidden = sys.modules.get("numba")
    sys.modules["numba"] = None
    try:
        return pytest.importorskip("scoringrules")
    finally:
        sys.modules.pop("numba")
        if hidden is not None:
            sys.modules["numba"] = hidden


@pytest.fixture
def sample():
    rng = np.random.default_rng(5)
    x = rng.standard_t(4, size=(6, 40, 3)) * [1.0, 2.0, 0.3]
    return x, rng.normal(size=(6, 3)), rng.dirichlet(np.ones(40), 6)


def longhand(x, y, w, unbiased):
    """Energy score of one day by two loops."""
    error = pair = mass = 0.0
    for i in range(len(x)):
        error += w[i] * math.dist(x[i], y)
        for j in range(len(x)):
            if i != j:
                pair += w[i] * w[j] * math.dist(x[i], x[j])
                mass += w[i] * w[j]
    return error - 0.5 * pair / (mass if unbiased else 1.0)


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_energy_score_and_crps_are_the_longhand_ones(sample, unbiased, weighted):
    x, y, w = sample
    mass = w if weighted else np.full(w.shape, 1 / 40)
    expected = [longhand(*day, unbiased) for day in zip(x, y, mass, strict=True)]
    given_weights = w if weighted else None
    np.testing.assert_allclose(scores.energy_score(x, y, given_weights, unbiased=unbiased), expected, rtol=3e-6)
    for k in range(3):
        expected = [longhand(a[:, k : k + 1], b[k : k + 1], m, unbiased) for a, b, m in zip(x, y, mass, strict=True)]
        found = scores.crps(x[..., k], y[:, k], given_weights, unbiased=unbiased)
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_the_library_of_the_field_agrees(sample, library):
    x, y, w = sample
    plain = {"backend": "numpy"}
    fair, biased = {"estimator": "fair", **plain}, {"estimator": "nrg", **plain}
    np.testing.assert_allclose(scores.crps(x[..., 0], y[:, 0]), library.crps_ensemble(y[:, 0], x[..., 0], **fair))
    np.testing.assert_allclose(
        scores.crps(x[..., 0], y[:, 0], w, unbiased=False), library.crps_ensemble(y[:, 0], x[..., 0], ens_w=w, **biased)
    )
    np.testing.assert_allclose(scores.energy_score(x, y), library.es_ensemble(y, x, **fair), rtol=3e-6)
    np.testing.assert_allclose(
        scores.energy_score(x, y, w, unbiased=False), library.es_ensemble(y, x, ens_w=w, **biased), rtol=3e-6
    )
    for p in (0.5, 1.0, 2.0):
        expected = library.vs_ensemble(y, x, ens_w=w, p=p, **biased)
        np.testing.assert_allclose(scores.variogram_score(x, y, w, p=p), expected, rtol=2e-5)


def test_crps_of_a_gaussian_is_the_closed_form():
    rng = np.random.default_rng(0)
    y = np.linspace(-3, 3, 7)
    n = 4000
    found = scores.crps(rng.standard_normal((7, n)), y)
    expected = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / math.sqrt(math.pi)
    se = np.sqrt(2 / n)  # |X − y| and the pair term each vary by less than a unit
    assert (np.abs(found - expected) < 4 * se).all()


def test_unbiased_scores_do_not_depend_on_the_number_of_scenarios():
    rng = np.random.default_rng(1)
    y = np.array([0.5, -1.0])
    exact = scores.energy_score(rng.standard_normal((40, 1000, 2)), np.tile(y, (40, 1)))
    for n in (2, 5):
        few = scores.energy_score(rng.standard_normal((4000, n, 2)), np.tile(y, (4000, 1)))
        se = math.hypot(few.std() / math.sqrt(4000), exact.std() / math.sqrt(40))
        assert abs(few.mean() - exact.mean()) < 4 * se
        biased = scores.energy_score(rng.standard_normal((4000, n, 2)), np.tile(y, (4000, 1)), unbiased=False)
        assert biased.mean() > exact.mean() + 4 * se


def test_large_sets_are_paired_in_groups_without_bias(monkeypatch):
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((50, 300, 4)), rng.standard_normal((50, 4))
    whole = scores.energy_score(x, y)
    monkeypatch.setattr(scores, "GROUP", 100)
    grouped = scores.energy_score(x, y)
    difference = grouped - whole
    assert 0 < np.abs(difference).max() < 0.05
    assert abs(difference.mean()) < 4 * difference.std() / math.sqrt(50)
    uniform = np.full((50, 300), 1 / 300)
    np.testing.assert_allclose(scores.energy_score(x, y, uniform), whole, rtol=1e-6)


def test_one_coordinate_makes_the_energy_score_crps(sample):
    x, y, w = sample
    np.testing.assert_allclose(
        scores.energy_score(x[..., :1], y[:, :1], w), scores.crps(x[..., 0], y[:, 0], w), rtol=1e-5
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), shift=st.floats(-50, 50), scale=st.floats(0.01, 100))
def test_scores_move_with_the_unit_and_not_with_the_origin(seed, shift, scale):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 20, 4)), rng.normal(size=(2, 4))
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    energy, single = scores.energy_score(x, y), scores.crps(x[..., 0], y[:, 0])
    moved = scores.energy_score(scale * x @ turn + shift, scale * y @ turn + shift)
    np.testing.assert_allclose(moved, scale * energy, rtol=1e-5)
    moved = scores.crps(scale * x[..., 0] + shift, scale * y[:, 0] + shift)
    np.testing.assert_allclose(moved, scale * single, rtol=1e-9, atol=1e-9 * scale)
    variogram = scores.variogram_score(x, y, p=1.0)
    np.testing.assert_allclose(scores.variogram_score(scale * x, scale * y, p=1.0), scale**2 * variogram, rtol=1e-4)


def test_splitting_a_scenario_in_two_changes_nothing(sample):
    x, y, w = sample
    twice, half = np.concatenate([x, x], axis=1), np.concatenate([w, w], axis=1) / 2
    for score in (scores.energy_score, scores.variogram_score):
        options = {"unbiased": False} if score is scores.energy_score else {}
        np.testing.assert_allclose(score(twice, y, half, **options), score(x, y, w, **options), rtol=1e-5)


def test_the_true_law_scores_best():
    rng = np.random.default_rng(3)
    root = np.linalg.cholesky([[1, 0.8], [0.8, 1]])
    y = rng.standard_normal((1500, 2)) @ root.T
    truth = rng.standard_normal((1500, 100, 2)) @ root.T
    rivals = {
        "shifted": truth + np.array([0.5, 0]),
        "wide": 1.6 * truth,
        "narrow": 0.5 * truth,
        "independent": rng.standard_normal((1500, 100, 2)),
    }
    for score in (scores.energy_score, scores.variogram_score):
        best = score(truth, y)
        for name, x in rivals.items():
            worse = score(x, y) - best
            assert worse.mean() > 2 * worse.std() / math.sqrt(1500), (score.__name__, name)


def test_scenarios_that_agree_have_no_spread():
    x = np.tile([1e4, -2e4, 3.3], (1, 30, 1))
    y = np.array([[1e4 + 3, -2e4 + 4, 3.3]])
    assert scores.energy_score(x, y) == pytest.approx(5, rel=1e-12)
    assert scores.crps(x[..., 0], y[:, 0]) == pytest.approx(3, rel=1e-12)


def test_a_stack_of_days_is_one_day_after_the_other(sample):
    x, y, w = sample
    stacked = scores.energy_score(x.reshape(2, 3, 40, 3), y.reshape(2, 3, 3), w.reshape(2, 3, 40))
    np.testing.assert_array_equal(stacked.ravel(), scores.energy_score(x, y, w))
    assert np.ndim(scores.energy_score(x[0], y[0])) == np.ndim(scores.crps(x[0, :, 0], y[0, 0])) == 0


@pytest.mark.parametrize("score", [scores.energy_score, scores.variogram_score])
def test_what_does_not_fit_is_refused(score):
    x, y = np.zeros((5, 10, 3)), np.zeros((5, 3))
    with pytest.raises(MarketDataError, match=r"outcomes of shape \(5, 3\).*found \(5, 2\)"):
        score(x, y[:, :2])
    with pytest.raises(MarketDataError, match="finite"):
        score(x, np.full((5, 3), np.nan))
    with pytest.raises(MarketDataError, match="weights of shape"):
        score(x, y, np.ones(10) / 10)
    with pytest.raises(MarketDataError, match="sum to one"):
        score(x, y, np.ones((5, 10)))
    with pytest.raises(MarketDataError, match="at least 2 axes"):
        score(np.zeros(4), np.zeros(()))


def test_other_refusals():
    with pytest.raises(SettingsError, match="at least two scenarios"):
        scores.crps(np.zeros((2, 1)), np.zeros(2))
    with pytest.raises(SettingsError, match="power"):
        scores.variogram_score(np.zeros((4, 2)), np.zeros(2), p=0)
    with pytest.raises(MarketDataError, match="2 × 2 pairs"):
        scores.variogram_score(np.zeros((4, 2)), np.zeros(2), pair_weights=np.ones(3))


def test_pair_weights_pick_pairs(sample):
    x, y, _ = sample
    omega = np.zeros((3, 3))
    omega[0, 2] = omega[2, 0] = 0.5
    expected = (np.sqrt(np.abs(y[:, 0] - y[:, 2])) - np.sqrt(np.abs(x[..., 0] - x[..., 2])).mean(axis=1)) ** 2
    np.testing.assert_allclose(scores.variogram_score(x, y, pair_weights=omega), expected, rtol=1e-4)
