"""Returns: realised volatility (SPEC 0), windows of half-day returns (SPEC 4)."""

from engine.market.half_day_returns import HalfDayWindows, fingan_windows
from engine.market.realised_volatility import REALISED_WINDOW, TRADING_DAYS, realised_vol

__all__ = ["REALISED_WINDOW", "TRADING_DAYS", "HalfDayWindows", "fingan_windows", "realised_vol"]
