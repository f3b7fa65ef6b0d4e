"""The Runs page in its states: nothing yet, at work, failed, stopped, finished; generators used, imported, deleted."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine import workspace
from engine.errors import JobError
from engine.market.grid import Grid
from engine.models.volgan.generator import VolGANConfig, weight_shapes
from engine.models.volgan.model import VolGAN
from engine.runs import checkpoints, jobs, run_directory
from engine.runs.cards import Card

GRID = Grid([0.9, 1.0, 1.1], [0.25, 0.5])
NASTY = "![x](http://a/b.png) <b>bold</b> $x$"


def page() -> AppTest:
    """The page as a visitor opens it: through the router."""
    app = AppTest.from_file("../../app.py", default_timeout=60)
    return app.switch_page("pages/library/runs.py").run()


def texts(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.error, *app.warning, *app.success, *app.info]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def counts(app: AppTest) -> list[str]:
    return [metric.value for metric in app.metric]


def run(name: str, state: str, *, pid: int | None = None, reason: str = "", started: str = "2026-01-02") -> Path:
    """A run as its process would leave it."""
    directory = workspace.runs_dir() / name
    directory.mkdir(parents=True)
    status = {"state": state, "pid": pid, "started": f"{started}T10:31:00+00:00", "ended": None, "reason": reason}
    workspace.write_json(directory / "status.json", status)
    config = {
        "verb": "train",
        "model": "volgan",
        "data": {"ref": "simulated-10x8", "name": NASTY, "digest": "0" * 64},
        "settings": {"epochs": 1234, "batch_size": 77},
        "extending": ["epochs"],
        "seed": 7,
        "split": "0.85",
    }
    workspace.write_json(directory / "config.json", config)
    now = time.time() - 20
    lines = [
        {
            "time": now - 20 + 2 * k,
            "elapsed": 60 + 2 * k,
            "phase": "training",
            "done": k,
            "total": 100,
            "losses": {"g": 1.0},
        }
        for k in range(1, 11)
    ]
    (directory / "progress.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (directory / "log.txt").write_text("the last words\n")
    return directory


def checkpoint(name: str, **changes: object) -> Path:
    """A VolGAN of zeros."""
    config = VolGANConfig(noise_dim=1)
    model = VolGAN(config)
    shapes = weight_shapes(config, GRID)
    model.restore({key: np.zeros(shape, dtype=np.float32) for key, shape in shapes.items()}, GRID)
    values = {
        "model": "volgan",
        "label": "VolGAN",
        "config": {"noise_dim": 1},
        "domain": GRID,
        "data_name": NASTY,
        "data_fingerprint": "0123456789ab",
        "data_period": ("2020-01-01", "2020-03-01"),
        "data_origin": "upload",
        "trained_on": ("2020-01-01", "2020-02-01"),
        "seed": 7,
        "metrics": {"alpha_m": 0.25},
    }
    directory = workspace.runs_dir() / name
    checkpoints.save(directory, model, Card(**{**values, **changes}))  # type: ignore[arg-type]
    return directory


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process whose command line carries the run ``busy``."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)", "--run", "busy"])
    yield child
    child.kill()
    child.wait()


def test_nothing_yet_says_what_to_do() -> None:
    app = page()
    assert not app.exception and not app.error
    assert counts(app)[:3] == ["0", "0", "0"] and "No jobs yet" in texts(app)


def test_a_job_at_work_shows_progress_and_stops_on_request(process: subprocess.Popen[bytes]) -> None:
    directory = run("busy", "running", pid=process.pid)
    app = page()
    assert not app.exception and not app.error and counts(app)[0] == "1"
    bar = app.get("progress")[-1].proto  # the first is the strip of every page
    assert bar.value == 10 and bar.text.replace("\\", "") == "Training, epoch 10 of 100 · 10 % · 3 min to go"
    assert "You may leave this page" in texts(app) and "first 85 % of the days" in texts(app)
    assert not app.get("plotly_chart")  # curves are drawn when they are asked for
    app.session_state["details_busy"] = True
    app.run()
    assert len(app.get("plotly_chart")) == 1
    assert "the last words" in [block.value.strip() for block in app.code]
    app.button(key="cancel_busy").click().run()
    assert not app.exception
    process.wait(timeout=10)
    assert jobs.read(directory).state == "interrupted"
    app.run()
    assert counts(app)[:3] == ["0", "0", "1"] and "killed" in texts(app)


def test_a_failed_job_says_why_and_resumes(monkeypatch: pytest.MonkeyPatch) -> None:
    directory = run("broken", "failed", reason=f"expected finite losses; found {NASTY}")
    app = page()
    assert not app.exception and counts(app)[:3] == ["0", "0", "1"]
    assert f"found {NASTY}" in app.error[0].value.replace("\\", "") and "\\<b\\>" in app.error[0].value
    resumed = []
    monkeypatch.setattr(jobs, "resume", lambda directory: resumed.append(directory))
    app.button(key="resume_broken").click().run()
    assert resumed == [directory] and not app.exception


def test_a_job_that_cannot_be_resumed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    run("broken", "failed", reason="x")
    app = page()

    def refuse(directory: Path) -> None:
        raise JobError("expected an interrupted run; found another process on it")

    monkeypatch.setattr(jobs, "resume", refuse)
    app.button(key="resume_broken").click().run()
    assert not app.exception and any("expected an interrupted" in error.value for error in app.error)


def test_a_job_is_deleted_after_confirmation() -> None:
    directory = run("old", "cancelled", reason="stopped after 3 of 10 epochs")
    app = page()
    assert "1,234 epochs" in texts(app) and "77" not in texts(app)  # how long it is, and no other setting
    assert "Stopped after 3 of 10 epochs." in texts(app)
    assert "This cannot be undone" in texts(app)
    app.button(key="delete_run_old").click().run()
    assert not directory.exists() and not app.exception and counts(app)[2] == "0"


def test_details_are_read_when_they_are_unfolded() -> None:
    run("old", "done")
    app = page()
    assert not app.get("plotly_chart") and not app.code
    app.session_state["details_old"] = True
    app.run()
    assert len(app.get("plotly_chart")) == 1
    assert any("--set epochs=1234" in block.value for block in app.code)


def test_of_many_runs_the_newest_are_listed_first() -> None:
    for k in range(14):
        run(f"run{k:02d}", "cancelled", started=f"2026-01-{k + 1:02d}")
    app = page()
    names = [button.key for button in app.button if (button.key or "").startswith("delete_run_")]
    assert names == [f"delete_run_run{k:02d}" for k in range(13, 3, -1)]
    app.toggle(key="runs_all").set_value(True).run()
    assert len([button for button in app.button if (button.key or "").startswith("delete_run_")]) == 14


def test_damaged_runs_and_generators_do_not_take_the_page_down() -> None:
    directory = run("damaged", "running", pid=1)
    (directory / "config.json").write_text("{")
    (directory / "progress.jsonl").write_bytes(b"\xff\x00\n{}")
    broken = checkpoint("broken")
    (broken / "card.json").write_text("[" * 1000)
    damaged = checkpoint("short")
    (damaged / "weights.safetensors").write_bytes(b"short")
    app = page()
    assert not app.exception
    assert any("JSON" in error.value for error in app.error)
    app.session_state[f"card_{damaged}"] = True
    app.run()
    assert any("only 5 bytes" in error.value for error in app.error) and not app.exception
    app.button(key=f"delete_{broken}").click().run()
    assert not broken.exists() and not app.exception


def test_a_generator_is_used_everywhere_and_its_card_shown() -> None:
    directory = checkpoint("mine")
    app = page()
    assert "VolGAN on " + NASTY in texts(app) and "3×2 surfaces" in texts(app)
    app.button(key=f"use_{directory}").click().run()
    assert app.session_state["scenarist"].active_run == str(directory)
    assert any("mine (active on every page)" in text.value for text in app.text)
    app.session_state[f"card_{directory}"] = True
    app.run()
    table = app.dataframe[0].value.set_index("What")["Value"]
    assert table["Figure: alpha_m"] == "0.25" and table["Data"] == f"{NASTY} (upload)"
    assert table["Moneyness"] == "90 %, 100 %, 110 %"
    assert not app.exception


def test_shipped_generators_cannot_be_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "shipped"
    checkpoint("x").rename(shipped)
    (tmp_path / "folder").mkdir()
    shipped = shipped.rename(tmp_path / "folder" / "shipped")
    monkeypatch.setattr(workspace, "shipped_checkpoints_dir", lambda: tmp_path / "folder")
    app = page()
    keys = [button.key for button in app.button]
    assert f"use_{shipped}" in keys and f"delete_{shipped}" not in keys
    assert counts(app)[3] == "1" and app.metric[3].delta == "1 shipped with the app"


def test_a_generator_comes_back_from_its_download() -> None:
    packed = checkpoints.export_zip(checkpoint("mine"))
    app = page()
    app.file_uploader(key="import_files").upload("../My generator.zip", packed, "application/zip")
    submit(app)
    assert not app.exception and not app.error
    assert (workspace.runs_dir() / "my-generator" / "card.json").exists()
    assert "Imported as my-generator." in texts(app) and "my-generator" in texts(app)


def test_what_is_no_generator_is_one_sentence_and_kept_nowhere() -> None:
    app = page()
    submit(app)
    assert "found none" in app.error[0].value.replace("\\", "")
    app.file_uploader(key="import_files").upload("x.zip", b"no zip at all", "application/zip")
    submit(app)
    assert not app.exception and "zip file" in app.error[0].value and "Nothing was kept" in app.error[0].value
    assert not workspace.runs_dir().exists() or not list(workspace.runs_dir().iterdir())


def test_two_files_are_a_generator_too() -> None:
    from pages.library import runs_page

    source = checkpoint("mine")
    card, weights = (source / name for name in (run_directory.CARD, run_directory.WEIGHTS))
    kept = runs_page.imported({"a.json": card.read_bytes(), "b.safetensors": weights.read_bytes()})
    assert checkpoints.read_card(kept) == checkpoints.read_card(source)
    for files in ({}, {"a.json": b"{}"}, {"a.zip": b"", "b.zip": b""}, {"a.json": b"{}", "b.json": b"{}"}):
        with pytest.raises(checkpoints.CheckpointError, match="expected one zip file"):
            runs_page.imported(files)


def submit(app: AppTest) -> None:
    next(button for button in app.button if button.label == "Import").click().run()


def test_runs_are_searched_and_filtered() -> None:
    run("first-fit", "done")
    run("second-fit", "failed", reason="x")
    app = page()
    assert set(app.dataframe[0].value["Run"]) == {"first-fit", "second-fit"}
    app.text_input(key="runs_search").set_value("second").run()
    assert list(app.dataframe[0].value["Run"]) == ["second-fit"]
    app.text_input(key="runs_search").set_value("").run()
    app.multiselect(key="runs_states").set_value(["finished"]).run()
    assert not app.exception and list(app.dataframe[0].value["Run"]) == ["first-fit"]
    app.selectbox(key="runs_kind").set_value("study").run()
    assert not app.exception and "No run fits" in texts(app) + app.info[0].value


def test_a_job_at_work_is_seen_on_other_pages_and_stopping_is_said_at_once(process: subprocess.Popen[bytes]) -> None:
    directory = run("busy", "running", pid=process.pid)
    app = AppTest.from_file("../../app.py", default_timeout=60).run().switch_page("pages/library/glossary.py").run()
    assert not app.exception and "busy" in app.get("progress")[0].proto.text
    (directory / ".stopping").touch()
    assert jobs.read(directory).stopping
    app.run()
    assert not app.exception and any(button.label == "Stopping …" and button.disabled for button in app.button)
