"""Home: what the shipped generator says about tomorrow, at once, and where to go next."""

import numpy as np
import streamlit as st

from engine import datasets as catalogue
from engine.charts import scenarios, theme
from engine.datasets import Loaded
from engine.errors import ScenaristError
from engine.market.grid import maturity_label
from engine.market.surface_history import FIRST_CONDITION_ROW
from engine.scenarios import reweighting
from pages.ui import cache, datasets, frame, generators, tour, widths

SCENARIOS = 10_000
SEED = 1
NEXT = (
    ("generators/next_day", "Explore the scenarios", "Any date, the whole surface, where it could be arbitraged."),
    ("data/market_data", "Bring your own data", "Upload surfaces, quotes or prices; see what was read and rejected."),
    ("library/runs", "Train your own generator", "In the background, with live progress; stop, resume, compare."),
    ("generators/leaderboard", "Which to believe", "Every generator scored out of sample beside simple baselines."),
    ("decisions/hedging", "Hedge a book of options", "Today's ticket, and what it would have left over months."),
    ("decisions/fingan", "Bet on generated returns", "Equities: what it would have earned, and how sure that is."),
)


def shown() -> tuple[Loaded, str]:
    """The open surfaces, else the built-in ones and why those (empty if not)."""
    built_in = catalogue.catalogue("surfaces")[0]
    asked = datasets.active("surfaces") or built_in
    try:
        loaded = cache.dataset(asked)
    except ScenaristError as error:
        return cache.dataset(built_in), str(error)
    if len(loaded.data) <= FIRST_CONDITION_ROW + 1:
        few = f"{loaded.label} has {len(loaded.data)} days, too few for a forecast; below, the built-in market."
        return cache.dataset(built_in), few
    return loaded, ""


with frame.errors():
    loaded, instead = shown()
history = loaded.data
frame.header("Scenarist", "Here is tomorrow, ten thousand times, by the generator that scores best on these data.")
if instead:
    st.info(frame.plain(instead), icon=":material/info:")

datasets.show(loaded.entry)
atm, grid = history.atm(), history.grid
last_row, usable = len(history) - 1, atm[FIRST_CONDITION_ROW:-1]
worst = FIRST_CONDITION_ROW + int(usable.argmax()) if len(usable) else last_row
row = datasets.chosen_row(history, FIRST_CONDITION_ROW, last_row)
stressed = row == worst
st.button(
    "Back to the last day" if stressed else "Load the stressed day",
    icon=":material/bolt:",
    type="primary",
    on_click=datasets.choose_day,
    args=(history, last_row if stressed else worst),
    help="The day on which this market's at-the-money vol stood highest; it stays chosen on every page.",
)
month = float(np.clip(1 / 12, grid.maturity[0], grid.maturity[-1]))  # or the nearest maturity there is
with frame.errors("Choose another generator under Next-day generators."):
    chosen = generators.current(loaded, row)
    ready = chosen.at(row)
    drawn, penalty = cache.scenarios(ready.key, ready.model, history, row, SCENARIOS, SEED)
phi = penalty.total
weights = reweighting.weights(phi, reweighting.default_beta(phi))
iv = drawn.iv
band = reweighting.weighted_quantile(drawn.log_return, weights, [0.025, 0.5, 0.975])
vols = reweighting.weighted_quantile(grid.interpolate(iv, 1.0, month), weights, [0.025, 0.5, 0.975])
known = row + 1 < len(history)  # whether the day after is in the data

st.header(f"The day after {history.dates[row]}", anchor=False)
phi_raw, phi_data = theme.significant(phi.mean()), theme.significant(float(cache.history_penalty(history)[row]))
frame.metrics(
    [
        (
            "Index return, median",
            theme.basis_points(band[1]),
            f"95 %: {theme.basis_points(band[0])} to {theme.basis_points(band[2])}",
            "Median, 2.5 % and 97.5 % weighted quantiles of tomorrow's log-return.",
        ),
        (
            f"ATM {maturity_label(month)} vol, median",
            theme.percent(vols[1]),
            f"95 %: {100 * vols[0]:.1f} to {theme.percent(vols[2])}",
            "Median, 2.5 % and 97.5 % weighted quantiles of tomorrow's at-the-money implied vol, of one month or the "
            f"nearest maturity there is. Today: {theme.percent(history.atm(month)[row])}.",
        ),
        (
            "Φ, mean reweighted",
            theme.significant(float(weights @ phi)),
            f"raw {phi_raw} · today {phi_data}",
            "Static arbitrage penalty Φ, summed over the grid, of tomorrow's scenarios; today: that of the surface of "
            "this day. Zero means that no butterfly, call spread or calendar spread is free money.",
        ),
        (
            "Effective sample size",
            theme.count(float(reweighting.effective_sample_size(weights))),
            f"of {theme.count(SCENARIOS)} scenarios",
            "How many equally weighted scenarios the reweighted ones are worth: 1/Σw².",
        ),
    ]
)
if known:
    came_return, came_vol = float(history.log_return[row]), float(history.atm(month)[row + 1])
    frame.say(
        f"What came about on {history.dates[row + 1]}: return {theme.basis_points(came_return)}, "
        f"ATM {maturity_label(month)} vol {theme.percent(came_vol)}."
    )
record = st.container()
smile, returns = widths.columns([3, 2])
with smile:
    came_about = ", what came about solid" if known else ""
    st.markdown(f"**Tomorrow's smile**: 50, 80 and 95 % bands; today dotted{came_about}")
    after = history.iv[row + 1] if known else None
    frame.picture(scenarios.smile_fan, iv, grid, weights, today=history.iv[row], realised=after, key="home_smile")
with returns:
    st.markdown("**Tomorrow's return**: as drawn, and reweighted against arbitrage")
    came = float(history.log_return[row]) if known else None
    frame.picture(scenarios.return_histogram, drawn.log_return, weights, realised=came, key="home_returns")

tour.show()
st.header("What next", anchor=False)
places = [column for _ in range(2) for column in st.columns(3)]
for column, (page, words, what) in zip(places, NEXT, strict=True):
    with column.container(border=True, height="stretch"):
        st.page_link(frame.page_path(page), label=words, icon=":material/arrow_forward:")
        st.write(what)
frame.provenance(f"{SCENARIOS:,} scenarios, seed {SEED}", f"{chosen.label}: {ready.known}", frame.origin_words(loaded))
frame.strip(loaded)
with record:  # last: the page is there, and the figure comes after it
    generators.credibility(chosen.record(row))
