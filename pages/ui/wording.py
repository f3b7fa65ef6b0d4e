"""Names of files and tables as words for people: columns of results, numbers of things."""

import re

import pandas as pd

from engine.models import registry

KNOWN = {
    "var": "VaR",
    "es": "ES",
    "atm": "ATM",
    "iv": "implied vol",
    "ess": "ESS",
    "kl": "KL",
    "crps": "CRPS",
    "pnl": "PnL",
    "sd": "standard deviation",
    "vix": "VIX",
    "spx": "SPX",
    "fhs": "FHS",
    "phi": "Φ",
    "beta": "β",
    "dm": "Diebold–Mariano",
    "pit": "PIT",
    "p": "p-value",
    "n": "number",
}
NAME = re.compile(r"[a-z]+\d*(_[a-z0-9]+)+")
LEVEL = re.compile(r"(?P<what>var|es|q|upper)_(?P<whole>\d{1,2})(?:_(?P<part>\d+))?")


def heading(name: str) -> str:
    """``var_2_5`` → ``VaR 2.5 %``, ``mean_iv`` → ``Mean implied vol``."""
    if name == "p_value":
        return "p-value"
    level = LEVEL.fullmatch(name)
    if level is not None:
        what = {"q": "Quantile", "var": "VaR", "es": "ES", "upper": "Upper"}[level["what"]]
        return f"{what} {level['whole']}{'.' + level['part'] if level['part'] else ''} %"
    words = " ".join(KNOWN.get(word, word) for word in name.split("_"))
    return words[:1].upper() + words[1:] if words[:1].isascii() and not words.startswith("p-") else words


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """A table of a result with headings and names in words and no None in it; downloads keep those of the file."""
    shown = table.rename(columns={name: heading(str(name)) for name in table.columns})
    text = shown.select_dtypes(include=["object", "string"]).columns
    return shown.assign(**{name: shown[name].map(_cell) for name in text})


def _cell(value: object) -> object:
    """A cell as text: empty where there is none, in words where it is a name of the file."""
    if isinstance(value, str):
        return heading(value) if NAME.fullmatch(value) else value
    return "" if pd.isna(value) else value  # type: ignore[call-overload]


def choice(name: str) -> str:
    """A value of a setting in words: a model by its label, ``dpm_solver`` → ``Dpm solver``."""
    if name in registry.SPECS:
        return registry.label(name)
    return heading(name) if NAME.fullmatch(name) else name


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 seed``, ``3 seeds``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
