"""The graph page on a small finished study: answer, tabs, live η, a node, and a first visit without any study."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine import tensor_file, workspace
from engine.errors import JobError
from engine.market import intake
from engine.runs import jobs as engine_jobs
from engine.runs import run_directory
from engine.runs import studies as engine_studies
from engine.studies import graph
from engine.studies.base import Work
from engine.studies.graph import study
from engine.studies.graph.inputs import Trained
from pages.decisions.ensemble_graph_page import network

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "studies"))
from graph_market import SAMPLES, Finished, prices, stack

CONFIG = study.GraphConfig(samples=SAMPLES, draws=100, shuffles=10, refits=5, seed=3)


class Checkpointer:
    """Arrays as a run keeps them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> dict[str, np.ndarray] | None:
        return tensor_file.from_bytes(self.path.read_bytes(), self.path.name) if self.path.exists() else None

    def save(self, state: dict[str, np.ndarray]) -> None:
        workspace.write_whole(self.path, tensor_file.to_bytes(state))


@pytest.fixture(scope="module")
def carried_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study."""
    directory, data = tmp_path_factory.mktemp("graph") / "graph-small", prices()
    work = Work(
        {"fingan": Finished()}, checkpointers=lambda name: Checkpointer(directory / "arrays" / f"{name}.safetensors")
    )
    tables = {}
    for step in graph.steps(data, CONFIG, work):
        tables |= step.make()
    for name, table in tables.items():
        workspace.write_whole(directory / engine_studies.RESULT / f"{name}.csv", table.to_csv(index=False).encode())
    facts = {"ref": "small", "name": "small", "digest": data.digest, "period": list(data.period), "origin": "file"}
    result = {"format": 1, "study": "graph", "label": graph.LABEL, "settings": {"draws": 100, "seed": 3}}
    result |= {"data": facts, "inputs": {"fingan": {"ref": "fingan-small"}}, "summary": graph.summary(tables)}
    workspace.write_json(directory / engine_studies.SUMMARY, {**result, "created": run_directory.now()})
    return directory


@pytest.fixture
def finished(carried_out: Path, scenarist_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The study among the runs of the workspace, and no shipped one."""
    monkeypatch.setattr(workspace, "shipped_checkpoints_dir", lambda: scenarist_home / "none")
    return Path(shutil.copytree(carried_out, workspace.runs_dir() / carried_out.name))


def page() -> AppTest:
    return AppTest.from_file("../../pages/decisions/ensemble_graph.py", default_timeout=60)


def test_the_answer_comes_first_and_eta_learns_again(finished: Path) -> None:
    app = page().run()
    assert not app.exception and not app.error
    labels = ["Own generator only", "Gain, all seeds", "Gain, one seed", "LASSO"]
    assert [metric.label for metric in app.metric[1:5]] == labels
    before = next(c.value for c in app.caption if "edges of 36" in c.value)
    app.sidebar.slider(key="graph_eta_lasso_graph-small").set_value(-7.5).run()
    after = next(c.value for c in app.caption if "edges of 36" in c.value)
    assert not app.exception and before != after


def test_a_node_shows_its_neighbours_and_its_pnl(finished: Path) -> None:
    app = page().run()
    app.sidebar.selectbox(key="graph_method").set_value("pnl_based").run()
    app.selectbox(key="graph_node").set_value("CC").run()
    assert not app.exception
    assert "Sharpe ratio, test part" in [metric.label for metric in app.metric]
    neighbours = app.dataframe[0].value
    assert set(neighbours["ticker"]) <= {"AA", "BB", "CC", "DD", "XX", "YY"} and len(neighbours) == 6


def test_a_node_s_mixture_is_drawn_where_its_generators_are(finished: Path) -> None:
    app = page().run()
    app.selectbox(key="graph_node").set_value("AA").run()
    assert any("cannot be sampled" in said.value for said in app.caption) and not app.error
    folder = workspace.runs_dir() / "fingan-small"
    workspace.write_whole(folder / "arrays" / "chosen.safetensors", tensor_file.to_bytes(stack().arrays()))
    facts = {"format": 1, "study": "fingan", "data": {"name": "small"}, "created": run_directory.now()}
    workspace.write_json(folder / engine_studies.SUMMARY, facts)
    app = page().run()
    app.selectbox(key="graph_node").set_value("AA").run()
    assert not app.exception and not app.error
    assert any(said.value.startswith("Bet p_u") for said in app.caption)


def test_a_mixture_s_sign_is_the_weighted_vote() -> None:
    trained = Trained(stack())
    seed, names = trained.seeds[0], list(trained.tickers)
    weights = np.zeros(len(names))
    weights[:2] = 0.25, -0.75
    window = np.linspace(-0.01, 0.01, trained.length)[None]
    drawn = network.draws(trained, seed, names, weights, names[0], window)
    signs = trained.of_seed(seed, names).forecast(window, 20_000).sign[:, 0]
    error = 4 / np.sqrt(network.SAMPLES)
    assert np.sign(drawn["Mixture"]).mean() == pytest.approx(float(weights @ signs), abs=2 * error)
    assert np.sign(drawn["Own generator"]).mean() == pytest.approx(float(signs[0]), abs=2 * error)


@pytest.mark.parametrize(
    "tab",
    ["Adjacency", "Weightings", "Seeds and luck", "PnL", "Sectors", "Importance", "Transfer", "Robustness", "Run"],
)
def test_every_tab_draws(finished: Path, tab: str) -> None:
    app = page()
    app.session_state["graph_tab"] = tab
    app.run()
    assert not app.exception and not app.error


def test_without_a_study_the_page_says_what_to_do(scenarist_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "shipped_checkpoints_dir", lambda: scenarist_home / "none")
    app = page().run()
    assert not app.exception and "No finished study of graphs yet" in app.info[0].value


def test_a_damaged_study_is_one_sentence(finished: Path) -> None:
    (finished / "arrays" / "graphs.safetensors").write_bytes(b"not a tensor file")
    app = page().run()
    assert not app.exception and app.error[0].value.startswith("expected graphs")


def test_a_study_is_started_with_its_generators_and_their_sector_map(
    scenarist_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def start(arguments: list[str], directory: Path) -> engine_jobs.Run:
        asked.append(arguments)
        raise JobError("expected nobody to start anything in a test; found one who did")

    monkeypatch.setattr(engine_jobs, "start", start)
    app = page()
    app.session_state["graph_tab"] = "Run"
    app.run()
    app.button[-1].click().run()
    assert not app.exception and "expected nobody" in app.error[0].value
    arguments = asked[0]
    assert arguments[:2] == ["study", "graph"] and "--fingan" in arguments
    source = Path(arguments[arguments.index("--fingan") + 1])
    assert (source / engine_studies.SUMMARY).is_file()
    if "--sectors" in arguments:
        known = intake.read_sectors(Path(arguments[arguments.index("--sectors") + 1])).data
        assert known.get("KO", "XLP") == "XLP"
