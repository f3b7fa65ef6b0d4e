"""Reading market data files: the name that notebooks know for :mod:`engine.market.intake.reader`."""

from engine.market.intake.reader import *  # noqa: F403
