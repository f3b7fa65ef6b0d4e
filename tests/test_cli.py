"""The command line: one sentence and exit code 2 for what cannot be done, files and words for what can."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine import workspace
from engine.__main__ import MOST_SCENARIOS, VERBS, main
from engine.runs import checkpoints, worker
from engine.scenarios import reweighting

PROJECT = Path(__file__).resolve().parent.parent
SETTINGS = ("--set", "epochs=2", "--set", "matching_epochs=1")


def market_csv(path: Path, days: int = 90) -> Path:
    """Surfaces of a random walk, 3 × 3 points."""
    rng = np.random.default_rng(0)
    names = [f"iv_{days}d_{m:g}" for m in (0.9, 1.0, 1.1) for days in (30, 91, 182)]
    vols = 0.2 * np.exp(0.01 * rng.standard_normal((days, len(names))).cumsum(axis=0))
    table = pd.DataFrame(vols, columns=names)
    table.insert(0, "spot", 100 * np.exp(0.01 * rng.standard_normal(days).cumsum()))
    table.insert(0, "date", pd.bdate_range("2020-01-01", periods=days).strftime("%Y-%m-%d"))
    table.to_csv(path, index=False)
    return path


@pytest.fixture
def market(tmp_path: Path) -> Path:
    return market_csv(tmp_path / "market.csv")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A market and a VolGAN trained on it, briefly, by the command line as a person would call it."""
    folder = tmp_path_factory.mktemp("trained")
    data, run = market_csv(folder / "market.csv"), folder / "run"
    done = engine("train", "volgan", "--data", str(data), "--run", str(run), *SETTINGS, home=folder)
    assert done.returncode == 0 and done.stderr == ""
    assert "100 %" in done.stdout and "trained VolGAN on market.csv in" in done.stdout and str(run) in done.stdout
    return data, run


def engine(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SCENARIST_HOME": str(home)}
    command = [sys.executable, "-m", "engine", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Exit code 2, one sentence on the standard error, nothing on the standard output."""
    capsys.readouterr()
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as exit:
        code = exit.code  # type: ignore[assignment]
    out, err = capsys.readouterr()
    assert code == 2 and out == "" and len(err.strip().splitlines()) == 1, (code, out, err)
    return err.strip()


def test_help_lists_the_verbs(tmp_path: Path) -> None:
    shown = engine("--help", home=tmp_path)
    assert shown.returncode == 0
    for name, verb in VERBS.items():
        assert name in shown.stdout and verb.help.split()[0] in shown.stdout


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, engine.__main__ as m; m._parser(); print({'numpy', 'pandas', 'torch'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main([verb, "--help"])
    assert exit.value.code == 0 and VERBS[verb].help in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "VERB"),
        (("trian",), "trian"),
        (("train",), "--run"),
        (("train", "volgan", "--run", "x"), "--data"),
        (("train", "volgan", "--run", "x", "--data", "nothing"), "nothing"),
        (("train", "volgan", "--run", "x", "--data", "indices"), "prices"),
        (("train", "no_such", "--run", "x", "--data", "simulated-10x8"), "no_such"),
        (("train", "volgan", "--run", "../x y", "--data", "nothing"), "nothing"),
        (("train", "volgan", "--run", "x y", "--data", "nothing"), "'x y'"),
        (("train", "volgan", "--run", "x", "--data", "nothing", "--seed", "1.5"), "1.5"),
        (("train", "volgan", "--run", "x", "--data", "nothing", "--wrong"), "--wrong"),
        (("train", "--run", "x", "--resume"), "resume"),
        (("check", "nothing.csv"), "nothing.csv"),
        (("check", "a\nb\x1b[2J"), "expected"),
        (("sample", "--run", "none", "--data", "simulated-10x8", "--out", "x.csv"), "none"),
        (("sample", "--run", "none", "--data", "simulated-10x8", "--out", "x.xlsx"), "x.xlsx"),
        (("sample", "--run", "none", "--data", "simulated-10x8", "--out", "x.csv", "--n", "0"), "--n"),
        (("sample", "--run", "none", "--data", "x", "--out", "x.csv", "--n", str(MOST_SCENARIOS + 1)), "--n"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str], scenarist_home: Path
) -> None:
    assert words in refused(capsys, *arguments)
    assert not (scenarist_home / "runs").exists()


@pytest.mark.parametrize("pair", ["epochs=0", "epochs=many", "epoch=3", "epochs", "learning_rate=nan"])
def test_bad_settings_are_one_sentence(pair: str, capsys: pytest.CaptureFixture[str], market: Path) -> None:
    assert "expected" in refused(capsys, "train", "volgan", "--data", market, "--run", "x", "--set", pair)


def test_too_few_days_are_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    short = market_csv(tmp_path / "short.csv", days=20)
    assert "at least 24 days" in refused(capsys, "train", "volgan", "--data", short, "--run", "x")
    assert "at least 24 days" in refused(capsys, "train", "volgan", "--data", short, "--run", "x")


def test_a_finished_run_is_not_overwritten(trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    data, run = trained
    assert "finished" in refused(capsys, "train", "volgan", "--data", data, "--run", run)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_scenarios_come_with_their_weights(
    trained: tuple[Path, Path], tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = trained
    out = tmp_path / f"scenarios.{suffix}"
    common = ("sample", "--run", str(run), "--data", str(data), "--out", str(out), "--n", "50", "--date", "2020-04-01")
    assert main([*common, "--beta", "20", "--seed", "4"]) == 0
    said = capsys.readouterr().out
    table = pd.read_csv(out) if suffix == "csv" else pd.read_parquet(out)
    assert list(table.columns[:3]) == ["scenario", "weight", "log_return"] and table.shape == (50, 3 + 9)
    assert table["weight"].sum() == pytest.approx(1) and (table.iloc[:, 3:] > 0).all(axis=None)
    size = float(reweighting.effective_sample_size(table["weight"].to_numpy()))
    assert f"effective sample size {size:,.0f}" in said and "50 scenarios of the day after 2020-04-01" in said
    again = tmp_path / f"again.{suffix}"
    main([*common, "--beta", "20", "--seed", "4", "--out", str(again)])
    assert again.read_bytes() == out.read_bytes()


def test_the_penalty_decides_the_weights(trained: tuple[Path, Path], tmp_path: Path) -> None:
    data, run = trained
    weights = {}
    for beta in ("0", "auto"):
        out = tmp_path / f"{beta}.parquet"
        command = ["sample", "--run", str(run), "--data", str(data), "--out", str(out), "--n", "40", "--beta", beta]
        assert main(command) == 0
        weights[beta] = pd.read_parquet(out)["weight"].to_numpy()
    np.testing.assert_allclose(weights["0"], 1 / 40)
    assert weights["auto"].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("--date", "yesterday"), "YYYY-MM-DD"),
        (("--date", "2020-02-30"), "YYYY-MM-DD"),
        (("--date", "2020-01-04"), "2020-01-04"),
        (("--date", "2020-01-02"), "expected"),
        (("--beta", "-1"), "--beta"),
        (("--beta", "nan"), "--beta"),
        (("--seed", "x"), "--seed"),
        (("--data", "simulated-10x8"), "grid"),
        (("--data", "indices"), "surfaces"),
        (("--out", "/no/such/folder/x.csv"), "expected"),
    ],
)
def test_what_cannot_be_sampled(
    trained: tuple[Path, Path],
    tmp_path: Path,
    changes: tuple[str, ...],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, run = trained
    common = ("--run", run, "--data", data, "--out", tmp_path / "x.csv", "--n", "10")
    if changes[0] == "--out" and os.access("/no", os.W_OK) | (os.geteuid() == 0):
        changes = ("--out", str(data / "x.csv"))  # for an administrator every folder can be made, none inside a file
    assert words in refused(capsys, "sample", *common, *changes)
    assert not (tmp_path / "x.csv").exists()


def test_check_says_what_was_accepted_and_rejected(
    tmp_path: Path, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = market.read_text().splitlines()
    cells = lines[5].split(",")
    lines[5] = ",".join([cells[0], "=1+1", *cells[2:]])
    market.write_text("\n".join(lines))
    rejected = tmp_path / "rejected.csv"
    assert main(["check", str(market), "--rejected", str(rejected)]) == 0
    said = capsys.readouterr().out
    assert "market.csv: surfaces, 89 rows kept, 2020-01-01 to 2020-05-05" in said and "note: " in said
    assert "1 rejected" in said and "line 6: spot '=1+1'" in said
    assert pd.read_csv(rejected)["value"].tolist() == ["'=1+1"]


def test_lists(trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["runs"]) == 0 and "no runs yet" in capsys.readouterr().out
    _, run = trained
    home = workspace.home()
    (home / "runs").mkdir(parents=True)
    (home / "runs" / "mine").symlink_to(run)
    assert main(["runs"]) == 0
    listed = capsys.readouterr().out
    assert "mine" in listed and "done" in listed and "volgan on market.csv" in listed and "100 %" in listed
    assert main(["datasets"]) == 0 and "simulated-10x8" in capsys.readouterr().out
    assert main(["models"]) == 0
    models = capsys.readouterr().out
    assert "volgan: VolGAN" in models and "epochs=10000" in models and "one of volgan, bce" in models


def test_ctrl_c_stops_cleanly_says_how_to_resume_and_nothing_is_lost(tmp_path: Path, market: Path) -> None:
    """VolGAN itself, as a process: stopped at its first report, resumed, and the same as one that was left alone."""
    pairs = ("epochs=150", "matching_epochs=3")
    settings = [part for pair in pairs for part in ("--set", pair)]
    command = [sys.executable, "-m", "engine", "train", "volgan", "--data", str(market), "--seed", "3", *settings]
    environment = {**os.environ, "SCENARIST_HOME": str(tmp_path)}
    stopped = subprocess.Popen(
        [*command, "--run", "stopped"], cwd=PROJECT, env=environment, stderr=subprocess.PIPE, text=True
    )
    status = tmp_path / "runs" / "stopped" / "status.json"
    deadline = time.monotonic() + 60
    while not status.exists() and stopped.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    stopped.send_signal(signal.SIGINT)
    _, said = stopped.communicate(timeout=60)
    assert stopped.returncode == 130
    assert "after 3 of 153 epochs" in said and "python -m engine train --run stopped --resume" in said
    assert len(said.splitlines()) == 1
    assert engine("train", "--run", "stopped", "--resume", home=tmp_path).returncode == 0
    worker.train(tmp_path / "alone", worker.Order(model="volgan", data=str(market), pairs=pairs, seed=3))
    one, other = (checkpoints.load(directory) for directory in (tmp_path / "alone", tmp_path / "runs" / "stopped"))
    for name, array in one[0].state().items():
        np.testing.assert_array_equal(other[0].state()[name], array)
    assert one[1].weights_digest == other[1].weights_digest


def test_a_question_about_a_file_is_answered_where_it_is_asked(tmp_path, capsys):
    from tests.market import vendor_files

    path = tmp_path / "chain.csv"
    path.write_bytes(vendor_files.yfinance())
    assert main(["check", str(path)]) == 2
    assert "(answer with --answer spot=4000)" in capsys.readouterr().err
    assert main(["check", str(path), "--answer", "spot=250", "--answer", "date=2024-05-07"]) == 0
    assert "2024-05-07 to 2024-05-07" in capsys.readouterr().out
    assert main(["check", str(path), "--answer", "spot=abc"]) == 2
    assert "the column for spot among" in capsys.readouterr().err
    assert main(["check", str(path), "--answer", "colour=red"]) == 2
    assert "found 'colour'" in capsys.readouterr().err
    out = tmp_path / "surfaces.csv"
    asked = ["surfaces", "--data", str(path), "--answer", "spot=250", "--method", "interpolation", "--out", str(out)]
    assert main(asked) == 0 and out.is_file()
