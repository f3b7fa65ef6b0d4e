"""Decompositions, money and experiments against longhand loops and closed forms."""

import numpy as np
import pytest

from engine.errors import SettingsError
from engine.market.grid import CH2_GRID, Grid
from engine.surfaces import arbitrage, arbitrage_report, black_scholes
from engine.surfaces.arbitrage_report import KINDS

FLAT = np.full(CH2_GRID.shape, 0.2)


def rough(n: int, sd: float = 0.02, grid: Grid = CH2_GRID) -> np.ndarray:
    return np.abs(0.2 + sd * np.random.default_rng(3).standard_normal((n, *grid.shape)))


def test_a_decomposition_is_the_sum_of_its_matrices_whatever_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    iv = rough(25)
    whole = arbitrage_report.decompose(iv, CH2_GRID, 0.02)
    monkeypatch.setattr(arbitrage_report, "CHUNK", 7)
    chunked = arbitrage_report.decompose(iv, CH2_GRID, 0.02)
    np.testing.assert_array_equal(whole.by_kind, chunked.by_kind)
    for k, kind in enumerate(KINDS):
        matrices = getattr(arbitrage.penalty(iv, CH2_GRID, 0.02), kind)
        np.testing.assert_allclose(whole.by_kind[:, k], [m.sum() for m in matrices], rtol=1e-13)
        np.testing.assert_allclose(whole.mean[kind], matrices.mean(axis=0), rtol=1e-12, atol=1e-18)
    np.testing.assert_allclose(whole.total, whole.by_kind.sum(axis=1), rtol=1e-12)


def test_quantiles_and_free_shares_are_those_of_the_days() -> None:
    found = arbitrage_report.decompose(np.concatenate([rough(10), np.broadcast_to(FLAT, (30, *FLAT.shape))]), CH2_GRID)
    table = found.quantile_table()
    assert list(table.columns) == ["50%", "90%", "95%", "99%"] and list(table.index) == ["total", *KINDS]
    assert table.loc["total", "95%"] == np.quantile(found.total, 0.95)
    assert found.free_share()["total"] == 0.75
    assert found.free_share()["butterfly"] == np.mean(found.by_kind[:, 2] == 0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_credit_is_the_cash_of_the_trade(kind: arbitrage.Kind) -> None:
    grid, spot = CH2_GRID, 4000.0
    iv = rough(1, sd=0.05)[0]
    matrix = getattr(arbitrage.penalty(iv, grid), kind)
    cell = arbitrage.worst_cell(matrix, grid, kind)
    assert cell.value > 0
    i, j = cell.index
    m, tau = grid.moneyness, grid.maturity
    call = black_scholes.price(spot, spot * m[:, None], tau[None, :], iv)
    if kind == "calendar":
        cash = call[i, j] - call[i, j + 1]
    elif kind == "call_spread":
        cash = call[i + 1, j] - call[i, j]
    else:
        below, above = m[i] - m[i - 1], m[i + 1] - m[i]
        low, high = above / (below + above), below / (below + above)  # wings that leave no payoff below zero
        cash = call[i, j] - low * call[i - 1, j] - high * call[i + 1, j]
    assert arbitrage_report.credit(cell, grid, spot, lots=7) == pytest.approx(cash * 100 * 7, rel=1e-9)


def test_noise_of_zero_leaves_an_arbitrage_free_surface_so_and_more_noise_breaks_more() -> None:
    rng = np.random.default_rng(0)
    shares = [
        arbitrage_report.noise_experiment(FLAT, CH2_GRID, draws=400, sd=sd, rng=rng).free_share()["total"]
        for sd in (0.0, 0.004, 0.02)
    ]
    assert shares[0] == 1.0 and shares[0] > shares[1] > shares[2]


def test_noise_is_reproducible_and_needs_draws() -> None:
    a, b = (arbitrage_report.noise_experiment(FLAT, CH2_GRID, draws=50, rng=np.random.default_rng(1)) for _ in "ab")
    np.testing.assert_array_equal(a.total, b.total)
    with pytest.raises(SettingsError, match="at least one draw"):
        arbitrage_report.noise_experiment(FLAT, CH2_GRID, draws=0, rng=np.random.default_rng(1))


def test_a_shifted_flat_surface_stays_flat_and_so_free() -> None:
    shifts, found = arbitrage_report.shift_experiment(FLAT, CH2_GRID, highest=0.5, steps=30)
    assert shifts[0] == pytest.approx(-0.199) and shifts[-1] == 0.5
    assert (found.total == 0).all()


def test_a_shift_equals_the_penalty_of_the_shifted_surface() -> None:
    iv = rough(1)[0]
    shifts, found = arbitrage_report.shift_experiment(iv, CH2_GRID, highest=0.3, steps=5, rate=0.01)
    for shift, total in zip(shifts, found.total, strict=True):
        assert total == pytest.approx(float(arbitrage.total_penalty(iv + shift, CH2_GRID, 0.01)), rel=1e-12)
    with pytest.raises(SettingsError, match="above"):
        arbitrage_report.shift_experiment(iv, CH2_GRID, highest=-1.0)
