"""The tabs of the VolGAN page: surface, arbitrage, fans, download. Each draws one :class:`View` when it is open."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from engine.charts import penalties, scenarios, smile_fans, surfaces, theme
from engine.market.grid import Floats
from engine.scenarios import reweighting
from engine.surfaces import arbitrage
from pages.surfaces._volgan_view import BETAS, KINDS, TITLES, View
from pages.ui import downloads, frame

HISTORY_DAYS = 40
_REWEIGHTED, _RAW, _TODAY, _WORST = "Reweighted mean", "Raw mean", "Today's surface", "Worst scenario"


def surface(view: View) -> None:
    """3-D with fixed views beside the heatmap, and the smiles with their bands below."""
    dark = frame.is_dark()
    shown: dict[str, Callable[[], Floats]] = {
        "Mean scenario": view.mean_surface,
        "Change from today": lambda: view.mean_surface() - view.history.iv[view.row],
        "Width of the 95 % band": lambda: _width(view),
        _WORST: lambda: np.asarray(view.iv[int(view.phi.argmax())], dtype=np.float64),
        "Today": lambda: view.history.iv[view.row],
    }
    if view.realised_iv is not None:
        shown["Realised"] = lambda: view.history.iv[view.row + 1]
    left, right = st.columns([3, 2])
    what = left.selectbox("Show", list(shown), key="volgan_show", persist_state="session", help=_SHOW_HELP)
    camera = right.segmented_control(
        "View",
        list(surfaces.VIEWS),
        default="front",
        required=True,
        key="volgan_view",
        persist_state="session",
        help="Turns the surface to a fixed side; drag it to turn it freely.",
    )
    quantity = {"Change from today": "vol_change", "Width of the 95 % band": "vol_width"}.get(str(what), "vol")
    values = shown[str(what)]()
    left, right = st.columns(2)
    with left:
        figure = surfaces.surface_3d(
            values, view.grid, camera or "front", quantity=quantity, dark=dark, show_scale=False
        )
        frame.chart(figure, key="volgan_3d")
    with right:
        frame.chart(
            surfaces.surface_heatmap(values, view.grid, quantity=quantity, dark=dark, height=460), key="volgan_heat"
        )
    st.markdown(
        "**Smiles tomorrow**, reweighted: 50, 80 and 95 % bands; today's dotted"
        + (", the realised one solid" if view.is_known else "")
    )
    fan = smile_fans.smile_fan(
        view.iv,
        view.grid,
        view.weights,
        today=view.history.iv[view.row],
        realised=view.realised_iv,
        model=view.model,
        dark=dark,
    )
    frame.chart(fan, key="volgan_smiles")


def arbitrage_tab(view: View) -> None:
    """Where arbitrage is, how much of it, and what it costs to weigh it away."""
    dark = frame.is_dark()
    n = len(view.drawn)
    uniform = np.full(n, 1 / n)
    raw = view.matrices(uniform)
    choices = {
        _REWEIGHTED: lambda: view.matrices(view.weights),
        _RAW: lambda: raw,
        _WORST: lambda: view.matrices(np.eye(1, n, int(view.phi.argmax()))[0]),
        _TODAY: lambda: _of_surface(view, view.history.iv[view.row]),
    }
    what = st.segmented_control(
        "Penalties of",
        list(choices),
        default=_REWEIGHTED,
        required=True,
        key="volgan_matrices",
        persist_state="session",
        help="Raw and reweighted means share one colour scale, so the matrices go white as β grows.",
    )
    matrices = choices[str(what)]()
    worst = {name: arbitrage.worst_cell(matrices[name], view.grid, kind).description for name, kind in KINDS.items()}
    for line in _in_words(matrices, worst):
        st.markdown(line)
    top = max(float(m.max()) for m in raw.values()) if what in (_RAW, _REWEIGHTED) else None
    panels = penalties.penalty_panels(
        {TITLES[name]: matrix for name, matrix in matrices.items()},
        view.grid,
        {TITLES[name]: words for name, words in worst.items()},
        top=top,
        dark=dark,
    )
    frame.chart(panels, key="volgan_penalties")
    none = view.phi <= penalties.NEGLIGIBLE
    free, free_raw = float(view.weights[none].sum()), float(none.mean())
    st.markdown(
        frame.plain(
            f"Scenarios without any arbitrage: {theme.percent(free_raw)} as drawn, {theme.percent(free)} by weight. "
            f"The heaviest scenario holds {theme.percent(float(view.weights.max()), 2)} of the weight."
        )
    )
    left, right = st.columns(2)
    with left:
        st.markdown("**Φ, raw and reweighted**")
        today = float(view.history_phi[view.row])
        figure = penalties.phi_histogram(view.phi, view.weights, model=view.model, data_phi=today, dark=dark)
        frame.chart(figure, key="volgan_phi")
        st.markdown("**How few scenarios carry the weight**")
        frame.chart(
            penalties.weight_concentration(view.weights, model=view.model, dark=dark), key="volgan_concentration"
        )
    with right:
        st.markdown("**What β costs**")
        beta = np.array(BETAS)
        curves = reweighting.weights(np.broadcast_to(view.phi, (len(beta), n)), beta)
        figure = penalties.reweighting_curves(
            beta,
            reweighting.relative_entropy(curves),
            reweighting.effective_sample_size(curves),
            n=n,
            current=view.beta,
            model=view.model,
            dark=dark,
            height=2 * theme.HEIGHT + 40,
        )
        frame.chart(figure, key="volgan_curves")


def fans(view: View) -> None:
    """Tomorrow's return and ATM vol after the recent past, raw beside reweighted."""
    dark = frame.is_dark()
    first = max(1, view.row + 1 - HISTORY_DAYS)
    days = view.history.dates[first : view.row + 1]
    returns = view.history.log_return[first - 1 : view.row]  # the returns that ended on those days
    drawn = view.drawn.log_return
    st.markdown("**Return over the next day**")
    figure = scenarios.return_fan(
        days,
        returns,
        view.next_day,
        {"raw": (drawn, None), "reweighted": (drawn, view.weights)},
        realised=view.realised_return,
        model=view.model,
        dark=dark,
    )
    frame.chart(figure, key="volgan_return_fan")
    st.markdown(f"**{view.atm_label} implied vol**")
    known = float(view.atm_history[view.row + 1]) if view.is_known else None
    figure = scenarios.atm_fan(
        days,
        view.atm_history[first : view.row + 1],
        view.next_day,
        {"raw": (view.atm, None), "reweighted": (view.atm, view.weights)},
        label=view.atm_label,
        realised=known,
        model=view.model,
        dark=dark,
    )
    frame.chart(figure, key="volgan_atm_fan")
    st.markdown("**Distributions**; dashed: 2.5 and 97.5 % quantiles, solid: median")
    left, right = st.columns(2)
    with left:
        figure = scenarios.return_histogram(
            drawn, view.weights, realised=view.realised_return, model=view.model, dark=dark
        )
        frame.chart(figure, key="volgan_returns")
    with right:
        figure = scenarios.atm_histogram(
            view.atm, view.weights, label=view.atm_label, realised=known, model=view.model, dark=dark
        )
        frame.chart(figure, key="volgan_vols")
    st.markdown("**Quantiles**")
    st.dataframe(view.quantile_table(), width="stretch", key="volgan_quantiles")


def download(view: View, command: str) -> None:
    """The scenarios with their weights, the surface as a page of its own, and the command that gives the same."""
    weighted = view.drawn.weighted(view.weights)
    name = f"scenarios-{view.model}-{view.day}"
    st.markdown(
        frame.plain(
            f"{theme.count(len(view.drawn))} scenarios of {view.next_day}: weight, log-return, and the vols of "
            f"{view.grid.size} grid points as decimals, one row each; columns iv_<days>d_<moneyness>."
        )
    )
    downloads.table_buttons(weighted.to_frame, name, key="volgan_scenarios", label="Scenarios as")
    figure = surfaces.surface_3d(view.mean_surface(), view.grid, dark=False, title=f"Mean scenario of {view.next_day}")
    st.download_button(
        "Surface as HTML",
        lambda: theme.standalone(figure).to_html(include_plotlyjs=True),
        f"surface-{view.model}-{view.day}.html",
        "text/html",
        key="volgan_html",
        on_click="ignore",
        help="A page of its own with the surface to turn. Every picture can be saved as PNG by its camera button.",
    )
    st.markdown("The same scenarios from the command line:")
    st.code(command, language="bash", wrap_lines=True)


_SHOW_HELP = (
    "The mean over the reweighted scenarios; its change from today in vol points; how wide the 95 % band is at each "
    "point; the scenario with the most arbitrage; today's surface; and the one that came about, where it is known."
)


def _width(view: View) -> Floats:
    low, high = reweighting.weighted_quantile(view.iv, view.weights, [0.025, 0.975], axis=0)
    width: Floats = high - low
    return width


def _of_surface(view: View, iv: Floats) -> dict[str, Floats]:
    found = arbitrage.penalty(iv, view.grid, float(view.history.rate[view.row]))
    return {"Calendar": found.calendar, "Call spread": found.call_spread, "Butterfly": found.butterfly}


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
