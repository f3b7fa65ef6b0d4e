"""The findings of a graph study in sentences: which differences are real, which could be luck."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

LABELS = {
    "identity": "Identity",
    "correlation": "Correlation",
    "sharpe": "SR-based",
    "pnl_threshold": "PnL threshold",
    "pnl_max": "PnL max",
    "pnl_based": "PnL-based",
    "lasso": "LASSO",
    "ridge": "Ridge",
    "selected": "Selected",
}
"""Weightings for people."""

LEVEL = 0.05


def label(method: str, eta: float | None = None) -> str:
    """``LASSO, η = 1e-06``."""
    name = LABELS.get(method, method)
    return name if eta is None or np.isnan(eta) else f"{name}, η = {eta:g}"


def verdicts(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """What the tables say, one sentence each; the numbers decide the words.

    Args:
        tables: ``methods``, ``differences``, ``walk_forward``, ``seed_gains``, ``permutation``, ``stability``.
    """
    sr = tables["methods"].set_index("method")["portfolio_sr"]
    differences = tables["differences"].set_index("method")
    walk = tables["walk_forward"]
    row = walk[walk["selected"]].iloc[0]
    name = label(str(row["method"]), float(row["eta"]))
    share = float(row.get("own_share", 0.0))  # studies made before there was one lack it
    stays = f", mixed with each asset's own generator to {share:.0%}," if share > 0 else ""
    if np.isfinite(row["walk_forward_sr"]):
        how = (
            f"Walking forward through the years before the test part selects {name} (ratio "
            f"{row['walk_forward_sr']:.2f} with generators of other sectors); it is bet on{stays} and reaches "
            f"{sr['selected']:.2f} on the test part, each asset's own generator {sr['identity']:.2f}."
        )
    else:
        how = (
            "All assets are of one sector, so no generator of another sector could be tried on the years before the "
            "test part and no weighting is selected: each asset keeps its own generator, whose portfolio reaches "
            f"{sr['identity']:.2f} on the test part."
        )
    found = [how]
    found.append(
        _gain(
            "With signs averaged over seeds the selected weighting",
            differences[differences.index == "selected"].iloc[0],
        )
    )
    better = differences[(differences["p_value"] < LEVEL) & (differences.index != "selected")]
    others = [label(str(method)) for method in differences.index if method not in (*better.index, "selected")]
    if len(better):
        found.append(
            f"Better than identity at the {LEVEL:.0%} level, each taken alone: "
            f"{', '.join(label(str(method)) for method in better.index)}."
        )
    if others:
        found.append(f"Not distinguishable from identity on these days: {', '.join(others)}.")
    seeds = tables["seed_gains"]
    count = int(seeds["seeds"].iloc[0])
    if count > 1:
        one = seeds[seeds["method"] == "selected"].iloc[0]
        who = f"With one seed's generators the selected weighting, better in {one['wins']:.0f} of {count} seeds,"
        found.append(_gain(who, one))
        real = seeds[(seeds["p_value"] < LEVEL) & (seeds["method"] != "selected")]["method"]
        found.append(
            f"Better than identity on average over single seeds at the {LEVEL:.0%} level: "
            f"{', '.join(label(str(method)) for method in real) or 'none'}."
        )
    for _, one in tables["permutation"].iterrows():
        if one["method"] == "selected":
            found.append(_luck(one))
            break
    stable = tables["stability"].set_index("over")["jaccard"]
    words = [f"{share:.0%} over {over}" for over, share in stable.items() if np.isfinite(share)]
    if words:
        found.append(f"LASSO's edges agree (Jaccard index of signed edges): {', '.join(words)}.")
    return found


def _gain(who: str, row: pd.Series) -> str:
    real = "a real difference" if row["p_value"] < LEVEL else "could be luck"
    return (
        f"{who} gains {row['gain']:+.2f} over identity (95 % block bootstrap {row['low']:+.2f} to {row['high']:+.2f}, "
        f"one-sided p = {row['p_value']:.2g}): {real}."
    )


def _luck(row: pd.Series) -> str:
    share = row["share_surviving"]
    if not np.isfinite(share):
        return (
            f"Graphs learned from shuffled returns reach {row['shuffled_mean']:.2f} on average; "
            f"the real one gains nothing over identity, so nothing needs explaining."
        )
    part = "all" if share >= 1 else "none" if share <= 0 else f"{share:.0%}"
    real = (
        "what was learned matters"
        if row["p_value"] < LEVEL
        else "what was learned cannot be told from a graph of noise in its place"
    )
    return (
        f"Graphs learned from shuffled returns reach {row['shuffled_mean']:.2f} on average: {part} of the gain "
        f"survives without any information (p = {row['p_value']:.2g}), so {real}."
    )
