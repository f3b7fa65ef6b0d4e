"""Chains made from a known surface: parity holds up to the spread, and the surface comes back."""

import numpy as np
import pytest

from engine.errors import MarketDataError
from engine.market.grid import VOLGAN_GRID, Grid
from engine.models.simulated.market import built_in
from engine.surfaces import parity, quote_cleaning, smoothing, synthetic_quotes, vix
from engine.surfaces.ssvi import SSVI

DATE = np.datetime64("2020-03-04")  # a Wednesday
TAU = VOLGAN_GRID.maturity
TRUE = SSVI(-0.7, 1.1, 0.45, TAU, 0.04 * TAU).surface(VOLGAN_GRID)


def made(seed: int = 0, noise: float = 0.5, spot: float = 3000.0):
    rng = np.random.default_rng(seed)
    return synthetic_quotes.chain(TRUE, VOLGAN_GRID, spot=spot, rate=0.02, date=DATE, rng=rng, noise=noise)


def test_expiries_are_fridays_without_gap_and_months() -> None:
    days = synthetic_quotes.expiries(DATE)
    assert days == sorted(set(days))
    weekdays = [(np.datetime64(day, "D").astype(int) + 3) % 7 for day in days]
    assert set(weekdays) == {4}
    assert days[0] == np.datetime64("2020-03-06")
    assert np.datetime64("2021-03-19") in days
    assert np.datetime64("2020-03-06") not in synthetic_quotes.expiries(np.datetime64("2020-03-06"))


def test_quotes_are_well_formed_and_leave_something_to_clean() -> None:
    table = made().table
    assert (table["bid"] >= 0).all() and (table["ask"] > table["bid"]).all()
    assert np.allclose((table["bid"] / 0.05).round(), table["bid"] / 0.05)
    clean = quote_cleaning.clean(made())
    assert set(quote_cleaning.drop_counts(clean.dropped).index) == {"zero_bid", "untraded"}
    assert 500 < len(clean.table) < len(table) < 6000


def test_the_seed_decides() -> None:
    assert made(1).digest == made(1).digest != made(2).digest


def test_the_rate_comes_back() -> None:
    clean = quote_cleaning.clean(made())
    found = parity.parity_rates(clean.table, clean.spot)
    assert found.day == pytest.approx(0.02, abs=0.001)
    exact = quote_cleaning.clean(made(noise=0.0))
    long = parity.parity_rates(exact.table, exact.spot).by_expiry
    assert long.loc[long["maturity"] > 0.25, "rate"].to_numpy() == pytest.approx(0.02, abs=2e-4)


@pytest.mark.parametrize("spot", [3.0e1, 3.0e3, 1.2e5])
def test_any_price_level_gives_a_chain(spot: float) -> None:
    assert len(made(spot=spot)) > 500


def test_the_surface_comes_back_where_there_are_quotes() -> None:
    found = smoothing.surface_from_quotes(made(), VOLGAN_GRID, method="ssvi", keep_untraded=False)
    error = 100 * (found.iv - TRUE)[~found.extrapolated]
    assert np.abs(error).mean() < 0.2
    assert np.abs(error).max() < 1.0
    joined = smoothing.surface_from_quotes(made(noise=0.0), VOLGAN_GRID, method="interpolation", keep_untraded=True)
    assert np.abs(100 * (joined.iv - TRUE)[~joined.extrapolated]).mean() < 0.2
    assert found.fit.share_inside > 0.5


def test_vix_of_the_quotes_is_near_that_of_the_surface() -> None:
    found = vix.from_quotes(made())
    assert found.value == pytest.approx(float(vix.from_surface(TRUE, VOLGAN_GRID, 0.02)), abs=0.6)


def test_a_day_of_the_built_in_market() -> None:
    history = built_in("simulated-11x9").history
    quotes = synthetic_quotes.from_history(history, -1)
    assert quotes.period[0] == str(history.dates[-1])
    assert quotes.digest == synthetic_quotes.from_history(history, -1).digest
    found = smoothing.surface_from_quotes(quotes, history.grid)
    assert found.spot == pytest.approx(history.spot[-1])
    near = ~found.extrapolated & (np.abs(history.grid.moneyness[:, None] - 1) < 0.12)
    assert np.abs(100 * (found.iv - history.iv[-1])[near]).mean() < 1.0


def test_bad_input_is_refused() -> None:
    with pytest.raises(MarketDataError, match="surface of shape"):
        synthetic_quotes.chain(
            TRUE, Grid([0.9, 1, 1.1], [0.1, 0.2]), spot=1.0, rate=0.0, date=DATE, rng=np.random.default_rng(0)
        )
    with pytest.raises(MarketDataError, match="noise of 0 to 1"):
        made(noise=2.0)
