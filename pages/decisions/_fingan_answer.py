"""The answer of the Fin-GAN page in five figures."""

import numpy as np
import pandas as pd

from pages.decisions._fingan_view import View


def metrics(view: View) -> list[tuple[str, str, str | None, str]]:
    """The answer in five figures, each with its interval or what it is held against."""
    one, both = view.figure("fingan", "portfolio_sr"), view.figure("fingan_ensemble", "portfolio_sr")
    other = view.figure("forgan_ensemble", "portfolio_sr")
    pairs = view.table("paired").set_index("against")
    p = float(pairs.loc[view.labels["forgan_ensemble"], "p_value"])
    daily = view.table("cost_series")
    daily = daily[(daily["method"] == "fingan_ensemble") & (daily["rule"] == "every bet")][["gross", "traded"]].mean()
    spread = "one seed" if np.isnan(one["sd_over_seeds"]) else f"± {one['sd_over_seeds']:.2f}"
    spread += "" if np.isnan(one["published"]) else f" · thesis {one['published']:.2f}"
    return [
        (
            "Portfolio SR, a seed",
            f"{one['value']:.2f}",
            spread,
            "Equally weighted portfolio on the test part, mean and deviation over seeds; the thesis prints one.",
        ),
        (
            "Seeds averaged",
            f"{both['value']:.2f}",
            _interval(both),
            "Portfolio Sharpe ratio of bets averaged over the seeds; 95 % interval of resampled days.",
        ),
        (
            "ForGAN averaged",
            f"{other['value']:.2f}",
            f"{'behind' if other['value'] < both['value'] else 'ahead'}: p = {p:.2g}",
            "The same networks without economic terms; one-sided p that Fin-GAN is no better, days resampled.",
        ),
        _longer(view),
        (
            "Break-even cost",
            f"{daily['gross'] / daily['traded']:.2f} bp",
            f"trades {daily['traded']:.2f} a day",
            "Cost of a unit traded, one way, at which nothing is left; traded in units of the notional.",
        ),
    ]


def _longer(view: View) -> tuple[str, str, str | None, str]:
    """The seed-ensemble of the longer choice; of a study made before there was one, its mean ratio of a ticker."""
    pairs = view.maybe("paired_longer")
    if pairs is None:
        mean = view.figure("fingan_ensemble", "mean_sr")
        words = "Bets averaged over seeds, mean over tickers; 95 % interval of resampled days."
        return "Mean SR of a ticker", f"{mean['value']:.2f}", _interval(mean), words
    p = float(pairs.set_index("against").loc[view.labels["forgan_ensemble"], "p_value"])
    found = view.figure("fingan_longer_ensemble", "portfolio_sr")
    words = (
        "Portfolio Sharpe ratio of bets averaged over seeds, each network's loss chosen on the validation part and "
        "the last five years of training together; p that it is no better than ForGAN averaged. 95 %: "
    )
    return "Longer choice", f"{found['value']:.2f}", f"over ForGAN: p = {p:.2g}", words + _interval(found)


def _interval(row: pd.Series) -> str:
    return f"{row['low']:.2f} to {row['high']:.2f}"
