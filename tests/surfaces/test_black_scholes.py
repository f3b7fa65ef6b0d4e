import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import exact_relative_call

from engine.errors import MarketDataError
from engine.surfaces import black_scholes as bs

STRIKES = np.array([60.0, 85.0, 99.0, 100.0, 101.0, 130.0])[:, None, None]
MATURITIES = np.array([1 / 252, 1 / 12, 1.0, 5.0])[:, None]
VOLS = np.array([0.08, 0.2, 0.6])
RATE = 0.03


def chain(is_call=True):
    return 100.0, STRIKES, MATURITIES, VOLS, RATE, is_call


def test_relative_call_agrees_with_forty_digits():
    rng = np.random.default_rng(0)
    for _ in range(300):
        m, tau, iv, rate = rng.uniform(0.3, 3), rng.uniform(0.003, 5), rng.uniform(0.02, 2), rng.uniform(-0.02, 0.1)
        assert abs(float(exact_relative_call(m, tau, iv, rate)) - bs.relative_call(m, tau, iv, rate)) < 1e-14


def test_call_minus_put_is_the_forward():
    forward = 100.0 - STRIKES * np.exp(-RATE * MATURITIES) + 0 * VOLS
    np.testing.assert_allclose(bs.price(*chain(True)) - bs.price(*chain(False)), forward, atol=1e-12)


def test_price_is_homogeneous_in_spot_and_strike():
    large = bs.price(700.0, 7 * STRIKES, MATURITIES, VOLS, RATE)
    np.testing.assert_allclose(large, 7 * bs.price(*chain()), rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(bs.relative_call(STRIKES / 100, MATURITIES, VOLS, RATE), bs.price(*chain()) / 100)


@pytest.mark.parametrize("is_call", [True, False])
def test_greeks_are_derivatives(is_call):
    torch = pytest.importorskip("torch")
    spot = torch.full(np.broadcast_shapes(STRIKES.shape, MATURITIES.shape, VOLS.shape), 100.0, dtype=torch.float64)
    iv = torch.tensor(VOLS).expand(spot.shape).clone()
    spot.requires_grad_(), iv.requires_grad_()
    strike, tau = torch.tensor(STRIKES), torch.tensor(MATURITIES)
    spread = iv * tau.sqrt()
    d1 = (torch.log(spot / strike) + tau * (RATE + iv**2 / 2)) / spread
    w = 1.0 if is_call else -1.0
    cdf = torch.special.ndtr
    value = w * (spot * cdf(w * d1) - strike * torch.exp(-RATE * tau) * cdf(w * (d1 - spread)))
    delta, vega = torch.autograd.grad(value.sum(), (spot, iv), create_graph=True)
    (gamma,) = torch.autograd.grad(delta.sum(), spot)
    np.testing.assert_allclose(bs.price(*chain(is_call)), value.detach(), atol=1e-11)
    np.testing.assert_allclose(bs.delta(*chain(is_call)), delta.detach(), atol=1e-11)
    np.testing.assert_allclose(bs.gamma(*chain(is_call)), gamma, atol=1e-11)
    np.testing.assert_allclose(bs.vega(*chain(is_call)), vega.detach(), atol=1e-9)


def test_put_and_call_delta_differ_by_one():
    np.testing.assert_allclose(bs.delta(*chain(True)) - bs.delta(*chain(False)), 1.0, rtol=1e-14)


def test_no_time_or_no_vol_is_the_intrinsic_value():
    strikes = np.array([90.0, 100.0, 110.0])
    for tau, iv in ((0.0, 0.2), (0.5, 0.0), (0.0, 0.0), (1e-300, 1e-200)):
        np.testing.assert_allclose(bs.price(100, strikes, tau, iv), [10, 0, 0], atol=1e-12)
        np.testing.assert_allclose(bs.price(100, strikes, tau, iv, 0.0, False), [0, 0, 10], atol=1e-12)
        np.testing.assert_array_equal(bs.delta(100, strikes, tau, iv), [1, 0.5, 0])
        np.testing.assert_array_equal(bs.delta(100, strikes, tau, iv, 0.0, False), [0, -0.5, -1])
    np.testing.assert_array_equal(bs.gamma(100, strikes, 0.0, 0.2), 0)
    np.testing.assert_array_equal(bs.vega(100, strikes, 0.5, 0.0), 0)
    assert bs.price(100, 100, 0.5, 0.0, 0.1) == pytest.approx(100 - 100 * np.exp(-0.05))


def test_short_maturities_approach_intrinsic():
    prices = bs.price(100.0, np.array([95.0, 105.0]), np.geomspace(1e-2, 1e-12, 6)[:, None], 0.2)
    assert np.all(np.diff(prices, axis=0) <= 0)
    np.testing.assert_allclose(prices[-1], [5, 0], atol=1e-12)


def test_infinite_vol_reaches_the_bounds():
    assert bs.price(100, 90, 1.0, 1e3) == 100.0
    assert bs.price(100, 90, 1.0, 1e3, 0.05, False) == pytest.approx(90 * np.exp(-0.05))


def test_nan_passes_through_and_arguments_out_of_range_do_not():
    assert np.isnan(bs.price(100, 100, 1.0, np.nan))
    with pytest.raises(MarketDataError, match=r"strike > 0; found -5 at index \(1,\)"):
        bs.price(100, [100, -5], 1.0, 0.2)
    with pytest.raises(MarketDataError, match="maturity >= 0"):
        bs.delta(100, 100, -1.0, 0.2)
    with pytest.raises(MarketDataError, match="iv >= 0"):
        bs.vega(100, 100, 1.0, -0.2)
    with pytest.raises(MarketDataError, match="maturity > 0"):
        bs.implied_vol(10, 100, 100, 0.0)


@settings(max_examples=300, deadline=None)
@given(
    log_m=st.floats(-0.7, 0.7),
    tau=st.sampled_from([1 / 252, 1 / 52, 1 / 12, 0.5, 2.0]),
    iv=st.floats(0.02, 2.5),
    rate=st.floats(-0.02, 0.1),
    is_call=st.booleans(),
)
def test_implied_vol_inverts_price(log_m, tau, iv, rate, is_call):
    strike = 100 * np.exp(log_m)
    value = bs.price(100, strike, tau, iv, rate, is_call)
    back = bs.implied_vol(value, 100, strike, tau, rate, is_call)
    vega = bs.vega(100, strike, tau, iv, rate)
    # a price is rounded to about 1e-14 of spot plus strike: that much vol nobody can recover
    if vega > 1e-3:
        assert abs(back - iv) < 1e-10 + 3e-14 * (100 + strike) / vega
        assert bs.price(100, strike, tau, back, rate, is_call) == pytest.approx(value, abs=1e-11)


def test_put_and_call_of_one_strike_imply_one_vol():
    calls = bs.implied_vol(bs.price(*chain(True)), 100.0, STRIKES, MATURITIES, RATE, True)
    puts = bs.implied_vol(bs.price(*chain(False)), 100.0, STRIKES, MATURITIES, RATE, False)
    sound = bs.vega(*chain()) > 1e-2
    np.testing.assert_allclose(calls[sound], puts[sound], atol=1e-9)


def test_prices_outside_their_bounds_have_no_vol_and_are_counted():
    intrinsic = 100 - 80 * np.exp(-RATE)
    prices = np.array([intrinsic - 0.01, intrinsic, intrinsic + 1, 100.0, 101.0, np.nan, -1.0])
    calls = bs.invert_prices(prices, 100.0, 80.0, 1.0, RATE, True)
    np.testing.assert_array_equal(calls.below, [True, False, False, False, False, False, True])
    np.testing.assert_array_equal(calls.above, [False, False, False, True, True, False, False])
    np.testing.assert_array_equal(np.isnan(calls.iv), [True, False, False, True, True, True, True])
    assert calls.iv[1] == 0
    assert (calls.n_below, calls.n_above) == (2, 2)
    puts = bs.invert_prices([-1e-9, 0.0, 1.0, 80 * np.exp(-RATE)], 100.0, 80.0, 1.0, RATE, False)
    assert (puts.n_below, puts.n_above) == (1, 1)
    assert puts.iv[1] == 0 and puts.iv[2] > 0


def test_no_price_at_all_is_fine():
    assert bs.implied_vol([], 100.0, [], 1.0).shape == (0,)


@pytest.mark.market_data
def test_out_of_the_money_quotes_of_one_close_imply_the_vendors_vols(market_data):
    pd = pytest.importorskip("pandas")
    quotes = pd.read_csv(market_data / "spx_quotes_2019-05-17.csv")
    days = (pd.to_datetime(quotes["expiration"]) - pd.to_datetime(quotes["quote_date"])).dt.days
    is_call = (quotes["type"] == "C").to_numpy()
    moneyness = (quotes["strike"] / quotes["spot"]).to_numpy()
    chosen = ((moneyness >= 1) == is_call) & (quotes["bid"] > 0).to_numpy() & days.between(20, 200).to_numpy()
    chosen &= (abs(moneyness - 1) < 0.15) & (quotes["iv"] > 0).to_numpy()
    rows = quotes[chosen]
    iv = bs.implied_vol(
        (rows["bid"] + rows["ask"]) / 2, rows["spot"], rows["strike"], days[chosen] / 365, 0.024, is_call[chosen]
    )
    assert len(rows) > 1000 and np.isfinite(iv).all()
    # the vendor's rate, dividends and moment of spot are not ours: a parallel difference below half a vol point
    assert abs(np.median(iv - rows["iv"])) < 0.005
