"""The tab that says where arbitrage is in tomorrow's scenarios, how much of it, and what it costs to weigh it away."""

import numpy as np
import streamlit as st

from engine.charts import penalties, theme
from engine.market.grid import Floats
from engine.scenarios import reweighting
from engine.surfaces import arbitrage
from pages.generators.next_day_page import KINDS, View
from pages.generators.next_day_page.controls import BETAS
from pages.ui import forms, frame, widths

_REWEIGHTED, _RAW, _TODAY, _WORST = "Reweighted mean", "Raw mean", "Today's surface", "Worst scenario"

TITLES = {"Calendar": "Calendar P1", "Call spread": "Call spread P2", "Butterfly": "Butterfly P3"}


def draw(view: View) -> None:
    """Where arbitrage is, how much of it, and what it costs to weigh it away."""
    n = len(view.drawn)
    uniform = np.full(n, 1 / n)
    raw = view.matrices(uniform)
    of_today = arbitrage.penalty(view.history.iv[view.row], view.grid, float(view.history.rate[view.row]))
    choices = {
        _REWEIGHTED: lambda: view.matrices(view.weights),
        _RAW: lambda: raw,
        _WORST: lambda: view.matrices(np.eye(1, n, int(view.phi.argmax()))[0]),
        _TODAY: lambda: {name: getattr(of_today, kind) for name, kind in KINDS.items()},
    }
    what = forms.segments(
        "Penalties of",
        choices,
        key="volgan_matrices",
        help="Raw and reweighted means share one colour scale, so the matrices go white as β grows.",
    )
    matrices = choices[str(what)]()
    worst = {name: arbitrage.worst_cell(matrices[name], view.grid, kind).description for name, kind in KINDS.items()}
    for line in _in_words(matrices, worst):
        st.markdown(line)
    top = max(float(m.max()) for m in raw.values()) if what in (_RAW, _REWEIGHTED) else None
    frame.picture(
        penalties.penalty_panels,
        {TITLES[name]: matrix for name, matrix in matrices.items()},
        view.grid,
        {TITLES[name]: words for name, words in worst.items()},
        top=top,
        key="volgan_penalties",
    )
    none = view.phi <= penalties.NEGLIGIBLE
    free, free_raw = float(view.weights[none].sum()), float(none.mean())
    frame.say(
        f"Scenarios without any arbitrage: {theme.percent(free_raw)} as drawn, {theme.percent(free)} by weight. "
        f"The heaviest scenario holds {theme.percent(float(view.weights.max()), 2)} of the weight."
    )
    left, right = widths.columns(2)
    with left:
        st.markdown("**Φ, raw and reweighted**")
        today = float(view.history_phi[view.row])
        frame.picture(
            penalties.phi_histogram, view.phi, view.weights, model=view.model, data_phi=today, key="volgan_phi"
        )
        st.markdown("**How few scenarios carry the weight**")
        frame.picture(penalties.weight_concentration, view.weights, model=view.model, key="volgan_concentration")
    with right:
        st.markdown("**What β costs**")
        beta = np.array(BETAS)
        curves = reweighting.weights(np.broadcast_to(view.phi, (len(beta), n)), beta)
        frame.picture(
            penalties.reweighting_curves,
            beta,
            reweighting.relative_entropy(curves),
            reweighting.effective_sample_size(curves),
            n=n,
            current=view.beta,
            model=view.model,
            height=2 * theme.HEIGHT + 40,
            key="volgan_curves",
        )


def _in_words(matrices: dict[str, Floats], worst: dict[str, str]) -> list[str]:
    """One line: the worst cell of each kind, or that there is none."""
    if not any(matrix.max() > penalties.NEGLIGIBLE for matrix in matrices.values()):
        return ["No static arbitrage: no calendar spread, call spread or butterfly has a negative price."]
    parts = [
        f"**{name}**: {frame.plain(worst[name])}, penalty {theme.significant(float(matrix.max()))}"
        if matrix.max() > penalties.NEGLIGIBLE
        else f"**{name}**: none"
        for name, matrix in matrices.items()
    ]
    return [f"Worst: {'; '.join(parts)}."]
