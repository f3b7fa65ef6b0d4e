"""Any surface model on the page of generators: spoken of, trained, compared side by side, scored out of sample."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine import datasets, settings, workspace
from engine.market import export
from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory
from engine.models import registry
from engine.models.registry import surface_model
from engine.models.simulated.market import SimulatedMarket, simulate
from engine.runs import checkpoints, jobs, studies
from engine.runs.cards import Card
from engine.runs.studies import StudyOrder
from engine.training import alarms
from pages.generators.next_day_page import compare
from pages.ui import frame

GRID = Grid([0.9, 1.0, 1.1], [0.1, 0.5, 1.0])
CUT = 150


def saved(name: str, run: str, loaded: datasets.Loaded) -> Path:
    """A registered model fitted to the first days of some data, as a run of the workspace."""
    data = loaded.data
    assert isinstance(data, SurfaceHistory)
    if name == "simulated_market":
        model, trained_on = SimulatedMarket.on(GRID), data.period
    else:
        model = surface_model(name)()
        trained_on = model.fit(data[:CUT], seed=0).trained_on
    card = Card(
        model=name,
        label=model.label,
        config=settings.to_dict(model.config),
        domain=GRID,
        data_name=loaded.label,
        data_fingerprint=data.fingerprint,
        data_period=data.period,
        data_origin=loaded.origin,
        trained_on=trained_on,
        seed=0,
    )
    checkpoints.save(workspace.runs_dir() / run, model, card)
    return workspace.runs_dir() / run


@pytest.fixture
def market(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> datasets.Loaded:
    """An uploaded market that is nearly the simulated one: noise hides its law. Nothing shipped."""
    monkeypatch.setattr(workspace, "shipped_checkpoints_dir", lambda: tmp_path / "none")
    found = simulate(GRID, 200, seed=4).history
    noise = np.exp(0.02 * np.random.default_rng(0).standard_normal(found.iv.shape))
    data = SurfaceHistory(found.dates, found.spot, found.iv * noise, GRID)
    return datasets.store_upload([("market.csv", export.surfaces_table(data).to_csv(index=False).encode())])


@pytest.fixture
def open_page(market: datasets.Loaded) -> Callable[..., AppTest]:
    def opened(generator: Path | None = None, **state: object) -> AppTest:
        app = AppTest.from_file("../../pages/generators/next_day.py", default_timeout=60)
        app.session_state["surfaces_dataset"] = market.entry.id
        app.session_state["scenarist"] = frame.Session(generator and str(generator))
        for key, value in {"volgan_n": 300, **state}.items():
            app.session_state[key] = value
        app.run()
        assert not app.exception
        return app

    return opened


@pytest.mark.parametrize("name", registry.refitted())
def test_every_registered_model_speaks_on_the_page(market, open_page, name: str) -> None:
    app = open_page(saved(name, name, market), method=True)
    assert all("bands" in error.value for error in app.error) and len(app.metric) == 4
    assert "out of sample" in app.caption[0].value
    assert any(r"P^2_{ij}" in text.value and "generator" in text.value for text in app.markdown)


def test_a_true_law_that_cannot_speak_of_other_data_is_one_sentence(market, open_page) -> None:
    app = open_page(saved("simulated_market", "law", market))
    assert len(app.error) == 1 and "simulated market" in app.error[0].value and not app.metric


def test_generators_stand_side_by_side_and_one_that_cannot_speak_is_said(market, open_page) -> None:
    first = saved("fhs", "plain", market)
    for name in ("historical", "simulated_market"):
        saved(name, name, market)
    app = open_page(first, next_day_tab="Compare", volgan_day="Most stressed day")
    assert "Simulated market" in app.error[0].value and len(app.error) == 1
    table = next(d.value for d in app.dataframe if "Φ, mean raw" in d.value.columns)
    assert list(table.index) == ["Filtered historical simulation", "Historical simulation"]
    assert {"Return that came", "Vol that came", "Effective sample size"} <= set(table.columns)
    app.multiselect[0].set_value([str(first)]).run()
    assert not app.exception and "at least two generators" in app.info[0].value


def test_runs_of_one_model_are_compared_where_no_other_knows_the_grid(market, open_page) -> None:
    first = saved("fhs", "plain", market)
    saved("fhs", "again", market)
    app = open_page(first, next_day_tab="Compare")
    table = next(d.value for d in app.dataframe if "Φ, mean raw" in d.value.columns)
    assert set(table.index) == {"plain", "again"} and app.multiselect[0].value[0] == str(first)


def test_what_a_generator_is_held_against_is_one_button_away(
    market, open_page, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def train(name: str, data: str, values: dict, *, seed: int, split: str, label: str) -> jobs.Run:
        asked.append((name, split))
        return jobs.Run(saved(name, label, market), "done")  # as if it had been quick

    monkeypatch.setattr(jobs, "train", train)
    first = saved("historical", "rolling", market)
    saved("fhs", "plain", market)
    app = open_page(first, next_day_tab="Compare")
    app.button(key="volgan_beside_fit").click().run()
    assert not app.exception
    assert asked == [("two_speed", str(market.data.dates[CUT - 1]))]
    assert "Two-speed mixture" in next(d.value for d in app.dataframe if "Φ, mean raw" in d.value.columns).index
    assert not any(button.key == "volgan_beside_fit" for button in app.button)


def test_scoring_is_started_as_a_job_for_the_chosen_generators(
    market, open_page, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(jobs, "start", lambda words, path: asked.extend(words) or jobs.Run(path, "queued"))
    first = saved("fhs", "plain", market)
    saved("historical", "rolling", market)
    app = open_page(first, next_day_tab="Compare")
    app.button(key="volgan_compare_run").click().run()
    assert not app.exception
    assert asked[:3] == ["study", "generators", f"--data={market.entry.id}"]
    assert asked[asked.index("--models") + 1] == "plain,rolling"


def test_a_finished_scoring_is_shown_for_any_of_its_generators(market, open_page) -> None:
    first = saved("fhs", "plain", market)
    saved("historical", "rolling", market)
    saved("persistence", "still", market)
    order = StudyOrder("generators", market.entry.id, ("scenarios=50",), inputs={"models": "plain,rolling,still"})
    studies.run(workspace.runs_dir() / "scored", order)
    app = open_page(first, next_day_tab="Compare")
    app.multiselect[0].set_value([str(workspace.runs_dir() / name) for name in ("plain", "rolling")]).run()
    assert not app.exception and not app.error
    table = next(d.value for d in app.dataframe if "Energy score" in d.value.columns)
    assert list(table.index) == ["Filtered historical simulation", "Historical simulation"]
    assert table["Over baseline (95 %)"].iloc[0].startswith("1.000") and table["Diebold–Mariano t"].iloc[0] == "same"
    assert any("50 days" in caption.value.replace("\\", "") for caption in app.caption)


def test_a_link_to_a_scoring_chooses_its_generators(market, open_page) -> None:
    for model, name in (("fhs", "plain"), ("historical", "rolling"), ("persistence", "still")):
        saved(model, name, market)
    order = StudyOrder("generators", market.entry.id, ("scenarios=50",), inputs={"models": "rolling,still"})
    studies.run(workspace.runs_dir() / "scored", order)
    app = AppTest.from_file("../../pages/generators/next_day.py", default_timeout=60)
    app.session_state["surfaces_dataset"] = market.entry.id
    app.session_state["next_day_tab"] = "Compare"
    app.session_state["volgan_n"] = 300
    app.query_params["study"] = "scored"
    app.run()
    assert not app.exception
    chosen = next(one for one in app.multiselect if one.label == "Generators")
    assert sorted(Path(one).name for one in chosen.value) == ["rolling", "still"]


def test_any_model_is_trained_from_its_own_form(market, open_page, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def train(model: str, data: str, values: dict, *, seed: int, split: str, label: str) -> jobs.Run:
        asked.update(model=model, values=values, label=label)
        directory = workspace.runs_dir() / "new"
        directory.mkdir(parents=True)
        return jobs.Run(directory, "queued")

    monkeypatch.setattr(jobs, "train", train)
    app = open_page(next_day_tab="Train")
    offered = app.selectbox(key="volgan_train_model").options
    assert len(offered) == len(registry.next_day()) - 1 and not any("true law" in label for label in offered)
    app.selectbox(key="volgan_train_model").set_value("fhs").run()
    app.number_input(key="fhs_train_decay").set_value(0.97)
    next(button for button in app.button if button.label == "Train in the background").click().run()
    assert not app.exception
    assert asked == {"model": "fhs", "values": {"decay": 0.97}, "label": "fhs"}


def test_the_true_law_is_offered_on_built_in_data() -> None:
    app = AppTest.from_file("../../pages/generators/next_day.py", default_timeout=60)
    app.session_state["next_day_tab"] = "Train"
    app.session_state["volgan_n"] = 200
    app.run()
    assert not app.exception
    assert any("true law" in label for label in app.selectbox(key="volgan_train_model").options)
    assert any("true law" in label for label in app.sidebar.selectbox(key="generator").options)


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({alarms.SPREAD: 0.05, alarms.PENALTY: 0.0, alarms.DATA_PENALTY: 0.0}, "collapsed"),
        ({alarms.SPREAD: 1.0, alarms.PENALTY: 3.0, alarms.DATA_PENALTY: 0.01}, "Arbitrage explodes"),
        ({alarms.SPREAD: 1.0, alarms.PENALTY: 0.01, alarms.DATA_PENALTY: 0.01}, ""),
        ({"discriminator": 0.69}, ""),
    ],
)
def test_a_job_shows_what_is_seen_of_its_generator_and_raises_the_alarm(figures: dict, words: str) -> None:
    def script(figures: dict) -> None:
        from pages.ui import jobs

        jobs.watched(figures)

    app = AppTest.from_function(script, args=(figures,)).run()
    assert not app.exception
    assert len(app.caption) == (alarms.PENALTY in figures)
    assert len(app.warning) == bool(words) and all(words in w.value for w in app.warning)


def test_headings_are_broken_into_lines_and_carry_no_markup() -> None:
    assert compare.heading("Filtered historical simulation") == "Filtered historical<br>simulation"
    assert compare.heading("<b>x</b>") == "‹b›x‹/b›"
