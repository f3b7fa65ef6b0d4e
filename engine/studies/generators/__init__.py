"""Generators of surfaces side by side: those trained in the product (``study``), and the ``leaderboard``.

``scoring`` is the protocol and its tables.
"""

from engine.studies.generators.study import BASELINE, BASELINE_MODEL, DATA, INPUTS, LABEL, Config, steps, summary
