"""The answer of the page in words and numbers: metrics, what came about, quantiles."""

import pandas as pd

from engine.charts import theme
from engine.charts.scenarios import band_quantiles
from engine.market.grid import Floats
from engine.scenarios import reweighting
from pages.surfaces._volgan_view import View


def metrics(view: View) -> list[tuple[str, str, str | None, str]]:
    """The answer: Φ, ATM vol, return and effective sample size, each with what to hold it against."""
    low, _, _, middle, _, _, high = 100 * view.atm_bands
    divergence = float(reweighting.relative_entropy(view.weights))
    down, _, _, median, _, _, up = view.return_bands
    return [
        (
            "Φ, mean reweighted",
            theme.significant(float(view.weights @ view.phi)),
            f"raw {theme.significant(float(view.phi.mean()))} · "
            f"data {theme.significant(float(view.history_phi[view.row]))}",
            "Static arbitrage penalty, summed over the grid; zero means that no calendar "
            "spread, call spread or butterfly is free money. Data: that day's surface; the mean over all days is "
            f"{theme.significant(float(view.history_phi.mean()))}.",
        ),
        (
            f"{view.atm_label} vol, median",
            f"{middle:.1f} %",
            f"95 %: {low:.1f} to {high:.1f} %",
            "Tomorrow's at-the-money implied vol: weighted median, and 2.5 to 97.5 % weighted quantiles. "
            f"Today: {theme.percent(view.atm_history[view.row])}.",
        ),
        (
            "Index return, median",
            theme.basis_points(median),
            f"95 %: {theme.signed(1e4 * down, ',.0f')} to {theme.basis_points(up)}",
            "Log-return over the next trading day: weighted median, and 2.5 to 97.5 % weighted quantiles.",
        ),
        (
            "Effective sample size",
            theme.count(view.ess),
            f"of {theme.count(len(view.drawn))} · KL {theme.significant(divergence)} nats",
            "How many equally weighted scenarios the reweighted ones are worth, 1/Σw²; and how far the weights "
            "are from equal.",
        ),
    ]


def outcome(view: View) -> str:
    """What came about, against the bands; empty if it is not known."""
    if view.realised_return is None:
        return ""
    atm = float(view.atm_history[view.row + 1])
    return (
        f"What came about on {view.next_day}: return {theme.basis_points(view.realised_return)} "
        f"({place(view.realised_return, view.return_bands)}), {view.atm_label} vol {theme.percent(atm)} "
        f"({place(atm, view.atm_bands)})."
    )


def quantile_table(view: View) -> pd.DataFrame:
    """Quantiles of return and ATM vol, raw and reweighted, and what came about, in words."""
    come = [view.realised_return, float(view.atm_history[view.row + 1])] if view.is_known else []
    rows = {
        "Return, raw": (band_quantiles(view.drawn.log_return), theme.basis_points, 0),
        "Return, reweighted": (view.return_bands, theme.basis_points, 0),
        f"{view.atm_label} vol, raw": (band_quantiles(view.atm), theme.percent, 1),
        f"{view.atm_label} vol, reweighted": (view.atm_bands, theme.percent, 1),
    }
    columns = ["2.5 %", "10 %", "25 %", "50 %", "75 %", "90 %", "97.5 %", *(["realised"] if come else [])]
    cells = [[words(x) for x in (*quantiles, *come[k : k + 1])] for quantiles, words, k in rows.values()]
    return pd.DataFrame(cells, index=list(rows), columns=columns)


def place(value: float, bands: Floats) -> str:
    """Where a value lies in words: the narrowest band that holds it."""
    for coverage, k in ((50, 2), (80, 1), (95, 0)):
        if bands[k] <= value <= bands[-1 - k]:
            return f"inside the {coverage} % band"
    return f"{'below' if value < bands[0] else 'above'} the 95 % band"
