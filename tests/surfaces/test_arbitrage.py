import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import exact_relative_call, normal_cdf, penalty_matrices, penalty_total, ssvi

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import CH2_GRID, VOLGAN_GRID, Grid
from engine.surfaces import arbitrage, black_scholes, kernels

FINE_GRID = Grid(np.linspace(0.5, 1.5, 60), np.linspace(0.02, 2.0, 20))
WIDE_GRID = Grid(np.geomspace(0.05, 20, 25), np.geomspace(1 / 252, 30, 12))
GRIDS = {"ch2": CH2_GRID, "volgan": VOLGAN_GRID, "fine": FINE_GRID, "wide": WIDE_GRID}
KINDS = ("calendar", "call_spread", "butterfly")


def rough_surfaces(grid, n, seed=0):
    """Surfaces full of arbitrage of every kind."""
    return np.random.default_rng(seed).uniform(0.05, 0.9, (n, *grid.shape))


def lit(penalty):
    """Which of the three matrices have any violation."""
    return tuple(kind for kind in KINDS if np.any(getattr(penalty, kind) > 0))


def surface_with_price(grid, i, j, price, iv=0.3):
    """A Black–Scholes surface of one vol, except that one point has another relative call price."""
    surface = np.full(grid.shape, iv)
    surface[i, j] = black_scholes.implied_vol(price, 1.0, grid.moneyness[i], grid.maturity[j])
    return surface


@pytest.mark.parametrize("grid", [CH2_GRID, VOLGAN_GRID], ids=["ch2", "volgan"])
@pytest.mark.parametrize("rate", [0.0, 0.05, -0.01])
def test_matrices_and_total_agree_with_longhand(grid, rate):
    surfaces = rough_surfaces(grid, 20)
    result = arbitrage.penalty(surfaces, grid, rate)
    for k, iv in enumerate(surfaces):
        for kind, expected in zip(KINDS, penalty_matrices(iv, grid.moneyness, grid.maturity, rate), strict=True):
            np.testing.assert_allclose(getattr(result, kind)[k], expected, rtol=0, atol=1e-12)
        assert result.total[k] == pytest.approx(penalty_total(iv, grid.moneyness, grid.maturity, rate), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_moneyness=st.integers(3, 19), n_maturity=st.integers(2, 19))
def test_any_grid_agrees_with_longhand(seed, n_moneyness, n_maturity):
    rng = np.random.default_rng(seed)
    grid = Grid(np.cumsum(rng.uniform(0.05, 0.3, n_moneyness)), np.cumsum(rng.uniform(0.02, 0.4, n_maturity)))
    iv = np.exp(rng.normal(-1.5, 0.5, grid.shape))
    result = arbitrage.penalty(iv, grid, 0.02)
    for kind, expected in zip(KINDS, penalty_matrices(iv, grid.moneyness, grid.maturity, 0.02), strict=True):
        np.testing.assert_allclose(getattr(result, kind), expected, rtol=0, atol=1e-12)
    assert result.total.shape == ()
    assert result.total == pytest.approx(penalty_total(iv, grid.moneyness, grid.maturity, 0.02), rel=1e-13, abs=1e-12)


def test_edges_without_neighbour_are_zero():
    result = arbitrage.penalty(rough_surfaces(CH2_GRID, 50), CH2_GRID)
    assert lit(result) == KINDS
    assert not result.calendar[..., -1].any()
    assert not result.call_spread[..., -1, :].any()
    assert not result.butterfly[..., [0, -1], :].any()


def test_total_is_the_sum_and_the_streamed_total_is_the_same():
    surfaces = rough_surfaces(VOLGAN_GRID, 300)
    result = arbitrage.penalty(surfaces, VOLGAN_GRID, 0.01)
    summed = sum(getattr(result, kind).sum(axis=(-2, -1)) for kind in KINDS)
    np.testing.assert_allclose(result.total, summed, rtol=1e-14)
    np.testing.assert_array_equal(result.total, arbitrage.total_penalty(surfaces, VOLGAN_GRID, 0.01))


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(GRIDS)), log_iv=st.floats(np.log(0.003), np.log(5)), rate=st.floats(0, 0.1))
def test_black_scholes_surfaces_have_exactly_no_arbitrage(name, log_iv, rate):
    grid = GRIDS[name]
    assert arbitrage.total_penalty(np.full(grid.shape, np.exp(log_iv)), grid, rate) == 0


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(GRIDS)),
    rho=st.floats(-0.95, 0.95),
    share=st.floats(0.05, 1.0),
    gamma=st.floats(0.01, 0.5),
    level=st.floats(0.001, 1.0),
    term=st.floats(0.1, 1.0),
    rate=st.floats(0, 0.1),
)
def test_ssvi_surfaces_within_their_bounds_have_exactly_no_arbitrage(name, rho, share, gamma, level, term, rate):
    grid = GRIDS[name]
    iv = ssvi(
        grid.moneyness,
        grid.maturity,
        atm_variance=lambda tau: level * tau**term,
        rho=rho,
        eta=share * 2 / (1 + abs(rho)),
        gamma=gamma,
        rate=rate,
    )
    assert arbitrage.total_penalty(iv, grid, rate) == 0


def test_prices_are_exact_to_a_quarter_of_the_tolerance():
    rng = np.random.default_rng(3)
    for grid in GRIDS.values():
        layout = kernels.layout(grid.moneyness, grid.maturity)
        forward, strike, price = np.empty(grid.size), np.empty(grid.size), np.empty(grid.size)
        iv = np.exp(rng.uniform(np.log(0.01), np.log(3), grid.size))
        rate = rng.uniform(-0.02, 0.08)
        kernels._carry(rate, layout, forward, strike)
        kernels._prices(iv, layout.root_maturity, forward, strike, price)
        for k in rng.choice(grid.size, 60, replace=False):
            exact = exact_relative_call(layout.moneyness[k], layout.maturity[k], iv[k], rate)
            assert abs(float(exact - price[k])) < kernels.PRICE_TOLERANCE / 4


def test_normal_cdf_is_exact_to_rounding_and_defined_everywhere():
    xs = np.concatenate([np.random.default_rng(0).uniform(-9.5, 9.5, 5000), [0.0, -9.0, 9.0, 1e308, -1e308]])
    errors = [abs(kernels.normal_cdf(x) - normal_cdf(x)) for x in xs]
    assert max(errors) < 3e-16
    assert kernels.normal_cdf(np.inf) == 1 and kernels.normal_cdf(-np.inf) < 1e-18
    assert kernels.normal_cdf(np.nan) < 1e-18


def test_a_falling_total_variance_is_calendar_arbitrage_only():
    iv = np.full(CH2_GRID.shape, 0.3)
    iv[:, -1] = 0.2
    result = arbitrage.penalty(iv, CH2_GRID)
    assert lit(result) == ("calendar",)
    assert not result.calendar[:, :-2].any() and (result.calendar[:, -2] > 0).all()


def test_a_last_strike_dearer_than_the_one_before_is_call_spread_arbitrage_only():
    tau = CH2_GRID.maturity[-1]
    dearer = black_scholes.relative_call(CH2_GRID.moneyness[-2], tau, 0.3) + 0.001
    result = arbitrage.penalty(surface_with_price(CH2_GRID, -1, -1, dearer), CH2_GRID)
    assert lit(result) == ("call_spread",)
    step = CH2_GRID.moneyness[-1] - CH2_GRID.moneyness[-2]
    assert result.call_spread[-2, -1] == pytest.approx(0.001 / step, abs=1e-12) == result.total


def test_a_bump_in_one_price_is_butterfly_arbitrage_only():
    i, tau = 5, CH2_GRID.maturity[-1]
    bumped = black_scholes.relative_call(CH2_GRID.moneyness[i], tau, 0.3) + 0.01
    result = arbitrage.penalty(surface_with_price(CH2_GRID, i, -1, bumped), CH2_GRID)
    assert lit(result) == ("butterfly",)
    assert np.argwhere(result.butterfly > 0).tolist() == [[i, 7]]


def test_violations_beyond_rounding_are_not_swallowed():
    tau = CH2_GRID.maturity[-1]
    price = black_scholes.relative_call(CH2_GRID.moneyness[-2], tau, 0.3)
    for size in (1e-13, 1e-11, 1e-9):
        iv = surface_with_price(CH2_GRID, -1, -1, price + size)
        step = CH2_GRID.moneyness[-1] - CH2_GRID.moneyness[-2]
        assert arbitrage.total_penalty(iv, CH2_GRID) == pytest.approx(size / step, abs=1e-13)


def test_noise_on_an_arbitrage_free_surface_adds_penalty_with_its_size():
    clean = ssvi(CH2_GRID.moneyness, CH2_GRID.maturity, atm_variance=lambda t: 0.04 * t, rho=-0.7, eta=1.1, gamma=0.4)
    noise = np.random.default_rng(0).standard_normal((500, *CH2_GRID.shape))
    means = [arbitrage.total_penalty(clean + size * noise, CH2_GRID).mean() for size in (0, 0.003, 0.01, 0.03)]
    assert means[0] == 0 and (np.diff(means) > 0).all()


def test_any_leading_axes_rates_by_surface_and_memory_layout():
    surfaces = rough_surfaces(CH2_GRID, 12).reshape(3, 4, *CH2_GRID.shape)
    rates = np.array([0.0, 0.03, -0.01])[:, None]
    result = arbitrage.penalty(surfaces, CH2_GRID, rates)
    assert result.calendar.shape == surfaces.shape and result.total.shape == (3, 4)
    for k, rate in enumerate(rates[:, 0]):
        np.testing.assert_array_equal(result.total[k], arbitrage.total_penalty(surfaces[k], CH2_GRID, rate))
    strided = np.moveaxis(np.ascontiguousarray(np.moveaxis(surfaces, 0, -1)), -1, 0)
    np.testing.assert_array_equal(arbitrage.total_penalty(strided, CH2_GRID, rates), result.total)
    np.testing.assert_array_equal(arbitrage.total_penalty(surfaces.tolist(), CH2_GRID, rates), result.total)
    assert arbitrage.total_penalty(surfaces[:0], CH2_GRID).shape == (0, 4)
    assert arbitrage.penalty(surfaces[:0], CH2_GRID).butterfly.shape == (0, 4, *CH2_GRID.shape)


def test_single_precision_input_is_priced_in_double():
    surfaces = rough_surfaces(CH2_GRID, 40).astype(np.float32)
    total = arbitrage.total_penalty(surfaces, CH2_GRID)
    assert total.dtype == np.float64
    np.testing.assert_array_equal(total, arbitrage.total_penalty(surfaces.astype(np.float64), CH2_GRID))


def test_no_split_into_chunks_changes_a_bit(monkeypatch):
    surfaces = rough_surfaces(VOLGAN_GRID, 500)
    rates = np.random.default_rng(1).uniform(0, 0.05, 500)
    expected = arbitrage.penalty(surfaces, VOLGAN_GRID, rates)
    for cells in (1, 99, 1000, 9999):
        monkeypatch.setattr(arbitrage, "CHUNK_CELLS", cells)
        result = arbitrage.penalty(surfaces, VOLGAN_GRID, rates)
        for name in (*KINDS, "total"):
            np.testing.assert_array_equal(getattr(result, name), getattr(expected, name))


def test_calls_from_several_threads_agree(monkeypatch):
    monkeypatch.setattr(arbitrage, "CHUNK_CELLS", 800)
    inputs = [rough_surfaces(CH2_GRID, 200, seed) for seed in range(12)]
    expected = [arbitrage.total_penalty(iv, CH2_GRID) for iv in inputs]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda iv: arbitrage.total_penalty(iv, CH2_GRID), inputs))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -0.2])
def test_vols_that_are_not_finite_and_positive_are_named(value, monkeypatch):
    monkeypatch.setattr(arbitrage, "CHUNK_CELLS", 160)
    surfaces = np.full((3, 5, *CH2_GRID.shape), 0.2)
    surfaces[1, 2, 9, 0] = value
    for function in (arbitrage.penalty, arbitrage.total_penalty):
        with pytest.raises(
            MarketDataError, match=r"vols that are finite and > 0; found .* at 140 %, 1M of surface \(1"
        ):
            function(surfaces, CH2_GRID)
    with pytest.raises(MarketDataError, match=r"at 140 %, 1M$"):
        arbitrage.total_penalty(surfaces[1, 2], CH2_GRID)


def test_shapes_and_rates_are_checked():
    with pytest.raises(MarketDataError, match=r"surfaces of shape \(..., 10, 8\); found \(8, 10\)"):
        arbitrage.penalty(np.full((8, 10), 0.2), CH2_GRID)
    with pytest.raises(MarketDataError, match="rates that broadcast"):
        arbitrage.total_penalty(np.full((4, 10, 8), 0.2), CH2_GRID, np.zeros(3))
    with pytest.raises(MarketDataError, match="finite rates"):
        arbitrage.total_penalty(np.full((4, 10, 8), 0.2), CH2_GRID, np.nan)


def test_extreme_vols_and_a_strike_at_the_forward_give_numbers():
    for iv in (1e-300, 1e-12, 50.0, 1e300):
        assert np.isfinite(arbitrage.total_penalty(np.full(VOLGAN_GRID.shape, iv), VOLGAN_GRID))


def test_worst_cells_are_named_in_market_words():
    def words(kind, i, j):
        matrix = np.zeros(VOLGAN_GRID.shape)
        matrix[i, j] = 0.25
        return arbitrage.worst_cell(matrix, VOLGAN_GRID, kind)

    spread = words("call_spread", 9, 8)
    assert spread.description == "the 1.3–1.4 call spread at 1Y"
    assert (spread.moneyness, spread.maturity, spread.value, spread.index) == ((1.3, 1.4), (1.0, 1.0), 0.25, (9, 8))
    butterfly = words("butterfly", 3, 5)
    assert butterfly.description == "the butterfly at 90 % strike, 3M"
    assert butterfly.moneyness == (0.8, 0.95)
    calendar = words("calendar", 7, 3)
    assert calendar.description == "the 1M–2M calendar at 110 %"
    assert calendar.maturity == (1 / 12, 1 / 6) and calendar.moneyness == (1.1, 1.1)
    nothing = arbitrage.worst_cell(np.zeros(VOLGAN_GRID.shape), VOLGAN_GRID, "call_spread")
    assert (nothing.value, nothing.description) == (0.0, "no call-spread arbitrage")
    with pytest.raises(MarketDataError, match="penalty matrix of shape"):
        arbitrage.worst_cell(np.zeros((8, 10)), CH2_GRID, "calendar")
    with pytest.raises(SettingsError, match="calendar, call_spread or butterfly"):
        arbitrage.worst_cell(np.zeros(CH2_GRID.shape), CH2_GRID, "condor")


def test_cube_penalties():
    totals = np.array([[0.0, 0.2, 0.1], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(arbitrage.aggregate_cube(totals), [0.3, 1.0])
    np.testing.assert_allclose(arbitrage.aggregate_cube(totals, how="max"), [0.2, 1.0])
    with pytest.raises(SettingsError, match="sum or max"):
        arbitrage.aggregate_cube(totals, how="mean")


def test_pages_can_ask_for_penalties_without_torch():
    code = (
        "import sys; from engine.surfaces import arbitrage; slow = {'torch', 'numba', 'sklearn', 'statsmodels'};"
        "assert not slow & set(sys.modules); arbitrage.warm_up(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.market_data
def test_vendor_surfaces_are_free_of_arbitrage(market_data):
    pd = pytest.importorskip("pandas")
    frame = pd.read_csv(market_data / "spx_surfaces_2006_2009.csv")
    columns = [name for name in frame.columns if name.startswith("iv_")]
    keys = [(float(name.split("_")[2]), int(name.split("_")[1][:-1])) for name in columns]
    grid = Grid(sorted({m for m, _ in keys}), np.array(sorted({days for _, days in keys})) / 365)
    order = [columns[keys.index(key)] for key in sorted(keys)]
    surfaces = grid.unflatten(frame[order].to_numpy())
    assert len(surfaces) == 847
    assert not arbitrage.total_penalty(surfaces, grid).any()
