"""What a generator in training says of itself besides its losses, and when that means trouble. Free of torch."""

from __future__ import annotations

import math
from collections.abc import Mapping

PENALTY = "mean Φ of generated surfaces"
DATA_PENALTY = "mean Φ of the data"
SPREAD = "spread of returns within a day over the data's"
FIGURES = (PENALTY, DATA_PENALTY, SPREAD)
"""Names under which a fit reports them beside its losses."""

COLLAPSED = 0.2
"""A generator whose returns spread less than this share of the data's draws nearly the same day again and again."""

EXPLODED, EXPLODED_MARGIN = 20.0, 0.1
"""Φ is alarming beyond this multiple of the data's plus this margin (the adversarial loss alone ends near 2.5 where
the data have 0.01: VolGAN, Table 3.1; on the built-in market near 0.2)."""

LEAST_SAID = 0.001
"""Data whose Φ is below this are said to have less than this."""

EARLY = 0.25
"""Share of a fit in which trouble is usual: VolGAN often collapses at first and then spreads again."""


def alarms(figures: Mapping[str, float], fraction: float = 1.0) -> tuple[str, ...]:
    """Sentences about what is wrong with a generator now; none if nothing is, or nothing is known.

    Args:
        figures: name → latest value; those of ``FIGURES`` are looked at.
        fraction: share of the fit that is done.
    """
    early = " Early in training that is usual; it matters if it stays." if fraction < EARLY else ""
    found = []
    spread = figures.get(SPREAD, math.nan)
    if spread < COLLAPSED:
        found.append(
            f"The generator has collapsed: within a day its returns spread {100 * spread:.1f} % as wide as the data's; "
            f"below {100 * COLLAPSED:.0f} % it draws nearly the same tomorrow again and again.{early}"
        )
    penalty, data = figures.get(PENALTY, math.nan), figures.get(DATA_PENALTY, math.nan)
    if penalty > EXPLODED * data + EXPLODED_MARGIN:
        had = f"{data:.2g}" if data >= LEAST_SAID else f"less than {LEAST_SAID:g}"
        found.append(
            f"Arbitrage explodes: the mean Φ of generated surfaces is {penalty:.2g}, the data have {had}.{early}"
        )
    return tuple(found)
