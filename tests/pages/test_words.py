"""What stands on the pages are words: no name of a column or variable, no None, no "1 seeds"."""

import re

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_app import app

TABS = {
    "data/home": ("", ()),
    "data/market_data": ("", ()),
    "surfaces/quotes": ("quotes_tab", ("Smiles", "Methods", "Residuals", "Dropped", "Rates and spreads", "VIX")),
    "surfaces/arbitrage": ("", ()),
    "surfaces/dynamics": ("", ()),
    "surfaces/factor_model": ("factor_tab", ("Tables",)),
    "generators/next_day": ("next_day_tab", ("Arbitrage", "Fans", "Validation", "Compare", "Train")),
    "generators/leaderboard": ("leaderboard_tab", ("Ranking", "Exceedances", "Arbitrage", "Criteria")),
    "decisions/hedging": ("hedge_tab", ("Hedge today", "One month", "Backtest")),
    "decisions/fingan": ("fingan_tab", ("Overview", "One ticker", "Combinations", "Universality", "Costs")),
    "decisions/ensemble_graph": ("graph_tab", ("Weightings", "Seeds and luck", "Sectors", "Robustness")),
    "library/runs": ("", ()),
    "library/study": ("", ()),
}
"""Page → key of its tabs, and those with tables or figures in words."""

VIEWS = [(script, key, tab) for script, (key, tabs) in TABS.items() for tab in tabs or ("",)]
NAME = re.compile(r"\b[a-z]+\d*_[a-z0-9_]+\b")
WRONG = re.compile(r"\bNone\b|\bnan\b|\b1 (seeds|days|options|instruments|quotes|runs|tickers|assets|scenarios)\b")
FILES = re.compile(r"[\w.*-]+\.(csv|parquet|json|py)|`[^`]*`|:material/\w+:|[\w]+-[\w-]+|\$[^$]*\$|[\w-]*fingan[\w-]*")


def words(shown: AppTest) -> list[str]:
    """Everything that a person reads, but code and formulas."""
    found = [one.value for part in (shown.markdown, shown.caption, shown.info, shown.warning) for one in part]
    found += [one.value for part in (shown.text, shown.error, shown.success) for one in part]
    for widget in (*shown.selectbox, *shown.radio, *shown.multiselect):
        found += [widget.label, *map(str, widget.options)]
    found += [text for one in shown.metric for text in (one.label, str(one.value), str(one.delta or ""))]
    for frame in (*shown.dataframe, *shown.table):
        table = frame.value
        if isinstance(table, pd.DataFrame):
            found += [str(name) for name in table.columns]
            found += [
                cell for name in table.select_dtypes(["object", "string"]) for cell in map(str, table[name][:200])
            ]
    return [FILES.sub("", text.replace("\\", "")) for text in found]


@pytest.mark.parametrize(("script", "key", "tab"), VIEWS, ids=[f"{script}-{tab}" for script, _, tab in VIEWS])
def test_a_page_speaks_in_words(script: str, key: str, tab: str) -> None:
    opened = app()
    if key:
        opened.session_state[key] = tab
    opened.run().switch_page(f"pages/{script}.py").run()
    assert not opened.exception
    found = {match[0] for text in words(opened) for match in (*NAME.finditer(text), *WRONG.finditer(text))}
    assert not found
