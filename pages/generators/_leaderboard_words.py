"""What the leaderboard says in words: the answer, and the facts behind it."""

from collections.abc import Mapping

from engine.charts import theme
from engine.models import registry
from engine.runs.studies import StudyResult
from pages.generators._leaderboard_names import BASE, Tables

SURE = 0.01
"""A better score is called sure below this p-value."""


def true_ratio(tables: Tables) -> float | None:
    """The true law's expected energy score over the baseline's, where the law is known."""
    if "truth" not in tables:
        return None
    score = float(tables["scores"].set_index("model")["energy"][BASE])
    return 1 - float(tables["truth"].set_index("model")["excess"][BASE]) / score


def metrics(tables: Tables, names: Mapping[str, str]) -> list[tuple[str, str, str | None, str]]:
    """The best, the best learned one, the baseline, and the distance that is left to the true law."""
    scores = tables["scores"].sort_values("energy")
    best, base = scores.iloc[0], scores.set_index("model").loc[BASE]
    learned = scores[[registry.role(names[label]) == "learned" for label in scores["model"]]]
    items = [
        (
            "Best forecast",
            str(best["model"]),
            f"{best['energy_ratio']:.3f} × baseline",
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
                f"{one['model']}, p {theme.significant(float(one['energy_p']))}",
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
    others = scores[scores["model"] != BASE]
    better = others[others["energy_ratio"] < 1]
    sure = list(better.loc[better["energy_p"] < SURE, "model"])
    unsure = list(better.loc[better["energy_p"] >= SURE, "model"])
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
