"""The generators page as a visitor finds it: at first sight, under another β, untrained, with the wrong grid."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine import __main__ as command_line
from engine import datasets, settings, workspace
from engine.market import export
from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory
from engine.models import registry
from engine.models.volgan.generator import GRADIENT_NORMS, VolGANConfig, weight_shapes
from engine.models.volgan.model import VolGAN
from engine.runs import checkpoints, jobs
from engine.runs.cards import Card
from engine.scenarios import reweighting
from engine.scenarios.scenario_set import ScenarioSet
from engine.surfaces import arbitrage
from pages.generators.next_day_page import View, outcome, quantile_table, states
from pages.generators.next_day_page.controls import DEFAULT_BETA, beta_options
from pages.ui import frame

GRID = Grid([0.8, 0.9, 1.0, 1.1, 1.2], [1 / 12, 0.25, 1.0])
OTHER_GRID = Grid([0.9, 1.0, 1.1], [0.25, 0.5])
TABS = ["Surface", "Arbitrage", "Fans", "Paths", "Validation", "Compare", "Download", "Train"]


def history(grid: Grid = GRID, days: int = 80, seed: int = 1) -> SurfaceHistory:
    rng = np.random.default_rng(seed)
    m, tau = np.meshgrid(np.log(grid.moneyness), grid.maturity, indexing="ij")
    smile = 0.2 * np.exp(-0.3 * m / np.sqrt(tau + 0.2) + 0.2 * m**2)
    level = np.exp(0.03 * rng.standard_normal(days).cumsum())
    return SurfaceHistory(
        dates=np.busday_offset("2020-01-01", np.arange(days), roll="forward"),
        spot=100 * np.exp(0.01 * rng.standard_normal(days).cumsum()),
        iv=level[:, None, None] * smile,
        grid=grid,
    )


def upload(data: SurfaceHistory, name: str) -> datasets.Loaded:
    return datasets.store_upload([(name, export.surfaces_table(data).to_csv(index=False).encode())])


def generator(name: str, loaded: datasets.Loaded, **changes: object) -> Path:
    """A checkpoint of a VolGAN with random weights: it moves, and some of what it draws can be arbitraged."""
    data = loaded.data
    assert isinstance(data, SurfaceHistory)
    config, rng = VolGANConfig(epochs=20), np.random.default_rng(3)
    model = VolGAN(config)
    shapes = weight_shapes(config, data.grid)
    state = {key: (0.1 * rng.standard_normal(shape)).astype(np.float32) for key, shape in shapes.items()}
    state["generator.2.bias"] *= 0
    model.restore({**state, GRADIENT_NORMS: np.zeros((0, 3, 1))}, data.grid)
    values: dict[str, object] = {
        "model": "volgan",
        "label": "VolGAN",
        "config": settings.to_dict(config),
        "domain": data.grid,
        "data_name": loaded.label,
        "data_fingerprint": data.fingerprint,
        "data_period": data.period,
        "data_origin": loaded.origin,
        "trained_on": (str(data.dates[22]), str(data.dates[60])),
        "seed": 0,
        "metrics": {"return_day_sd_ratio": 0.9},
    }
    directory = workspace.runs_dir() / name
    checkpoints.save(directory, model, Card(**{**values, **changes}))  # type: ignore[arg-type]
    return directory


@pytest.fixture
def market(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> datasets.Loaded:
    """One uploaded market; nothing shipped."""
    monkeypatch.setattr(workspace, "shipped_checkpoints_dir", lambda: tmp_path / "none")
    return upload(history(), "market.csv")


@pytest.fixture
def open_page(market: datasets.Loaded) -> Callable[..., AppTest]:
    """Opens the page on the uploaded market."""

    def opened(generator: Path | None = None, started: tuple[Path, ...] = (), **state: object) -> AppTest:
        app = AppTest.from_file("../../pages/generators/next_day.py", default_timeout=60)
        app.session_state["surfaces_dataset"] = market.entry.id
        trained = generator or next(
            (p.parent for p in sorted(workspace.runs_dir().glob(f"*/{checkpoints.WEIGHTS}"))), None
        )
        app.session_state["scenarist"] = frame.Session(trained and str(trained), [str(run) for run in started])
        for key, value in {"volgan_n": 500, **state}.items():
            app.session_state[key] = value
        app.run()
        assert not app.exception
        return app

    return opened


def metric(app: AppTest, label: str) -> tuple[str, str]:
    found = next(m for m in app.metric if label in m.label)
    return found.value, found.delta


def number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-").split()[0])


def test_the_answer_comes_first_with_its_honesty_line(market, open_page) -> None:
    generator("quick", market)
    app = open_page(volgan_n=10_000, method=True)
    assert not app.error
    assert [m.label for m in app.metric] == [
        "Φ, mean reweighted",
        "ATM 1M vol, median",
        "Index return, median",
        "Effective sample size",
    ]
    assert app.header[0].value == "The day after 2020-04-21"
    line = app.caption[0].value.replace("\\", "")
    for fact in ("10,000 scenarios, seed 1", "out of sample", "uploaded data", "effective"):
        assert fact in line
    assert [tab.label for tab in app.tabs] == TABS
    assert any(r"P^2_{ij}" in m.value for m in app.markdown)


def test_moving_beta_reweights_and_never_samples_again(market, open_page, monkeypatch: pytest.MonkeyPatch) -> None:
    generator("quick", market)
    drawn = []
    sample = VolGAN.sample
    monkeypatch.setattr(VolGAN, "sample", lambda self, *a, **k: drawn.append(1) or sample(self, *a, **k))
    app = open_page(volgan_n=2_000)
    sizes = []
    for beta in (0.0, 100.0, 1e4, 1e15):
        app.select_slider[0].set_value(beta).run()
        assert not app.exception
        sizes.append(number(metric(app, "Effective")[0]))
    assert len(drawn) == 1
    assert sizes[0] == 2_000 and sizes == sorted(sizes, reverse=True) and sizes[-1] < 1_000
    raw = metric(app, "Φ")[1].split(" · ")[0]
    app.select_slider[0].set_value(0.0).run()
    assert raw == f"raw {metric(app, 'Φ')[0]}" and "KL 0 nats" in metric(app, "Effective")[1]


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("day", ["Last day", "Most stressed day"])
def test_every_tab_draws_for_a_day_with_and_without_an_outcome(market, open_page, tab: str, day: str) -> None:
    generator("quick", market)
    app = open_page(next_day_tab=tab, volgan_day=day)
    assert not app.error or tab == "Paths"  # chained for months, random weights explode, and the page says so
    assert any("What came about" in m.value for m in app.markdown) == (day != "Last day")
    if tab == "Arbitrage":
        assert any("call spread at" in m.value or "butterfly at" in m.value for m in app.markdown)
        for what in ("Raw mean", "Worst scenario", "Today's surface"):
            app.segmented_control(key="volgan_matrices").set_value(what).run()
            assert not app.exception
    if tab == "Surface":
        for what in app.selectbox(key="volgan_show").options:
            app.selectbox(key="volgan_show").set_value(what).run()
            assert not app.exception
        app.segmented_control(key="volgan_view").set_value("smile").run()
        assert not app.exception
    if tab == "Fans":
        table = app.dataframe[0].value
        assert table.index[0] == "Return, raw" and ("realised" in table.columns) == (day != "Last day")


def test_a_chosen_date_without_data_means_the_day_before_it(market, open_page) -> None:
    generator("quick", market)
    app = open_page(volgan_day="Choose a date")
    app.date_input[0].set_value(pd.Timestamp("2020-03-08").date()).run()  # a Sunday
    assert app.header[0].value == "The day after 2020-03-06"
    assert "in sample" in app.caption[0].value


def test_other_data_than_trained_on_is_said(market, open_page) -> None:
    generator("quick", market, data_fingerprint="0" * 12, data_name="elsewhere")
    assert "trained on other data" in open_page().caption[0].value


def test_few_effective_scenarios_and_a_collapsed_generator_are_said(market, open_page) -> None:
    generator("quick", market, metrics={"return_day_sd_ratio": 0.03})
    app = open_page(volgan_n=100)
    assert any("hardly moves" in w.value for w in app.warning)
    assert any("the weight: bands and means rest on so few" in w.value for w in app.warning)


def test_the_number_of_scenarios_that_carry_the_weight_is_said_in_grammar() -> None:
    assert states.carrying(1.0) == "a single scenario carries nearly all"
    assert states.carrying(1.6) == "about 2 scenarios carry"


def test_without_a_trained_generator_one_is_fitted_to_these_data(open_page) -> None:
    app = open_page()
    assert not app.error and len(app.metric) == 4
    assert app.session_state["generator"] in registry.on_the_spot()
    assert "fitted to the days up to 2020-04-21" in app.caption[0].value.replace("\\", "")


def test_another_grid_is_said_with_ways_out(market, open_page) -> None:
    other = upload(history(OTHER_GRID), "other.csv")
    wrong, right = generator("wrong", other), generator("right", market)
    app = open_page(generator=wrong)
    assert "3×2 points" in app.warning[0].value.replace("\\", "") and "5×3 points" in app.warning[0].value
    labels = [b.label.replace("\\", "") for b in app.button]
    assert labels[0].startswith("Use VolGAN as published on market.csv")
    assert labels[1] == "Switch to other.csv, the data it was trained on"
    app.button[0].click().run()
    assert not app.exception and len(app.metric) == 4 and app.session_state["generator"] == str(right)
    app.sidebar.selectbox(key="generator").set_value(str(wrong)).run()
    assert "3×2 points" in app.warning[0].value.replace("\\", "")
    app.button[1].click().run()
    assert not app.exception and len(app.metric) == 4 and "ATM 3M" in app.metric[1].label


def test_too_short_a_history_is_said(market, open_page) -> None:
    generator("quick", market)
    short = upload(history(days=20, seed=5), "short.csv")
    app = open_page(surfaces_dataset=short.entry.id)
    assert "at least 23 days" in app.error[0].value.replace("\\", "") and not app.metric


def test_a_truncated_checkpoint_is_one_sentence(market, open_page) -> None:
    directory = generator("quick", market)
    weights = directory / checkpoints.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:100])
    app = open_page()
    assert len(app.error) == 1 and app.error[0].value.startswith("expected") and not app.metric


def test_training_starts_a_job_with_the_settings_of_the_form(open_page, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def train(model: str, data: str, values: dict, *, seed: int, split: str, label: str) -> jobs.Run:
        asked.update(model=model, data=data, values=values, seed=seed, split=split, label=label)
        directory = workspace.runs_dir() / "new"
        directory.mkdir(parents=True)
        return jobs.Run(directory, "queued")

    monkeypatch.setattr(jobs, "train", train)
    app = open_page(next_day_tab="Train", volgan_train_model="volgan")
    app.number_input(key="volgan_train_epochs").set_value(20)
    app.number_input(key="volgan_train_share").set_value(70)
    app.text_input(key="volgan_train_name").set_value("My run")
    app.button[0].click().run()
    assert not app.exception
    assert (asked["model"], asked["split"], asked["label"], asked["seed"]) == ("volgan", "0.7", "My run", 0)
    assert asked["data"] == app.session_state["surfaces_dataset"]
    assert asked["values"] == settings.to_dict(VolGANConfig(epochs=20))
    assert any("interrupted" in e.value for e in app.error)  # the directory that was never worked on


def test_a_finished_run_is_offered_and_shown(market, open_page) -> None:
    first, second = generator("first", market), generator("second", market)
    (second / "status.json").write_text(json.dumps({"state": "done", "pid": None}))
    app = open_page(generator=first, started=(second,), next_day_tab="Train")
    assert "second is trained" in app.success[0].value
    app.button(key="volgan_show_run").click().run()
    assert not app.exception and app.session_state["generator"] == str(second)
    assert "It is the one shown" in app.success[0].value


def test_a_failed_run_says_why_and_keeps_its_log(market, open_page) -> None:
    generator("first", market)
    failed = workspace.runs_dir() / "failed"
    failed.mkdir()
    (failed / "status.json").write_text(json.dumps({"state": "failed", "reason": "expected room; found none"}))
    (failed / "log.txt").write_text("last words")
    app = open_page(started=(failed,), next_day_tab="Train")
    assert "expected room" in app.error[0].value and app.code[0].value == "last words"
    assert any(b.label == "Resume" for b in app.button)


def test_changed_settings_are_said_to_differ_from_the_generator_shown(market, open_page) -> None:
    generator("quick", market)
    app = open_page(next_day_tab="Train", volgan_train_model="volgan")
    assert any("epochs 20 → 10000" in c.value.replace("\\", "") for c in app.caption)


def test_the_command_shown_gives_the_same_scenarios(market, open_page, tmp_path: Path) -> None:
    directory = generator("quick", market)
    app = open_page(next_day_tab="Download", volgan_n=200, volgan_day="Calmest day")
    words = app.code[0].value.split()
    out = tmp_path / "scenarios.parquet"
    words[words.index("--out") + 1] = str(out)
    assert command_line.main(words[3:]) == 0
    table = pd.read_parquet(out)
    model, _ = checkpoints.load(directory)
    data = market.data
    row = 22 + int(data.atm()[22:-1].argmin())
    drawn = model.sample(data.until(row), 200, rng=np.random.default_rng(1))
    phi = arbitrage.total_penalty(drawn.iv, data.grid, 0.0)
    np.testing.assert_allclose(table["log_return"], drawn.log_return)
    np.testing.assert_allclose(table["weight"], reweighting.weights(phi, reweighting.default_beta(phi)))


@pytest.mark.parametrize("default", [0.0, 3.0, 1e4, 7e20])
def test_beta_options_increase_and_hold_the_default_once(default: float) -> None:
    options = beta_options(default)
    assert options.count(DEFAULT_BETA) == 1
    values = [default if option == DEFAULT_BETA else float(option) for option in options]
    assert values == sorted(values) and values[0] == 0 and 1e15 in [round(v, -3) for v in values]


def test_the_outcome_is_placed_in_the_narrowest_band_that_holds_it() -> None:
    data = history()
    n, row = 1_000, 40
    rng = np.random.default_rng(0)
    drawn = ScenarioSet(
        log_return=data.log_return[row] + 0.001 * (np.linspace(-1, 1, n)),
        log_iv=np.log(data.iv[row + 1]) + 1.0 + 0.01 * rng.standard_normal((n, *GRID.shape)),
        grid=GRID,
    )
    penalty = arbitrage.penalty(drawn.iv, GRID)
    view = View(data, row, drawn, penalty, np.zeros(len(data)), 0.0, "volgan", 1)
    said = outcome(view)
    assert "inside the 50 % band" in said and "below the 95 % band" in said
    assert quantile_table(view).loc["Return, raw", "realised"].endswith("bp")
    last = View(data, len(data) - 1, drawn, penalty, np.zeros(len(data)), 0.0, "volgan", 1)
    assert outcome(last) == "" and str(last.next_day) == "2020-04-22"
    assert "realised" not in quantile_table(last).columns
