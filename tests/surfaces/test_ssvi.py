"""SSVI: the formula longhand, no static arbitrage anywhere inside its bounds, and fits that recover the truth."""

import math

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MarketDataError
from engine.market.grid import CH2_GRID, VOLGAN_GRID, Grid
from engine.surfaces import arbitrage, ssvi

TAU = CH2_GRID.maturity
TRUE = ssvi.SSVI(-0.7, 1.1, 0.45, TAU, 0.04 * TAU * (1 + 0.1 * TAU))


def scattered(model: ssvi.SSVI, rng: np.random.Generator, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    tau = rng.choice(TAU, n)
    k = rng.uniform(-0.4, 0.25, n)
    return k, tau, np.sqrt(model.total_variance(k, tau) / tau)


def test_total_variance_longhand() -> None:
    for k in (-0.3, 0.0, 0.2):
        theta = float(TRUE.at_the_money(0.25))
        phi = 1.1 * theta**-0.45 * (1 + theta) ** (0.45 - 1)
        expected = theta / 2 * (1 - 0.7 * phi * k + math.sqrt((phi * k - 0.7) ** 2 + 1 - 0.49))
        assert float(TRUE.total_variance(k, 0.25)) == pytest.approx(expected, rel=1e-14)


def test_the_surface_equals_the_independent_reference() -> None:
    surface = TRUE.surface(CH2_GRID, 0.02)
    reference = oracles.ssvi(
        CH2_GRID.moneyness,
        TAU,
        atm_variance=lambda t: 0.04 * t * (1 + 0.1 * t),
        rho=-0.7,
        eta=1.1,
        gamma=0.45,
        rate=0.02,
    )
    assert surface == pytest.approx(reference, rel=1e-12)


def test_at_the_money_it_is_theta() -> None:
    assert TRUE.total_variance(0.0, TAU) == pytest.approx(TRUE.variance, rel=1e-14)
    # linear between knots, through zero before the first, at its average rate after the last
    assert float(TRUE.at_the_money(TAU[0] / 2)) == pytest.approx(TRUE.variance[0] / 2)
    assert float(TRUE.at_the_money(2 * TAU[-1])) == pytest.approx(2 * TRUE.variance[-1])


@settings(max_examples=60, deadline=None)
@given(
    rho=st.floats(-0.99, 0.99),
    gamma=st.floats(0.01, 0.5),
    wing=st.floats(0.01, 1.0),
    first=st.floats(1e-4, 0.1),
    rises=st.lists(st.floats(0, 0.2), min_size=3, max_size=3),
    rate=st.floats(0, 0.1),
)
def test_inside_the_bounds_there_is_no_arbitrage(
    rho: float, gamma: float, wing: float, first: float, rises: list[float], rate: float
) -> None:
    knots = np.array([1 / 52, 0.25, 0.5, 1.0])
    model = ssvi.SSVI(rho, 2 * wing / (1 + abs(rho)), gamma, knots, np.cumsum([first, *rises]))
    for grid in (CH2_GRID, VOLGAN_GRID):
        assert arbitrage.total_penalty(model.surface(grid, rate), grid, rate) == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_a_fit_recovers_exact_vols(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rho, wing, gamma = rng.uniform(-0.9, 0.5), rng.uniform(0.2, 0.95), rng.uniform(0.1, 0.5)
    theta = np.cumsum(rng.uniform(0.001, 0.02, len(TAU)))
    truth = ssvi.SSVI(rho, 2 * wing / (1 + abs(rho)), gamma, TAU, theta)
    found = ssvi.fit(*scattered(truth, rng), rng.uniform(0.1, 1, 400))
    assert found.rho == pytest.approx(rho, abs=1e-5)
    assert found.eta == pytest.approx(truth.eta, rel=1e-4)
    assert found.gamma == pytest.approx(gamma, abs=1e-4)
    assert found.variance == pytest.approx(theta, rel=1e-5)


def test_noise_is_averaged_out() -> None:
    rng = np.random.default_rng(5)
    k, tau, iv = scattered(TRUE, rng, 4000)
    found = ssvi.fit(k, tau, iv + rng.normal(0, 0.005, 4000))
    grid = Grid(np.linspace(0.8, 1.2, 9), TAU)
    error = found.surface(grid) - TRUE.surface(grid)
    # 11 unknowns from 4,000 vols: the error's size is sd·√(11/4000), 0.026 vol points
    assert np.sqrt((error**2).mean()) < 3 * 0.005 * math.sqrt(11 / 4000)


def test_falling_variances_are_fitted_by_level_ones() -> None:
    rng = np.random.default_rng(6)
    tau = np.repeat([0.25, 0.5, 1.0], 60)
    k = np.tile(np.linspace(-0.3, 0.2, 60), 3)
    iv = np.select([tau == 0.25, tau == 0.5], [0.4, 0.2], 0.2) + rng.normal(0, 0.001, 180)
    found = ssvi.fit(k, tau, iv)
    assert (np.diff(found.variance) >= 0).all()
    grid = Grid(np.linspace(0.6, 1.4, 10), [0.25, 0.5, 1.0])
    assert arbitrage.total_penalty(found.surface(grid), grid) == 0.0


def test_the_weights_decide() -> None:
    k = np.tile(np.linspace(-0.3, 0.2, 20), 4)
    tau = np.repeat([0.25, 0.25, 1.0, 1.0], 20)
    iv = np.repeat([0.2, 0.3, 0.2, 0.3], 20)
    heavy = np.repeat([1.0, 1e-9, 1.0, 1e-9], 20)
    found = ssvi.fit(k, tau, iv, heavy)
    assert np.sqrt(found.variance / found.maturity) == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rho": 1.0}, "rho in"),
        ({"gamma": 0.6}, "gamma in"),
        ({"eta": 0.0}, "eta > 0"),
        ({"eta": 1.9}, r"eta \(1 \+ \|rho\|\) <= 2"),
        ({"variance": [0.02, 0.01]}, "never fall"),
        ({"maturity": [0.5, 0.5]}, "increasing maturities"),
        ({"variance": [0.02]}, "one variance a maturity"),
    ],
)
def test_parameters_outside_the_bounds_are_refused(change: dict[str, object], words: str) -> None:
    good = {"rho": -0.5, "eta": 1.0, "gamma": 0.4, "maturity": [0.25, 0.5], "variance": [0.01, 0.02]} | change
    with pytest.raises(MarketDataError, match=words):
        ssvi.SSVI(**good)  # type: ignore[arg-type]


def test_bad_data_are_refused() -> None:
    k, tau, iv = (np.array(x) for x in ([-0.1, 0.0, 0.1, 0.2, 0.0, 0.1], [0.1] * 4 + [0.2] * 2, [0.2] * 6))
    assert ssvi.fit(k, tau, iv).variance == pytest.approx([0.004, 0.008], rel=1e-3)
    with pytest.raises(MarketDataError, match="at least 5 vols"):
        ssvi.fit(k[2:], tau[2:], iv[2:])
    with pytest.raises(MarketDataError, match="vols > 0"):
        ssvi.fit(k, tau, np.zeros(6))
    with pytest.raises(MarketDataError, match="one length"):
        ssvi.fit(k, tau, iv[:-1])
    with pytest.raises(MarketDataError, match="not all zero"):
        ssvi.fit(k, tau, iv, np.zeros(6))
