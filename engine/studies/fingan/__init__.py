"""Fin-GAN on many tickers (chapter 5): ten losses, several seeds, benchmarks, published figures.

``universe`` says which tickers; ``training`` trains and keeps, under the names in ``arrays``;
``combinations`` chooses losses, ``universality`` pools tickers, ``tables`` compares; ``study`` is the order of it.
"""

from engine.studies.fingan.study import DATA, INPUTS, LABEL, Config, steps, summary
