"""One-month realised volatility (SPEC 0)."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from engine.errors import MarketDataError

TRADING_DAYS = 252
"""Trading days in a year."""

REALISED_WINDOW = 21
"""Trading days in the one-month realised volatility (3.3)."""


def realised_vol(log_return: NDArray[np.float64], window: int = REALISED_WINDOW) -> NDArray[np.float64]:
    """Annualised realised volatility, γ = sqrt(252/w · Σ R²) over the last w returns (3.3).

    Args:
        log_return: ``(n,)`` daily log-returns.
        window: w, number of returns.

    Returns:
        ``(n - window + 1,)``; element k uses returns k … k+w−1, so it is known when return k+w−1 has ended.

    Raises:
        MarketDataError: if there are fewer than ``window`` returns.
    """
    if len(log_return) < window:
        raise MarketDataError(
            f"expected at least {window} daily returns for realised volatility; found {len(log_return)}"
        )
    squares = sliding_window_view(log_return**2, window)  # (n - window + 1, window)
    vol: NDArray[np.float64] = np.sqrt(TRADING_DAYS / window * squares.sum(axis=-1))
    return vol
