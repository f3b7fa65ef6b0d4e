"""The leaderboard page: at first sight, its tabs, other data, no study at all, and a run of one's own."""

import json
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine import datasets, workspace
from engine.market import export
from engine.market.grid import Grid
from engine.models import registry
from engine.models.simulated.market import simulate
from engine.runs import jobs, studies
from engine.runs.studies import StudyOrder
from pages.generators.leaderboard_page import called

GRID = Grid([0.9, 1.0, 1.1], [0.1, 0.5, 1.0])
TABS = ["Ranking", "Exceedances", "Transforms", "Arbitrage", "Criteria"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    """A market's file and a finished leaderboard of it with four contestants."""
    patch = pytest.MonkeyPatch()
    home = tmp_path_factory.mktemp("leaderboard")
    patch.setenv("SCENARIST_HOME", str(home))
    every = registry.SPECS
    patch.setattr(registry, "SPECS", {name: every[name] for name in ("persistence", "fhs", "hybrid")})
    content = export.surfaces_table(simulate(GRID, 400, seed=4).history).to_csv(index=False).encode()
    loaded = datasets.store_upload([("small.csv", content)])
    studies.run(home / "runs" / "small", StudyOrder("leaderboard", loaded.entry.id, ("scenarios=50",)))
    patch.undo()
    return content, home / "runs" / "small"


@pytest.fixture
def market(finished: tuple[bytes, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> datasets.Loaded:
    """The market in this test's workspace; nothing shipped."""
    monkeypatch.setattr(workspace, "shipped_checkpoints_dir", lambda: tmp_path / "none")
    return datasets.store_upload([("small.csv", finished[0])])


def page(**state: object) -> AppTest:
    app = AppTest.from_file("../../pages/generators/leaderboard.py", default_timeout=60)
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    return app


def in_workspace(directory: Path) -> None:
    workspace.runs_dir().mkdir(parents=True, exist_ok=True)
    (workspace.runs_dir() / "small").symlink_to(directory)


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_draws_a_finished_leaderboard(market, finished, tab: str) -> None:
    in_workspace(finished[1])
    app = page(surfaces_dataset=market.entry.id, leaderboard_tab=tab)
    assert not app.error and not app.info
    assert [one.label for one in app.tabs] == TABS
    assert app.metric[0].label == "Best forecast" and "Filtered historical simulation" in app.metric[1].label
    assert app.metric[3].label == "Best over the true law"
    line = app.caption[0].value.replace("\\", "")
    assert "79 test days" in line and "50 scenarios a day" in line and "small.csv" in line
    assert any("Better than filtered historical simulation at p" in m.value.replace("\\", "") for m in app.markdown)
    if tab == "Ranking":
        table = app.dataframe[0].value
        assert table["Energy score"].is_monotonic_increasing and set(table["Kind"]) == {"baseline", "learned"}
        assert (table["Over true law"] >= 0.99).all()
    if tab == "Transforms":
        app.multiselect(key="leaderboard_pit").set_value([]).run()
        assert not app.exception and "Choose a generator" in app.info[0].value


def test_other_data_are_said_and_the_finished_one_is_shown_meanwhile(market, finished) -> None:
    in_workspace(finished[1])
    app = page(surfaces_dataset="simulated-10x8")
    assert "has been finished yet" in app.info[0].value and not app.metric
    app.toggle(key="others_leaderboard").set_value(True).run()
    assert len(app.metric) == 4 and "results of other data" in app.warning[0].value
    assert any("small.csv" in caption.value.replace("\\", "") for caption in app.caption)


def test_without_any_leaderboard_the_page_offers_to_run_one(market, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def start(arguments: list[str], directory: Path) -> jobs.Run:
        asked.extend(arguments)
        return jobs.Run(directory, "queued")

    monkeypatch.setattr(jobs, "start", start)
    app = page(surfaces_dataset=market.entry.id)
    assert "has been finished yet" in app.info[0].value and not app.metric
    app.number_input(key="leaderboard_scenarios").set_value(60)
    app.button[0].click().run()
    assert not app.exception
    assert asked[:3] == ["study", "leaderboard", f"--data={market.entry.id}"] and "scenarios=60" in asked


def test_a_leaderboard_of_an_older_version_is_one_sentence(market, finished, tmp_path: Path) -> None:
    old = workspace.runs_dir() / "small"
    shutil.copytree(finished[1], old)
    (old / "result" / "pit.csv").unlink()
    app = page(surfaces_dataset=market.entry.id)
    assert "expected the table pit" in app.error[0].value.replace("\\", "") and not app.metric


def test_a_failed_run_says_why_and_can_be_resumed(market) -> None:
    failed = workspace.runs_dir() / "failed"
    failed.mkdir(parents=True)
    (failed / "status.json").write_text(json.dumps({"state": "failed", "reason": "expected a day; found crisis"}))
    config = {"verb": "study", "model": "leaderboard", "data": {"digest": market.data.digest}, "settings": {}}
    (failed / "config.json").write_text(json.dumps(config))
    app = page(surfaces_dataset=market.entry.id)
    assert "expected a day; found crisis" in app.error[0].value.replace("\\", "")
    assert any(button.label == "Resume" for button in app.button)


def test_contestants_are_called_by_their_labels() -> None:
    assert called("fhs") == "Filtered historical simulation"
    assert called("hybrid (frozen)") == "Hybrid (frozen)"
    assert called("something else") == "something else"
