"""Reports: written sparsely, read incrementally, torn lines ignored, remaining time from the recent rate."""

import errno
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from engine.runs import progress_log
from engine.runs.progress_log import Pace, ProgressBar, ProgressReader, ProgressWriter, Report, duration
from engine.training.progress import Progress


def report(done: int, time: float | None = None, total: int = 100, phase: str = "training") -> Report:
    return Report(float(done) if time is None else time, float(done), phase, done, total, {"loss": 1 / (1 + done)})


def line(done: int, **changes: object) -> str:
    record = {"time": float(done), "elapsed": done, "phase": "p", "done": done, "total": 10, "losses": {"loss": 0.5}}
    return json.dumps({**record, **changes}) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "progress.jsonl"


def test_what_is_written_is_read(path: Path) -> None:
    writer = ProgressWriter(path)
    writer.report(Progress("matching", 1, 4, {"g": 0.5, "d": float("nan")}))
    writer.report(Progress("training", 4, 4, {"g": 0.25, "extra": 1.0}))
    reader = ProgressReader(path)
    reader.refresh()
    assert reader.latest is not None and (reader.latest.done, reader.latest.phase) == (4, "training")
    curves = reader.history()
    assert curves.epochs.tolist() == [1, 4] and curves.phases == ("matching", "training")
    np.testing.assert_array_equal(curves.losses["g"], [0.5, 0.25])
    np.testing.assert_array_equal(curves.losses["d"], [np.nan, np.nan])
    np.testing.assert_array_equal(curves.losses["extra"], [np.nan, 1.0])
    assert "NaN" not in path.read_text()


def test_reports_are_sparse_but_the_last_is_there(path: Path) -> None:
    writer = ProgressWriter(path)
    for done in range(1, 1001):
        writer.report(Progress("training", done, 1000, {}))
    assert [json.loads(text)["done"] for text in path.read_text().splitlines()] == [1, 1000]


def test_only_what_was_added_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("".join(line(done) for done in range(1, 4)))
    reader = ProgressReader(path)
    reader.refresh()
    parsed = []
    real = progress_log._parsed
    monkeypatch.setattr(progress_log, "_parsed", lambda text: parsed.append(text) or real(text))
    reader.refresh()
    assert parsed == []
    with path.open("a") as file:
        file.write(line(4))
    reader.refresh()
    assert len(parsed) == 1 and reader.history().epochs.tolist() == [1, 2, 3, 4]


def test_a_half_written_line_waits(path: Path) -> None:
    whole = line(2)
    path.write_text(line(1) + whole[:20])
    reader = ProgressReader(path)
    reader.refresh()
    assert reader.latest is not None and reader.latest.done == 1
    path.write_text(line(1) + whole)
    reader.refresh()
    assert reader.latest.done == 2 and reader.history().epochs.tolist() == [1, 2]


def test_a_line_torn_by_a_crash_costs_only_itself(path: Path) -> None:
    path.write_text(line(1) + line(2)[:20])
    ProgressWriter(path).report(Progress("p", 3, 10, {}))
    reader = ProgressReader(path)
    reader.refresh()
    assert reader.history().epochs.tolist() == [1, 3]


@pytest.mark.parametrize(
    "text",
    [
        "\n",
        "[]\n",
        "null\n",
        "{}\n",
        "[" * 9_000 + "\n",
        "\x00\xff\n",
        '{"done": "x"}\n',
        line(1).replace('"done": 1', '"done": 1e400'),
        line(-1),
        line(1, losses=[1]),
        line(1, losses={"a": "b"}),
        line(1, time="x"),
        line(1, total=10**400),
        line(1, phase="x" * 70_000),
    ],
)
def test_lines_that_are_none_are_passed_over(path: Path, text: str) -> None:
    path.write_text(text + line(5), encoding="latin-1")
    reader = ProgressReader(path)
    reader.refresh()
    assert reader.history().epochs.tolist() == [5]


def test_a_missing_or_replaced_file_starts_over(path: Path) -> None:
    reader = ProgressReader(path)
    reader.refresh()
    assert reader.latest is None and len(reader.history()) == 0
    path.write_text(line(1) + line(2) + line(3))
    reader.refresh()
    other = path.with_name("other")
    other.write_text(line(1))
    os.replace(other, path)
    reader.refresh()
    assert reader.history().epochs.tolist() == [1]
    path.unlink()
    reader.refresh()
    assert reader.latest is None


def test_what_was_done_twice_is_there_once(path: Path) -> None:
    path.write_text("".join(line(done, losses={"loss": 1.0}) for done in (1, 2, 3, 4)))
    with path.open("a") as file:
        file.writelines(line(done, losses={"loss": 2.0}) for done in (3, 5))
    reader = ProgressReader(path)
    reader.refresh()
    curves = reader.history()
    assert curves.epochs.tolist() == [1, 2, 3, 5] and curves.losses["loss"].tolist() == [1, 1, 2, 2]


def test_any_length_costs_the_same_to_hold(path: Path) -> None:
    n = 3 * progress_log.MOST_POINTS + 7
    path.write_text("".join(line(done, total=n) for done in range(1, n + 1)))
    reader = ProgressReader(path)
    reader.refresh()
    epochs = reader.history().epochs
    assert len(epochs) <= progress_log.MOST_POINTS + 1
    assert epochs[0] == 1 and epochs[-1] == n and (np.diff(epochs) > 0).all() and np.diff(epochs).max() <= 4


def test_of_a_huge_file_only_the_end_is_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(3 * progress_log.MOST_UNREAD)
        file.seek(0, os.SEEK_END)
        file.write(("\n" + line(8) + line(9)).encode())
    reader = ProgressReader(path)
    reader.refresh()
    assert reader.history().epochs.tolist() == [8, 9]


def test_remaining_time_is_the_recent_rate() -> None:
    pace = Pace()
    assert pace.remaining() is None
    for done in range(1, 11):
        pace.add(report(done, time=2.0 * done))
    assert pace.remaining() == pytest.approx(180)
    for k in range(1, 61):  # it now runs ten times slower; after 30 s only that counts
        pace.add(report(10 + k // 20, time=20.0 + k))
    assert pace.remaining() == pytest.approx(87 * 20)


def test_a_new_phase_or_process_starts_a_new_rate() -> None:
    pace = Pace()
    pace.add(report(1, time=1.0))
    pace.add(report(2, time=2.0))
    pace.add(report(3, time=3.0, phase="another"))
    assert pace.remaining() is None
    pace.add(report(4, time=13.0, phase="another"))
    assert pace.remaining() == pytest.approx(960)
    pace.add(report(2, time=50.0, phase="another"))  # resumed from an earlier state
    assert pace.remaining() is None


def test_elapsed_time_leaves_interruptions_out(path: Path) -> None:
    path.write_text(line(1, elapsed=100.0, time=5.0))
    assert ProgressWriter(path).report(Progress("p", 2, 10, {})).elapsed == pytest.approx(100, abs=1)


def test_a_full_disk_loses_reports_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = ProgressWriter(path)
    real = Path.open

    def full(self: Path, mode: str = "r", *rest: object, **named: object) -> object:
        if mode == "ab":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, mode, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        writer.report(Progress("p", 1, 10, {}))
    writer.report(Progress("p", 10, 10, {}))
    reader = ProgressReader(path)
    reader.refresh()
    assert reader.history().epochs.tolist() == [10]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (7_500, "2 h 5 min"), (273_600, "3 d 4 h")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


class Terminal(io.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_line_that_redraws_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    bar = ProgressBar(stream)
    for done in (25, 50, 100):
        bar.show(report(done, time=done))
    bar.close()
    drawn = stream.getvalue()
    assert drawn.count("\n") == 1 and drawn.count("\r") == 3
    assert " 50 %  training, epoch 50 of 100  ETA 50 s  loss 0.0196" in drawn and "█" * 12 + "·" * 12 in drawn
    assert all(len(part) <= 99 for part in drawn.rstrip("\n").split("\r"))


def test_elsewhere_there_are_plain_lines() -> None:
    stream = io.StringIO()
    bar = ProgressBar(stream)
    for done in range(1, 101):
        bar.show(report(done))
    bar.close()
    assert len(stream.getvalue().splitlines()) == 2 and "\r" not in stream.getvalue()


def test_a_closed_stream_does_not_stop_the_work() -> None:
    stream = io.StringIO()
    bar = ProgressBar(stream)
    stream.close()
    bar.show(report(1))
    bar.close()


def test_within_the_first_epoch_the_loops_own_estimate_counts(path: Path) -> None:
    writer, reader = ProgressWriter(path), ProgressReader(path)
    writer.report(Progress("training", 0, 4, {}, part=0.5, left=70.04))
    reader.refresh()
    assert reader.latest is not None and reader.latest.part == 0.5 and reader.latest.fraction == 0.125
    assert reader.remaining() == 70.0


@pytest.mark.parametrize("change", [{"part": -0.1}, {"part": 1.0}, {"left": float("inf")}, {"left": "soon"}])
def test_parts_and_estimates_that_are_none_are_passed_over(path: Path, change: dict[str, object]) -> None:
    path.write_text(line(1) + line(2, **change))
    reader = ProgressReader(path)
    reader.refresh()
    assert reader.latest is not None and reader.latest.done == 1
