"""Principal components: eigen-equation, projection, signs, the edge of noise, and the bootstrap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MarketDataError
from engine.market.grid import CH2_GRID, Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.surfaces import principal_components as pca

SMALL = Grid([0.9, 1.0, 1.1], [0.25, 0.5])


def history_of(log_iv: Floats, grid: Grid) -> SurfaceHistory:
    days = np.datetime64("2001-01-01") + np.arange(len(log_iv))
    return SurfaceHistory(days, np.full(len(log_iv), 100.0), np.exp(log_iv), grid)


def random_history(seed: int, n: int = 300, grid: Grid = SMALL) -> SurfaceHistory:
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((grid.size, grid.size))
    steps = 0.01 * rng.standard_normal((n, grid.size)) @ mixing / np.sqrt(grid.size)
    return history_of(np.log(0.2) + grid.unflatten(0.5 * steps.cumsum(axis=0)), grid)


def longhand_covariance(history: SurfaceHistory) -> Floats:
    """Covariance of ΔY, cell by cell."""
    flat = np.log(history.iv).reshape(len(history), -1)
    n, size = len(flat) - 1, flat.shape[1]
    covariance = np.zeros((size, size))
    for a in range(size):
        for b in range(size):
            da = [flat[t + 1, a] - flat[t, a] for t in range(n)]
            db = [flat[t + 1, b] - flat[t, b] for t in range(n)]
            ma, mb = sum(da) / n, sum(db) / n
            covariance[a, b] = sum((x - ma) * (y - mb) for x, y in zip(da, db, strict=True)) / (n - 1)
    return covariance


def test_eigenpairs_of_the_longhand_covariance_and_correlation() -> None:
    history = random_history(0, n=60)
    found = pca.fit(history, SMALL.size)
    covariance = longhand_covariance(history)
    vectors = SMALL.flatten(found.vectors)
    np.testing.assert_allclose(covariance @ vectors.T, vectors.T * found.eigenvalues, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(SMALL.size), atol=1e-12)
    assert np.all(np.diff(found.eigenvalues) <= 0)
    sd = np.sqrt(np.diag(covariance))
    expected = np.sort(np.linalg.eigvals(covariance / np.outer(sd, sd)).real)[::-1]
    np.testing.assert_allclose(found.correlation_eigenvalues, expected, rtol=1e-9)
    assert found.explained.sum() == pytest.approx(1) and found.correlation_eigenvalues.sum() == pytest.approx(6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, SMALL.size))
def test_projection_undoes_reconstruction(seed: int, k: int) -> None:
    found = pca.fit(random_history(seed, n=40), k)
    factors = np.random.default_rng(seed).normal(size=(5, k))
    surfaces = found.reconstruct(factors)
    np.testing.assert_allclose(found.project(np.log(surfaces)), factors, atol=1e-11)


def test_all_components_rebuild_the_history_and_fewer_are_the_best_of_their_rank() -> None:
    history = random_history(3)
    full = pca.fit(history, SMALL.size)
    np.testing.assert_allclose(full.reconstruct(full.factors), history.iv, rtol=1e-12)
    np.testing.assert_allclose(full.project(history.log_iv), full.factors, atol=1e-12)
    two = pca.fit(history, 2)
    np.testing.assert_array_equal(two.vectors, full.vectors[:2])
    changes = np.diff(SMALL.flatten(history.log_iv), axis=0)
    changes -= changes.mean(axis=0)
    basis = SMALL.flatten(two.vectors)
    left = ((changes - changes @ basis.T @ basis) ** 2).sum() / (len(changes) - 1)
    assert left == pytest.approx(full.eigenvalues[2:].sum())


def test_factors_are_measured_from_the_log_of_the_average_surface() -> None:
    history = random_history(4)
    found = pca.fit(history, 3)
    np.testing.assert_allclose(np.exp(found.log_average), history.iv.mean(axis=0))
    np.testing.assert_allclose(found.reconstruct(np.zeros(3)), history.iv.mean(axis=0))
    by_hand = sum(
        (history.log_iv[7, i, j] - found.log_average[i, j]) * found.vectors[1, i, j] for i in range(3) for j in range(2)
    )
    assert found.factors[7, 1] == pytest.approx(by_hand)


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_signs_and_names_do_not_depend_on_the_solver(flip: float) -> None:
    shapes = pca.reference_shapes(CH2_GRID)
    for name, shape in shapes.items():
        assert pca.name_and_sign(flip * shape, CH2_GRID, first=name == "level") == (name, flip)
    tilted = 0.8 * shapes["level"] - 0.6 * shapes["skew"]
    assert pca.name_and_sign(flip * tilted, CH2_GRID, first=True) == ("level", flip)
    assert pca.name_and_sign(flip * tilted, CH2_GRID, first=False) == ("level", -flip)  # skew decides the sign
    ripple = np.cos(40 * np.arange(CH2_GRID.size))
    ripple /= np.linalg.norm(ripple)
    assert pca.name_and_sign(flip * ripple, CH2_GRID, first=False)[0] is None


def test_reference_shapes_point_the_way_their_words_say() -> None:
    shapes = {name: CH2_GRID.unflatten(shape) for name, shape in pca.reference_shapes(CH2_GRID).items()}
    flat = np.stack([CH2_GRID.flatten(shape) for shape in shapes.values()])
    np.testing.assert_allclose(flat @ flat.T, np.eye(4), atol=1e-12)
    assert (shapes["level"] > 0).all()
    assert (shapes["skew"][0] > shapes["skew"][-1]).all()
    assert (shapes["term structure"][:, -1] > shapes["term structure"][:, 0]).all()
    assert (shapes["curvature"][[0, -1]] > shapes["curvature"][5]).all()


def test_planted_shapes_come_back_with_their_names() -> None:
    rng = np.random.default_rng(5)
    shapes = pca.reference_shapes(CH2_GRID)
    steps = rng.standard_normal((2_000, 4)) * np.array([0.3, 0.12, 0.06, 0.03])
    log_iv = np.log(0.2) + CH2_GRID.unflatten(0.02 * steps.cumsum(axis=0) @ np.stack(list(shapes.values())))
    found = pca.fit(history_of(log_iv, CH2_GRID))
    assert found.names == ("level", "skew", "term structure", "curvature")
    cosines = (CH2_GRID.flatten(found.vectors) * np.stack(list(shapes.values()))).sum(axis=1)
    assert (cosines > 0.99).all()
    # a factor of variance v contributes v of the trace; relative standard error of an eigenvalue is sqrt(2/n)
    true = np.array([0.3, 0.12, 0.06, 0.03]) ** 2
    np.testing.assert_allclose(found.eigenvalues[:4] / 0.02**2, true, rtol=4 * np.sqrt(2 / 2_000) + 0.01)


def test_a_word_is_used_once() -> None:
    history = random_history(6)
    names = pca.fit(history, SMALL.size).names
    assert len(set(names)) == len(names)


def test_pure_noise_stays_below_the_edge_and_one_common_factor_rises_above() -> None:
    rng = np.random.default_rng(7)
    n = 2_000
    noise = 0.001 * rng.standard_normal((n, CH2_GRID.size))
    found = pca.fit(history_of(np.log(0.2) + CH2_GRID.unflatten(noise.cumsum(axis=0)), CH2_GRID))
    assert found.edge == pytest.approx((1 + np.sqrt(80 / (n - 1))) ** 2)
    # the largest eigenvalue fluctuates about the edge on the Tracy–Widom scale N^(-2/3)
    assert found.correlation_eigenvalues[0] < found.edge + 4 * 80 ** (-2 / 3) * np.sqrt(80 / n)
    assert found.n_significant <= 2
    common = noise + 0.001 * rng.standard_normal((n, 1))
    assert pca.fit(history_of(np.log(0.2) + CH2_GRID.unflatten(common.cumsum(axis=0)), CH2_GRID)).n_significant == 1


def test_scaling_vols_or_time_changes_no_share_and_no_shape() -> None:
    history = random_history(8)
    doubled = history_of(np.log(2 * history.iv), SMALL)
    a, b = pca.fit(history, 3), pca.fit(doubled, 3)
    np.testing.assert_allclose(a.vectors, b.vectors, atol=1e-9)
    np.testing.assert_allclose(a.explained, b.explained)
    np.testing.assert_allclose(a.factors, b.factors, atol=1e-9)
    backwards = pca.fit(history_of(history.log_iv[::-1], SMALL), 3)
    np.testing.assert_allclose(a.eigenvalues, backwards.eigenvalues)


def test_a_cell_that_never_moves_is_left_out_of_the_correlation_only() -> None:
    history = random_history(9)
    stale = history.log_iv.copy()
    stale[:, 0, 0] = np.log(0.2)
    found = pca.fit(history_of(stale, SMALL), 2)
    assert len(found.correlation_eigenvalues) == SMALL.size - 1
    assert len(found.eigenvalues) == SMALL.size and np.isfinite(found.factors).all()


def test_bootstrap_matches_a_longhand_resample_and_covers_the_truth() -> None:
    history = random_history(10, n=211)
    block, draws = 10, 3
    shares = pca.bootstrap_explained(history, 2, rng=np.random.default_rng(1), draws=draws, block=block)
    counts = np.random.default_rng(1).multinomial(21, np.full(21, 1 / 21), size=draws)
    changes = np.diff(SMALL.flatten(history.log_iv), axis=0)
    for share, count in zip(shares, counts, strict=True):
        rows = [changes[k * block : (k + 1) * block] for k, times in enumerate(count) for _ in range(times)]
        values = np.linalg.eigvalsh(np.cov(np.concatenate(rows).T))[::-1]
        np.testing.assert_allclose(share, values[:2] / values.sum(), rtol=1e-9)


def test_bootstrap_on_a_large_grid_agrees_with_the_whole_decomposition() -> None:
    grid = Grid(np.linspace(0.7, 1.3, 15), np.linspace(0.1, 1, 10))
    rng = np.random.default_rng(11)
    shapes = np.stack(list(pca.reference_shapes(grid).values()))
    steps = rng.standard_normal((400, 4)) * np.array([0.03, 0.01, 0.006, 0.004])
    flat = (steps @ shapes + 1e-5 * rng.standard_normal((400, grid.size))).cumsum(axis=0)
    history = history_of(np.log(0.2) + grid.unflatten(flat), grid)
    reduced = pca.bootstrap_explained(history, 4, rng=np.random.default_rng(2), draws=5)
    changes = np.diff(flat, axis=0)
    counts = np.random.default_rng(2).multinomial(19, np.full(19, 1 / 19), size=5)
    for share, count in zip(reduced, counts, strict=True):
        rows = np.concatenate([changes[k * 21 : (k + 1) * 21] for k, c in enumerate(count) for _ in range(c)])
        values = np.linalg.eigvalsh(np.cov(rows.T))[::-1]
        np.testing.assert_allclose(share, values[:4] / values.sum(), rtol=1e-5)


def test_bootstrap_is_seeded() -> None:
    history = random_history(12)
    draws = [pca.bootstrap_explained(history, 2, rng=np.random.default_rng(s), draws=20) for s in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_what_cannot_be_decomposed_is_said() -> None:
    history = random_history(13)
    with pytest.raises(MarketDataError, match=r"at least 3 days.*found 2"):
        pca.fit(history[:2])
    with pytest.raises(MarketDataError, match=r"between 1 and 6 components.*found 7"):
        pca.fit(history, 7)
    with pytest.raises(MarketDataError, match="same surface every day"):
        pca.fit(history_of(np.full((5, 3, 2), np.log(0.2)), SMALL))
    with pytest.raises(MarketDataError, match="two blocks of 21"):
        pca.bootstrap_explained(history[:30], 2, rng=np.random.default_rng(0))
    with pytest.raises(MarketDataError, match="between 1 and 2 factors; found 3"):
        pca.fit(history, 2).reconstruct(np.zeros(3))
