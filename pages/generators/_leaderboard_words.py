"""What the leaderboard says in words: the answer, the facts behind it, and the method."""

from collections.abc import Mapping

import pandas as pd

from engine.charts import theme
from engine.errors import CheckpointError
from engine.models.base import SURFACE_MODELS, role, surface_model
from engine.runs.studies import StudyResult
from engine.studies.leaderboard import BASELINE

Tables = Mapping[str, pd.DataFrame]
NEEDED = ("scores", "crps", "exceedance", "pit", "penalty", "criteria", "uniformity")
SURE = 0.01


def check(tables: Tables) -> None:
    """Refuse a run without the tables that the page draws.

    Raises:
        CheckpointError: naming the first one missing.
    """
    for name in NEEDED:
        if name not in tables:
            raise CheckpointError(
                f"expected the table {name} in this leaderboard; found none: it is of an older version"
            )


def registered(label: str) -> str:
    """``hybrid (frozen)`` → ``hybrid``."""
    return label.partition(" (")[0]


def called(label: str) -> str:
    """A contestant in words: its model's label, and whether it was refitted."""
    name = registered(label)
    words = surface_model(name).label.partition(":")[0] if name in SURFACE_MODELS else name
    return words + label[len(name) :]


def true_ratio(tables: Tables) -> float | None:
    """The true law's expected energy score over the baseline's, where the law is known."""
    if "truth" not in tables:
        return None
    score = float(tables["scores"].set_index("model")["energy"][BASELINE])
    return 1 - float(tables["truth"].set_index("model")["excess"][BASELINE]) / score


def metrics(tables: Tables) -> list[tuple[str, str, str | None, str]]:
    """The best, the best learned one, the baseline, and the distance that is left to the true law."""
    scores = tables["scores"].sort_values("energy")
    best, base = scores.iloc[0], scores.set_index("model").loc[BASELINE]
    learned = scores[[role(registered(str(label))) == "learned" for label in scores["model"]]]
    items = [
        (
            "Best forecast",
            called(str(best["model"])),
            f"{best['energy_ratio']:.3f} × filtered historical simulation",
            "Smallest mean energy score over the test days.",
        ),
        (
            "Filtered historical simulation",
            f"{base['energy']:.3f}",
            f"95 %: {base['energy_low']:.3f} to {base['energy_high']:.3f}",
            "Energy score of the baseline: mean over days, block-bootstrap interval.",
        ),
    ]
    if len(learned):
        one = learned.iloc[0]
        items.append(
            (
                "Best learned over baseline",
                f"{one['energy_ratio']:.3f}",
                f"{called(str(one['model']))}, p {theme.significant(float(one['energy_p']))}",
                "Ratio of energy scores; p of the Diebold–Mariano test that both are equally good.",
            )
        )
    if "truth" in tables:
        ratio = float(tables["truth"].set_index("model")["ratio"][best["model"]])
        items.append(
            (
                "Best over the true law",
                f"{ratio:.3f}",
                f"true law {true_ratio(tables):.3f} × baseline",
                "These data are simulated, so the law is known: no forecast's expected score is below the true law's.",
            )
        )
    return items


def verdict(tables: Tables) -> list[str]:
    """Who is better than the baseline for sure, and who only on these days."""
    scores = tables["scores"]
    others = scores[scores["model"] != BASELINE]
    better = others[others["energy_ratio"] < 1]
    sure = [called(str(label)) for label in better.loc[better["energy_p"] < SURE, "model"]]
    unsure = [called(str(label)) for label in better.loc[better["energy_p"] >= SURE, "model"]]
    found = [f"Better than filtered historical simulation at p < {SURE:g}: {', '.join(sure) if sure else 'none'}."]
    if unsure:
        found.append(f"Better on these days, but not surely: {', '.join(unsure)}.")
    return found


def facts(result: StudyResult, tables: Tables) -> list[str]:
    """What the figures rest on."""
    first, last = result.data["period"]
    asked = result.settings
    return [
        f"{int(tables['exceedance']['days'].max()):,} test days, one day ahead, all out of sample",
        f"{asked.get('scenarios', 0):,} scenarios a day, paired, seed {asked.get('seed')}",
        f"refitted every {asked.get('refit_every')} days on the past only, (frozen) ones never",
        f"{result.data['name']}, {first} to {last}",
        f"data {str(result.data['digest'])[:12]}",
    ]
