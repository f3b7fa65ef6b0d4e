"""Simulated paths against closed forms of the Ornstein–Uhlenbeck process and longhand surfaces."""

import math

import numpy as np
import pytest

from engine.errors import SettingsError
from engine.market.grid import CH2_GRID, DT
from engine.surfaces import arbitrage, factor_model
from engine.surfaces.factor_model import FactorModel, simulate

RNG = np.random.default_rng(5)
SHAPES = np.linalg.qr(RNG.standard_normal((CH2_GRID.size, 2)))[0].T.reshape(2, *CH2_GRID.shape)


def model(**changes: object) -> FactorModel:
    values: dict[str, object] = {
        "grid": CH2_GRID,
        "base": np.full(CH2_GRID.shape, 0.2),
        "shapes": SHAPES,
        "reversion": np.array([2.0, 5.0]),
        "mean": np.array([-0.4, 0.3]),
        "volatility": np.array([1.5, 0.8]),
        "correlation": np.array([-0.5, 0.3]),
        "start": np.array([0.6, -0.2]),
        "vol_share": 0.5,
        "driver": 1 / 12,
    }
    return FactorModel(**(values | changes))  # type: ignore[arg-type]


def test_factors_have_the_exact_mean_variance_and_autocovariance_of_the_process() -> None:
    n, days = 4_000, 30
    m = model()
    x = simulate(m, n, days, rng=np.random.default_rng(0), keep=n).factors  # (paths, days + 1, 2)
    for k in range(2):
        lam, alpha, gamma, x0 = m.reversion[k], m.mean[k], m.volatility[k], m.start[k]
        for day in (1, 10, 30):
            t = day * DT
            mean = alpha + (x0 - alpha) * math.exp(-lam * t)
            variance = gamma**2 * (1 - math.exp(-2 * lam * t)) / (2 * lam)
            assert abs(x[:, day, k].mean() - mean) < 4 * math.sqrt(variance / n)
            assert abs(x[:, day, k].var() / variance - 1) < 4 * math.sqrt(2 / n)
        early, late = x[:, 10, k] - x[:, 10, k].mean(), x[:, 30, k] - x[:, 30, k].mean()
        s, t = 10 * DT, 30 * DT
        covariance = gamma**2 / (2 * lam) * (math.exp(-lam * (t - s)) - math.exp(-lam * (t + s)))
        error = math.sqrt((early**2).mean() * (late**2).mean() / n)
        assert abs((early * late).mean() - covariance) < 5 * error


def test_spot_shocks_have_the_stated_correlation_with_each_factor() -> None:
    n = 4_000
    m = model()
    paths = simulate(m, n, 1, rng=np.random.default_rng(1), keep=n)
    returns = paths.log_spot[:, 1]
    for k in range(2):
        found = np.corrcoef(returns, paths.factors[:, 1, k])[0, 1]
        assert abs(found - m.correlation[k]) < 4 / math.sqrt(n)
    vol = m.vol_share * paths.driver_vol[0, 0]
    assert abs(returns.std() / (vol * math.sqrt(DT)) - 1) < 4 / math.sqrt(2 * n)
    assert abs(returns.mean() + vol**2 * DT / 2) < 4 * vol * math.sqrt(DT / n)


def test_penalties_are_those_of_the_surfaces_along_the_path() -> None:
    m = model(volatility=np.array([20.0, 20.0]))
    paths = simulate(m, 6, 5, rng=np.random.default_rng(2), keep=6)
    for i in range(6):
        total, broken = 0.0, 0
        for day in range(1, 6):
            surface = m.base * np.exp(sum(paths.factors[i, day, k] * SHAPES[k] for k in range(2)))
            phi = float(arbitrage.total_penalty(surface, CH2_GRID))
            total, broken = total + phi, broken + (phi > 0)
        assert paths.penalty[i] == pytest.approx(total, rel=1e-9)
        assert paths.broken[i, 0] == broken / 5
    assert paths.presence()["paths"]["total"] == np.mean(paths.penalty > 0)


def test_paths_do_not_depend_on_threads_and_kept_ones_are_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factor_model, "CHUNK_SURFACES", 40)
    two = simulate(model(), 33, 10, rng=np.random.default_rng(3), keep=9)
    monkeypatch.setattr(factor_model, "THREADS", 1)
    one = simulate(model(), 33, 10, rng=np.random.default_rng(3), keep=9)
    np.testing.assert_array_equal(one.penalty, two.penalty)
    np.testing.assert_array_equal(one.log_spot, two.log_spot)
    assert two.log_spot.shape == (9, 11) and two.factors.shape == (9, 11, 2) and len(two.penalty) == 33
    np.testing.assert_array_equal(two.log_spot[:, -1], two.final_return[:9])
    realised = np.sqrt((np.diff(two.log_spot, axis=1) ** 2).mean(axis=1) * 252)
    np.testing.assert_allclose(two.realised_vol[:9], realised, rtol=1e-12)


def test_without_noise_nothing_moves_from_the_mean() -> None:
    m = model(volatility=np.zeros(2), start=np.array([-0.4, 0.3]))
    paths = simulate(m, 2, 3, rng=np.random.default_rng(0))
    np.testing.assert_allclose(paths.factors, np.broadcast_to(m.mean, paths.factors.shape), rtol=1e-15)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"reversion": np.array([2.0, 0.0])}, "reversion > 0"),
        ({"correlation": np.array([0.9, 0.9])}, "at most 1"),
        ({"mean": np.array([0.1])}, "2 finite values of mean"),
        ({"base": np.ones((2, 2))}, "base and shapes"),
    ],
)
def test_parameters_out_of_range_are_one_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        model(**changes)
    with pytest.raises(SettingsError, match="at least one path"):
        simulate(model(), 0, rng=np.random.default_rng(0))
