"""One ticker of a Fin-GAN study: what each loss generates for a date against the truth, PnL, bets."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import fingan as draw
from engine.decisions import forecasting
from engine.errors import CheckpointError
from engine.market.returns import HalfDayWindows, fingan_windows
from engine.models.fingan.sampling import GeneratorStack
from engine.runs import studies
from engine.studies.fingan import arrays as fingan_arrays
from engine.studies.fingan import tables as densities
from pages.decisions.fingan_page import View
from pages.ui import cache, downloads, frame, widths

FIGURES = {
    "sharpe": "Sharpe ratio",
    "mean_pnl": "Mean PnL (bp a day)",
    "hit_rate": "Signs right",
    "mean_bet": "Mean size of a bet",
    "turnover": "Traded a day",
    "break_even": "Break-even cost (bp)",
}


def show(view: View) -> None:
    """Figures and paths of the ticker that is chosen; where prices are loaded, bets and what is generated too."""
    ticker = st.selectbox("Ticker", view.tickers, key="fingan_ticker", width=240, persist_state="session")
    found = view.table("figure_5_6_by_ticker")
    own = found[found["ticker"] == ticker].groupby("method", sort=False)[list(FIGURES)].mean().reset_index()
    own["method"] = own["method"].map(view.labels)
    st.dataframe(
        own.rename(columns=FIGURES | {"method": "Method"}).round(3), hide_index=True, width="stretch", height="content"
    )
    downloads.table_buttons(lambda: found[found["ticker"] == ticker], f"fingan_{ticker}", key="fingan_ticker_table")
    windows = _windows(view, ticker)
    _paths(view, ticker, windows)
    if windows is None:
        st.info(
            "These are results of prices that do not come with the app. What needs the prices themselves (a "
            "date's truth, PnL by half-day) appears when the same file is loaded under Market data and chosen in "
            "the sidebar.",
            icon=":material/lock:",
        )
        _stored(view)
        return
    _generated(view, ticker, windows)


def _paths(view: View, ticker: str, windows: HalfDayWindows | None) -> None:
    """Cumulative PnL by day from the study's table; bets, and PnL by half-day where prices are loaded."""
    longer = view.maybe("by_ticker_and_day_longer")  # studies of earlier versions have the thesis's choice alone
    daily = view.table("figure_5_8_by_ticker_and_day") if longer is None else longer
    st.markdown("**Cumulative PnL**, bets averaged over seeds (Figure 5.8)")
    frame.picture(
        draw.cumulative,
        pd.to_datetime(daily["date"]),
        {"fingan_ensemble" if longer is None else "fingan_longer_ensemble": daily[ticker]},
        view.labels,
        key="fingan_ticker_path",
    )
    bets = _bets(view, ticker)
    if bets is None or windows is None:
        return
    rows = windows.rows("test")
    st.markdown("**Bets by half-day** and what they earned")
    pnl = forecasting.weighted_pnl(bets, windows.target[rows])
    frame.picture(draw.bets_and_pnl, windows.date[rows], bets, pnl, key="fingan_bets")
    table = pd.DataFrame(
        {
            "date": windows.date[rows],
            "half": np.where(windows.overnight[rows], "overnight", "intraday"),
            "bet": bets,
            "pnl_bp": pnl,
        }
    )
    downloads.table_buttons(lambda: table, f"fingan_bets_{ticker}", key="fingan_bets_table")


def _stored(view: View) -> None:
    """The densities that came with the study, of its featured ticker."""
    stored = view.table("figure_5_3_distributions")
    first = stored.iloc[0]
    st.markdown(
        frame.plain(f"Generated for {first['ticker']}, {first['half']} of {first['date']}, seed {first['seed']}")
        + " (Figure 5.3)"
    )
    frame.picture(
        draw.distributions, stored, float(first["target"]), x_title="Half-day return (bp)", key="fingan_stored"
    )
    st.markdown("**Means of what is generated** over the test part, and the data (Figure 5.4)")
    means = view.table("figure_5_4_means")
    frame.picture(draw.distributions, means, None, x_title="Mean forecast (bp)", key="fingan_means")


def _generated(view: View, ticker: str, windows: HalfDayWindows) -> None:
    """Generate for a date of the test part, by loss, and show the truth."""
    rows = windows.rows("test")
    days = [f"{d} {'night' if o else 'day'}" for d, o in zip(windows.date[rows], windows.overnight[rows], strict=True)]
    left, right = widths.columns(2)
    picked = left.selectbox("Half-day", range(len(days)), len(days) - 1, format_func=days.__getitem__, key="fingan_day")
    kept = (view.result.directory / studies.ARRAYS).glob("gan_*.safetensors")  # of these seeds the weights came along
    seeds = sorted(int(path.stem.removeprefix("gan_")) for path in kept)
    seed = right.selectbox("Seed", seeds, key="fingan_seed", persist_state="session")
    with frame.errors("Choose another seed."):
        arrays = cache.study_arrays(view.result, fingan_arrays.gan(int(seed)))
        stack = GeneratorStack.restore(arrays).of(asset=ticker)  # one a loss
    condition = windows.condition[rows][picked]
    table = densities.condition_densities(stack, condition, np.random.default_rng(0))
    target = float(forecasting.BASIS_POINTS * windows.target[rows][picked])
    st.markdown("**What each loss generates**, and what came (Figure 5.3); 20,000 samples each")
    picture = frame.picture(draw.distributions, table, target, x_title="Half-day return (bp)", key="fingan_generated")
    downloads.table_buttons(lambda: table, f"fingan_generated_{ticker}", key="fingan_generated_table", figure=picture)


def _windows(view: View, ticker: str) -> HalfDayWindows | None:
    """Windows of a ticker, cut as the study cut them; None where its prices are not loaded."""
    if view.prices is None:
        return None
    sector = view.prices.sector_of.get(ticker)
    return fingan_windows(view.prices, ticker, sector, bad_opens=view.result.settings["bad_opens"])


def _bets(view: View, ticker: str) -> np.ndarray | None:
    """``(n,)`` bets of the seed-ensemble on the test part; None if the study does not carry them."""
    name = fingan_arrays.KEPT["thesis" if view.maybe("by_ticker_and_day_longer") is None else "longer"]
    try:
        kept = cache.study_arrays(view.result, name)
        return fingan_arrays.ensemble_bets(kept, view.tickers.index(ticker))
    except CheckpointError:
        return None
