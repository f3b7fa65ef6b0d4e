"""The tab with several generators side by side: the same day, the same seed, and how each did after its training."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from engine import settings
from engine.charts import leaderboard as draw_leaderboard
from engine.charts import scenarios as draw_scenarios
from engine.charts import theme
from engine.datasets import Loaded
from engine.errors import ScenaristError
from engine.market.surface_history import SurfaceHistory
from engine.models import registry
from engine.runs import jobs, studies
from engine.runs.checkpoints import Card, Listed
from engine.scenarios import reweighting
from engine.studies.generators import BASELINE, BASELINE_MODEL
from pages.generators.next_day_page import View, place
from pages.generators.next_day_page.controls import Request
from pages.generators.next_day_page.fans import HISTORY_DAYS
from pages.ui import address, cache, datasets, downloads, forms, frame, generators, study_jobs
from pages.ui import jobs as ui_jobs
from pages.ui.generators import Generator

MOST, AT_FIRST = 6, 5

SHARE = "0.85"
"""Of the days that train, where the generator shown knows other data."""

STARTED = "volgan_beside"
"""Session-state key of the runs started here: their directories, as text."""

STUDY = "generators"

KUPIEC = 0.05

WIDTH = 20
"""Characters of a line above a panel."""

LINE = 20
"""Pixels of a line of a heading."""


def draw(loaded: Loaded, shown: Generator, request: Request) -> None:
    """Choose generators of this grid; their fans, their arbitrage, and their calibration out of sample."""
    history: SurfaceHistory = loaded.data
    fitting = generators.fitting(history.grid)
    key = f"volgan_compare_{history.grid!r}"
    _take_in(key, MOST)
    _follow_link(key, fitting, loaded)
    chosen = forms.remembered.multiselect(
        "Generators",
        list(fitting),
        None if key in st.session_state else _first(shown, fitting, loaded),
        format_func=lambda id: generators.words(fitting[id]),
        key=key,
        max_selections=MOST,
        help="Any that know this grid, whatever they were trained on.",
    )
    _offer(loaded, shown.card, fitting)
    views: dict[str, tuple[View, Card]] = {}
    used: dict[str, Listed] = {}
    for name, one in names([fitting[id] for id in chosen]).items():
        try:
            model, card = cache.model(one.directory)
            key = f"{one.directory} {cache.version_of(one.directory)}"
            drawn, penalty = cache.scenarios(key, model, history, request.row, request.n, request.seed)
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
    _fans({name: view for name, (view, _) in views.items()})
    _days_after_training(loaded, used)


def _follow_link(key: str, fitting: Mapping[str, Listed], loaded: Loaded) -> None:
    """Choose the generators of the finished study that the address asks for (call before the list is drawn)."""
    asked = address.asked("study")
    if asked is None:
        return
    found = next((one for one in studies.catalogue(STUDY) if one.directory.name == asked), None)
    if found is None or not datasets.same(found.data, loaded):
        address.missing("study", "The link asks for a study of these data that is not here; another is shown.")
        address.shown("study", "")
        return
    refs = {Path(ref).name for ref in str(found.inputs["models"]["ref"]).split(",")}
    st.session_state[key] = [id for id, one in fitting.items() if one.name in refs][:MOST]
    address.shown("study", asked)


def names(chosen: Sequence[Listed]) -> dict[str, Listed]:
    """Generators under short names: their labels where these differ, else their runs."""
    short = [one.card.label.partition(":")[0] if one.card is not None else one.name for one in chosen]
    return {(label if short.count(label) == 1 else one.name): one for label, one in zip(short, chosen, strict=True)}


def _first(shown: Generator, fitting: dict[str, Listed], loaded: Loaded) -> list[str]:
    """The generator shown and others, one of each model: those already scored beside it, those of these data.

    If no other model knows the grid, other runs of the same one.
    """
    found = {shown.name: shown.id} if shown.trained is not None else {}
    cards = {id: card for id, one in fitting.items() if (card := one.card) is not None}
    result = _finished(loaded, [] if shown.trained is None else [shown.trained.name])
    scored = set() if result is None else set(cache.study_table(result, "generators")["model"])

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
        if view.realised_return is not None and view.realised_atm is not None:
            row["Return that came"] = place(view.realised_return, view.return_bands)
            row["Vol that came"] = place(view.realised_atm, view.atm_bands)
        row["This day"] = generators.sample_words(loaded, view.row, card)
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _take_in(chosen: str, most: int) -> None:
    """Put runs that have ended into the list of compared ones (call before it is drawn)."""
    started = [Path(run) for run in st.session_state.get(STARTED, ())]
    if not started or any(_active(run) for run in started):
        return
    del st.session_state[STARTED]
    done = [str(run) for run in started if jobs.read(run).has_checkpoint]
    if chosen in st.session_state:
        st.session_state[chosen] = list(dict.fromkeys([*st.session_state[chosen], *done]))[:most]


def _offer(loaded: Loaded, card: Card | None, fitting: Mapping[str, Listed]) -> None:
    """A button that fits what is missing to the same days as the generator shown, or how that is going."""
    if any(_active(Path(run)) for run in st.session_state.get(STARTED, ())):
        st.fragment(_live, run_every=ui_jobs.POLL)()
        return
    cards = [one.card for one in fitting.values() if one.card is not None]
    own = {one.model for one in cards if generators.same_data(one, loaded)}
    missing = [name for name in (registry.on_the_spot()[0], registry.BASELINE) if name not in own]
    if not missing or loaded.origin == "built-in":
        return
    words = " and ".join(registry.label(name).lower() for name in missing)
    last, until = SHARE, "on the first 85 % of the days"
    if card is not None and generators.same_data(card, loaded):
        dates = loaded.data.dates  # a card ends with the last condition, the day before its outcome
        row = int(np.searchsorted(dates, np.datetime64(card.trained_on[1]))) + 1
        last = str(dates[min(row, len(dates) - 1)])
        until = f"to {last}, as the generator shown"
    if st.button(
        frame.plain(f"Fit {words} to these data"),
        key="volgan_beside_fit",
        icon=":material/play_arrow:",
        help=f"Trained {until}; seconds each, in the background.",
    ):
        with frame.errors("Train them one by one under Train."):
            defaults = {name: settings.to_dict(registry.surface_model(name).Config()) for name in missing}
            st.session_state[STARTED] = [
                str(jobs.train(name, loaded.entry.id, asked, seed=0, split=last, label=name).directory)
                for name, asked in defaults.items()
            ]
        st.rerun()


def _live() -> None:
    """The jobs at work, looked at again and again; when all have ended the page is drawn anew."""
    active = [run for run in map(Path, st.session_state.get(STARTED, ())) if _active(run)]
    if not active:
        st.rerun()
    names = ", ".join(run.name for run in active)
    st.info(frame.plain(f"Fitting {names}; you may leave this page."), icon=":material/hourglass_top:")


def _active(run: Path) -> bool:
    return run.is_dir() and jobs.read(run).active


def _fans(views: Mapping[str, View]) -> None:
    """Tomorrow's return and ATM vol by each generator, on the same axes."""
    view, dark = next(iter(views.values())), frame.is_dark()
    first = max(1, view.row + 1 - HISTORY_DAYS)
    dates = view.history.dates[first : view.row + 1]
    views = {heading(name): one for name, one in views.items()}
    lines = 1 + max(name.count("<br>") for name in views)
    room = {"margin": {"t": 70 + LINE * lines}, "legend": {"y": 1.06 + 0.07 * lines}}  # above the panels
    models = {name: one.model for name, one in views.items()}
    shared = {"model": view.model, "models": models, "dark": dark}
    st.markdown("**Return over the next day**, each reweighted with its own default β")
    panels = {name: (one.drawn.log_return, one.weights) for name, one in views.items()}
    past: np.ndarray = view.history.log_return[first - 1 : view.row]
    figure = draw_scenarios.return_fan(dates, past, view.next_day, panels, realised=view.realised_return, **shared)
    frame.chart(figure.update_layout(room), key="volgan_compare_returns")
    st.markdown(f"**{view.atm_label} implied vol**")
    panels = {name: (one.atm, one.weights) for name, one in views.items()}
    figure = draw_scenarios.atm_fan(
        dates,
        view.atm_history[first : view.row + 1],
        view.next_day,
        panels,
        label=view.atm_label,
        realised=view.realised_atm,
        **shared,
    )
    frame.chart(figure.update_layout(room), key="volgan_compare_vols")


def heading(name: str) -> str:
    """A generator's name above its panel, on as many lines as it needs; angle brackets would be markup there."""
    return "<br>".join(textwrap.wrap(name.replace("<", "‹").replace(">", "›"), WIDTH))


def _days_after_training(loaded: Loaded, chosen: Mapping[str, Listed]) -> None:
    """The calibration of the chosen generators where a study of them all is finished; else the button for one."""
    st.markdown("**The days after training**, scored one day ahead")
    runs = [one.name for one in chosen.values()]
    result = _finished(loaded, runs)
    busy = study_jobs.standing(study_jobs.runs(STUDY, loaded), "volgan_compare_study")
    if result is None and not busy:
        st.caption(
            "Exceedances with Kupiec's test, and energy scores with the Diebold–Mariano test against filtered "
            "historical simulation, over every day that none of the chosen generators was trained on; some minutes."
        )
        if st.button("Score these generators", type="primary", key="volgan_compare_run", icon=":material/play_arrow:"):
            with frame.errors():
                study_jobs.start(STUDY, loaded.entry.id, {}, "generators", inputs={"models": ",".join(runs)})
            st.rerun()
    if result is None:
        return
    table = _figures(result, chosen)
    count = int(result.summary["test_days"])
    st.dataframe(table, width="stretch", key="volgan_compare_days")
    days = cache.study_table(result, "days")["date"]
    frame.provenance(
        f"{count:,} days, {days.iloc[0]} to {days.iloc[-1]}, out of sample for every generator trained on these data",
        f"{result.settings['scenarios']:,} scenarios a day, paired, seed {result.settings['seed']}",
    )
    downloads.table_buttons(lambda: table.reset_index(), "generators-out-of-sample", key="volgan_compare_days")
    shown = _called(chosen)
    hits = cache.study_table(result, "exceedance")
    hits = hits[hits["model"].isin(shown)].assign(model=lambda part: part["model"].map(shown))
    st.markdown("**Share of days below each quantile (%)**; a cross where Kupiec rejects at 5 %")
    frame.picture(draw_leaderboard.exceedance_heatmap, hits, key="volgan_compare_exceedance")
    command = f"python -m engine study {STUDY} --data {loaded.entry.id} --models {','.join(runs)} --run again"
    st.code(command, language="bash", wrap_lines=True)


def _finished(loaded: Loaded, runs: list[str]) -> studies.StudyResult | None:
    """The newest finished study of all these generators on these data."""
    for result in studies.catalogue(STUDY):
        known = cache.study_table(result, "generators")["model"]
        if datasets.same(result.data, loaded) and set(runs) <= set(known):
            return result
    return None


def _figures(result: studies.StudyResult, chosen: Mapping[str, Listed]) -> pd.DataFrame:
    """One row a generator: energy score against the baseline, exceedances of return and ATM vol, Kupiec's verdicts."""
    scores = cache.study_table(result, "scores").set_index("model")
    hits = cache.study_table(result, "exceedance")
    penalty = cache.study_table(result, "penalty").set_index("model")["mean"]
    series = list(dict.fromkeys(hits["series"]))
    rows = {}
    for label, name in _called(chosen).items():
        one, mine = scores.loc[label], hits[hits["model"] == label]
        passed = (mine["kupiec_p"] > KUPIEC).groupby(mine["series"]).all()
        row = {
            "Energy score": f"{one['energy']:.3f}",
            "Over baseline (95 %)": f"{one['energy_ratio']:.3f} "
            f"({one['energy_ratio_low']:.3f} to {one['energy_ratio_high']:.3f})",
            "Diebold–Mariano t": theme.signed(one["energy_t"], ".1f") if one["energy_t"] == one["energy_t"] else "same",
            "p": theme.significant(float(one["energy_p"])),
            "Φ, mean": theme.significant(float(penalty[label])),
            "Series Kupiec accepts": f"{int(passed.sum())} of {len(passed)}",
        }
        for kind in series[:2]:
            part = mine[mine["series"] == kind]
            row[f"{kind}: below 1 / 2.5 / 97.5 / 99 %"] = " / ".join(f"{100 * share:.1f}" for share in part["share"])
            row[f"{kind}: Kupiec p"] = " / ".join(theme.significant(float(p)) for p in part["kupiec_p"])
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _called(chosen: Mapping[str, Listed]) -> dict[str, str]:
    """Label in the study's tables → what the page calls it; the baseline too, unless it is among the chosen."""
    names = {one.name: name for name, one in chosen.items()}
    there = any(one.card is not None and one.card.model == BASELINE_MODEL for one in chosen.values())
    return names if there else {**names, BASELINE: "Baseline: filtered historical simulation"}
