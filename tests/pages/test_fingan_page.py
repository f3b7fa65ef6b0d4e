"""The Fin-GAN page: a shipped study at once, every tab, training with a sector map, and what it says without prices."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine import datasets, workspace
from engine.decisions.forecasting import sharpe_ratio
from engine.errors import MarketDataError
from engine.runs import jobs, studies
from pages.decisions import fingan_page
from pages.decisions.fingan_page import train
from pages.ui import study_jobs

SHIPPED = workspace.shipped_checkpoints_dir() / "fingan-indices"
TABS = ["Overview", "One ticker", "Gradient norms", "Combinations", "Universality", "Costs", "Train"]


def open_page(tab: str = "Overview", study: str = str(SHIPPED), data: str = "indices") -> AppTest:
    app = AppTest.from_file("../../pages/decisions/fingan.py", default_timeout=120)
    app.session_state["fingan_tab"] = tab
    app.session_state["fingan_study"] = study
    app.session_state["prices_dataset"] = data
    return app.run()


def test_the_first_visit_shows_a_shipped_study() -> None:
    app = AppTest.from_file("../../pages/decisions/fingan.py", default_timeout=120).run()
    assert not app.exception and not app.error
    assert [tab.label for tab in app.tabs] == TABS
    assert [metric.label for metric in app.metric] == [
        "Seeds averaged",
        "One seed",
        "As published",
        "ForGAN",
        "Break-even cost",
    ]
    table = app.dataframe[0].value
    assert {
        "Fin-GAN, longer choice",
        "Fin-GAN as published",
        "ForGAN",
        "LSTM",
        "LSTM-Fin",
        "ARIMA",
        "Long only",
    } <= set(table["Method"])


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_draws(tab: str) -> None:
    app = open_page(tab)
    assert not app.exception and not app.error


def test_the_headline_is_the_table_s() -> None:
    app = open_page()
    result = studies.read(SHIPPED)
    table = result.table("table_5_2").set_index(["method", "statistic"])["value"]
    assert app.metric[0].value == f"{table['fingan_longer_ensemble', 'portfolio_sr']:.2f}"
    assert app.metric[2].value == f"{table['fingan_ensemble', 'portfolio_sr']:.2f}"
    series = result.table("figure_5_9_portfolio")["fingan_ensemble"]
    assert float(sharpe_ratio(series)) == pytest.approx(table["fingan_ensemble", "portfolio_sr"], abs=1e-3)


def test_each_loss_can_be_drawn_beside_the_methods() -> None:
    app = open_page()
    app.session_state["fingan_section"] = "Paths"
    app.run()
    app.toggle(key="fingan_losses").set_value(True).run()
    assert not app.exception and not app.error


@pytest.mark.parametrize("section", ["Differences", "Paths", "Tickers", "Nights and days"])
def test_every_section_of_the_overview_is_drawn(section: str) -> None:
    app = open_page()
    app.session_state["fingan_section"] = section
    app.run()
    assert not app.exception and not app.error


def test_built_in_prices_show_a_date_s_truth_and_others_do_not() -> None:
    app = open_page("One ticker")
    assert app.selectbox(key="fingan_day").value is not None and not app.info
    other = pd.DataFrame(
        {"date": pd.bdate_range("2010-01-04", periods=30), "ticker": "KO", "open": 10.0, "close": 11.0}
    )
    from engine import datasets

    entry = datasets.store_upload([("other.csv", other.to_csv(index=False).encode())]).entry
    app = open_page("One ticker", data=entry.id)
    assert not app.exception and "do not come with the app" in app.info[0].value
    assert not [box for box in app.selectbox if box.key == "fingan_day"]


def test_prices_are_recognised_with_the_study_s_sector_map() -> None:
    result = studies.read(SHIPPED)
    history = fingan_page.prices_of(result, datasets.load("indices"))
    assert history is not None and set(history.tickers) == {"SP500", "NASDAQ"}
    assert fingan_page.prices_of(result, None) is None
    words = study_jobs.command(result)
    assert words.startswith("python -m engine study fingan --data indices") and "--set seeds=5" in words


def test_prices_are_recognised_whatever_else_the_sector_map_said(tmp_path: Path) -> None:
    """A map of many stocks, a study of one of them: the prices are still those of the study."""
    loaded = datasets.load("indices")
    rows = pd.DataFrame({"date": loaded.data.dates, "ticker": "AAA", "close": loaded.data.close[:, 0]})
    other = datasets.store_upload([("prices.csv", rows.to_csv(index=False).encode())])
    (tmp_path / "result").mkdir()
    listed = pd.DataFrame({"ticker": ["AAA"], "sector": ["XA"], "used": [True]})
    listed.to_csv(tmp_path / "result" / "tickers.csv", index=False)
    facts = {"origin": "upload", "ref": other.entry.id, "digest": "of prices and the whole map", "name": "prices.csv"}
    facts["prices"] = other.data.digest
    result = studies.StudyResult(tmp_path, "fingan", "", {"seeds": 1}, facts, {}, "now")
    found = fingan_page.prices_of(result, other)
    assert found is not None and found.sector_of == {"AAA": "XA"}
    assert fingan_page.prices_of(result, loaded) is None


def test_the_command_names_every_input() -> None:
    graph = studies.read(workspace.shipped_checkpoints_dir() / "graph-us-31")
    words = study_jobs.command(graph).split()
    assert words[:7] == ["python", "-m", "engine", "study", "graph", "--data", "equity_us_2000_2021.parquet"]
    assert words[words.index("--fingan") + 1] == "fingan-us-31"
    assert words[words.index("--sectors") + 1] == "equity_sectors.csv"


def test_costs_move_with_the_slider() -> None:
    app = open_page("Costs")
    assert "0.5 bp" in "".join(text.value for text in app.markdown)
    app.slider(key="fingan_cost").set_value(2.0).run()
    assert not app.exception and "2 bp" in "".join(text.value for text in app.markdown)
    series = studies.read(SHIPPED).table("cost_series")
    assert (series["traded"] >= 0).all() and np.isfinite(series["gross"]).all()


def test_training_starts_with_the_tickers_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(jobs, "start", lambda words, directory: started.append(words) or jobs.read(directory))
    app = open_page("Train")
    app.multiselect(key="fingan_tickers_asked").set_value(["SP500"]).run()
    app.button[-1].click().run()
    assert len(started) == 1 and started[0][:3] == ["study", "fingan", "--data=indices"]
    assert "tickers=SP500" in started[0]


def test_a_map_asked_for_and_not_given_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(jobs, "start", lambda words, directory: started.append(words) or jobs.read(directory))
    app = open_page("Train")
    app.radio(key="fingan_sectors").set_value(train.FILE).run()
    app.button[-1].click().run()
    assert not started and "expected a file with the sector map" in app.error[0].value


def test_a_sector_map_is_kept_only_if_it_can_be_read() -> None:
    path = Path(train.store_sectors(b"ticker,sector_etf\nKO,XLP\n"))
    assert path.parent == workspace.uploads_dir() and path.exists()
    before = set(workspace.uploads_dir().iterdir())
    with pytest.raises(MarketDataError, match=r"mine\.csv"):
        train.store_sectors(b"nothing,of,the,kind\n1,2,3,4\n", "mine.csv")
    assert set(workspace.uploads_dir().iterdir()) == before


def test_a_finished_run_is_offered(scenarist_home: Path) -> None:
    directory = Path(shutil.copytree(SHIPPED, workspace.runs_dir() / "mine"))
    facts = {"verb": "study", "model": "fingan", "data": {}, "settings": {}, "created": "2026-01-01T00:00:00+00:00"}
    workspace.write_json(directory / "config.json", facts)
    workspace.write_json(directory / "status.json", {"state": "done", "pid": 0, "reason": ""})
    app = open_page("Train")
    assert [said.value for said in app.success] == ["mine is finished."]
    app.button(key="fingan_study_show").click().run()
    assert app.selectbox(key="fingan_study").value == str(directory) and not app.success and not app.exception


def test_a_damaged_study_says_so(scenarist_home: Path) -> None:
    own = scenarist_home / "runs" / "broken"
    shutil.copytree(SHIPPED, own)
    (own / "result" / "table_5_2.csv").unlink()
    app = open_page(study=str(own))
    assert not app.exception and "found none" in app.error[0].value
