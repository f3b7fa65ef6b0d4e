"""Reading market data files: the name that notebooks know for :mod:`engine.market.intake`."""

from engine.market.intake import *  # noqa: F403
