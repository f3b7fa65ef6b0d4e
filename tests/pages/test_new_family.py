"""A family that nobody has heard of: one Spec, and every page, study and command that can use it shows it."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine import __main__ as command_line
from engine import datasets, workspace
from engine.charts import theme
from engine.market import export
from engine.market.grid import Grid
from engine.models import registry, tasks
from engine.models.family_model import family_model
from engine.models.registry import Spec
from engine.models.simulated.market import simulate
from engine.runs import studies, worker
from engine.runs.studies import StudyOrder
from engine.runs.worker import Order
from pages.ui import frame

GRID = Grid([0.9, 1.0, 1.1], [0.1, 0.5, 1.0])
NAME, LABEL = "toy", "Toy Gaussian"
HOME = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The family is registered; it and two others are all that is compared, so that nobody waits; nothing shipped."""
    monkeypatch.syspath_prepend(str(HOME / "models"))
    spec = Spec(NAME, LABEL, "toy_family:Toy", tasks=tuple(tasks.TASKS), family=True, seconds_to_fit=1)
    monkeypatch.setitem(registry.SPECS, NAME, spec)
    monkeypatch.setattr(workspace, "shipped_checkpoints_dir", lambda: tmp_path / "none")
    family_model.cache_clear()


@pytest.fixture
def market() -> datasets.Loaded:
    table = export.surfaces_table(simulate(GRID, 260, seed=4).history)
    return datasets.store_upload([("market.csv", table.to_csv(index=False).encode())])


@pytest.fixture
def trained(market: datasets.Loaded) -> Path:
    directory = workspace.runs_dir() / "my-toy"
    worker.train(directory, Order(NAME, market.entry.id, ("epochs=1",), seed=0))
    return directory


def page(script: str, market: datasets.Loaded, run: Path | None = None, **state: object) -> AppTest:
    app = AppTest.from_file(f"../../pages/{script}.py", default_timeout=60)
    app.session_state["surfaces_dataset"] = market.entry.id
    app.session_state["scenarist"] = frame.Session(run and str(run))
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return " ".join(one.value for one in [*app.markdown, *app.caption, *app.text])


def test_the_page_of_generators_trains_it_draws_it_and_explains_it(market, trained) -> None:
    app = page("generators/next_day", market, trained, volgan_n=300, method=True)
    assert not app.error and LABEL in said(app) and len(app.metric) == 4
    train = page("generators/next_day", market, trained, next_day_tab="Train")
    assert LABEL in train.selectbox(key="volgan_train_model").options


def test_its_paths_are_walked(market, trained) -> None:
    app = page("generators/next_day", market, trained, next_day_tab="Paths", paths_n=20, volgan_n=300)
    assert any("20 paths of 63 days" in text for text in (one.value for one in [*app.markdown, *app.caption]))


def test_it_stands_in_the_comparison(market, trained) -> None:
    worker.train(workspace.runs_dir() / "plain", Order("fhs", market.entry.id, seed=0))
    app = page("generators/next_day", market, trained, next_day_tab="Compare", volgan_n=300)
    table = next(d.value for d in app.dataframe if "Φ, mean raw" in d.value.columns)
    assert LABEL in table.index


def test_hedges_can_be_drawn_from_it_trained_or_fitted_on_the_spot(market, trained) -> None:
    app = page("decisions/hedging", market, trained, hedge_n=120)
    assert not app.error
    source = next(one for one in app.selectbox if one.label == "Scenarios from")
    assert any(f"{LABEL}, fitted to these data" in option for option in source.options)
    assert any(f"{LABEL} on" in option for option in source.options)
    assert str(source.value) == str(trained)


def test_the_leaderboard_scores_it(market, monkeypatch: pytest.MonkeyPatch) -> None:
    some = {name: registry.SPECS[name] for name in ("fhs", NAME)}
    with monkeypatch.context() as patch:
        patch.setattr(registry, "SPECS", some)
        studies.run(workspace.runs_dir() / "board", StudyOrder("leaderboard", market.entry.id, ("scenarios=50",)))
    app = page("generators/leaderboard", market)
    assert any(LABEL in str(frame.value.to_numpy()) or LABEL in str(frame.value.index) for frame in app.dataframe)


def test_the_command_line_lists_it_and_puts_it_to_every_task(
    market, trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["models"]) == 0
    assert f"{NAME}: {LABEL} (learned; {', '.join(tasks.TASKS)})" in capsys.readouterr().out
    out = tmp_path / "scenarios.parquet"
    asked = ["sample", "--run", str(trained), "--data", market.entry.id, "--n", "50", "--out", str(out)]
    assert command_line.main(asked) == 0 and out.is_file()
    points = tmp_path / "points"
    assert command_line.main(["train", NAME, "--task", "plane", "--run", str(points), "--set", "epochs=1"]) == 0
    csv = tmp_path / "points.csv"
    assert command_line.main(["sample", "--run", str(points), "--n", "50", "--out", str(csv)]) == 0
    assert csv.read_text().splitlines()[0] == "x,y" and len(csv.read_text().splitlines()) == 51
    assert command_line.main(["train", NAME, "--task", "juggling", "--run", str(tmp_path / "no")]) == 2
    wrong = ["train", NAME, "--task", "daily_returns", "--data", market.entry.id, "--run", str(tmp_path / "wrong")]
    assert command_line.main(wrong) == 2
    said = capsys.readouterr().err
    assert "expected a task of Toy Gaussian among" in said and "expected prices to train toy on" in said


def test_its_colour_is_its_own() -> None:
    colours = [theme.model_colour(name) for name in registry.SPECS]
    assert len({*colours}) == len(colours)
