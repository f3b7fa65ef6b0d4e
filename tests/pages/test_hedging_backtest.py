"""The backtest tab: figures are the study's, every section draws, and without a study there is a form to run one."""

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine import datasets, workspace
from engine.market import export
from engine.models.simulated.market import simulate
from engine.runs import jobs, studies
from pages.decisions.hedging_page import backtest, money
from pages.decisions.hedging_page.backtest import ALL, SECTIONS, View
from tests.models.small_market import SMALL_GRID

HISTORY = simulate(SMALL_GRID, 260, 7).history
SETTINGS = ("source=fhs", "compare=historical", "moneyness=0.9 1.1", "scenarios=50", "draws=100", "alpha=aic")


def table_bytes() -> bytes:
    return export.surfaces_table(HISTORY).to_csv(index=False).encode()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four months of two straddles, carried out in this process."""
    folder = tmp_path_factory.mktemp("hedging")
    (folder / "market.csv").write_bytes(table_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studies.compute, "opened", lambda cluster: contextlib.nullcontext(None))
        order = studies.StudyOrder("hedging", str(folder / "market.csv"), (*SETTINGS, "train_share=0.6"))
        with np.errstate(divide="ignore", invalid="ignore"):  # four months: a benchmark's quantile may be zero
            studies.run(folder / "backtest", order)
    return folder / "backtest"


@pytest.fixture
def market(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> datasets.Loaded:
    monkeypatch.setattr(workspace, "shipped_checkpoints_dir", lambda: tmp_path / "none")
    return datasets.store_upload([("market.csv", table_bytes())])


@pytest.fixture
def result(market: datasets.Loaded, study: Path) -> studies.StudyResult:
    """The study among the runs of the workspace."""
    shutil.copytree(study, workspace.runs_dir() / "backtest")
    return studies.read(workspace.runs_dir() / "backtest")


def opened(market: datasets.Loaded, **state: object) -> AppTest:
    app = AppTest.from_file("../../pages/decisions/hedging.py", default_timeout=60)
    app.session_state["surfaces_dataset"] = market.entry.id
    for key, value in {"hedge_tab": "Backtest", "hedge_n": 60, **state}.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception, app.exception
    return app


def said(app: AppTest) -> str:
    return " ".join(one.value for one in [*app.error, *app.caption, *app.markdown, *app.info]).replace("\\", "")


def test_the_answer_is_the_study_s(market, result):
    app = opened(market)
    pooled = result.table("pooled")
    chosen = pooled[(pooled["crisis"] == "included") & (pooled["m0"] == "all") & (pooled["statistic"] == "sd")]
    figures = chosen.set_index("method")["value"]
    metric = app.metric[0]
    assert metric.label == "sd of Z, data-driven" and metric.value == f"{figures['data-driven']:.3g}"
    assert metric.delta == f"delta {figures['delta']:.3g} · delta-vega {figures['delta-vega']:.3g}"
    assert "scenarios from Filtered historical simulation, 50 a day" in said(app) and "straddles 90 %, 110 %" in said(
        app
    )
    assert "These are not the data" not in said(app)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_draws(market, result, section):
    app = opened(market, hedge_bt_section=section)
    assert len(app.get("plotly_chart")) + len(app.dataframe) >= 2
    assert "--set source=fhs" in app.code[-1].value


def test_one_strike_is_looked_at_alone(market, result):
    app = opened(market, hedge_bt_strike_backtest="110 %", hedge_bt_section="Through time")
    rows = result.table("by_moneyness")
    row = rows[(rows["crisis"] == "included") & (rows["method"] == "data-driven") & (rows["statistic"] == "sd")]
    assert app.metric[0].value == f"{row[np.isclose(row['m0'], 1.1)]['value'].iloc[0]:.3g}"


def test_differences_are_of_the_strike_looked_at(market, result):
    app = opened(market, hedge_bt_strike_backtest="110 %")
    assert "straddles struck at 110 %" in said(app)
    view = View(result, "All months", "110 %")
    row = view.differences.set_index(["other", "statistic"]).loc[("delta", "sd")]
    figures = [view.figure(method, "sd")["value"] for method in ("data-driven", "delta")]
    assert row["difference"] == pytest.approx(figures[0] - figures[1])
    shown = next(one.value for one in app.dataframe if "Less" in one.value)
    assert len(shown) == 12 and shown["Difference"].iloc[0] == money(row["difference"])


def test_views_agree_with_the_paths(result):
    view = View(result, "All months", ALL)
    paths = result.table("paths")
    assert len(view.errors["delta"]) == len(paths)
    dates, errors = view.by_month(0.9)
    part = paths[np.isclose(paths["m0"], 0.9) & (paths["month"] == 2)]
    assert dates.shape == errors["data-driven"].shape and dates.shape[1] == 22
    np.testing.assert_allclose(errors["data-driven"][1], part["error_data_driven"])
    calm = result.table("months")
    without = View(result, "Without the crisis", "90 %")
    assert set(without.paths["month"]) == set(calm.loc[~calm["crisis"], "month"]) and without.m0 == 0.9


def test_a_study_of_other_data_is_shown_as_such(result, market):
    other = simulate(SMALL_GRID, 120, 8).history
    loaded = datasets.store_upload([("other.csv", export.surfaces_table(other).to_csv(index=False).encode())])
    app = opened(loaded)
    assert "No backtest on other.csv has been finished yet" in said(app) and not app.metric
    app.toggle(key="others_backtest").set_value(True).run()
    assert app.metric and "Below are results of other data" in app.warning[0].value


def test_without_a_study_there_is_a_form_that_starts_one(market, monkeypatch):
    started = []

    def start(arguments, directory):
        started.append((arguments, directory))
        return jobs.Run(directory, "queued")

    monkeypatch.setattr(jobs, "start", start)
    app = opened(market)
    assert "No backtest on market.csv has been finished yet" in said(app) and not app.metric
    app.selectbox(key="hedging_study_source").set_value("fhs")
    next(one for one in app.button if one.label == "Backtest in the background").click()
    app.run()
    assert not app.exception
    arguments, directory = started[0]
    assert arguments[:3] == ["study", "hedging", f"--data={market.entry.id}"]
    assert "source=fhs" in arguments and not any(one.startswith("--model") for one in arguments)
    assert directory.name.startswith(f"hedging-{market.data.fingerprint}")


def test_a_gain_that_is_none_is_not_called_one(result):
    gain = result.table("gain").iloc[:1].assign(gain=0.1, gain_low=-0.2, gain_high=0.3)
    assert "cannot be told from" in backtest.gain_sentence(gain.iloc[0], "x")
    assert "10 % below" in backtest.gain_sentence(gain.assign(gain_low=0.05).iloc[0], "x")
    assert "20 % above" in backtest.gain_sentence(gain.assign(gain=-0.2, gain_low=-0.3, gain_high=-0.1).iloc[0], "x")
    table = result.table("gain").assign(share_of_true_law=9.0)
    assert not backtest.gain_table(table, dict.fromkeys(table["source"], "x"))["Of the true law's gain"].any()
    known = table.iloc[[0, 0]].assign(source=["true_law", "fhs"], gain_low=[0.2, 0.1])
    assert backtest.gain_table(known, {"true_law": "x", "fhs": "y"})["Of the true law's gain"].tolist() == ["", "900 %"]
