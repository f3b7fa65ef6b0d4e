"""Tables of the static arbitrage page."""

from collections.abc import Sequence

import pandas as pd

from engine.charts import theme
from engine.charts.penalties import NAMES
from engine.market.grid import Grid
from engine.studies.surfaces import PUBLISHED_PENALTY
from engine.surfaces.arbitrage import Kind, Penalty
from engine.surfaces.arbitrage_report import Decomposition


def quantile_table(found: Decomposition) -> pd.DataFrame:
    """Table 2.3's shape, with the published figures in brackets."""
    table, free = found.quantile_table(), found.free_share()
    rows = {}
    for name, published in PUBLISHED_PENALTY.items():
        values = [*(theme.significant(x) for x in table.loc[name]), theme.percent(free[name])]
        shown = [*(theme.significant(x) for x in published[:4]), theme.percent(published[4])]
        rows[NAMES.get(name, "Φ")] = [f"{ours}  [{theirs}]" for ours, theirs in zip(values, shown, strict=True)]
    columns = [*table.columns, "days free"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=[f"{c}  [SPX 2000–2021]" for c in columns])


def matrix_table(cells: Sequence[tuple[Kind, int, int]], matrices: Penalty, grid: Grid) -> pd.DataFrame:
    """One row a cell: constraint, moneyness, maturity in years, penalty."""
    return pd.DataFrame(
        [(kind, grid.moneyness[i], grid.maturity[j], getattr(matrices, kind)[i, j]) for kind, i, j in cells],
        columns=["constraint", "moneyness", "maturity_years", "penalty"],
    )
