"""Graph ensembles (SPEC 5): whose generators forecast whom, and what sharing them pays.

* ``cross_evaluation`` asks every generator about every asset;
* ``weighting`` has the matrices of chapter 6, the bets they make, and weights chosen again month by month;
* ``regression`` solves LASSO and ridge rows;
* ``measures`` describes the graph, ``mixture`` draws from it.
"""

from engine.decisions.graph.cross_evaluation import cross_signs
from engine.decisions.graph.mixture import MetaGenerator, generators
from engine.decisions.graph.regression import same_sector
from engine.decisions.graph.weighting import (
    GRIDS,
    METHODS,
    VOTES,
    Choice,
    anchored,
    bets,
    choose,
    correlation,
    normalised,
    path,
    portfolio_sharpe,
    signals,
    weights,
)
