"""The tab with several generators side by side: the same day, the same seed, and how each did after its training."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from engine.charts import theme
from engine.datasets import Loaded
from engine.errors import ScenaristError
from engine.market.surface_history import SurfaceHistory
from engine.models import registry
from engine.runs.checkpoints import Card, Listed
from engine.scenarios import reweighting
from pages.surfaces import _volgan_beside as beside
from pages.surfaces import _volgan_compare_days as days
from pages.surfaces import _volgan_compare_fans as fans
from pages.surfaces import _volgan_states as states
from pages.surfaces._volgan_controls import Request
from pages.surfaces._volgan_view import View
from pages.surfaces._volgan_words import place
from pages.ui import cache, downloads, frame, generators

MOST, AT_FIRST = 6, 5


def draw(loaded: Loaded, listed: Listed, request: Request) -> None:
    """Choose generators of this grid; their fans, their arbitrage, and their calibration out of sample."""
    history: SurfaceHistory = loaded.data
    fitting = generators.fitting(history.grid)
    key = f"volgan_compare_{history.grid!r}"
    beside.landed(key, MOST)
    chosen = st.multiselect(
        "Generators",
        list(fitting),
        None if key in st.session_state else _first(listed, fitting, loaded),
        format_func=lambda id: generators.words(fitting[id]),
        key=key,
        persist_state="session",
        max_selections=MOST,
        help="Any that know this grid, whatever they were trained on.",
    )
    beside.offer(loaded, listed.card, fitting)
    views: dict[str, tuple[View, Card]] = {}
    used: dict[str, Listed] = {}
    for name, one in names([fitting[id] for id in chosen]).items():
        try:
            model, card = cache.model(one.directory)
            drawn, penalty = cache.scenarios(one.directory, model, history, request.row, request.n, request.seed)
        except ScenaristError as error:
            frame.problem(f"{name}: {error}", "The others are compared without it.")
            continue
        beta = float(reweighting.default_beta(penalty.total))
        phi = cache.history_penalty(history)
        views[name] = View(history, request.row, drawn, penalty, phi, beta, card.model, request.seed), card
        used[name] = one
    if len(views) < 2:
        st.info("Choose at least two generators that can speak about these data.", icon=":material/compare_arrows:")
        return
    table = _table(views, loaded)
    st.markdown(f"**The day after {history.dates[request.row]}**, {request.n:,} scenarios of each, seed {request.seed}")
    st.dataframe(table, width="stretch", key="volgan_compare_table")
    downloads.table_buttons(lambda: table.reset_index(), "generators", key="volgan_compare")
    fans.draw({name: view for name, (view, _) in views.items()})
    days.draw(loaded, used)


def names(chosen: Sequence[Listed]) -> dict[str, Listed]:
    """Generators under short names: their labels where these differ, else their runs."""
    short = [one.card.label.partition(":")[0] if one.card is not None else one.name for one in chosen]
    return {(label if short.count(label) == 1 else one.name): one for label, one in zip(short, chosen, strict=True)}


def _first(listed: Listed, fitting: dict[str, Listed], loaded: Loaded) -> list[str]:
    """The generator shown and others, one of each model: those already scored beside it, those of these data.

    If no other model knows the grid, other runs of the same one.
    """
    found = {listed.card.model if listed.card is not None else "": str(listed.directory)}
    cards = {id: card for id, one in fitting.items() if (card := one.card) is not None}
    scored = days.scored_beside(listed, loaded)

    def rank(id: str) -> tuple[bool, bool, bool]:
        others = not generators.same_data(cards[id], loaded)
        return fitting[id].name not in scored, others, registry.role(cards[id].model) == "baseline"

    ranked = sorted(cards, key=rank)
    for id in ranked:
        if len(found) < AT_FIRST:
            found.setdefault(cards[id].model, id)
    first = [id for id in found.values() if id in fitting]
    return first if len(first) > 1 else list(dict.fromkeys([*first, *ranked]))[:AT_FIRST]


def _table(views: dict[str, tuple[View, Card]], loaded: Loaded) -> pd.DataFrame:
    rows = {}
    for name, (view, card) in views.items():
        down, *_, up = view.return_bands
        low, *_, high = view.atm_bands
        row = {
            "Φ, mean raw": theme.significant(float(view.phi.mean())),
            "Φ, mean reweighted": theme.significant(float(view.weights @ view.phi)),
            "Without arbitrage": theme.percent(float((view.phi <= 0).mean())),
            "Effective sample size": f"{theme.count(view.ess)} of {theme.count(len(view.drawn))}",
            "Return, 95 % band": f"{theme.signed(1e4 * down, ',.0f')} to {theme.basis_points(up)}",
            f"{view.atm_label} vol, 95 % band": f"{100 * low:.1f} to {theme.percent(high)}",
        }
        if view.realised_return is not None:
            came = float(view.atm_history[view.row + 1])
            row["Return that came"] = place(view.realised_return, view.return_bands)
            row["Vol that came"] = place(came, view.atm_bands)
        row["This day"] = states.sample_words(loaded, view.row, card)
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")
