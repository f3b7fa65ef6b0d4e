"""Windows of a ticker, bets and generators of a finished Fin-GAN study, as the page needs them."""

import numpy as np

from engine.errors import CheckpointError
from engine.market.returns import HalfDayWindows, fingan_windows
from engine.models.fingan.sampling import GeneratorStack
from engine.runs import studies
from engine.studies.fingan import arrays as fingan_arrays
from pages.decisions._fingan_view import View
from pages.ui import cache


def windows(view: View, ticker: str) -> HalfDayWindows | None:
    """Windows of a ticker, cut as the study cut them; None where its prices are not loaded."""
    if view.prices is None:
        return None
    sector = view.prices.sector_of.get(ticker)
    return fingan_windows(view.prices, ticker, sector, bad_opens=view.result.settings["bad_opens"])


def bets(view: View, ticker: str) -> np.ndarray | None:
    """``(n,)`` bets of the seed-ensemble on the test part; None if the study does not carry them."""
    try:
        kept = cache.study_arrays(view.result, fingan_arrays.CHOSEN)
        return fingan_arrays.ensemble_bets(kept, view.tickers.index(ticker))
    except CheckpointError:
        return None


def seeds_with_weights(view: View) -> list[int]:
    """Seeds whose generators of every loss came with the study."""
    folder = view.result.directory / studies.ARRAYS
    return sorted(int(path.stem.removeprefix("gan_")) for path in folder.glob("gan_*.safetensors"))


def generators(view: View, seed: int, ticker: str) -> GeneratorStack:
    """A ticker's generators of one seed, one a loss."""
    return GeneratorStack.restore(cache.study_arrays(view.result, fingan_arrays.gan(seed))).of(asset=ticker)
