"""Straddles hedged over every month of the test part (chapter 4).

``months`` hedges one month after the other, ``results`` makes the tables; ``study`` has the settings and the order.
"""

from engine.studies.hedging.study import DATA, GIVEN, INPUTS, LABEL, TRUE_LAW, Config, steps, summary
