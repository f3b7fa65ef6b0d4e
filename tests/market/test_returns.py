"""Realised volatility against a loop."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MarketDataError
from engine.market.surface_history import realised_vol


@settings(deadline=None)
@given(st.lists(st.floats(-0.3, 0.3), min_size=21, max_size=60), st.integers(1, 21))
def test_realised_vol_is_the_loop(returns, window):
    expected = [
        math.sqrt(252 / window * sum(r * r for r in returns[k : k + window])) for k in range(len(returns) - window + 1)
    ]
    np.testing.assert_allclose(realised_vol(np.array(returns), window), expected, rtol=1e-12, atol=1e-300)


def test_realised_vol_of_constant_returns():
    assert realised_vol(np.full(21, 0.01)) == pytest.approx(0.01 * math.sqrt(252))


def test_too_few_returns_are_named():
    with pytest.raises(MarketDataError, match="at least 21 daily returns for realised volatility; found 20"):
        realised_vol(np.zeros(20))
