"""Settings of the straddle experiment."""

from __future__ import annotations

import math

from engine.decisions import hedging
from engine.errors import SettingsError
from engine.models import registry
from engine.settings import configuration, setting

GIVEN, TRUE_LAW = "model", "true_law"
SOURCES = (
    GIVEN,
    TRUE_LAW,
    *registry.on_the_spot(),
)
"""A run given with ``--model``; the law of the simulated market; or a family fitted here to the days before."""

PAST, FINE, COARSE = "past", "aic", "aic_coarse"
CANDIDATES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25)
"""α tried over the past months."""

FIXED = (0.001, 0.25, 5.0)
"""α of section 4.4.2."""

LEAST_PAST, UNTIL_THEN = 6, 0.01
"""Months known before the past may choose, and α until then: the least of the thesis's grids."""


@configuration
class HedgingConfig:
    """The straddle experiment."""

    source: str = setting(
        "model",
        label="Scenarios from",
        help="model: the run given with --model (filtered historical simulation if none is); true_law: the law of the "
        "built-in market; or a family fitted to the days before the test.",
        choices=SOURCES,
    )
    compare: str = setting(
        "",
        label="Compare with",
        help="Further sources for the data-driven hedge on the same days, separated by spaces (true_law fhs …).",
    )
    test_from: str = setting(
        "",
        label="Test from",
        help="First day of the first month (YYYY-MM-DD); empty: after the generator's training, else the share; "
        "for the true law, which has none, all months.",
    )
    train_share: float = setting(
        0.8, label="Training share", help="Share of days before the test.", low=0.0, high=0.95, advanced=True
    )
    moneyness: str = setting(
        "0.75 0.8 0.9 1.1 1.2 1.25", label="Straddles", help="Initial K/S of the straddles, separated by spaces."
    )
    days: int = setting(21, label="Held", help="Trading days until unwinding.", low=2, high=63, unit="days")
    life: int = setting(
        0,
        label="Options live",
        help="Trading days that the options live; 0: as long as they are held, doubled where the surface begins later.",
        low=0,
        high=252,
        unit="days",
    )
    alpha: str = setting(
        "past",
        label="Choice of α",
        help="past: least squared error, costs included, over the months before; aic: Akaike's criterion on 0.01 … "
        "0.20 when the position is entered; aic_coarse: on 0.01, 0.05, 0.1, 0.5, 1; or a number.",
    )
    past_months: int = setting(
        24, label="Past months", help="Months before the test that choose α first.", low=0, high=240, advanced=True
    )
    variants: bool = setting(
        True, label="Other choices of α", help="Also the hedges of Table 4.8: both grids, and α of 0.001, 0.25 and 5."
    )
    impact: float = setting(
        0.0,
        label="Market impact",
        help="Weight of the price impact of trades, in units of their costs (4.22, 4.23); 0: none.",
        low=0.0,
        high=100.0,
        advanced=True,
    )
    impact_exponent: float = setting(
        1.0,
        label="Exponent of the impact",
        help="Price impact is proportional to this power of the trade; 1: in proportion to it.",
        low=0.1,
        high=1.0,
        advanced=True,
    )
    shortfall: bool = setting(
        False,
        label="Least shortfall",
        help="Also the hedge of least 5 % expected shortfall over the same scenarios: some 8 seconds a month.",
    )
    costs: str = setting(
        "auto",
        label="Costs",
        help="quoted: the data's half-spreads; parametric: vol points times vega; auto: quoted where there are any.",
        choices=("auto", "quoted", "parametric"),
    )
    vol_points: float = setting(
        0.1, label="Half-spread", help="Of the parametric costs.", low=0.0, high=20.0, unit="vol points"
    )
    cost_scale: float = setting(1.0, label="Costs times", help="Multiplies all costs.", low=0.0, high=1000.0)
    underlying_cost: float = setting(
        0.0, label="Underlying", help="Half-spread of the underlying.", low=0.0, high=100.0, unit="bp"
    )
    crisis_from: str = setting("", label="Crisis from", help="YYYY-MM-DD; empty: the peak before the largest fall.")
    crisis_to: str = setting("", label="Crisis to", help="YYYY-MM-DD; empty: the trough of the largest fall.")
    scenarios: int = setting(1000, label="Scenarios", help="A day, to fit hedge ratios.", low=50, high=10_000)
    fresh: int = setting(100, label="Fresh scenarios", help="To choose α by Akaike's criterion.", low=20, high=10_000)
    draws: int = setting(1000, label="Resamples", help="Of the months, for intervals.", low=100, high=20_000)
    seed: int = setting(1, label="Seed", help="Same seed, same figures.", low=0, high=2**31 - 1)


def alphas_of(alpha: str) -> dict[str, tuple[float, ...]]:
    """The hedge that a choice of α other than the past asks for."""
    if alpha == FINE:
        return {FINE: hedging.FINE_ALPHAS}
    if alpha == COARSE:
        return {COARSE: hedging.COARSE_ALPHAS}
    try:
        value = float(alpha)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise SettingsError(f"expected alpha as past, aic, aic_coarse or a number >= 0; found {alpha[:40]!r}")
    return {f"{value:g}": (value,)}
