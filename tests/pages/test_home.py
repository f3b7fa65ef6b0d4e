"""Home speaks of the open surfaces by the generator that did best on them lately, and says how its bands held."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine import datasets
from engine.evaluation import track_record
from engine.evaluation.track_record import TrackRecord
from engine.market.surface_history import SurfaceHistory
from engine.models import registry
from engine.runs import checkpoints
from pages.ui import generators
from tests.pages.test_next_day_page import GRID, generator, history, upload


def opened(dataset: str) -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=120)
    app.session_state["surfaces_dataset"] = dataset
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    parts = [*app.success, *app.error, *app.caption, *app.text, *app.markdown]
    return " ".join(one.value for one in parts).replace("\\", "")


def test_home_opens_an_upload_with_a_generator_fitted_to_it() -> None:
    loaded = upload(history(GRID, days=260, seed=77), "mine.csv")
    app = opened(loaded.entry.id)
    assert not app.info and app.header[0].value == f"The day after {loaded.data.dates[-1]}"
    best = generators.most_credible(loaded)
    assert f"{registry.label(best)}, fitted to these data: fitted to the days up to {loaded.data.dates[-1]}" in said(
        app
    )
    record = track_record.of_name(best, loaded.data, len(loaded.data) - 1)
    assert record is not None and (record.warning or record.words) in said(app)
    assert loaded.data.fingerprint in said(app)
    next(one for one in app.button if one.label == "Load the stressed day").click().run()
    stressed = loaded.data.dates[22 + int(loaded.data.atm()[22:-1].argmax())]
    assert not app.exception and app.header[0].value == f"The day after {stressed}"
    assert "What came about on" in said(app)


def test_home_says_when_the_bands_of_the_generator_in_use_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = upload(history(GRID, days=160, seed=5), "moving.csv")
    quick = generator("still", loaded, trained_on=(str(loaded.data.dates[22]), str(loaded.data.dates[60])))
    app = AppTest.from_file("../../app.py", default_timeout=120)
    app.session_state["surfaces_dataset"] = loaded.entry.id
    app.session_state["scenarist"] = generators.frame.Session(str(quick))
    app.run()
    assert not app.exception
    assert any("Do not rely on these bands" in error.value.replace("\\", "") for error in app.error)


def test_a_history_too_short_for_a_forecast_shows_the_built_in_market() -> None:
    loaded = upload(history(GRID, days=20), "short.csv")
    app = opened(loaded.entry.id)
    assert "too few for a forecast" in app.info[0].value


def test_a_shipped_generator_is_said_to_have_seen_the_days_it_was_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = datasets.load("simulated-10x8")
    shipped = checkpoints.find("volgan-simulated-10x8")
    asked: list[tuple[str, str]] = []

    def record(model: object, data: SurfaceHistory, rows: np.ndarray) -> TrackRecord:
        asked.append((str(data.dates[rows[0]]), str(data.dates[rows[-1]])))
        return TrackRecord(*asked[-1], len(rows), 0.95, 0.95, 1.0, 1.0, 1.0)

    monkeypatch.setattr(track_record, "of_model", record)
    card = checkpoints.read_card(shipped)
    of_checkpoint = generators._record_of_checkpoint
    stressed, last = loaded.data.row_of("2007-12-31"), len(loaded.data) - 1
    assert of_checkpoint(shipped, loaded, stressed, card).seen
    assert not of_checkpoint(shipped, loaded, last, card).seen and asked[-1][0] > card.trained_on[1]


def test_a_generator_chosen_on_other_data_does_not_lead_on_these() -> None:
    first, second = (upload(history(GRID, days=160, seed=seed), f"{seed}.csv") for seed in (8, 9))
    run = generator("elsewhere", first)
    app = AppTest.from_file("../../app.py", default_timeout=120)
    app.session_state["surfaces_dataset"] = second.entry.id
    app.session_state["scenarist"] = generators.frame.Session(str(run), chosen_on=first.data.fingerprint)
    app.run()
    assert not app.exception and "fitted to these data" in said(app) and "as published" not in said(app)
